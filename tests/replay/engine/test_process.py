"""The hot loop, run in this process against a backend that keeps what it is given."""

import errno
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay.engine.batch import Batch
from replay.engine.lane import Lane

from captures.console.errors import RunError
from captures.format.reader import Capture, open_capture
from replay.board.journal import TRAINS
from replay.board.layout import Board, State
from replay.clock import SECOND_NS, monotonic_ns
from replay.engine import process
from replay.engine.counts import WorkerCounts
from replay.engine.process import lane_pieces, serve, work
from replay.path.target import Target
from replay.plan.pace import Extent, Pace
from replay.plan.run_plan import RunPlan, plan_run
from replay.plan.workers import plan_workers
from replay.rewrite.stamps_at_sending import Stamp
from replay.schedule.bursts import RoundRobin, TokenBucket
from replay.schedule.deal import Start
from replay.schedule.demand import TimeScale
from tests.captures.content import content, noise, write
from tests.replay.pages import shapes_of

NEVER_NS = 1 << 62
CORE = 0
SUPERVISOR = 1
START_WALL_NS = 1_800_000_000_123_456_789


class Keeper:
    """A backend that keeps each datagram by lane, and takes `mouthful` messages a send."""

    def __init__(self, batch: Batch, mouthful: int = 1000) -> None:
        self.gso = True
        self.kept: dict[int, list[bytes]] = {}
        self._batch = batch
        self._mouthful = mouthful
        self._next = 0

    @property
    def pending(self) -> int:
        return self._batch.trains - self._next

    def load(self) -> None:
        self._batch.journal.load(self._batch.trains, self._batch.trains, whole=True)
        self._next = 0

    def send(self) -> None:
        for _ in range(min(self._mouthful, self.pending)):
            at, batch = self._next, self._batch
            start, length = int(batch.start[at]), int(batch.length[at])
            self.kept.setdefault(int(batch.lane[at]), []).extend(
                batch.buffer[place : place + length].tobytes()
                for place in range(start, start + int(batch.size[at]), length)
            )
            batch.journal.messages["len"][at] = int(batch.size[at])  # as the kernel does
            self._next += 1


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    path = tmp_path_factory.mktemp("worker") / "noise.rcap"
    shapes = np.random.default_rng(2).integers((1, 1), (129, 40), (60, 2))
    write(path, content(noise((int(count), int(length)) for count, length in shapes)))
    return open_capture(path)


def plan_of(capture: Capture, lanes: int, extent: Extent, rate_eps: int | None = None, **changes: Any) -> RunPlan:
    known: dict[str, Any] = {
        "target": Target(socket.AF_INET, "127.0.0.1"),
        "ports": range(20000, 20000 + lanes),
        "pace": Pace(rate_eps),
        "train_max": 128,
        "segments": 1,
        "stamp": Stamp.KEEP,
        "workers": plan_workers(1, lanes, sorted(os.sched_getaffinity(0))),
    }
    return plan_run(capture, extent=extent, **{**known, **changes})


def served(
    capture: Capture,
    plan: RunPlan,
    may_go_on: Callable[[int], bool] = lambda _: True,
    backend_of: Callable[[Batch], Any] = Keeper,
    boards: list[Board] | None = None,
) -> tuple[bool, Keeper, Board]:
    """Serve all lanes of a plan to the end, or until `may_go_on` says no; the board is put into `boards` at once."""
    board = Board(1, len(plan.ports))
    if boards is not None:
        boards.append(board)
    start_ns = monotonic_ns()
    board.control["start_ns"] = start_ns
    fd = os.open(capture.path, os.O_RDONLY)
    batch = Batch(capture.payload, plan.stamp, board.journals[0])
    keeper = backend_of(batch)
    lanes = []
    for lane in range(len(plan.ports)):
        source = lane_pieces(capture, plan.deal, lane, fd, TimeScale(total=plan.total), Start(start_ns, START_WALL_NS))
        lanes.append(Lane(lane, TokenBucket() if plan.paced else RoundRobin(), source, lane / len(plan.ports)))
    counts = WorkerCounts(board, plan, 0)
    done = serve(lanes, 1 if plan.paced else TRAINS, TRAINS, batch, keeper, counts, may_go_on)
    counts.finish()
    os.close(fd)
    return done, keeper, board


@given(
    lanes=st.integers(1, 12),
    events=st.integers(1, 9000),
    rate_eps=st.sampled_from([None, 5_000_000, 80_000_000]),
    train_max=st.integers(1, 128),
    mouthful=st.integers(1, 20),
)
def test_what_is_sent_is_the_stream_whatever_the_pace(
    lanes: int, events: int, rate_eps: int | None, train_max: int, mouthful: int, capture: Capture
) -> None:
    plan = plan_of(capture, lanes, Extent(events=events), rate_eps, train_max=train_max)

    done, keeper, board = served(capture, plan, backend_of=lambda batch: Keeper(batch, mouthful))

    lines = list(capture.lines())
    assert done
    assert Counter(line for kept in keeper.kept.values() for line in kept) == Counter(
        lines[event % len(lines)] for event in range(events)
    )
    assert board.lanes["sent_events"].tolist() == [len(keeper.kept.get(lane, [])) for lane in range(lanes)]
    assert board.lanes["sent_bytes"].tolist() == [sum(map(len, keeper.kept.get(lane, []))) for lane in range(lanes)]
    assert board.workers["interval_events"].sum() == events
    lag_events = int(board.workers["lag"][0][:1024].sum())
    assert lag_events == (0 if rate_eps is None else events)


