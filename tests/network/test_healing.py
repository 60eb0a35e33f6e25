"""Workers that are killed or frozen in mid-run: another goes on, and not an event is sent twice or skipped.

On loopback, with a sink that counts; none of this needs a privilege.
"""

import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from replay.control.run_socket import ask
from tests.network import programs
from tools.lab import PORTS, V4, Lab

RATE_EPS = 2_000  # half as much again, to catch up, is little even on a slow machine
SECONDS = 8


def disturbed_run(
    folder: Path, capture: Capture, disturb: Callable[[psutil.Process], None], *options: object
) -> tuple[programs.Ended, dict[str, Any]]:
    """A run of two workers that `disturb` is let loose upon as soon as it sends; and what the sink counted."""
    ports, log, control = programs.free_ports(4), folder / "run.log", folder / "control"
    with programs.listening_sink(folder / "sink.log", "--ports", programs.listed(ports)) as end_sink:
        length = ("--events", SECONDS * RATE_EPS, "--eps", RATE_EPS, "--workers", 2, "--control", control)
        run = programs.command(*programs.run_of(capture, "127.0.0.1", ports, *length, *options))
        with programs.running(run, log) as supervisor:
            programs.await_sending(control)
            disturb(psutil.Process(supervisor.pid))
            ended = programs.finish(supervisor, log)
        return ended, end_sink()


def worker(supervisor: psutil.Process, place: int) -> int:
    return sorted(child.pid for child in supervisor.children())[place]


def recovery_of(ended: programs.Ended, place: int, cause: str) -> dict[str, Any]:
    """The first recovery of a worker from `cause`; where cores are taken away, there may be others beside it."""
    return next(
        recovery
        for recovery in ended.report["recoveries"]
        if recovery["worker"] == place and recovery["cause"].startswith(cause)
    )


def kills(ended: programs.Ended) -> int:
    """How many workers were killed by the test."""
    return sum(recovery["cause"] == "was killed by SIGKILL" for recovery in ended.report["recoveries"])


def assert_every_event_once(ended: programs.Ended, sink: dict[str, Any]) -> None:
    for sent, received in zip(ended.report["lanes"], sink["lanes"], strict=True):
        assert (sent["port"], sent["sent_events"]) == (received["port"], received["received_events"])
        assert sent["sent_bytes"] == received["received_bytes"]


def test_a_killed_worker_is_replaced_and_its_lanes_go_on(tmp_path: Path, capture: Capture):
    def kill(supervisor: psutil.Process) -> None:
        os.kill(worker(supervisor, 0), signal.SIGKILL)

    ended, sink = disturbed_run(tmp_path, capture, kill)

    programs.assert_ran(ended)
    assert_every_event_once(ended, sink)
    assert ended.report["sent_events"] == RATE_EPS * SECONDS
    recovery = recovery_of(ended, 0, "was killed by SIGKILL")
    assert (kills(ended), recovery["way"]) == (1, "hard")
    assert recovery["events_behind"] >= 0
    assert recovery["recovered_s"] >= recovery["silent_s"] > 0
    assert "worker 0  was killed by SIGKILL" in ended.stderr


def test_a_frozen_worker_is_woken_and_catches_up(tmp_path: Path, capture: Capture):
    def freeze(supervisor: psutil.Process) -> None:
        os.kill(worker(supervisor, 1), signal.SIGSTOP)

    ended, sink = disturbed_run(tmp_path, capture, freeze)

    programs.assert_ran(ended)
    assert_every_event_once(ended, sink)
    assert ended.report["sent_events"] == RATE_EPS * SECONDS
    recovery = recovery_of(ended, 1, "stood still")
    assert recovery["way"] == "soft"
    assert re.fullmatch(r"stood still for \d+\.\d s", recovery["cause"])
    assert recovery["events_behind"] > RATE_EPS / 2
    assert recovery["recovered_s"] > recovery["silent_s"] > 2


def test_one_that_stays_frozen_is_killed_and_replaced(tmp_path: Path, capture: Capture):
    def freeze_again_and_again(supervisor: psutil.Process) -> None:
        frozen = worker(supervisor, 0)
        with suppress(ProcessLookupError):
            for _ in range(2000):  # it wakes to be frozen at once, until it is gone
                os.kill(frozen, signal.SIGSTOP)
                time.sleep(0.01)

    ended, sink = disturbed_run(tmp_path, capture, freeze_again_and_again)

    assert_every_event_once(ended, sink)
    assert [(recovery["worker"], recovery["way"]) for recovery in ended.report["recoveries"]][-1] == (0, "hard")


def test_one_that_dies_again_is_moved_to_another_core(tmp_path: Path, capture: Capture):
    def kill_twice(supervisor: psutil.Process) -> None:
        for _ in range(2):
            first = worker(supervisor, 0)
            os.kill(first, signal.SIGKILL)
            programs.eventually(lambda first=first: first not in {c.pid for c in supervisor.children()}, "its end")
            programs.eventually(lambda: len(supervisor.children()) == 2, "its successor")
            os.kill(worker(supervisor, 1), 0)

    ended, sink = disturbed_run(tmp_path, capture, kill_twice)

    programs.assert_ran(ended)
    assert_every_event_once(ended, sink)
    assert kills(ended) == 2


def test_what_dies_time_after_time_ends_the_run_and_all_is_counted(tmp_path: Path, capture: Capture):
    def kill_them_all(supervisor: psutil.Process) -> None:
        with suppress(psutil.NoSuchProcess):
            for _ in range(400):
                if supervisor.status() == psutil.STATUS_ZOMBIE:
                    break
                for child in supervisor.children():
                    with suppress(ProcessLookupError):
                        os.kill(child.pid, signal.SIGKILL)
                time.sleep(0.05)

    ended, sink = disturbed_run(tmp_path, capture, kill_them_all)

    assert ended.code == ExitCode.FAILED
    assert "was killed by SIGKILL, time after time: it was given up" in ended.report["reason"]
    assert_every_event_once(ended, sink)


def replaced(status: dict[str, Any], deaths: int) -> bool:
    """Whether so many workers have died, and all run again."""
    return status["recoveries"] >= deaths and {worker["state"] for worker in status["workers"]} == {"running"}


@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
def test_at_full_speed_too_every_datagram_is_counted(log: Path, control: Path, capture: Capture, lab: Lab, gso: str):
    """Killed in the midst of its system calls; the far end of the wire counts what enters, and drops it."""
    length = ("--loops", 1_000_000, "--eps", "200k", "--workers", 2, "--control", control, gso)
    run = programs.command(*programs.run_of(capture, V4, PORTS, *length), host=lab.sender)
    with lab.cut_at_sender(), lab.dropping(f"udp dport {PORTS[0]}-{PORTS[-1]}") as dropped:
        with programs.running(run, log) as process:
            supervisor = psutil.Process(process.pid)
            programs.await_sending(control)
            for deaths in range(1, 4):
                os.kill(worker(supervisor, 0), signal.SIGKILL)
                programs.eventually(
                    lambda deaths=deaths: replaced(programs.status_of(control), deaths), "its successor"
                )
                time.sleep(0.1)
            ask(control, ["stop"])
            ended = programs.finish(process, log)

        assert ended.code in (ExitCode.MET, ExitCode.MISSED), ended.stderr  # its rate is not judged
        assert dropped() == ended.report["sent_events"] > 0
        assert kills(ended) == 3
