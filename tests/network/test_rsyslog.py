"""A real syslog server understands every event: rsyslogd(8) parses what a live run sends over loopback."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from captures.format.capture import Capture
from captures.format.reader import open_capture
from tests.network.expected import port_lines
from tests.network.programs import Ended, assert_ran, call, eventually, run_of
from tests.network.servers import Server, bearable_eps, rsyslog

LANES = 4

TEMPLATE = """
template(name="event" type="list" option.jsonf="on") {
  property(outname="input" name="inputname" format="jsonf")
  property(outname="pri" name="pri" format="jsonf")
  property(outname="stamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="tag" name="app-name" format="jsonf")
  property(outname="pid" name="procid" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
}
"""

PARTS = ("pri", "stamp", "host", "tag", "pid", "msgid", "data", "text")
NOT_THE_STAMP = [name for name in PARTS if name != "stamp"]
BSD = re.compile(
    r"<(?P<pri>\d+)>(?P<stamp>\S{24}|\w{3} [ \d]\d \S{8}) "
    r"(?P<host>\S+) (?P<tag>[^ \[:]+)(\[(?P<pid>\d+)\])?:(?P<text>.*)"
)
"""RFC 3164, section 4.1, and the same with an ISO 8601 stamp; rsyslog leaves the blank before the text with it."""
SYSLOG = re.compile(
    r"<(?P<pri>\d+)>1 (?P<stamp>\S+) (?P<host>\S+) (?P<tag>\S+) (?P<pid>\S+) (?P<msgid>\S+) "
    r'(?P<data>-|(\[[^ =\]"]+( [^ =\]"]+="([^"\\\]]|\\.)*")*\])+) (?P<text>.*)'
)
"""RFC 5424, section 6."""
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

PROFILE = """
name: formats
start: 2026-01-03T04:05:06.789Z
fields:
  host: {pattern: "h{}", range: [1, 200]}
  pid: {integers: [1, 20000]}
  odd: {choices: ['say "no"', 'back\\slash', 'a]b[c', 'é€𝄞', plain, '\\"]']}
  trace: {hex: 32}
groups:
  bsd:
    weight: 2
    format: rfc3164
    templates:
      - {weight: 2, severity: crit, facility: local7, tag: cron, pid: "{pid}", message: "job {trace} of {odd}"}
      - {weight: 1, severity: emerg, facility: kern, tag: kernel, message: "no process id, {odd}"}
  iso:
    weight: 2
    templates:
      - {weight: 1, severity: debug, facility: authpriv, tag: sshd-session, pid: "{pid}", message: "Accepted {trace}"}
  new:
    weight: 3
    format: rfc5424
    zone: "+05:30"
    templates:
      - weight: 3
        severity: info
        facility: local0
        tag: app
        pid: "{pid}"
        msgid: "ID{pid}"
        data: {"one@32473": {a: "{odd}", b: 'x"{odd}]'}, "two@32473": {trace: "{trace}"}}
        message: "{odd} {trace}"
      - {weight: 1, severity: alert, facility: mail, host: "-", tag: "-", message: "all nil but this"}
  mark:
    weight: 1
    format: rfc5424
    bom: true
    templates:
      - {weight: 1, severity: notice, facility: ftp, tag: ftpd, msgid: GET, message: "é {odd}"}
"""

NOTICE = 5  # severities from here on (RFC 5424) are no complaints


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with rsyslog(tmp_path, LANES, TEMPLATE) as server:
        yield server


@pytest.fixture(scope="module")
def formats(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    """20,000 events of all three formats."""
    folder = tmp_path_factory.mktemp("formats")
    (folder / "formats.yaml").write_text(PROFILE)
    built = call("precompute", "build", folder / "formats.yaml", "--events", "20k", "-o", folder / "formats.rcap")
    assert built.code == 0, built.stderr
    return open_capture(folder / "formats.rcap")


def fields(line: bytes) -> dict[str, str]:
    """A line of a capture in the fields of TEMPLATE."""
    text = line.decode()
    match = SYSLOG.fullmatch(text) or BSD.fullmatch(text)
    assert match, text
    return {name: match.groupdict().get(name) or "-" for name in PARTS}


def instant(stamp: str) -> str:
    """A stamp as rsyslog writes it; of RFC 3164, which has no year and no zone, without these."""
    if stamp[0].isdigit():
        return stamp
    month, day, time = stamp.split()
    return f"{MONTHS.index(month) + 1:02d}-{int(day):02d}T{time}"


def run(server: Server, capture: Capture, *options: object) -> tuple[Ended, list[dict[str, str]]]:
    """What a run says of itself, and what rsyslog made of its events."""
    ended = call(*run_of(capture, "127.0.0.1", server.ports, "--loops", 1, "--eps", bearable_eps(LANES), *options))
    assert_ran(ended)
    eventually(lambda: len(server.events()) >= capture.events, "all events in rsyslog's file")
    return ended, [json.loads(line) for line in server.events()]


def counted(events: Iterable[dict[str, str]], names: Sequence[str] = NOT_THE_STAMP) -> Counter[tuple[str, ...]]:
    return Counter(tuple(event[name] for name in names) for event in events)


def by_stamp(events: Iterable[dict[str, str]]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Events with a whole stamp, and those of RFC 3164, by their facilities in PROFILE: local7 and kern."""
    whole, short = [], []
    for event in events:
        (short if event["pri"] in ("186", "0") else whole).append(event)
    return whole, short


def test_every_event_is_parsed_as_it_was_written(server: Server, capture: Capture, lines: Sequence[bytes]):
    ended, events = run(server, capture)

    for port, expected in zip(server.ports, port_lines(lines, LANES), strict=True):
        parsed = counted(event for event in events if event["input"] == f"port{port}")
        assert parsed == counted(map(fields, expected))
    assert_sent_meanwhile(ended, [event["stamp"] for event in events])
    assert not [line for line in server.said() if int(line[0]) < NOTICE]


def test_all_formats_are_parsed_with_the_built_stamps(server: Server, formats: Capture):
    _, events = run(server, formats, "--stamp", "keep")
    written = [fields(line) for line in formats.lines()]

    assert counted(events) == counted(written)
    whole, short = by_stamp(events)
    assert {event["stamp"] for event in whole} == {instant(event["stamp"]) for event in by_stamp(written)[0]}
    assert {event["stamp"][5:19] for event in short} == {instant(event["stamp"]) for event in by_stamp(written)[1]}
    assert not [line for line in server.said() if int(line[0]) < NOTICE]


def test_all_formats_are_parsed_with_live_stamps(server: Server, formats: Capture):
    ended, events = run(server, formats)

    assert counted(events) == counted(map(fields, formats.lines()))
    whole, short = by_stamp(events)
    assert_sent_meanwhile(ended, [event["stamp"] for event in whole])
    assert {event["stamp"][-6:] for event in whole if event["pri"] == "134"} == {"+05:30"}
    year = ended.report["started"][:5]
    start = datetime.fromisoformat(ended.report["started"]).replace(microsecond=0)
    sent = {datetime.fromisoformat(year + event["stamp"][5:19] + "Z") for event in short}
    assert all(start <= stamp <= start + timedelta(seconds=ended.report["duration_s"] + 1) for stamp in sent)


def assert_sent_meanwhile(ended: Ended, stamps: Iterable[str]) -> None:
    start = datetime.fromisoformat(ended.report["started"])
    end = start + timedelta(seconds=ended.report["duration_s"], milliseconds=1)  # a stamp is cut to the millisecond
    assert all(start <= datetime.fromisoformat(stamp) <= end for stamp in stamps)
