"""Real syslog servers that receive on loopback and write what they get: rsyslogd(8), syslog-ng(8)."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.network.programs import PATIENCE_S, await_line, eventually, free_ports, running
from tools.aside import SYSLOG_NG, Unavailable, syslog_ng_environment, unpacked
from tools.lab import PORTS

CACHE = Path.home() / ".cache" / "stampede"
"""Where .ci/run unpacks what can't be installed; tests themselves have no cache of their own (XDG_CACHE_HOME)."""

RSYSLOG = """
global(workDirectory="{folder}" processInternalMessages="on" {globals})
module(load="imudp")
{template}
template(name="own" type="string" string="%syslogseverity%%msg%\\n")
ruleset(name="events") {{
  action(type="omfile" file="{folder}/events" template="event")
}}
input(type="imudp" address="{address}" port={ports} name="port" name.appendPort="on"
      ruleset="events" rcvbufSize="{buffer_bytes}")
action(type="omfile" file="{folder}/own" template="own")
"""


@dataclass(frozen=True)
class Server:
    """A running syslog server that writes what it gets."""

    folder: Path
    ports: tuple[int, ...]

    @property
    def path(self) -> Path:
        """Where it writes events, by the template it was given."""
        return self.folder / "events"

    @property
    def pid(self) -> int:
        """The number of its process."""
        return int((self.folder / "pid").read_text())

    def events(self) -> list[str]:
        """Each event that it wrote."""
        return self._lines(self.path)

    def said(self) -> list[str]:
        """What rsyslog says of itself, each line behind its severity."""
        return self._lines(self.folder / "own")

    def _lines(self, path: Path) -> list[str]:
        # What follows the last line feed is still being written.
        return path.read_text(errors="replace").split("\n")[:-1] if path.exists() else []


def _buffer_bytes() -> int:
    # More than rmem_max is refused to an ordinary user, and both servers complain.
    return int(Path("/proc/sys/net/core/rmem_max").read_text())


def bearable_eps(lanes: int) -> int:
    """A rate of which the servers' buffers hold two seconds: so long a machine may leave them without a core.

    The kernel charges a lone datagram of some 200 bytes with 1,280 (udp(7) says that it counts its own overhead, too),
    and doubles what was asked for (socket(7)).
    """
    return min(5_000, lanes * 2 * _buffer_bytes() // 1280 // 2)


@contextmanager
def rsyslog(
    folder: Path,
    lanes: int,
    template: str,
    settings: str = "",
    *,
    buffer_bytes: int | None = None,
    host: str | None = None,
) -> Iterator[Server]:
    """A rsyslogd with a `template` called "event", and global `settings`; skips the test where there is none.

    It receives on loopback, or at all addresses of the namespace `host`, with buffers of `buffer_bytes`.
    """
    if shutil.which("rsyslogd") is None:
        pytest.skip("needs rsyslogd")
    server = Server(folder, free_ports(lanes) if host is None else PORTS[:lanes])
    config, log = folder / "rsyslog.conf", folder / "rsyslog.log"
    ports = json.dumps([*map(str, server.ports)])
    parts = {"folder": folder, "ports": ports, "template": template, "globals": settings}
    parts |= {"address": "127.0.0.1" if host is None else "0.0.0.0"}
    config.write_text(RSYSLOG.format(buffer_bytes=buffer_bytes or _buffer_bytes(), **parts))
    inside = [] if host is None else ["ip", "netns", "exec", host]
    with running([*inside, "rsyslogd", "-n", "-f", str(config), "-i", str(folder / "pid")], log) as process:
        # It says so once its ports are open.
        eventually(lambda: any(line.endswith("start") for line in server.said()), "rsyslogd's start")
        yield server
        process.terminate()
        process.wait(PATIENCE_S)
    assert log.read_text() == ""


@contextmanager
def syslog_ng(folder: Path, lanes: int, source: str, template: str) -> Iterator[Server]:
    """syslog-ng with a source driver like `syslog` for each port; skips the test where it can't be had."""
    program, environment = syslog_ng_program()
    server = Server(folder, free_ports(lanes))
    config, log = folder / "syslog-ng.conf", folder / "syslog-ng.log"
    said = subprocess.run([program, "--version"], env=environment, capture_output=True, text=True, check=True).stdout
    version = re.search(r"Config version: (\S+)", said)
    assert version, said
    config.write_text(_syslog_ng_config(server, version[1], source, template))
    files = ("--persist-file", folder / "persist", "--pidfile", folder / "pid", "--control", folder / "control")
    line = ["env", *(f"{name}={value}" for name, value in environment.items()), program, "--foreground", "--no-caps"]
    line += ["--stderr", "--cfgfile", str(config), *map(str, files)]
    with running(line, log) as process:
        await_line(log, "starting up", process)
        eventually(lambda: _bound() >= set(server.ports), "syslog-ng's ports")
        yield server
        process.terminate()
        process.wait(PATIENCE_S)
    assert "error" not in log.read_text().lower()


def _syslog_ng_config(server: Server, version: str, source: str, template: str) -> str:
    drivers = "\n".join(
        f'  {source}(transport("udp") ip("127.0.0.1") port({port}) so-rcvbuf({_buffer_bytes()}));'
        for port in server.ports
    )
    return (
        f"@version: {version}\n"
        f"source received {{\n{drivers}\n}};\n"
        f'destination written {{ file("{server.path}" template("{template}")); }};\n'
        "log { source(received); destination(written); };\n"
    )


def syslog_ng_program() -> tuple[str, dict[str, str]]:
    """syslog-ng, and the environment that it needs."""
    if found := shutil.which("syslog-ng"):
        return found, {}
    try:
        folder = unpacked(SYSLOG_NG, CACHE)
    except Unavailable as error:
        pytest.skip(f"needs syslog-ng: {error}")
    return str(folder / "usr/sbin/syslog-ng"), syslog_ng_environment(folder)


def _bound() -> set[int]:
    """UDP ports of IPv4 that somebody has bound, from proc_net(5)."""
    rows = Path("/proc/net/udp").read_text().splitlines()[1:]
    return {int(row.split()[1].partition(":")[2], 16) for row in rows}
