"""The worker's loop: why it comes back, and that it goes on from there."""

import errno
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.format.capture import Capture
from captures.format.reader import open_capture
from replay.board.journal import LOADED, SENT, STAGED_TRAINS, TRAINS, clear
from replay.board.layout import Board
from replay.clock import SECOND_NS, monotonic_ns
from replay.engine.loop import ERRNO, FULL, GATHER_NS, HEAPED, ROOM, WANTING, Look
from replay.engine.process import Worker
from replay.engine.refill import AHEAD_EVENTS
from replay.engine.serving import Reason, aim_lanes, finish_batch, may_go_on, nap, serve, stage_due
from replay.plan.pace import Extent
from replay.plan.run_plan import RunPlan
from replay.schedule import rates
from tests.captures.content import content, noise, write
from tests.replay.engine.worked import NEVER_NS, Bench, arrived, bench_of, board_for, listening, plan_of, ports_of

START_WALL_NS = 1_800_000_000_123_456_789
LANES = 3


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    path = tmp_path_factory.mktemp("serving") / "noise.rcap"
    write(path, content(noise((count, 30 + count) for count in (10, 20, 30, 1))))
    return open_capture(path)


@pytest.fixture(scope="module")
def receivers() -> Iterator[Any]:
    with listening(LANES) as sockets:
        yield sockets


def started(plan: RunPlan, start_ns: int) -> Board:
    board = board_for(plan)
    board.control["start_wall_ns"], board.control["start_ns"] = START_WALL_NS, start_ns
    return board


def bench_for(capture: Capture, receivers: Any, events: int, rate_eps: int | None = None, **changes: Any) -> Bench:
    plan = plan_of(capture, ports_of(receivers), Extent(events=events), rate_eps, **changes)
    return bench_of(capture, plan, started(plan, monotonic_ns()))


def test_all_is_sent(capture: Capture, receivers: Any) -> None:
    bench = bench_for(capture, receivers, 600)

    assert serve(bench.loop, bench.settings) == Reason.ALL_SENT
    assert serve(bench.loop, bench.settings) == Reason.ALL_SENT
    assert [len(port) for port in arrived(receivers)] == [200] * LANES


@pytest.mark.parametrize("which", ["stop", "end_ns", "time_scale", "renew"])
def test_the_board_is_looked_at_before_anything_is_sent(which: str, capture: Capture, receivers: Any) -> None:
    bench = bench_for(capture, receivers, 600)
    row = bench.loop.look.worker if which == "renew" else bench.loop.look.control
    row[which] = row[which] + 1 if which != "end_ns" else monotonic_ns()
    before_ns = monotonic_ns()

    assert serve(bench.loop, bench.settings) == Reason.BOARD
    assert before_ns <= bench.loop.look.worker["beat_ns"][0] <= monotonic_ns()
    assert arrived(receivers) == [[]] * LANES


@given(now_ns=st.integers(0, 2**63 - 1), end_ns=st.integers(0, 2**63 - 1))
def test_it_may_go_on_until_the_end_and_says_that_it_looked(now_ns: int, end_ns: int) -> None:
    board = Board(1, 1)
    board.control["end_ns"] = end_ns
    look = Look(board.control, board.workers, np.zeros(2, np.int64))

    assert may_go_on(look, now_ns) == (now_ns < end_ns)
    assert board.workers["beat_ns"][0] == now_ns


