"""A real syslog server understands every event: rsyslogd(8) parses what a live run sends over loopback."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from captures.reader import Capture
from tests.network.expected import port_lines
from tests.network.programs import PATIENCE_S, call, eventually, free_ports, run_of, running

LANES = 4
RATE_EPS = 10_000  # an ordinary user's receive buffers are small: 200 kB by default

CONFIG = """
global(workDirectory="{folder}" processInternalMessages="on")
module(load="imudp")
template(name="event" type="list" option.jsonf="on") {{
  property(outname="input" name="inputname" format="jsonf")
  property(outname="pri" name="pri" format="jsonf")
  property(outname="stamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="tag" name="programname" format="jsonf")
  property(outname="pid" name="procid" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
}}
template(name="own" type="string" string="%syslogseverity%%msg%\\n")
ruleset(name="events") {{
  action(type="omfile" file="{folder}/events" template="event")
}}
input(type="imudp" address="127.0.0.1" port={ports} name="port" name.appendPort="on"
      ruleset="events" rcvbufSize="{buffer_bytes}")
action(type="omfile" file="{folder}/own" template="own")
"""

FIELDS = ("pri", "host", "tag", "pid", "text")
EVENT = re.compile(r"<(?P<pri>\d+)>\S+ (?P<host>\S+) (?P<tag>[^ \[]+)\[(?P<pid>\d+)\]:(?P<text>.*)", re.ASCII)
"""A line of the capture in the fields of CONFIG; rsyslog leaves the blank before the text with the text."""

NOTICE = 5  # severities from here on (RFC 5424) are no complaints


@dataclass(frozen=True)
class Server:
    """A running rsyslogd that writes what it gets."""

    folder: Path
    ports: tuple[int, ...]

    def events(self) -> list[str]:
        """Each event it got, as JSON with the fields of CONFIG."""
        return self._lines("events")

    def said(self) -> list[str]:
        """What it says of itself, each line behind its severity."""
        return self._lines("own")

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        # What follows the last line feed is still being written.
        return path.read_text().split("\n")[:-1] if path.exists() else []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if shutil.which("rsyslogd") is None:
        pytest.skip("needs rsyslogd")
    server = Server(tmp_path, free_ports(LANES))
    config, log = tmp_path / "rsyslog.conf", tmp_path / "rsyslog.log"
    # More than rmem_max is refused to an ordinary user, and rsyslog complains.
    buffer_bytes = int(Path("/proc/sys/net/core/rmem_max").read_text())
    ports = json.dumps([*map(str, server.ports)])
    config.write_text(CONFIG.format(folder=tmp_path, ports=ports, buffer_bytes=buffer_bytes))
    with running(["rsyslogd", "-n", "-f", str(config), "-i", str(tmp_path / "pid")], log) as process:
        # It says so once its ports are open.
        eventually(lambda: any(line.endswith("start") for line in server.said()), "rsyslogd's start")
        yield server
        process.terminate()
        process.wait(PATIENCE_S)
    assert log.read_text() == ""


def test_every_event_is_parsed_as_it_was_written(server: Server, capture: Capture, lines: Sequence[bytes]):
    run = call(*run_of(capture, "127.0.0.1", server.ports, "--loops", 1, "--eps", RATE_EPS))
    assert run.code in (0, 1), run.stderr  # 1: too slow on a busy machine, which is not judged here
    eventually(lambda: len(server.events()) >= len(lines), "all events in rsyslog's file")
    events = [json.loads(line) for line in server.events()]

    for port, expected in zip(server.ports, port_lines(lines, LANES), strict=True):
        parsed = Counter(tuple(event[name] for name in FIELDS) for event in events if event["input"] == f"port{port}")
        written = Counter(EVENT.fullmatch(line.decode()).group(*FIELDS) for line in expected)
        assert parsed == written
    start = datetime.fromisoformat(run.report["started"])
    end = start + timedelta(seconds=run.report["duration_s"], milliseconds=1)  # a stamp is cut to the millisecond
    assert all(start <= datetime.fromisoformat(event["stamp"]) <= end for event in events)
    assert not [line for line in server.said() if int(line[0]) < NOTICE]
