"""Log files as they lie on hosts become captures: each line is an event, and the stamps that are known become live."""

import gzip
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from captures.console.errors import InputError
from captures.convert.import_capture import Imported, import_capture
from captures.convert.import_request import ImportRequest, TextForm, TextRequest
from captures.format.capture import Capture
from captures.format.reader import open_capture
from captures.format.stamps.zones import fixed_zone, named_zone
from captures.text.wrapping import bare_header, rfc3164_header, rfc5424_header

START = datetime(2025, 8, 30, 10, 15, 30, 123456, UTC)
START_NS = int(START.timestamp()) * 10**9
EVENTS = 60


class Log(NamedTuple):
    """How a program writes its lines."""

    line: Any
    """Of an instant and a number."""
    tick_ns: int
    """The finest time that a line says."""
    hosts: int
    """How many hosts the lines name."""


def milliseconds(at: datetime) -> str:
    return f"{at.microsecond // 1000:03}"


LOGS = {
    "syslog": Log(lambda at, n: f"{at:%b} {at.day:2} {at:%H:%M:%S} web{n % 3} sshd[{n}]: Accepted {n}", 10**9, 3),
    "syslog, ISO": Log(lambda at, n: f"{at.isoformat()} web{n % 3} CRON[{n}]: (root) CMD ({n})", 1000, 3),
    "access log": Log(
        lambda at, n: f'198.18.0.{n % 9} - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "GET /{n} HTTP/1.1" 200 12 "-" "curl/8"',
        10**9,
        0,
    ),
    "error log": Log(
        lambda at, n: f"{at:%Y/%m/%d %H:%M:%S} [error] 7#7: *{n} open() failed, client: 198.18.0.1", 10**9, 0
    ),
    "log4j": Log(
        lambda at, n: f"{at:%Y-%m-%d %H:%M:%S},{milliseconds(at)} INFO  [main] com.example.App - number {n}", 10**6, 0
    ),
    "RFC 5424": Log(
        lambda at, n: f"<34>1 {at:%Y-%m-%dT%H:%M:%S}.{milliseconds(at)}Z db{n % 2} app {n} - - x", 10**6, 2
    ),
    "JSON": Log(
        lambda at, n: json.dumps({"time": f"{at:%Y-%m-%dT%H:%M:%S}.{milliseconds(at)}Z", "n": n, "msg": "é"}), 10**6, 0
    ),
}


def lines_of(log: Log) -> list[str]:
    return [log.line(START + timedelta(seconds=n, microseconds=1000 * n), n) for n in range(EVENTS)]


