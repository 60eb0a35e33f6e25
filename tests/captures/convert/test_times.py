"""When did the lines of logs come? As they say, in the years in which their files were written, and in order."""

import gzip
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.convert.import_capture import Imported, import_capture
from captures.convert.import_request import ImportRequest, TextForm, TextRequest
from captures.convert.importing import texts
from captures.convert.importing.text_order import LOOK_BYTES
from captures.format.capture import Capture
from captures.format.reader import open_capture
from captures.text.lines import MOST_LINES
from captures.text.wrapping import rfc3164_header, rfc5424_header

SECOND_NS = 10**9
DAY_S = 86_400
ISO = "2025-08-30T10:15:{:02}Z h app: number {}"
START_NS = int(datetime(2025, 8, 30, 10, 15, tzinfo=UTC).timestamp()) * SECOND_NS


def at(text: str) -> int:
    """Nanoseconds of an instant since 1970."""
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp()) * SECOND_NS


def written(path: Path, lines: Sequence[str], moment: str = "2025-08-31") -> Path:
    """A file that was written at some moment."""
    path.parent.mkdir(exist_ok=True)
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    os.utime(path, ns=(at(moment), at(moment)))
    return path


def imported(
    folder: Path, *paths: Path | str, text: TextRequest | None = None, **asked: Any
) -> tuple[Imported, Capture]:
    sources = tuple(map(str, paths))
    request = ImportRequest(sources, folder / "a.rcap", force=True, text=text or TextRequest(), **asked)
    return import_capture(request), open_capture(folder / "a.rcap")


def instants(capture: Capture) -> list[int]:
    """The instants that events really had."""
    if not len(capture.times):
        return []
    own = capture.start_ns + capture.times.astype(np.int64)
    own[capture.back["event"].astype(int)] -= capture.back["by_ns"].astype(np.int64)
    return [int(each) for each in own]


@pytest.mark.parametrize(
    ("moment", "lines", "said"),
    [
        ("2026-11-27", ["Nov 26", "Nov 27"], ["2026-11-26", "2026-11-27"]),
        ("2026-11-27", ["Nov 28"], ["2026-11-28"]),  # its clock was ahead, or its zone is another
        ("2026-11-27", ["Nov 29"], ["2025-11-29"]),
        ("2026-11-27", ["Dec 20", "Dec 31", "Jan  1"], ["2025-12-20", "2025-12-31", "2026-01-01"]),
        ("2026-11-27", ["Feb 28", "Feb 29", "Mar  1"], ["2026-02-28", "2024-02-29", "2024-03-01"]),
        ("2026-11-27", ["Nov 26", "Mar  1"], ["2026-11-26", "2026-03-01"]),
        ("2028-03-01", ["Feb 29"], ["2028-02-29"]),
        ("2028-02-29", ["Feb 29"], ["2028-02-29"]),
        ("2028-02-01", ["Feb 29"], ["2024-02-29"]),
        ("2027-01-01", ["Dec 31", "Jan  1"], ["2026-12-31", "2027-01-01"]),
        ("2026-12-31", ["Jan  1"], ["2027-01-01"]),
        ("1970-01-01", ["Aug 30"], ["1970-08-30"]),  # a date of writing that nobody kept
    ],
)
def test_a_year_is_the_last_one_in_which_the_file_was_there(
    tmp_path: Path, moment: str, lines: list[str], said: list[str]
) -> None:
    path = written(tmp_path / "log", [f"{line} 00:00:00 h app: x" for line in lines], moment)
    assert instants(imported(tmp_path, path)[1]) == [at(each) for each in said]
    with_header = TextRequest(header=rfc5424_header(13, "h", "a"))
    assert instants(imported(tmp_path, path, text=with_header)[1]) == [at(each) for each in said]


@pytest.mark.parametrize(("moment_s", "stamp"), [(-DAY_S, b"Jan  1 00:00:00"), (12_000_000_000, b"Dec 31 23:59:59")])
def test_a_file_may_be_written_at_any_time(tmp_path: Path, moment_s: int, stamp: bytes) -> None:
    path = written(tmp_path / "log", ["one"])
    os.utime(path, (moment_s, moment_s))
    _, capture = imported(tmp_path, path, text=TextRequest(header=rfc3164_header(13, "h", "a")))
    assert list(capture.lines()) == [b"<13>%b h a: one" % stamp]
    written(path, ["Aug 30 10:15:30 h a: x"])
    os.utime(path, (moment_s, moment_s))
    assert imported(tmp_path, path)[0].figures.stamped_events == 1


