"""Runs that are disturbed at random: signals to supervisor and workers, a terminal that stops, commands at any instant.

Whatever happens to a run, its report is there unless the supervisor itself was killed, the ledger is exact, and nothing
is left: no process, no control socket, no shared memory.
"""

import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from captures.console.errors import ExitCode
from tests.network.programs import ROOT, await_sending, call, command, eventually, free_ports, listed, listening_sink

RATE_EPS = 100_000
EVENTS = 150_000
PATIENCE_S = 60
CTRL_S, CTRL_Q = b"\x13", b"\x11"
SHARED_MEMORY = Path("/dev/shm")
MARK = "STAMPEDE_FUZZ"
"""A variable in the environment of all that a trial starts: what is left of it is found by this."""


@dataclass
class Trial:
    """One run under way, on a terminal of its own."""

    draw: random.Random
    process: subprocess.Popen[bytes]
    terminal: int
    """The file descriptor of the terminal's other end."""
    control: Path
    done: list[str] = field(default_factory=list)
    """What was done to it."""
    shown: bytes = b""
    """What the terminal has shown."""

    @property
    def workers(self) -> list[psutil.Process]:
        """Those that live."""
        with suppress(psutil.NoSuchProcess):
            return [child for child in psutil.Process(self.process.pid).children() if child.status() != "zombie"]
        return []

    def read_terminal(self) -> None:
        """Take what the run has written to the terminal."""
        with suppress(OSError):
            self.shown += os.read(self.terminal, 1 << 16)


