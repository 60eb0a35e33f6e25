"""What real collectors write of a tagged run is audited: all of it is found, and what they cut off is named."""

import gzip
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from captures.format.capture import Capture
from captures.format.reader import open_capture
from captures.format.tags import TAG_BYTES
from tests.network.expected import port_lines
from tests.network.programs import PATIENCE_S, Ended, assert_ran, call, command, eventually, run_of, running
from tests.network.servers import Server, bearable_eps, rsyslog, syslog_ng

LANES = 4
EVENTS = 10_000

RSYSLOG_TEXT = (
    'template(name="event" type="string" string="%timestamp% %hostname% %syslogtag%%structured-data%%msg%\\n")'
)
RSYSLOG_RAW = 'template(name="event" type="string" string="%rawmsg%\\n")'
RSYSLOG_MESSAGE = 'template(name="event" type="string" string="%msg%\\n")'
RSYSLOG_JSON = """
template(name="event" type="list" option.jsonf="on") {
  property(outname="raw" name="rawmsg" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
}
"""
RSYSLOG_WITHOUT_DATA = 'template(name="event" type="string" string="%timestamp% %hostname% %syslogtag%%msg%\\n")'
SYSLOG_NG_TEXT = "${ISODATE} ${HOST} ${MSGHDR}${SDATA} ${MSG}\\n"
SYSLOG_NG_JSON = "$(format-json --scope rfc5424 --key MESSAGE --key .SDATA.*)\\n"

LONG = f"""
name: long
format: rfc3164
fields:
  host: {{pattern: "web{{:02d}}", range: [1, 40]}}
  text: {{choices: [{", ".join("x" * count for count in range(300, 600, 3))}]}}
groups:
  app:
    weight: 1
    templates: [{{weight: 1, severity: info, facility: local7, tag: app, message: "{{text}}"}}]
"""
"""A profile of events of which some are longer than 512 bytes."""

THREE_LENGTHS = f"""
name: three
format: rfc3164
fields:
  host: {{pattern: "web{{:02d}}", range: [10, 40]}}
  text: {{choices: [{", ".join("x" * count for count in (80, 180, 540))}]}}
groups:
  app:
    weight: 1
    templates: [{{weight: 1, severity: info, facility: local7, tag: app, message: "{{text}}"}}]
"""
"""A profile of events of three lengths, one of them above 512 bytes."""

Start = Callable[[Path], AbstractContextManager[Server]]

COLLECTORS: dict[str, Start] = {
    "rsyslog, text": lambda folder: rsyslog(folder, LANES, RSYSLOG_TEXT),
    "rsyslog, as it came": lambda folder: rsyslog(folder, LANES, RSYSLOG_RAW),
    "rsyslog, JSON": lambda folder: rsyslog(folder, LANES, RSYSLOG_JSON),
    "syslog-ng, text": lambda folder: syslog_ng(folder, LANES, "syslog", SYSLOG_NG_TEXT),
    "syslog-ng, JSON": lambda folder: syslog_ng(folder, LANES, "syslog", SYSLOG_NG_JSON),
}


@pytest.fixture(scope="module", params=["system", "rfc5424-services"])
def tagged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Capture:
    """Events with tags at the end, and in structured data."""
    path = tmp_path_factory.mktemp("tagged") / "tagged.rcap"
    built = call("precompute", "build", request.param, "--tagged", "--events", EVENTS, "-o", path)
    assert built.code == 0, built.stderr
    return open_capture(path)


def send(server: Server, capture: Capture) -> Path:
    """Send a whole capture, and wait until it is written; returns the sender's report."""
    report = server.folder / "sent.json"
    options = ("--loops", 1, "--eps", bearable_eps(LANES), "--report", report)
    sent = call(*run_of(capture, "127.0.0.1", server.ports, *options))
    assert_ran(sent)
    eventually(lambda: len(server.events()) >= capture.events, "all events in the collector's file")
    return report


def audit(*words: object) -> Ended:
    return call("replay", "audit", "--json", *words)


def found(report: dict[str, Any]) -> dict[int, int]:
    return {lane["port"]: lane["received_events"] for lane in report["lanes"]}


@pytest.mark.parametrize("start", COLLECTORS.values(), ids=COLLECTORS)
def test_all_that_a_collector_wrote_is_found(tmp_path: Path, tagged: Capture, start: Start) -> None:
    with start(tmp_path) as server:
        sent = send(server, tagged)
    audited = audit(server.path, "--sent", sent)

    assert audited.code == 0, audited.stderr
    report, lines = audited.report, port_lines(list(tagged.lines()), LANES)
    assert found(report) == {port: len(part) for port, part in zip(server.ports, lines, strict=True)}
    assert (report["lines"], report["tagged_lines"]) == (tagged.events, tagged.events)
    nothing = ("lost_events", "surplus_events", "duplicated_events", "malformed_lines", "foreign_tags")
    assert Counter({name: report[name] for name in nothing}).total() == 0
    assert report["run_id"] == json.loads(sent.read_text())["run_id"]


