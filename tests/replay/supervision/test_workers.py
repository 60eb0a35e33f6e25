"""Watching workers: one that ends in the very instant in which it is looked at has ended well, and is not replaced."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from captures.format.reader import open_capture
from replay.board.layout import Board, State
from replay.clock import monotonic_ns
from replay.path.target import Target
from replay.plan.pace import Extent, Pace
from replay.plan.run_plan import plan_run
from replay.plan.workers import plan_workers
from replay.rewrite.stamps_at_sending import Stamp
from replay.supervision.supervisor import Supervisor
from tests.captures.content import tiny, write


class Ending:
    """A process that writes its last state and exits just before it is asked for its exit code."""

    pid = 1

    def __init__(self, board: Board, index: int, state: State, code: int) -> None:
        self._board, self._index, self._state, self._code = board, index, state, code

    @property
    def exitcode(self) -> int:
        self._board.workers["state"][self._index] = self._state
        return self._code


@pytest.fixture
def supervisor(tmp_path: Path) -> Supervisor:
    write(tmp_path / "tiny.rcap", tiny())
    capture = open_capture(tmp_path / "tiny.rcap")
    plan = plan_run(
        capture,
        target=Target(socket.AF_INET, "127.0.0.1"),
        ports=[20514, 20515],
        pace=Pace(1000),
        extent=Extent(events=1000),
        train_max=128,
        segments=1,
        stamp=Stamp.KEEP,
        workers=plan_workers(2, 2, sorted(os.sched_getaffinity(0))),
    )
    made = Supervisor(capture, plan)
    made.board.workers["state"] = State.RUNNING
    made.board.workers["beat_ns"] = monotonic_ns()
    return made


def end_all(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, state: State, code: int) -> list[int]:
    """Both workers end so; returns those that are replaced from then on."""
    replaced: list[int] = []

    def replace(_: object, index: int, *__: Any) -> None:
        replaced.append(index)

    monkeypatch.setattr(type(supervisor._workers), "_replace", replace)
    supervisor._workers._processes = [Ending(supervisor.board, index, state, code) for index in range(2)]  # type: ignore[misc]
    return replaced


def test_a_worker_that_is_done_while_it_is_looked_at_is_not_dead(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = end_all(supervisor, monkeypatch, State.DONE, 0)
    assert supervisor._workers.failures() == []
    supervisor.board.workers["state"] = State.RUNNING
    assert supervisor._workers.check(monotonic_ns()) == []
    assert replaced == []


def test_one_that_dies_time_after_time_is_given_up_by_its_own_name(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = end_all(supervisor, monkeypatch, State.RUNNING, -9)
    supervisor.board.workers["state"][0] = State.DONE
    supervisor._workers._processes[0] = Ending(supervisor.board, 0, State.DONE, 0)  # type: ignore[call-overload]
    for _ in range(3):
        assert supervisor._workers.check(monotonic_ns()) == []
    said = "worker 1 (process 1) was killed by SIGKILL, time after time: it was given up"
    assert supervisor._workers.check(monotonic_ns()) == [said]
    assert replaced == [1, 1, 1]
