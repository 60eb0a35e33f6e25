"""Programs that record packets beside a test, tcpdump, dumpcap and tshark, and syslog programs that send some."""

import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from pyroute2 import netns

from tests.network.programs import PATIENCE_S, await_line, eventually, running
from tests.network.servers import syslog_ng_program
from tools.lab import DEVICE, V4, Lab

LAST = b"this is the last packet of the test"
"""Goes to port 9, which is for what nobody wants (RFC 863): once it is recorded, so is all before it."""
_DISCARD = 9


@contextmanager
def recording(lab: Lab, lines: dict[Path, Sequence[str]]) -> Iterator[None]:
    """Record at the receiver what comes while the `with` block runs: by the command line of each path, which it writes.

    Skips the test without one of the programs.
    """
    with ExitStack() as stack:
        processes = []
        for path, line in lines.items():
            if shutil.which(line[0]) is None:
                pytest.skip(f"needs {line[0]}")
            log = path.with_name(f"{path.name}.log")
            process = stack.enter_context(running(["ip", "netns", "exec", lab.receiver, *line], log))
            await_line(log, "apturing on" if line[0] != "tcpdump" else "listening on", process)
            processes.append(process)
        yield
        for path in lines:
            eventually(lambda path=path: _last_is_in(lab, path), f"the last packet in {path}")  # type: ignore[misc]
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            assert process.wait(PATIENCE_S) == 0
        for path in lines:
            told = path.with_name(f"{path.name}.log").read_text()
            assert "dropped by kernel" not in told or "0 packets dropped by kernel" in told.splitlines(), told


def tcpdump(path: Path, *options: str, device: str = DEVICE) -> list[str]:
    """The command line of tcpdump, which writes each packet as soon as it has it.

    All packets of a test have room in its buffer. The immediate mode would cut that into a few large pieces.
    """
    way = ("-U", "-B", "16384", "-Z", "root")
    return ["tcpdump", "-n", *way, "-i", device, "-w", str(path), *options]


def dumpcap(path: Path, *options: str, program: str = "dumpcap") -> list[str]:
    """The command line of dumpcap, or of tshark, which has dumpcap write."""
    return [program, "-q", "-i", DEVICE, "-w", str(path), *options]


def _last_is_in(lab: Lab, path: Path) -> bool:
    """Whether the last packet is in a file, or in one of a set; it is sent once more."""
    with at(lab.sender), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(LAST, (V4, _DISCARD))
    return any(LAST in each.read_bytes() for each in path.parent.glob(f"{path.stem}*") if each.suffix != ".log")


@contextmanager
def at(host: str) -> Iterator[None]:
    """Be in the namespace `host`."""
    netns.pushns(host)
    try:
        yield
    finally:
        netns.popns()


@contextmanager
def listening(lab: Lab, datagrams: Sequence[int], streams: Sequence[int]) -> Iterator[Callable[[], dict[int, bytes]]]:
    """Ports at the receiver, of both families, that take what comes.

    What is yielded waits for the end of all connections of the ports `streams`, and returns what came by each.
    """
    came = dict.fromkeys(streams, b"")
    threads = []
    with ExitStack() as stack:
        with at(lab.receiver):
            for port in (*datagrams, _DISCARD):
                bound = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
                bound.bind(("::", port))
            servers = [
                stack.enter_context(socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True))
                for port in streams
            ]

        def take(server: socket.socket, port: int) -> None:
            server.settimeout(PATIENCE_S)
            connection, _ = server.accept()
            with connection:
                connection.settimeout(PATIENCE_S)
                while more := connection.recv(1 << 16):
                    came[port] += more

        for server, port in zip(servers, streams, strict=True):
            threads.append(threading.Thread(target=take, args=(server, port)))
            threads[-1].start()

        def ended() -> dict[int, bytes]:
            for thread in threads:
                thread.join(PATIENCE_S)
            return came

        yield ended
        ended()


RSYSLOG = """
global(workDirectory="{folder}" processInternalMessages="on" maxMessageSize="8k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/log" RateLimit.Interval="0" ruleset="out")
template(name="out" type="string" string="{template}")
template(name="line" type="string" string="{template}\\n")
ruleset(name="out") {{
{actions}
  action(type="omfile" file="{folder}/sent" template="line")
}}
action(type="omfile" file="{folder}/own" template="RSYSLOG_FileFormat")
"""
NEW = "<%pri%>1 %timestamp:::date-rfc3339% %hostname% %app-name% %procid% - - %msg:::drop-last-lf%"


def rsyslog_sends(lab: Lab, folder: Path, messages: Sequence[bytes], *ways: str, template: str = NEW) -> list[bytes]:
    """Have a rsyslogd at the sender send messages by all `ways`, the parameters of omfwd; returns what each way got."""
    if shutil.which("rsyslogd") is None:
        pytest.skip("needs rsyslogd")
    folder.mkdir()
    config, sent = folder / "rsyslog.conf", folder / "sent"
    actions = "\n".join(f'  action(type="omfwd" template="out" {way})' for way in ways)
    config.write_text(RSYSLOG.format(folder=folder, template=template, actions=actions))
    line = ["ip", "netns", "exec", lab.sender, "rsyslogd", "-n", "-f", str(config), "-i", str(folder / "pid")]
    with running(line, folder / "log.log") as process:
        eventually(lambda: (folder / "own").exists() and "start" in (folder / "own").read_text(), "rsyslogd's start")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
            way.connect(str(folder / "log"))
            for message in messages:
                way.send(message)
        eventually(lambda: sent.exists() and sent.read_bytes().count(b"\n") == len(messages), "all in rsyslogd's file")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    return sent.read_bytes().splitlines()


def logger_sends(lab: Lab, text: str, *options: str) -> None:
    """Have logger(1) at the sender send each line of a text."""
    if shutil.which("logger") is None:
        pytest.skip("needs logger")
    line = ["ip", "netns", "exec", lab.sender, "logger", *options]
    subprocess.run(line, input=text, text=True, check=True, timeout=PATIENCE_S)


def syslog_ng_sends(lab: Lab, folder: Path, messages: Sequence[str], destinations: Sequence[str]) -> None:
    """Have a syslog-ng at the sender read a file of messages and send them to all destinations."""
    program, environment = syslog_ng_program()
    folder.mkdir()
    said = subprocess.run([program, "--version"], env=environment, capture_output=True, text=True, check=True).stdout
    version = re.search(r"Config version: (\S+)", said)
    assert version, said
    (folder / "messages").write_text("".join(f"{message}\n" for message in messages))
    ways = " ".join(f"{each};" for each in destinations)
    (folder / "syslog-ng.conf").write_text(
        f"@version: {version[1]}\n"
        f'source read {{ file("{folder}/messages" follow-freq(0.1)); }};\n'
        f'destination sent {{ {ways} file("{folder}/sent"); }};\n'
        "log { source(read); destination(sent); flags(flow-control); };\n"
    )
    files = ("--persist-file", folder / "persist", "--pidfile", folder / "pid", "--control", folder / "control")
    line = ["ip", "netns", "exec", lab.sender, "env", *(f"{name}={value}" for name, value in environment.items())]
    line += [program, "--foreground", "--no-caps", "--stderr", "--cfgfile", str(folder / "syslog-ng.conf")]
    sent = folder / "sent"
    with running([*line, *map(str, files)], folder / "log.log") as process:
        await_line(folder / "log.log", "starting up", process)
        eventually(lambda: sent.exists() and sent.read_bytes().count(b"\n") == len(messages), "all in syslog-ng's file")
        process.terminate()
        process.wait(PATIENCE_S)