def said_ns(log: Log) -> list[int]:
    """The instants that the lines say."""
    instants = [START_NS + 123_456_000 + n * 1_001_000_000 for n in range(EVENTS)]
    return [instant_ns // log.tick_ns * log.tick_ns for instant_ns in instants]


def imported(path: Path, *, force: bool = True, **asked: Any) -> tuple[Imported, Capture]:
    bounds = {name: asked.pop(name) for name in ("from_ns", "to_ns", "zone") if name in asked}
    request = ImportRequest((str(path),), path.with_suffix(".rcap"), force, text=TextRequest(**asked), **bounds)
    done = import_capture(request)
    return done, open_capture(done.output)


def written(path: Path, lines: list[str]) -> Path:
    """A file that was written shortly after its last line."""
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    moment = START.timestamp() + 3600

    os.utime(path, (moment, moment))
    return path


def instants_of(capture: Capture) -> list[int]:
    own = capture.start_ns + capture.times.astype(np.int64)
    own[capture.back["event"].astype(int)] -= capture.back["by_ns"].astype(np.int64)
    return [int(each) for each in own]


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("packed", ["log", "gz"])
def test_each_line_is_an_event_at_the_instant_that_it_says(tmp_path: Path, name: str, packed: str) -> None:
    log = LOGS[name]
    done, capture = imported(written(tmp_path / f"messages.{packed}", lines_of(log)))
    assert list(capture.lines()) == [line.encode() for line in lines_of(log)]
    assert instants_of(capture) == said_ns(log)
    figures = done.figures
    assert (figures.events, figures.stamped_events, figures.hosts) == (EVENTS, EVENTS, log.hosts)
    assert done.left_out == {}


def test_what_is_not_recognised_is_counted_and_sent_as_it_is(tmp_path: Path) -> None:
    lines = lines_of(LOGS["log4j"])[:5]
    text = [lines[0], "java.lang.IllegalStateException: no", "\tat com.example.App.main(App.java:7)", "", lines[1], "é"]
    done, capture = imported(written(tmp_path / "app.log", text))
    assert (done.figures.events, done.figures.stamped_events, done.left_out) == (5, 2, {"empty": 1})
    assert list(capture.lines()) == [line.encode() for line in text if line]
    first, second = said_ns(LOGS["log4j"])[:2]
    assert instants_of(capture) == [first, first, first, second, second]


def test_lines_of_a_zone_without_one(tmp_path: Path) -> None:
    path = written(tmp_path / "messages", lines_of(LOGS["syslog"]))
    _, capture = imported(path, zone=fixed_zone("+02:00", 120))
    assert instants_of(capture) == [each - 7200 * 10**9 for each in said_ns(LOGS["syslog"])]


def test_lines_of_a_zone_with_summer_time(tmp_path: Path) -> None:
    path = tmp_path / "messages"
    path.write_text("2025-10-26 01:59:59 a\n2025-10-26 02:30:00 b\n2025-10-26 03:00:00 c\n")
    _, capture = imported(path, zone=named_zone("Europe/Berlin"))
    ends_ns = int(datetime(2025, 10, 26, 1, tzinfo=UTC).timestamp()) * 10**9  # when 03:00 becomes 02:00
    assert [(each - ends_ns) // 10**9 for each in instants_of(capture)] == [-3601, -1800, 3600]


def test_lines_get_a_header_with_their_instant(tmp_path: Path) -> None:
    lines = lines_of(LOGS["access log"])
    path = written(tmp_path / "access.log", lines)
    done, capture = imported(path, header=rfc3164_header(134, "web1", "nginx"))
    ends = [f" web1 nginx: {line}".encode() for line in lines]
    assert all(event.endswith(end) for event, end in zip(capture.lines(), ends, strict=True))
    assert next(capture.lines()).startswith(b"<134>Aug 30 10:15:30 web1 nginx: ")
    assert (done.figures.hosts, done.figures.stamped_events) == (1, EVENTS)
    assert len(capture.live) > 0
    _, capture = imported(path, header=rfc5424_header(134, "web1", "nginx"))
    assert next(capture.lines()).startswith(b"<134>1 2025-08-30T10:15:30")
    assert instants_of(capture) == said_ns(LOGS["access log"])


def test_lines_of_a_syslog_server_get_the_priority_that_its_file_lacks(tmp_path: Path) -> None:
    lines = lines_of(LOGS["syslog"])
    done, capture = imported(written(tmp_path / "messages", lines), header=bare_header(34))
    assert list(capture.lines()) == [f"<34>{line}".encode() for line in lines]
    assert instants_of(capture) == said_ns(LOGS["syslog"])
    assert (done.figures.hosts, done.figures.stamped_events) == (3, EVENTS)


def test_lines_come_evenly_if_that_is_asked(tmp_path: Path) -> None:
    path = written(tmp_path / "words.txt", [f"word {n}" for n in range(EVENTS)])
    done, capture = imported(path, rate_eps=1000, from_ns=START_NS)
    assert instants_of(capture) == [START_NS + n * 10**6 for n in range(EVENTS)]
    assert done.figures.stamped_events == 0


def test_lines_of_a_time(tmp_path: Path) -> None:
    log = LOGS["syslog, ISO"]
    instants = said_ns(log)
    path = written(tmp_path / "messages", lines_of(log))
    done, capture = imported(path, from_ns=instants[10], to_ns=instants[20])
    assert list(capture.lines()) == [line.encode() for line in lines_of(log)[10:20]]
    assert done.left_out == {"not in the time asked for": EVENTS - 10}


def test_a_field_of_json_is_the_event(tmp_path: Path) -> None:
    events = lines_of(LOGS["RFC 5424"])[:9]
    records = [
        json.dumps({"id": 1, "message": event, "é": "\u20ac"}, ensure_ascii=n % 2 == 0)
        for n, event in enumerate(events)
    ]
    text = [*records, '{"id": 2}', "no JSON", '{"message": 7}']
    done, capture = imported(written(tmp_path / "events.jsonl", text), form=TextForm.JSON, json_field="message")
    assert list(capture.lines()) == [event.encode() for event in events]
    assert done.left_out == {"without a text in the field message": 3}
    assert instants_of(capture) == said_ns(LOGS["RFC 5424"])[:9]


def test_a_rotated_log_is_read_from_its_oldest_file_on(tmp_path: Path) -> None:
    lines = lines_of(LOGS["syslog, ISO"])
    folder = tmp_path / "log"
    folder.mkdir()
    for name, part in (("syslog.2.gz", lines[:20]), ("syslog.1", lines[20:40]), ("syslog", lines[40:])):
        written(folder / name, part)
    (folder / "syslog.2.gz").write_bytes(gzip.compress("".join(f"{line}\n" for line in lines[:20]).encode()))
    request = ImportRequest((str(folder),), tmp_path / "a.rcap", text=TextRequest())
    done = import_capture(request)
    assert [Path(name).name for name in done.sources] == ["syslog.2.gz", "syslog.1", "syslog"]
    assert list(open_capture(done.output).lines()) == [line.encode() for line in lines]


def test_an_export_of_a_journal(tmp_path: Path) -> None:
    records = [
        f"__CURSOR=s={n}\n__REALTIME_TIMESTAMP={START_NS // 1000 + n * 1500}\n_HOSTNAME=web{n % 2}\nPRIORITY=6\n"
        f"SYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=app\n_PID={n}\nMESSAGE=number {n}\n\n"
        for n in range(EVENTS)
    ]
    path = tmp_path / "journal.export"
    path.write_text("".join(records))
    done, capture = imported(path, form=TextForm.JOURNAL)
    assert instants_of(capture) == [START_NS + n * 1_500_000 for n in range(EVENTS)]
    assert all(event.endswith(b": number %d" % n) for n, event in enumerate(capture.lines()))
    assert (done.figures.hosts, done.left_out) == (2, {})


@pytest.mark.parametrize("cut", [1, 5, 30, 100])
def test_a_journal_that_is_cut_is_broken_and_its_last_entry_none(tmp_path: Path, cut: int) -> None:
    record = (
        f"__CURSOR=s=1\n__REALTIME_TIMESTAMP={START_NS // 1000}\n_HOSTNAME=web1\nPRIORITY=6\nMESSAGE={'x' * 90}\n\n"
    )
    path = tmp_path / "journal.export"
    path.write_text("-- Reboot --\n" + record * 3 + "stray\n" + (record * 2)[:-cut])
    done, _ = imported(path, form=TextForm.JOURNAL)
    assert (done.figures.events, done.left_out) == (4, {"remarks of journalctl between entries": 1})
    lost = len("stray\n") + len(record) - cut
    why = "no whole entries of a journal: damaged, cut, or still being written"
    assert done.broken == (f"{path}: 2 parts with {lost} bytes in all: {why}",)


def test_half_a_line_at_the_end_of_a_cut_file_is_no_event(tmp_path: Path) -> None:
    path = tmp_path / "cut.log.gz"
    lines = [f"{n} {n * 7919 % 10_007}" for n in range(20_000)]
    path.write_bytes(gzip.compress("\n".join(lines).encode())[:-20])
    done, capture = imported(path)
    kept = [line.decode() for line in capture.lines()]
    assert kept == lines[: len(kept)]
    assert 0 < len(kept) < len(lines)
    assert (len(done.broken), done.left_out) == (1, {"cut short, where the source is broken": 1})
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    done, _ = imported(path)
    assert (done.figures.events, done.left_out) == (len(lines), {})


EXPORTED = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1\nMESSAGE=x\n\n"
LINES, JSON, JOURNAL = (TextRequest(form, "message") for form in TextForm)


@pytest.mark.parametrize(
    ("content", "asked", "complaint"),
    [
        (b"\xd4\xc3\xb2\xa1" + bytes(99), LINES, "these are packets, and no text; leave --lines out"),
        (
            gzip.compress(b"\xa1\xb2\x3c\x4d" + bytes(99)),
            JSON,
            "no text; leave --json-field out",
        ),
        (b"\n\r\r\n\0\0\0\x1c\x1a\x2b\x3c\x4d" + bytes(99), JOURNAL, "no text; leave --journal out"),
        (b"\x89RCAP\r\n\x1a" + bytes(99), LINES, "this is a capture already"),
        (b"LPKSHHRH" + bytes(99), JOURNAL, r"export it \(journalctl -o export -D FOLDER\), and say --journal"),
        (gzip.compress(gzip.compress(b"text\n")), LINES, "what is unpacked is packed again"),
        (EXPORTED, LINES, "this was written by journalctl -o export; say --journal in place of --lines"),
        (EXPORTED, JSON, "say --journal in place of --json-field"),
    ],
    ids=[
        "packets",
        "packed packets",
        "pcapng",
        "capture",
        "journal file",
        "packed twice",
        "journal",
        "journal as JSON",
    ],
)
def test_what_is_certainly_no_text_is_refused(
    tmp_path: Path, content: bytes, asked: TextRequest, complaint: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_bytes(content)
    with pytest.raises(InputError, match=f"folder/a: .*{complaint}"):
        import_capture(ImportRequest((str(folder / "a"),), tmp_path / "a.rcap", text=asked))
    if asked is LINES:
        (folder / "b").write_text("a line\n")
        done = import_capture(ImportRequest((str(folder),), tmp_path / "a.rcap", text=asked))
        assert (done.figures.events, done.skipped) == (1, (str(folder / "a"),))


def test_no_line_is_no_capture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no event was found; 3 empty"):
        imported(written(tmp_path / "empty.log", ["", "", ""]))


@pytest.mark.parametrize("year", [2019, 2031])
def test_a_date_that_a_line_tells_of_is_not_the_instant_of_the_line(tmp_path: Path, year: int) -> None:
    path = tmp_path / "d.log"
    lines = [
        "Aug 30 10:15:30 h app: error",
        f"  certificate of {year}-03-01 00:00:00 expired",
        "Aug 30 10:15:31 h app: again",
        "Aug 30 10:15:33 h app: fine",
    ]
    path.write_text("".join(f"{line}\n" for line in lines))
    os.utime(path, (1_756_600_000, 1_756_600_000))  # 2025-08-31
    _, capture = imported(path)
    assert [int(ns) // 10**9 for ns in capture.times] == [0, 0, 1, 3]
    assert capture.start_ns // 10**9 == 1_756_548_930
    assert not len(capture.back)


def test_stamps_within_lines_are_instants_where_the_first_one_is_so(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    front = '198.18.0.1 - - [30/Aug/2025:10:15:{:02} +0000] "GET /{} HTTP/1.1" 200'
    path.write_text("".join(front.format(second, "2019-03-01 00:00:00") + "\n" for second in (30, 31, 33)))
    _, capture = imported(path)
    assert [int(ns) // 10**9 for ns in capture.times] == [0, 1, 3]


def test_a_line_of_json_that_is_too_long_has_a_reason_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"m": "x"}\n' + '{"m": "y", "z": "' + "z" * (1 << 20) + '"}\n')
    done, _ = imported(path, form=TextForm.JSON, json_field="m")
    assert done.left_out == {"lines of JSON longer than 1 MiB": 1}