def test_each_file_has_years_of_its_own(tmp_path: Path) -> None:
    lines = ["Dec 31 23:00:00 h app: x", "Jan  1 01:00:00 h app: x"]
    paths = [written(tmp_path / name, lines, moment) for name, moment in (("y", "2024-06-01"), ("z", "2026-06-01"))]
    said = [at("2023-12-31T23:00"), at("2024-01-01T01:00"), at("2025-12-31T23:00"), at("2026-01-01T01:00")]
    assert instants(imported(tmp_path, *paths)[1]) == said
    assert instants(imported(tmp_path, *reversed(paths))[1]) == said


def test_a_pipe_is_written_now_and_stdin_is_not_asked_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "log", ["Dec 31 23:00:00 h app: x"], "2024-06-01")
    inside, outside = os.pipe()
    fstat = os.fstat
    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", lambda fd: fstat(fd) if fd else pytest.fail("stdin was looked at"))
        imported(tmp_path, path)
    os.write(outside, datetime.now(UTC).strftime("%b %e %H:%M:%S h app: x\n").encode())
    os.close(outside)
    kept = os.dup(0)
    try:
        os.dup2(inside, 0)
        _, capture = imported(tmp_path, "-")
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(inside)
    assert abs(instants(capture)[0] / SECOND_NS - datetime.now(UTC).timestamp()) < DAY_S


@pytest.mark.parametrize("leading", [1, MOST_LINES + 10])
def test_what_stands_before_the_first_stamp_has_its_instant(tmp_path: Path, leading: int) -> None:
    path = written(tmp_path / "log", ["boot"] * leading + [ISO.format(n, n) for n in range(3)])
    said = [START_NS] * leading + [START_NS + n * SECOND_NS for n in range(3)]
    done, capture = imported(tmp_path, path, text=TextRequest(header=rfc3164_header(13, "h", "a")))
    assert (instants(capture), done.duration_ns) == (said, 2 * SECOND_NS)
    assert next(capture.lines()) == b"<13>Aug 30 10:15:00 h a: boot"
    done, capture = imported(tmp_path, path)
    assert (instants(capture), done.duration_ns) == (said, 2 * SECOND_NS)
    done, capture = imported(tmp_path, path, to_ns=START_NS + SECOND_NS)
    assert (instants(capture), done.left_out) == (said[: leading + 1], {texts.OTHER_TIME: 2})


def test_what_is_held_back_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_MOST_HELD", 2)
    path = written(tmp_path / "log", ["boot"] * (3 * MOST_LINES) + [ISO.format(0, 0)])
    _, capture = imported(tmp_path, path, text=TextRequest(header=rfc3164_header(13, "h", "a")))
    assert set(instants(capture)[:-1]) == {at("2025-08-31")}
    assert instants(capture)[-1] == START_NS


def test_lines_without_any_stamp_are_of_when_the_file_was_written(tmp_path: Path) -> None:
    path = written(tmp_path / "log", ["one", "two"])
    _, capture = imported(tmp_path, path, text=TextRequest(header=rfc3164_header(13, "h", "a")))
    assert list(capture.lines()) == [b"<13>Aug 31 00:00:00 h a: one", b"<13>Aug 31 00:00:00 h a: two"]
    done, capture = imported(tmp_path, path)
    assert (done.start_ns, done.duration_ns, instants(capture)) == (0, 0, [])