@given(rate_eps=st.sampled_from([None, 50_000_000]))
def test_a_lane_sends_the_same_events_in_the_same_order_at_any_pace(rate_eps: int | None, capture: Capture) -> None:
    plan = plan_of(capture, 3, Extent(loops=2))
    with capture.path.open("rb") as file:
        plain = {
            lane: [
                line
                for pieces in lane_pieces(capture, plan.deal, lane, file.fileno(), TimeScale(total=plan.total), Start())
                for line in lines_of(capture, pieces)
            ]
            for lane in range(3)
        }

    assert served(capture, plan_of(capture, 3, Extent(loops=2), rate_eps))[1].kept == plain


def lines_of(capture: Capture, pieces: Any) -> Iterator[bytes]:
    for offset, size, length in shapes_of(pieces)[:, :3].tolist():
        for place in range(offset, offset + size, length):
            yield capture.payload[place : place + length].tobytes()


def test_being_told_to_stop_counts_what_left_until_then(capture: Capture) -> None:
    looks = iter(range(5))

    done, keeper, board = served(
        capture, plan_of(capture, 4, Extent(loops=50)), lambda _: next(looks, None) is not None
    )

    assert not done
    assert board.lanes["sent_events"].sum() == sum(map(len, keeper.kept.values())) > 0


def test_a_refusal_for_good_counts_what_left_before_it(capture: Capture) -> None:
    class Refusing(Keeper):
        def send(self) -> None:
            if len(self.kept) == 3:
                raise OSError(errno.EMSGSIZE, "Message too long")
            super().send()

        def errors(self) -> Iterator[tuple[int, int]]:
            return iter(())

        def next_lane(self) -> int:
            return 0

    keeper, boards = None, []

    def keep(batch: Batch) -> Any:
        nonlocal keeper
        keeper = Refusing(batch, mouthful=1)
        keeper.gso = False
        return keeper

    with pytest.raises(RunError, match="EMSGSIZE"):
        served(capture, plan_of(capture, 4, Extent(loops=50)), backend_of=keep, boards=boards)

    assert keeper is not None
    assert boards[0].lanes["sent_events"].sum() == sum(map(len, keeper.kept.values())) > 0


def board_for(plan: RunPlan) -> Board:
    board = Board(len(plan.workers), len(plan.ports))
    board.control["end_ns"] = NEVER_NS
    board.set_time_scale(TimeScale(total=plan.total))
    return board


@pytest.fixture
def no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker takes this process's signals and core, and ends it with its parent; here it may not."""
    monkeypatch.setattr(process.signal, "signal", lambda *_: None)
    monkeypatch.setattr(process.os, "sched_setaffinity", lambda *_: None)
    monkeypatch.setattr(process.gc, "disable", lambda: None)
    monkeypatch.setattr(process, "end_with_parent", lambda _: None)


@pytest.mark.usefixtures("no_signals")
class TestWork:
    """A worker's life, lived in this process."""

    def test_to_its_end(self, capture: Capture) -> None:
        plan = plan_of(capture, 2, Extent(loops=1), rate_eps=1_000_000)
        board = board_for(plan)
        board.control["start_ns"] = monotonic_ns() + SECOND_NS // 50
        work(capture, plan, board, 0, CORE, SUPERVISOR)

        assert board.workers["state"][0] == State.DONE
        assert board.lanes["sent_events"].sum() == capture.events

    def test_past_its_time_it_stops(self, capture: Capture) -> None:
        plan = plan_of(capture, 2, Extent(loops=1), rate_eps=1)
        board = board_for(plan)
        board.control["start_ns"] = monotonic_ns()
        board.control["end_ns"] = monotonic_ns() + SECOND_NS // 20
        work(capture, plan, board, 0, CORE, SUPERVISOR)

        assert board.workers["state"][0] == State.STOPPED
        assert board.lanes["sent_events"].sum() == 0

    def test_told_to_stop_it_does_not_wait_for_a_start(self, capture: Capture) -> None:
        plan = plan_of(capture, 2, Extent(loops=1))
        board = board_for(plan)
        board.control["stop"] = 1
        work(capture, plan, board, 0, CORE, SUPERVISOR)

        assert board.workers["state"][0] == State.STOPPED

    def test_it_beats_for_each_lane_that_it_takes_up(self, capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
        """Though that may take long, with many lanes or on a slow disk, it does not look dead meanwhile."""
        plan = plan_of(capture, 4, Extent(loops=1))
        board, beats = board_for(plan), list[int]()

        def take_up(*arguments: Any) -> Lane:
            beats.append(int(board.workers["beat_ns"][0]))
            return Lane(*arguments)

        monkeypatch.setattr(process, "Lane", take_up)
        board.control["start_ns"] = monotonic_ns()
        work(capture, plan, board, 0, CORE, SUPERVISOR)

        assert len(set(beats)) == len(beats) == 4

    def test_it_says_why_it_failed(self, tmp_path: Path) -> None:
        """Somebody writes to the capture, and it sends nothing of what stands there now."""
        path = tmp_path / "changing.rcap"
        write(path, content(noise([(10, 30)] * 5)))
        capture = open_capture(path)
        plan = plan_of(capture, 2, Extent(loops=1))
        board = board_for(plan)
        board.control["start_ns"] = monotonic_ns()
        with path.open("r+b") as file:
            file.write(b"x")
        work(capture, plan, board, 0, CORE, SUPERVISOR)

        assert board.workers["state"][0] == State.FAILED
        assert b"the capture was changed" in board.workers["failure"][0]
        assert not board.lanes["sent_events"].any()
