"""The commands under test and their counterparts as processes: awaited with a bound, and ended whatever happens."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from captures.console.errors import ExitCode, PreflightError
from captures.format.capture import Capture
from replay.control.run_socket import ask
from tests import forks
from tools import command_line

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60
"""Only a bound: on a machine that is slow and busy, a command takes seconds to start."""


class Command(list[str]):
    """The command line of a new Python; `running` forks instead, and so it is told what the fork is to be."""

    def __init__(self, line: Sequence[str], words: Sequence[str], host: str | None) -> None:
        super().__init__(line)
        self.words, self.host = words, host


def command(program: object, *arguments: object, host: str | None = None) -> Command:
    """The command line of `replay` or `precompute`, in the namespace `host` if one is given."""
    inside = [] if host is None else ["ip", "netns", "exec", host]
    line = command_line.command(program, *arguments)
    return Command([*inside, *line], [str(program), *map(str, arguments)], host)


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
    """Run a command to its end; `through` another one, which takes some of its rights."""
    if program in ("replay", "precompute") and not through:
        done = forks.call(str(program), *arguments, host=host, folder=ROOT, timeout_s=2 * PATIENCE_S)
    else:
        line = [*through, *command(program, *arguments, host=host)]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False)
    return Ended(done.returncode, json.loads(done.stdout or "{}"), done.stderr)


@contextmanager
def running(line: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs beside the test, its stderr in the file `log`.

    It leads a process group of its own, of which nothing outlives the test.
    """
    started = forks.fork(*line.words, host=line.host) if isinstance(line, Command) else {"args": line}
    with (
        log.open("wb") as stderr,
        subprocess.Popen(**started, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, process_group=0) as process,
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
