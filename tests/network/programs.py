"""The commands under test and their counterparts as processes: awaited with a bound, and ended whatever happens."""

import ctypes
import importlib
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from pyroute2 import netns

from captures.console.errors import ExitCode, PreflightError
from captures.console.interruption import SIGNALS
from captures.format.reader import Capture
from replay.control.run_socket import ask
from tools import command_line

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60
"""Only a bound: on a machine that is slow and busy, a command takes seconds to start."""


def command(program: object, *arguments: object, host: str | None = None) -> list[str]:
    """The command line of `replay` or `precompute`, in the namespace `host` if one is given."""
    inside = [] if host is None else ["ip", "netns", "exec", host]
    return [*inside, *command_line.command(program, *arguments)]


def run_of(capture: Capture, target: str, ports: Sequence[int], *options: object) -> tuple[object, ...]:
    """A `replay run` that prints its report, as `call` and `command` take it; at 10k EPS, where no option says more."""
    pace = () if {"--eps", "--speed"} & set(options) else ("--eps", "10k")
    return ("replay", "run", capture.path, "--target", target, "--ports", listed(ports), "--json", *pace, *options)


def listed(ports: Sequence[int]) -> str:
    """Ports as `--ports` takes them."""
    return ",".join(map(str, ports))


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    report: dict[str, Any]
    """What it printed as JSON; empty when it printed none."""
    stderr: str


def assert_ran(run: Ended) -> None:
    """It ran to its end and missed its rate at most, which is not judged: others use this machine, too."""
    too_slow = run.code == ExitCode.MISSED and "% of the target rate" in run.report["reason"]
    assert run.code == ExitCode.MET or too_slow, run.stderr


def call(program: object, *arguments: object, host: str | None = None, through: Sequence[str] = ()) -> Ended:
    """Run a command to its end; `through` another one, which takes some of its rights.

    Where it can, it is a fork of this process, which has loaded all that the command would load first: the start of a
    Python that has not takes half a second of a processor, more than most commands then need.
    """
    if program in ("replay", "precompute") and not through:
        return _call_fork(str(program), [*map(str, arguments)], host)
    line = [*through, *command(program, *arguments, host=host)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False)
    return Ended(done.returncode, json.loads(done.stdout or "{}"), done.stderr)


def _call_fork(program: str, arguments: list[str], host: str | None) -> Ended:
    importlib.import_module(f"{program}.cli")  # once, and before the fork
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        process = multiprocessing.get_context("fork").Process(
            target=_become, args=(program, arguments, host, stdout.fileno(), stderr.fileno())
        )
        process.start()
        process.join(2 * PATIENCE_S)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{program} {arguments}: not within {2 * PATIENCE_S} s")
        for file in (stdout, stderr):
            file.seek(0)
        return Ended(process.exitcode, json.loads(stdout.read() or "{}"), stderr.read())


def _become(program: str, arguments: list[str], host: str | None, stdout: int, stderr: int) -> None:
    """Go on as the command would begin: its streams, its folder, its namespace, and the signals of a new process."""
    for number in (signal.SIGINT, *SIGNALS):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - as long as the process
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    os.chdir(ROOT)
    if host is not None:
        enter(host)
    sys.argv = [program, *arguments]
    importlib.import_module(f"{program}.entry").main()


def enter(host: str) -> None:
    """Move this process into the namespace `host`, with a /sys of its own, as `ip netns exec` does (ip-netns(8))."""
    netns.setns(host)
    libc = ctypes.CDLL(None, use_errno=True)
    steps = (
        lambda: libc.unshare(_CLONE_NEWNS),
        lambda: libc.mount(b"", b"/", b"none", _MS_SLAVE | _MS_REC, None),
        lambda: libc.umount2(b"/sys", _MNT_DETACH),
        lambda: libc.mount(host.encode(), b"/sys", b"sysfs", 0, None),
    )
    for step in steps:
        if step():
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


_CLONE_NEWNS = 0x20000  # sched.h
_MS_REC, _MS_SLAVE, _MNT_DETACH = 1 << 14, 1 << 19, 2  # mount.h


@contextmanager
def running(line: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs beside the test, its stderr in the file `log`.

    It leads a process group of its own, of which nothing outlives the test.
    """
    with (
        log.open("wb") as stderr,
        subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, process_group=0) as process,
    ):
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Wait until `holds()`."""
    for _ in range(PATIENCE_S * 50):
        if holds():
            return
        time.sleep(0.02)
    raise TimeoutError(f"{what}: not within {PATIENCE_S} s")


def await_line(log: Path, text: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has said `text`."""
    eventually(lambda: text in log.read_text() or process.poll() is not None, f"{text!r} in {log}")
    assert process.poll() is None, f"it ended: {log.read_text()}"


def finish(process: subprocess.Popen[bytes], log: Path) -> Ended:
    """Wait for a running command's end."""
    stdout, _ = process.communicate(timeout=PATIENCE_S)
    return Ended(process.returncode, json.loads(stdout or b"{}"), log.read_text())


@contextmanager
def listening_sink(log: Path, *arguments: object, host: str | None = None) -> Iterator[Callable[[], dict[str, Any]]]:
    """A `replay sink` that listens; calling what is yielded ends it and returns its report."""
    with running(command("replay", "sink", "--json", *arguments, host=host), log) as process:
        await_line(log, "listening on", process)

        def end() -> dict[str, Any]:
            process.terminate()
            ended = finish(process, log)
            assert ended.code == 0, ended.stderr
            return ended.report

        yield end


def status_of(control: Path) -> dict[str, Any]:
    """How the run that listens on `control` stands; empty while there is none.

    Asked here and not by `replay ctl`, which on a slow machine takes a second to start.
    """
    try:
        return ask(control, ["status"])
    except PreflightError:
        return {}


def await_sending(control: Path) -> None:
    """Wait until the run that listens on `control` has sent something."""
    eventually(lambda: status_of(control).get("sent_events", 0) > 0, f"a run under way at {control}")


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """The process ids of a running command's workers, in their order."""
    return sorted(child.pid for child in psutil.Process(process.pid).children())


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of loopback that nobody uses now, neither for UDP nor for TCP."""
    ports: list[int] = []
    with ExitStack() as stack:
        while len(ports) < count:
            datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            stream = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            datagrams.bind(("127.0.0.1", 0))
            with suppress(OSError):
                stream.bind(datagrams.getsockname())
                ports.append(datagrams.getsockname()[1])
    return tuple(ports)
