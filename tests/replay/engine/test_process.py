"""A worker's life, lived in this process: what arrives on loopback is what its board says."""

import errno
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import RunError
from captures.format.capture import Capture
from captures.format.reader import open_capture
from captures.format.stamp_writing import iso_ms
from replay.board.errnos import errno_place
from replay.board.layout import Board, State
from replay.clock import SECOND_NS, monotonic_ns, wall_ns
from replay.engine import process
from replay.engine.process import Worker, work
from replay.engine.refill import Supply
from replay.linux.sockets.udp_send import max_segments
from replay.plan.pace import Extent
from replay.plan.run_plan import RunPlan
from replay.rewrite.stamps_at_sending import Stamp
from replay.schedule.deal import Start
from replay.schedule.demand import TimeScale
from tests.captures.content import content, noise, write
from tests.replay.engine.plain import parts_of, texts_of
from tests.replay.engine.worked import PORT_EVENTS, Bench, arrived, bench_of, board_for, listening, plan_of, ports_of

CORE = 0
SUPERVISOR = 1
START_WALL_NS = 1_800_000_000_123_456_789
MOST_LANES = 12


@pytest.fixture(scope="module")
def held():
    shapes = np.random.default_rng(2).integers((1, 1), (129, 40), (60, 2))
    return content(noise((int(count), int(length)) for count, length in shapes))


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory, held: Any) -> Capture:
    path = tmp_path_factory.mktemp("worker") / "noise.rcap"
    write(path, held)
    return open_capture(path)


@pytest.fixture(scope="module")
def receivers() -> Iterator[Any]:
    with listening(MOST_LANES) as sockets:
        yield sockets


def served(capture: Capture, plan: RunPlan) -> tuple[State, Board]:
    """Serve all lanes of a plan to the end."""
    board = board_for(plan)
    board.control["start_wall_ns"], board.control["start_ns"] = START_WALL_NS, monotonic_ns()
    return Worker(capture, plan, board, 0).run(), board


@given(
    lanes=st.integers(1, MOST_LANES),
    share=st.integers(1, PORT_EVENTS),
    rate_eps=st.sampled_from([None, 5_000_000, 80_000_000]),
    train_max=st.integers(1, 128),
    gso=st.booleans(),
)
def test_what_is_sent_is_the_stream_whatever_the_pace(
    lanes: int, share: int, rate_eps: int | None, train_max: int, gso: bool, capture: Capture, receivers: Any
) -> None:
    events, own = lanes * share, receivers[:lanes]
    segments = min(train_max, max_segments()) if gso else 1
    plan = plan_of(
        capture, ports_of(own), Extent(events=events), rate_eps, train_max=min(train_max, 64), segments=segments
    )

    state, board = served(capture, plan)

    lines, kept = list(capture.lines()), arrived(own)
    assert state == State.DONE
    assert Counter(line for port in kept for line in port) == Counter(
        lines[event % len(lines)] for event in range(events)
    )
    assert board.lanes["sent_events"].tolist() == [len(port) for port in kept]
    assert board.lanes["sent_bytes"].tolist() == [sum(map(len, port)) for port in kept]
    assert board.workers["interval_events"].sum() == events
    lag_events = int(board.workers["lag"][0][:1024].sum())
    assert lag_events == (0 if rate_eps is None else events)


@pytest.mark.parametrize("rate_eps", [None, 50_000_000])
def test_a_lane_sends_the_same_events_in_the_same_order_at_any_pace(
    rate_eps: int | None, capture: Capture, held: Any, receivers: Any
) -> None:
    own = receivers[:MOST_LANES]
    plan = plan_of(capture, ports_of(own), Extent(events=PORT_EVENTS * MOST_LANES), rate_eps)
    bench: Bench = bench_of(capture, plan, board_for(plan))
    bench.backend.close()
    plain = [
        [
            text[at : at + int(part.train["length"])]
            for part in parts_of(held, plan.deal.runs(lane, TimeScale(total=plan.total), Start()))
            for text in [texts_of(held, part, bench.loop.rewrite, 0, 0, 0)]
            for at in range(0, len(text), int(part.train["length"]))
        ]
        for lane in range(MOST_LANES)
    ]

    served(capture, plan)

    assert arrived(own) == plain


def test_the_stamps_are_of_the_instant_of_sending_and_nothing_else_changes(tmp_path: Path, receivers: Any) -> None:
    held = content(noise([(3, 60), (2, 20), (4, 80)]), stamp_columns=[3, 0, 30])
    write(tmp_path / "stamped.rcap", held)
    capture = open_capture(tmp_path / "stamped.rcap")
    plan = plan_of(capture, ports_of(receivers[:1]), Extent(loops=1), stamp=Stamp.NOW)
    before_ns = wall_ns()
    served(capture, plan)
    after_ns = wall_ns()

    (kept,), stamps = arrived(receivers[:1]), set()
    for sent, built in zip(kept, capture.lines(), strict=True):
        column = {60: 3, 80: 30}.get(len(sent))
        if column is None:
            assert sent == built
        else:
            stamps.add(sent[column : column + 24].decode())
            assert sent[:column] + sent[column + 24 :] == built[:column] + built[column + 24 :]
    assert len(stamps) == 1
    assert iso_ms(before_ns) <= stamps.pop() <= iso_ms(after_ns)


def test_the_end_of_a_run_counts_what_left_until_then(capture: Capture, receivers: Any) -> None:
    own = receivers[:4]
    plan = plan_of(capture, ports_of(own), Extent(loops=1000), 10_000)
    board = board_for(plan)
    board.control["start_wall_ns"], board.control["start_ns"] = START_WALL_NS, monotonic_ns()
    board.control["end_ns"] = monotonic_ns() + SECOND_NS  # enough on a busy machine, uncompiled
    state = Worker(capture, plan, board, 0).run()

    assert state == State.STOPPED
    assert board.lanes["sent_events"].tolist() == [len(port) for port in arrived(own)]
    assert board.lanes["sent_events"].sum() > 0