@settings(max_examples=40, deadline=None)
@given(
    lines=st.lists(st.none() | st.integers(0, 59), min_size=1, max_size=30),
    span=st.tuples(st.integers(0, 60), st.integers(0, 60)).filter(lambda span: span[0] < span[1]),
    header=st.booleans(),
)
def test_a_line_without_a_stamp_has_that_of_the_line_before(
    tmp_path_factory: pytest.TempPathFactory, lines: list[int | None], span: tuple[int, int], header: bool
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    said: list[tuple[int, str]] = []
    last = next((each for each in lines if each is not None), None)
    for number, second in enumerate(lines):
        last = last if second is None else second
        text = f"\tat line {number}" if second is None else ISO.format(second, number)
        said.append((-1 if last is None else last, text))
    path = written(folder / "log", [text for _, text in said])
    wanted = [each for each in said if span[0] <= each[0] < span[1]]
    if not wanted:
        return
    asked = TextRequest(header=rfc5424_header(13, "h", "a") if header else None)
    low_ns, high_ns = (START_NS + second * SECOND_NS for second in span)
    done, capture = imported(folder, path, text=asked, from_ns=low_ns, to_ns=high_ns)
    assert instants(capture) == [START_NS + second * SECOND_NS for second, _ in wanted]
    assert all(each.endswith(text.encode()) for each, (_, text) in zip(capture.lines(), wanted, strict=True))
    assert sum(done.left_out.values()) == len(said) - len(wanted)


def names(done: Imported) -> list[str]:
    return [Path(name).name for name in done.sources]


@pytest.mark.parametrize("form", TextForm)
def test_files_are_read_by_their_first_instants(tmp_path: Path, form: TextForm) -> None:
    def line(second: int) -> str:
        if form is TextForm.JOURNAL:
            return f"__REALTIME_TIMESTAMP={START_NS // 1000 + second * 1_000_000}\nMESSAGE=x\n"
        return f'{{"m": "{ISO.format(second, 0)}"}}' if form is TextForm.JSON else ISO.format(second, 0)

    late = written(tmp_path / "aa.gz", [line(30), line(40)])
    early = written(tmp_path / "bb", [line(10), line(20)])
    done, capture = imported(tmp_path, late, early, text=TextRequest(form, json_field="m"))
    assert (names(done), done.source_events) == (["bb", "aa.gz"], (2, 2))
    assert instants(capture) == [START_NS + second * SECOND_NS for second in (10, 20, 30, 40)]
    assert (capture.note["sources"], capture.note["source_events"]) == (["bb", "aa.gz"], [2, 2])
    assert (done.figures.descending_events, capture.note["interrupted"]) == (0, False)


def test_a_rotated_set_stays_together_in_its_order(tmp_path: Path) -> None:
    stampless = ["\tat x"] * (LOOK_BYTES // 5)
    written(tmp_path / "log" / "syslog.2.gz", [*stampless, ISO.format(5, 0)])
    written(tmp_path / "log" / "syslog.1", [ISO.format(10, 0)])
    written(tmp_path / "log" / "syslog", [*stampless, ISO.format(30, 0)])
    written(tmp_path / "log" / "boot", [ISO.format(9, 0)])
    written(tmp_path / "log" / "auth", [ISO.format(20, 0)])
    written(tmp_path / "log" / "words", ["no stamp"])
    done, _ = imported(tmp_path, tmp_path / "log")
    assert names(done) == ["boot", "syslog.2.gz", "syslog.1", "syslog", "auth", "words"]


def test_what_comes_later_than_a_file_is_cut_is_read_all_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gz", [ISO.format(30, 0)])
    path.write_bytes(path.read_bytes()[:-5])
    done, _ = imported(tmp_path, path, written(tmp_path / "b", [ISO.format(20, 0)]))
    assert (names(done), len(done.broken)) == (["b", "a.gz"], 1)


def test_a_journal_is_written_as_it_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    entry = f"__REALTIME_TIMESTAMP={START_NS // 1000}\n_HOSTNAME=h\nSYSLOG_IDENTIFIER=a\nMESSAGE=x\n\n"
    path.write_text(entry * 3)
    _, capture = imported(tmp_path, path, text=TextRequest(TextForm.JOURNAL, modern=True))
    assert next(capture.lines()) == b"<14>1 2025-08-30T10:15:00.000000Z h a - - - x"
    _, capture = imported(tmp_path, path, text=TextRequest(TextForm.JOURNAL, rate_eps=1), from_ns=START_NS)
    assert instants(capture) == [START_NS + n * SECOND_NS for n in range(3)]