def test_what_a_collector_was_not_given_is_named(tmp_path: Path, tagged: Capture) -> None:
    """A file without its middle, packed in two: what is lost there is named by port and number."""
    with COLLECTORS["rsyslog, text"](tmp_path) as server:
        sent = send(server, tagged)
    lines = server.path.read_bytes().splitlines(keepends=True)
    first, second = tmp_path / "1.gz", tmp_path / "2.gz"
    first.write_bytes(gzip.compress(b"".join(lines[:4000])))
    second.write_bytes(gzip.compress(b"".join(lines[5000:])))
    audited = audit(first, second, "--sent", sent)

    assert audited.code == 1
    assert audited.report["lost_events"] == 1000
    assert audited.report["received_events"] == EVENTS - 1000
    assert audit(first, second, "--sent", sent, "--max-loss", "10%").code == 0


def test_a_template_without_structured_data_is_said(tmp_path: Path, tagged: Capture) -> None:
    with rsyslog(tmp_path, LANES, RSYSLOG_WITHOUT_DATA) as server:
        sent = send(server, tagged)
    audited = audit(server.path, "--sent", sent)

    if _tag_is_last(tagged):
        assert audited.code == 0, audited.stderr
    else:
        assert audited.code == 1
        assert audited.report["lost_events"] == EVENTS
        assert "does the collector write the whole message and its structured data" in " ".join(audited.stderr.split())


@pytest.mark.parametrize("limit", [160, 180])
def test_messages_that_are_cut_short_are_counted(tmp_path: Path, tagged: Capture, limit: int) -> None:
    with rsyslog(tmp_path, LANES, RSYSLOG_RAW, f'maxMessageSize="{limit}"') as server:
        sent = send(server, tagged)
    audited = audit(server.path, "--sent", sent)

    ends = _tag_ends(list(tagged.lines()))
    whole = sum(end <= limit for end in ends)
    assert 0 < whole <= EVENTS
    report = audited.report
    assert (report["received_events"], report["cut_events"], report["lost_events"]) == (whole, EVENTS - whole, 0)
    assert (report["untagged_lines"], report["malformed_lines"]) == (0, 0)
    assert report["cut_to_bytes"] == ({"min": limit, "max": limit} if whole < EVENTS else None)
    assert all(lane["cut_events"] <= lane["missing_events"] for lane in report["lanes"])
    assert audited.code == (1 if whole < EVENTS else 0)


@pytest.mark.parametrize(("template", "profile", "limit"), [(RSYSLOG_RAW, LONG, 512), (RSYSLOG_TEXT, "system", 180)])
def test_messages_that_are_cut_short_hide_no_loss(tmp_path: Path, template: str, profile: str, limit: int) -> None:
    """One line in ten is taken out of what the collector wrote, of the cut ones as well; of others there are many.

    The text has no priority value, so what one limit cuts has two lengths.
    """
    path = tmp_path / "long.rcap"
    if profile == LONG:
        (tmp_path / "long.yaml").write_text(LONG)
        profile = str(tmp_path / "long.yaml")
    built = call("precompute", "build", profile, "--tagged", "--events", EVENTS, "-o", path)
    assert built.code == 0, built.stderr
    capture = open_capture(path)
    with rsyslog(tmp_path, LANES, template, f'maxMessageSize="{limit}"') as server:
        sent = send(server, capture)
    whole = sum(end <= limit for end in _tag_ends(list(capture.lines())))
    assert EVENTS / 10 < whole < EVENTS * 9 / 10
    report = audit(server.path, "--sent", sent).report
    assert (report["received_events"], report["cut_events"], report["lost_events"]) == (whole, EVENTS - whole, 0)

    lines = server.path.read_bytes().splitlines(keepends=True)
    kept = [line for number, line in enumerate(lines) if number % 10]
    longest = max(map(len, lines))
    less = tmp_path / "less"
    less.write_bytes(b"".join([*kept, *[b"x" * (longest - 1) + b"\n"] * 50, *[b"of others\n"] * 200]))
    report = audit(less, "--sent", sent).report
    lost = EVENTS - len(kept)
    assert report["missing_events"] == report["lost_events"] + report["cut_events"]
    assert report["lost_events_min"] <= lost <= report["lost_events"]