@pytest.mark.parametrize("gso", [True, False])
def test_a_refusal_for_good_counts_what_left_before_it(gso: bool, capture: Capture, receivers: Any) -> None:
    """There is no port 0 (net/ipv4/udp.c, udp_sendmsg). With GSO, the worker first tries it without."""
    own = receivers[:3]
    plan = plan_of(
        capture,
        (*ports_of(own), 0),
        Extent(events=400),
        400_000,
        segments=2 if gso else 1,
        train_max=2,
    )
    board = board_for(plan)
    board.control["start_wall_ns"], board.control["start_ns"] = START_WALL_NS, monotonic_ns()

    with pytest.raises(RunError, match="EINVAL"):
        Worker(capture, plan, board, 0).run()

    assert board.lanes["sent_events"].tolist() == [*map(len, arrived(own)), 0]
    assert board.lanes["sent_events"].sum() > 0
    assert board.lanes["errors"][3, errno_place(errno.EINVAL)] == 1
    assert board.workers["fallback_errno"][0] == (errno.EINVAL if gso else 0)


@pytest.fixture
def no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker takes this process's signals and core, and ends it with its parent; here it may not."""
    monkeypatch.setattr(process.signal, "signal", lambda *_: None)
    monkeypatch.setattr(process.os, "sched_setaffinity", lambda *_: None)
    monkeypatch.setattr(process, "end_with_parent", lambda _: None)


@pytest.mark.usefixtures("no_signals")
class TestWork:
    """A worker's life, lived in this process."""

    @pytest.fixture
    def ports(self, receivers: Any) -> Iterator[tuple[int, ...]]:
        yield ports_of(receivers[:2])
        arrived(receivers)

    def test_to_its_end(self, capture: Capture, ports: tuple[int, ...]) -> None:
        plan = plan_of(capture, ports, Extent(loops=1), rate_eps=1_000_000)
        board = board_for(plan)
        board.control["start_wall_ns"], board.control["start_ns"] = START_WALL_NS, monotonic_ns() + SECOND_NS // 50
        work(capture, plan, board, 0, CORE, SUPERVISOR)

        assert board.workers["state"][0] == State.DONE
        assert board.lanes["sent_events"].sum() == capture.events

    def test_past_its_time_it_stops(self, capture: Capture, ports: tuple[int, ...]) -> None:
        plan = plan_of(capture, ports, Extent(loops=1), rate_eps=1)
        board = board_for(plan)
        board.control["start_wall_ns"], board.control["start_ns"] = START_WALL_NS, monotonic_ns()
        board.control["end_ns"] = monotonic_ns() + SECOND_NS // 20
        work(capture, plan, board, 0, CORE, SUPERVISOR)

        assert board.workers["state"][0] == State.STOPPED
        assert board.lanes["sent_events"].sum() == 0

    def test_told_to_stop_it_does_not_wait_for_a_start(self, capture: Capture, ports: tuple[int, ...]) -> None:
        plan = plan_of(capture, ports, Extent(loops=1))
        board = board_for(plan)
        board.control["stop"] = 1
        work(capture, plan, board, 0, CORE, SUPERVISOR)

        assert board.workers["state"][0] == State.STOPPED

    def test_it_beats_for_each_lane_that_it_takes_up(
        self, capture: Capture, receivers: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Though that may take long, with many lanes or on a slow disk, it does not look dead meanwhile."""
        plan = plan_of(capture, ports_of(receivers[:4]), Extent(events=400))
        board, beats = board_for(plan), list[int]()
        refill = Supply.refill

        def take_up(supply: Supply, lanes: Any, i: int) -> None:
            beats.append(int(board.workers["beat_ns"][0]))
            refill(supply, lanes, i)

        monkeypatch.setattr(Supply, "refill", take_up)
        board.control["start_wall_ns"], board.control["start_ns"] = START_WALL_NS, monotonic_ns()
        work(capture, plan, board, 0, CORE, SUPERVISOR)
        arrived(receivers)

        assert len(set(beats)) == len(beats) == 4

    def test_it_says_why_it_failed(self, tmp_path: Path, ports: tuple[int, ...]) -> None:
        """Somebody writes to the capture, and it sends nothing of what stands there now."""
        path = tmp_path / "changing.rcap"
        write(path, content(noise([(10, 30)] * 5)))
        capture = open_capture(path)
        plan = plan_of(capture, ports, Extent(loops=1))
        board = board_for(plan)
        board.control["start_wall_ns"], board.control["start_ns"] = START_WALL_NS, monotonic_ns()
        with path.open("r+b") as file:
            file.write(b"x")
        work(capture, plan, board, 0, CORE, SUPERVISOR)

        assert board.workers["state"][0] == State.FAILED
        assert b"the capture was changed" in board.workers["failure"][0]
        assert not board.lanes["sent_events"].any()

    def test_a_defect_is_said_too(
        self, capture: Capture, ports: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def too_far(*_: Any) -> None:
            raise OverflowError("Python int too large to convert to C long")

        monkeypatch.setattr(Supply, "refill", too_far)
        plan = plan_of(capture, ports, Extent(loops=1))
        board = board_for(plan)
        board.control["start_wall_ns"], board.control["start_ns"] = START_WALL_NS, monotonic_ns()
        work(capture, plan, board, 0, CORE, SUPERVISOR)

        assert board.workers["state"][0] == State.FAILED
        assert board.workers["failure"][0].startswith(b"a defect of this program: OverflowError: Python int too large")