def test_a_lane_that_has_little_left_is_given_more(
    capture: Capture, receivers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs of 16 events: a lane holds 16 of them, and asks for more when half of them are used up."""
    monkeypatch.setattr(rates, "STRIPE_EVENTS", 16)
    bench = bench_for(capture, receivers, 4 * 256 * LANES)
    rows, sent, times = bench.loop.lanes.rows, 0, 0
    while (reason := serve(bench.loop, bench.settings)) == Reason.LOW:
        kept = arrived(receivers)
        sent += sum(map(len, kept))
        assert bench.loop.state[WANTING]
        assert (rows["left"] < AHEAD_EVENTS).all()
        bench.loop.state[WANTING] = 0
        bench.refill()
        times += 1
        assert ((rows["runs"] - rows["run"] == 16) | (rows["last"] == 1)).all()

    assert reason == Reason.ALL_SENT
    assert times > 3
    assert sent + sum(map(len, arrived(receivers))) == 4 * 256 * LANES


def test_a_lane_whose_schedule_ends_is_not_low(capture: Capture, receivers: Any) -> None:
    bench = bench_for(capture, receivers, 60)
    assert serve(bench.loop, bench.settings) == Reason.ALL_SENT
    assert not bench.loop.state[WANTING]
    arrived(receivers)


def test_what_is_refused_stays_pending_and_nothing_is_skipped(capture: Capture, receivers: Any) -> None:
    """Port 0 does not exist, so the kernel refuses the second lane's message, and has taken the first lane's."""
    plan = plan_of(capture, (*ports_of(receivers[:1]), 0), Extent(events=60), 400_000, train_max=5)
    bench = bench_of(capture, plan, started(plan, monotonic_ns() - SECOND_NS))

    assert serve(bench.loop, bench.settings) == Reason.REFUSED
    state = bench.loop.journal.state
    assert bench.loop.state[ERRNO] == errno.EINVAL
    assert bench.backend.next_lane() == 1
    assert 0 < state[SENT] < state[LOADED]
    assert len(arrived(receivers)[0]) == state[SENT]
    bench.counts.sent_partly(monotonic_ns())
    assert bench.loop.counters.lanes["sent_events"].tolist() == [state[SENT], 0]


def test_lanes_without_a_rate_send_in_turn(capture: Capture, receivers: Any) -> None:
    """A turn is as many trains as there is room for; then the next lane has its turn."""
    bench = bench_for(capture, receivers, 3 * 610, train_max=10)
    loop, turns = bench.loop, []
    assert aim_lanes(loop, False)
    for _ in range(6):
        clear(loop.journal)
        assert stage_due(loop, bench.settings._replace(turn_trains=2), 1)
        lanes = loop.journal.staged["lane"][: loop.journal.state[STAGED_TRAINS]].tolist()
        turns += lanes[::2]
        assert lanes[::2] == lanes[1::2]

    assert turns == [*range(LANES)] * (len(turns) // LANES) + [*range(len(turns) % LANES)]


def test_what_is_not_due_is_not_staged(capture: Capture, receivers: Any) -> None:
    bench = bench_for(capture, receivers, 600, 1_000_000)
    loop, start_ns = bench.loop, int(bench.loop.look.control["start_ns"][0])
    assert aim_lanes(loop, True)
    assert loop.state[HEAPED] == LANES
    staged = 0
    for now_ns in range(start_ns, start_ns + SECOND_NS // 1000, 10_000):
        clear(loop.journal)
        assert stage_due(loop, bench.settings, now_ns)
        notes = loop.journal.staged[: loop.journal.state[STAGED_TRAINS]]
        assert (notes["due_ns"] <= now_ns).all()
        staged += int(notes["count"].sum())
        assert staged <= (now_ns - start_ns) // 1000
        assert not loop.state[HEAPED] or loop.lanes.rows["ready_ns"][loop.lanes.heap[0]] > now_ns
    assert staged > 0


def test_the_first_train_waits_for_others_but_what_a_full_batch_left_does_not(capture: Capture, receivers: Any) -> None:
    bench = bench_for(capture, receivers, 600, 1000)
    loop = bench.loop
    assert aim_lanes(loop, True)
    first_ns = int(loop.lanes.rows["ready_ns"].min())
    assert loop.state[GATHER_NS] > 0
    for full, gather_ns in ((0, 700_000), (1, 700_000), (0, 0)):
        loop.state[FULL], loop.state[GATHER_NS] = full, gather_ns
        assert nap(loop, first_ns - 5) == 5 + gather_ns
        assert nap(loop, first_ns + 5) == (-5 if full else gather_ns - 5)


def test_a_batch_says_whether_it_was_full_and_a_slow_one_lets_less_be_gathered(
    capture: Capture, receivers: Any
) -> None:
    bench = bench_for(capture, receivers, 600, 1_000_000)
    loop = bench.loop
    clear(loop.journal)
    finish_batch(loop, bench.settings, NEVER_NS)  # however slow this machine is, the batch took no time
    assert not loop.state[FULL]
    assert loop.state[GATHER_NS] > 0
    loop.journal.state[STAGED_TRAINS] = loop.state[ROOM] = 0
    finish_batch(loop, bench.settings, monotonic_ns() - SECOND_NS)
    assert loop.state[FULL]
    assert loop.state[GATHER_NS] == 0


def test_a_batch_has_no_more_trains_than_there_is_room_for(capture: Capture, receivers: Any) -> None:
    bench = bench_for(capture, receivers, 3000, train_max=2)
    aim_lanes(bench.loop, False)
    for room in (1, 2, 7, TRAINS):
        bench.loop.state[ROOM] = room
        clear(bench.loop.journal)
        stage_due(bench.loop, bench.settings, 0)
        assert bench.loop.journal.state[STAGED_TRAINS] == room


def test_a_loop_that_comes_back_at_each_batch_sends_the_same(capture: Capture, receivers: Any) -> None:
    """Entered again and again, at a pace: each event once, and the totals are those of the board."""
    plan = plan_of(capture, ports_of(receivers), Extent(events=600), 50_000)
    board, done = started(plan, monotonic_ns()), False
    worker = Worker(capture, plan, board, 0)
    for _ in range(1000):
        bench = bench_of(capture, plan, board)
        board.control["end_ns"] = monotonic_ns() + 3_000_000
        reason = serve(bench.loop, bench.settings)
        bench.backend.close()
        if reason == Reason.ALL_SENT:
            done = True
            break
        assert reason == Reason.BOARD

    assert done
    assert worker._over(NEVER_NS)
    lines = list(capture.lines())
    kept = arrived(receivers)
    assert sorted(line for port in kept for line in port) == sorted(lines[i % len(lines)] for i in range(600))
    assert board.lanes["sent_events"].tolist() == [len(port) for port in kept] == [200] * LANES