@pytest.mark.parametrize(("template", "limit"), [(RSYSLOG_RAW, 512), (RSYSLOG_TEXT, 512), (RSYSLOG_JSON, 512)])
def test_messages_of_few_lengths_are_cut_without_a_trace(tmp_path: Path, template: str, limit: int) -> None:
    """Those of 600 bytes lose their whole tag, and nothing is cut within one: they are there, and not known to be."""
    path = tmp_path / "three.rcap"
    (tmp_path / "three.yaml").write_text(THREE_LENGTHS)
    built = call("precompute", "build", tmp_path / "three.yaml", "--tagged", "--events", EVENTS, "-o", path)
    assert built.code == 0, built.stderr
    capture = open_capture(path)
    with rsyslog(tmp_path, LANES, template, f'maxMessageSize="{limit}"') as server:
        sent = send(server, capture)
    longer = sum(len(line) > limit for line in capture.lines())
    assert EVENTS / 5 < longer < EVENTS / 2
    audited = audit(server.path, "--sent", sent)
    report = audited.report
    assert report["lines"] == EVENTS
    assert (report["received_events"], report["lost_events"]) == (EVENTS - longer, longer)
    assert (report["lost_events_min"], report["cut_events"], report["cut_events_max"]) == (0, 0, longer)
    assert "between 0.00% and" in report["verdict"]
    assert "maxMessageSize" in report["verdict"]
    assert audited.code == 1
    ledger = call("replay", "reconcile", sent, "--collector", _written(tmp_path / "audit.json", report), "--json")
    assert (ledger.report["lost_events"], ledger.report["lost_events_min"]) == (longer, 0)

    lines = server.path.read_bytes().splitlines(keepends=True)
    tagged_lines = [line for line in lines if b"stampede=" in line]
    foreign = max(map(len, tagged_lines)) // 2
    less = tmp_path / "less"
    less.write_bytes(b"".join([*tagged_lines[1000:], *[b"x" * foreign + b"\n"] * 1000]))
    assert audit(less, "--sent", sent).report["lost_events_min"] == longer + 1000


def test_a_tag_at_the_front_is_not_cut(tmp_path: Path) -> None:
    limit, path = 180, tmp_path / "front.rcap"
    built = call("precompute", "build", "system", "--tagged-front", "--events", EVENTS, "-o", path)
    assert built.code == 0, built.stderr
    capture = open_capture(path)
    assert sum(len(line) > limit for line in capture.lines()) > EVENTS / 10
    with rsyslog(tmp_path, LANES, RSYSLOG_RAW, f'maxMessageSize="{limit}"') as server:
        sent = send(server, capture)
    audited = audit(server.path, "--sent", sent)

    assert audited.code == 0, audited.stderr
    report, lines = audited.report, port_lines(list(capture.lines()), LANES)
    assert found(report) == {port: len(part) for port, part in zip(server.ports, lines, strict=True)}
    assert max(map(len, server.events())) == limit
    at_limit = sum(len(line) >= limit - 2 for line in server.events())
    assert (report["cut_behind_tag_lines"], report["cut_behind_tag_to_bytes"]) == (at_limit, limit)
    assert f"end at {limit} bytes, where longer events were sent" in report["verdict"]


@pytest.mark.parametrize("template", [RSYSLOG_RAW, RSYSLOG_TEXT, RSYSLOG_JSON, RSYSLOG_MESSAGE])
def test_what_a_collector_leaves_out_is_no_cut(tmp_path: Path, template: str) -> None:
    """Lines of three lengths, of which many are as long as the longest, and shorter or longer than what was sent."""
    path = tmp_path / "three.rcap"
    (tmp_path / "three.yaml").write_text(THREE_LENGTHS)
    built = call("precompute", "build", tmp_path / "three.yaml", "--tagged-front", "--events", EVENTS, "-o", path)
    assert built.code == 0, built.stderr
    with rsyslog(tmp_path, LANES, template) as server:
        sent = send(server, open_capture(path))
    audited = audit(server.path, "--sent", sent)
    assert audited.code == 0, audited.stderr
    assert audited.report["cut_behind_tag_lines"] == 0


def test_what_a_collector_still_holds_is_followed(tmp_path: Path, tagged: Capture) -> None:
    """The audit begins while the collector has the last events in its buffer, as it does at its worst."""
    with COLLECTORS["rsyslog, as it came"](tmp_path) as server:
        sent = send(server, tagged)
    content = server.path.read_bytes()
    held, kept = tmp_path / "held", len(content) - (64 << 10)
    held.write_bytes(content[:kept])
    early = audit(held, "--sent", sent)
    assert early.code == 1
    assert early.report["tail_events"] == early.report["lost_events"] > 0
    assert "so maybe not flushed yet: wait, or use --follow" in early.report["verdict"]

    words = command("replay", "audit", held, "--sent", sent, "--follow", "--settle", "3s", "--json")
    with running(words, tmp_path / "log") as following:
        time.sleep(1)
        with held.open("ab") as file:
            file.write(content[kept:])
        stdout, _ = following.communicate(timeout=PATIENCE_S)
    report = json.loads(stdout)
    assert (report["received_events"], report["lost_events"], report["duplicated_events"]) == (EVENTS, 0, 0)
    assert following.returncode == 0


def _written(path: Path, report: dict[str, Any]) -> Path:
    path.write_text(json.dumps(report))
    return path


def _tag_is_last(capture: Capture) -> bool:
    return int(capture.trains["tag_column"][0]) + TAG_BYTES == int(capture.trains["length"][0])


def _tag_ends(lines: Sequence[bytes]) -> list[int]:
    """How many bytes of each event are needed for its tag."""
    blank = b"00000000-0000-0000000000"
    return [line.index(blank) + TAG_BYTES for line in lines]