def stop_for_a_while(trial: Trial, pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(trial.draw.uniform(0.05, 3))
        os.kill(pid, signal.SIGCONT)


def kill_a_worker(trial: Trial) -> None:
    if trial.workers:
        with suppress(psutil.NoSuchProcess):
            trial.draw.choice(trial.workers).kill()


def freeze_a_worker(trial: Trial) -> None:
    if trial.workers:
        stop_for_a_while(trial, trial.draw.choice(trial.workers).pid)


def freeze_the_supervisor(trial: Trial) -> None:
    stop_for_a_while(trial, trial.process.pid)


def stop_the_terminal(trial: Trial) -> None:
    os.write(trial.terminal, CTRL_S)
    time.sleep(trial.draw.uniform(0.05, 2))
    if trial.draw.random() < 0.7:
        os.write(trial.terminal, CTRL_Q)


def signals(number: signal.Signals) -> Callable[[Trial], None]:
    def send(trial: Trial) -> None:
        for _ in range(trial.draw.choice((1, 1, 1, 2, 20))):
            trial.process.send_signal(number)
            time.sleep(0.005)

    send.__name__ = number.name
    return send


def tell_it(trial: Trial) -> None:
    words = trial.draw.choice((("pause",), ("resume",), ("rate", "50k"), ("rate", "200k"), ("status",), ("stop",)))
    trial.done.append(" ".join(words))
    call("replay", "ctl", *words, "--json", "--control", trial.control)


DISTURBANCES: tuple[Callable[[Trial], None], ...] = (
    *(kill_a_worker, freeze_a_worker, freeze_the_supervisor, stop_the_terminal, tell_it),
    *(signals(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGKILL)),
)


def fuzz_signals(seconds: float, seed: int) -> int:
    """Disturb runs for about so long; returns how many."""
    draw = random.Random(seed)
    trials = 0
    with TemporaryDirectory(prefix="fuzz-") as name:
        capture = Path(name) / "tagged.rcap"
        built = call("precompute", "build", "system", "--tagged", "--events", "20k", "-o", capture)
        assert built.code == 0, built.stderr
        end = time.monotonic() + seconds
        while not trials or time.monotonic() < end:
            trials += 1
            folder = Path(name) / str(trials)
            folder.mkdir()
            disturbed_run(draw, folder, capture)
    return trials


def disturbed_run(draw: random.Random, folder: Path, capture: Path) -> None:
    """One run, some disturbances, and what must hold after it."""
    ports, mark = free_ports(2), f"{os.getpid()}-{draw.random()}"
    shared = set(SHARED_MEMORY.iterdir())
    sent_path, received_path = folder / "sent.json", folder / "received.json"
    with listening_sink(folder / "sink.log", "--ports", listed(ports)) as end_sink:
        with started(draw, folder, capture, ports, mark) as trial:
            await_sending(trial.control)
            for _ in range(draw.randint(1, 3)):
                time.sleep(draw.uniform(0, 0.8))
                disturb = draw.choice(DISTURBANCES)
                trial.done.append(disturb.__name__)
                disturb(trial)
            wait_for_end(trial)
            story = f"{', '.join(trial.done)}\n{trial.shown.decode(errors='replace')}"
            eventually(lambda: not living(mark), f"the end of all processes after {story}")
        received_path.write_text(json.dumps(end_sink()))
    killed = "SIGKILL" in trial.done
    if not killed:
        assert not trial.control.exists(), story
        check_report(json.loads(sent_path.read_text()), trial.process.returncode, story)
    elif not sent_path.exists():
        check_killed(json.loads(received_path.read_text()), story)
        return
    check_ledger(sent_path, received_path, story)
    eventually(lambda: set(SHARED_MEMORY.iterdir()) <= shared, f"no shared memory left after {story}")


@contextmanager
def started(draw: random.Random, folder: Path, capture: Path, ports: tuple[int, ...], mark: str) -> Iterator[Trial]:
    """A run on a terminal of its own; whatever happens it is ended."""
    terminal, own_end = pty.openpty()
    os.set_blocking(terminal, False)
    control = folder / "control"
    line = command(
        *("replay", "run", capture, "--target", "127.0.0.1", "--ports", listed(ports)),
        *("--eps", RATE_EPS, "--events", EVENTS, "--workers", draw.choice((1, 2)), "--control", control),
        *("--report", folder / "sent.json"),
    )
    with subprocess.Popen(
        line,
        cwd=ROOT,
        stdin=own_end,
        stdout=own_end,
        stderr=own_end,
        env={**os.environ, MARK: mark, "TERM": "xterm"},
        start_new_session=True,
    ) as process:
        os.close(own_end)
        try:
            yield Trial(draw, process, terminal, control)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            os.close(terminal)


def wait_for_end(trial: Trial) -> None:
    """Wait until the run has ended, reading what it shows; a pause that it was left in is over."""
    end = time.monotonic() + PATIENCE_S
    while trial.process.poll() is None and time.monotonic() < end:
        trial.read_terminal()
        time.sleep(0.02)
        if "pause" in trial.done:
            with suppress(Exception):
                call("replay", "ctl", "resume", "--json", "--control", trial.control)
    trial.read_terminal()
    assert trial.process.poll() is not None, f"it did not end after {trial.done}: {trial.shown!r}"
    assert b"Traceback" not in trial.shown, trial.shown.decode(errors="replace")


def living(mark: str) -> list[psutil.Process]:
    """The processes that a trial has started and that are not over."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def check_report(sent: dict[str, Any], code: int, story: str) -> None:
    """The report agrees with itself and with the exit code."""
    codes = {"met": 0, "measured": 0, "missed": 1, "failed": 4, "interrupted": 130}
    assert code == codes[sent["verdict"]], (code, sent["verdict"], sent["reason"], story)
    assert sum(lane["sent_events"] for lane in sent["lanes"]) == sent["sent_events"], story
    if sent["verdict"] == "met" and "stop" not in story:
        assert sent["sent_events"] == sent["asked_events"] == EVENTS, (sent["reason"], story)


def check_killed(received: dict[str, Any], story: str) -> None:
    """Of a run whose supervisor was killed, what arrived has no gap but what the sink's sockets dropped."""
    for lane in received["lanes"]:
        if not lane["kernel_drops"]:
            assert not lane["lost_events"], (lane, story)


def check_ledger(sent_path: Path, received_path: Path, story: str) -> None:
    """All that was sent arrived, or the sockets of the sink had no room for it; nothing came twice."""
    ended = call("replay", "reconcile", sent_path, received_path, "--json")
    assert ended.code in (ExitCode.MET, ExitCode.MISSED), (ended.stderr, story)
    ledger = ended.report
    assert not ledger["surplus_events"], (ledger, story)
    assert not ledger["duplicated_events"], (ledger, story)
    assert ledger["lost_events"] == (ledger["lost_in_socket_events"] or 0), (ledger, story)
    assert (ended.code == ExitCode.MET) == (ledger["lost_events"] == 0), (ledger, story)


if __name__ == "__main__":
    print(fuzz_signals(float(sys.argv[1]), int(sys.argv[2])), "runs")
