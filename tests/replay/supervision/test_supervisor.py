"""The supervisor: a worker that ends though nobody said so, and orders that come too late."""

import os
import socket
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import ExitCode, InputError
from captures.format.capture import Capture
from captures.format.reader import open_capture
from replay.board.layout import Board, State
from replay.clock import SECOND_NS, monotonic_ns, sleep_ns
from replay.path.target import Target
from replay.plan.pace import Extent, Pace
from replay.plan.run_plan import RunPlan, plan_run
from replay.plan.workers import plan_workers
from replay.report.run_report import run_report
from replay.report.verdict import exit_code
from replay.rewrite.stamps_at_sending import Stamp
from replay.supervision import workers
from replay.supervision.supervisor import Supervisor
from tests.captures.content import tiny, write


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    write(tmp_path / "tiny.rcap", tiny())
    return open_capture(tmp_path / "tiny.rcap")


def plan_of(capture: Capture, extent: Extent, rate_eps: int | None = 1000) -> RunPlan:
    return plan_run(
        capture,
        target=Target(socket.AF_INET, "127.0.0.1"),
        ports=[20514, 20515],
        pace=Pace(rate_eps),
        extent=extent,
        train_max=128,
        segments=1,
        stamp=Stamp.KEEP,
        workers=plan_workers(2, 2, sorted(os.sched_getaffinity(0))),
    )


def working(monkeypatch: pytest.MonkeyPatch, work: Callable[[Board, int], None]) -> None:
    """Have workers do `work`, with the board and their number, as soon as the run has begun."""

    def begin(_capture: Capture, _plan: RunPlan, board: Board, index: int, *_: Any) -> None:
        board.workers["state"][index] = State.READY
        while not 0 < board.control["start_ns"][0] < monotonic_ns():
            sleep_ns(SECOND_NS // 1000)
        board.workers["state"][index] = State.RUNNING
        board.workers["beat_ns"][index] = monotonic_ns()
        work(board, index)

    monkeypatch.setattr(workers, "work", begin)


def nothing(*_: object) -> None:
    pass


def test_a_worker_that_stopped_though_nobody_said_so_failed(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(board: Board, index: int) -> None:
        board.lanes["sent_events"][index] = 500
        board.workers["last_send_ns"][index] = monotonic_ns()
        board.workers["state"][index] = State.STOPPED if index else State.DONE

    working(monkeypatch, give_up)
    plan = plan_of(capture, Extent(events=1000))
    outcome = Supervisor(capture, plan).run(nothing, nothing)
    report = run_report(capture, plan, outcome)

    assert report.sent_events == report.asked_events
    assert (report.verdict, exit_code(report)) == ("failed", ExitCode.FAILED)
    assert report.reason == "worker 1 stopped, and nothing had told it to"


def test_one_that_says_all_is_sent_is_not_believed(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretend(board: Board, index: int) -> None:
        board.lanes["sent_events"][index] = 500 - index
        board.workers["last_send_ns"][index] = monotonic_ns()
        board.workers["state"][index] = State.DONE

    working(monkeypatch, pretend)
    plan = plan_of(capture, Extent(events=1000))
    report = run_report(capture, plan, Supervisor(capture, plan).run(nothing, nothing))

    assert report.verdict == "failed"
    assert report.reason == "the workers say that they have sent all of 1,000 events, and the lanes count 999"


@pytest.mark.parametrize("extent", [Extent(events=1000), Extent(duration_ns=60 * SECOND_NS)])
def test_no_more_can_be_asked_of_a_worker_that_has_sent_all(
    extent: Extent, capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of so many events asks for no more at another rate; one that lasts so long would."""

    def finish(board: Board, index: int) -> None:
        board.lanes["sent_events"][index] = 30_000 if extent.duration_ns else 500
        board.workers["last_send_ns"][index] = monotonic_ns()
        while index and not board.control["stop"][0]:
            board.workers["beat_ns"][index] = monotonic_ns()
            sleep_ns(SECOND_NS // 1000)
        board.workers["state"][index] = State.STOPPED if index else State.DONE

    working(monkeypatch, finish)
    supervisor, said = Supervisor(capture, plan_of(capture, extent)), []

    def change() -> None:
        if supervisor.board.workers["state"][0] == State.DONE:
            try:
                supervisor.change_time_scale(Fraction(2))
                said.append("changed")
            except InputError as error:
                said.append(str(error))
            supervisor.board.control["stop"] = 1

    supervisor.run(change, nothing)

    assert said[0] == ("the run is ending, and its rate can't be changed any more" if extent.duration_ns else "changed")


def test_without_a_rate_an_order_to_end_is_obeyed_at_once(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(board: Board, index: int) -> None:
        while not board.control["stop"][0]:
            board.workers["beat_ns"][index] = monotonic_ns()
            board.lanes["sent_events"][index] += 1
            sleep_ns(SECOND_NS // 1000)
        board.workers["state"][index] = State.STOPPED

    working(monkeypatch, send)
    plan = plan_of(capture, Extent(duration_ns=60 * SECOND_NS), rate_eps=None)
    supervisor = Supervisor(capture, plan)
    outcome = supervisor.run(lambda: supervisor.stop("replay ctl stop"), nothing)
    report = run_report(capture, plan, outcome)

    assert (report.verdict, exit_code(report)) == ("measured", ExitCode.MET)
    assert report.reason.endswith("events sent; stopped by replay ctl stop")
