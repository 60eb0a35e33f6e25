"""Workers that are killed or frozen in mid-run: another goes on, and not an event is sent twice or skipped.

On loopback, with a sink that counts; none of this needs a privilege.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from captures.errors import ExitCode
from captures.reader import Capture
from tests.network.programs import (
    Ended,
    command,
    eventually,
    finish,
    free_ports,
    listed,
    listening_sink,
    run_of,
    running,
    workers_of,
)
from tools.lab import PORTS, V4, Lab

RATE_EPS = 8_000  # an ordinary user's receive buffers are small: 200 kB by default
SECONDS = 7


def disturbed_run(
    folder: Path, capture: Capture, disturb: Callable[[psutil.Process], None], *options: object
) -> tuple[Ended, dict[str, Any]]:
    """A run of two workers that `disturb` is let loose upon after its first second; and what the sink counted."""
    ports, log = free_ports(4), folder / "run.log"
    with listening_sink(folder / "sink.log", "--ports", listed(ports)) as end_sink:
        length = ("--duration", f"{SECONDS}s", "--eps", RATE_EPS, "--workers", 2)
        run = command(*run_of(capture, "127.0.0.1", ports, *length, *options))
        with running(run, log) as supervisor:
            eventually(lambda: len(workers_of(supervisor)) == 2, "two workers")
            time.sleep(1.5)
            disturb(psutil.Process(supervisor.pid))
            ended = finish(supervisor, log)
        return ended, end_sink()


def worker(supervisor: psutil.Process, place: int) -> int:
    return sorted(child.pid for child in supervisor.children())[place]


def assert_every_event_once(ended: Ended, sink: dict[str, Any]) -> None:
    for sent, received in zip(ended.report["lanes"], sink["lanes"], strict=True):
        assert (sent["port"], sent["sent_events"]) == (received["port"], received["received_events"])
        assert sent["sent_bytes"] == received["received_bytes"]


def test_a_killed_worker_is_replaced_and_its_lanes_go_on(tmp_path: Path, capture: Capture):
    def kill(supervisor: psutil.Process) -> None:
        os.kill(worker(supervisor, 0), signal.SIGKILL)

    ended, sink = disturbed_run(tmp_path, capture, kill)

    assert ended.code == ExitCode.MET, ended.stderr
    assert_every_event_once(ended, sink)
    assert ended.report["sent_events"] == RATE_EPS * SECONDS
    (recovery,) = ended.report["recoveries"]
    assert (recovery["worker"], recovery["cause"], recovery["way"]) == (0, "was killed by SIGKILL", "hard")
    assert recovery["events_behind"] >= 0
    assert recovery["recovered_s"] >= recovery["silent_s"] > 0
    assert "worker 0  was killed by SIGKILL" in ended.stderr


def test_a_frozen_worker_is_woken_and_catches_up(tmp_path: Path, capture: Capture):
    def freeze(supervisor: psutil.Process) -> None:
        os.kill(worker(supervisor, 1), signal.SIGSTOP)

    ended, sink = disturbed_run(tmp_path, capture, freeze)

    assert ended.code == ExitCode.MET, ended.stderr
    assert_every_event_once(ended, sink)
    assert ended.report["sent_events"] == RATE_EPS * SECONDS
    (recovery,) = ended.report["recoveries"]
    assert (recovery["worker"], recovery["way"]) == (1, "soft")
    assert recovery["cause"].startswith("stood still for 2.")
    assert recovery["events_behind"] > RATE_EPS / 2
    assert recovery["recovered_s"] > recovery["silent_s"] > 2


def test_one_that_stays_frozen_is_killed_and_replaced(tmp_path: Path, capture: Capture):
    def freeze_again_and_again(supervisor: psutil.Process) -> None:
        frozen = worker(supervisor, 0)
        with suppress(ProcessLookupError):
            for _ in range(400):  # it wakes to be frozen at once, until it is gone
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
            eventually(lambda first=first: first not in {c.pid for c in supervisor.children()}, "its end")
            eventually(lambda: len(supervisor.children()) == 2, "its successor")
            os.kill(worker(supervisor, 1), 0)

    ended, sink = disturbed_run(tmp_path, capture, kill_twice)

    assert ended.code == ExitCode.MET, ended.stderr
    assert_every_event_once(ended, sink)
    assert len(ended.report["recoveries"]) == 2


def test_what_dies_time_after_time_ends_the_run_and_all_is_counted(tmp_path: Path, capture: Capture):
    def kill_them_all(supervisor: psutil.Process) -> None:
        with suppress(psutil.NoSuchProcess):
            for _ in range(200):
                for child in supervisor.children():
                    with suppress(ProcessLookupError):
                        os.kill(child.pid, signal.SIGKILL)
                time.sleep(0.05)

    ended, sink = disturbed_run(tmp_path, capture, kill_them_all)

    assert ended.code == ExitCode.FAILED
    assert "was killed by SIGKILL, time after time: it was given up" in ended.report["reason"]
    assert_every_event_once(ended, sink)


@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
def test_at_full_speed_too_every_datagram_is_counted(tmp_path: Path, capture: Capture, lab: Lab, gso: str):
    """Killed in the midst of its system calls; the far end of the wire counts what enters, and drops it."""
    log = tmp_path / "run.log"
    length = ("--duration", "4s", "--eps", "200k", "--workers", 2, gso)
    run = command(*run_of(capture, V4, PORTS, *length), host=lab.sender)
    with lab.cut_at_sender(), lab.dropping(f"udp dport {PORTS[0]}-{PORTS[-1]}") as dropped:
        with running(run, log) as process:
            supervisor = psutil.Process(process.pid)
            eventually(lambda: len(supervisor.children()) == 2 and dropped() > 0, "a run under way")
            for _ in range(3):
                os.kill(worker(supervisor, 0), signal.SIGKILL)
                eventually(lambda: len(supervisor.children()) == 2, "its successor")
                time.sleep(0.3)
            ended = finish(process, log)

        assert ended.code == ExitCode.MET, ended.stderr
        assert dropped() == ended.report["sent_events"] == 800_000
        assert len(ended.report["recoveries"]) == 3
