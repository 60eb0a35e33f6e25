"""Snapshots of the board: they are copies, they subtract and add, and they show no interval half counted."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from replay.board.errnos import ERRNO_NAMES, errno_place
from replay.board.intervals import INTERVAL_NS, add_to_interval
from replay.board.layout import INTERVALS, LANE, WORKER, Board, State
from replay.board.snapshot import Loss, Snapshot, take_snapshot
from replay.histogram import BUCKETS, CELLS, Histogram, bucket_of

WORKERS, LANES = 2, 3
START_NS = 10**12

happening = st.tuples(
    st.integers(0, WORKERS - 1),
    st.integers(0, LANES - 1),
    st.integers(1, 5000),  # events
    st.integers(0, 1 << 40),  # lag_us
    st.integers(0, len(ERRNO_NAMES) - 1),
    st.sampled_from([0, INTERVAL_NS // 2, INTERVAL_NS, INTERVALS * INTERVAL_NS]),  # time that passes before it
)
phases = st.lists(st.lists(happening, max_size=8), min_size=3, max_size=3)


class Running:
    """A board on which two workers count, and the instant until which they have."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self.board, self.now_ns = Board(WORKERS, LANES), now_ns
        self.board.control["start_ns"] = START_NS
        self.board.workers["state"] = State.RUNNING

    def carry_out(self, phase: list[tuple[int, ...]]) -> Snapshot:
        for worker, lane, events, lag_us, error, step_ns in phase:
            self.now_ns += step_ns
            row = self.board.workers[worker : worker + 1]
            self.board.lanes["sent_events"][lane] += events
            self.board.lanes["sent_bytes"][lane] += 150 * events
            self.board.lanes["errors"][lane, error] += 1
            row["cpu_ns"] += 10 * events
            row["last_send_ns"] = row["beat_ns"] = self.now_ns
            Histogram(row["lag"][0]).record(lag_us, events)
            ring = row["interval_numbers"][0], row["interval_events"][0]
            add_to_interval(*ring, START_NS, INTERVAL_NS, events, self.now_ns)
        self.now_ns += 1
        return self.snapshot()

    def snapshot(self) -> Snapshot:
        return take_snapshot(self.board, self.now_ns)


def same(one: Snapshot, other: Snapshot) -> bool:
    return (
        (one.since_ns, one.at_ns, one.start_ns, one.sink) == (other.since_ns, other.at_ns, other.start_ns, other.sink)
        and one.workers.tobytes() == other.workers.tobytes()
        and one.lanes.tobytes() == other.lanes.tobytes()
    )


@given(phases)
def test_the_difference_of_two_is_a_snapshot_of_what_came_between(done: list[list[tuple[int, ...]]]) -> None:
    whole = Running()
    before, after = whole.carry_out(done[0]), whole.carry_out(done[1])
    alone = Running(before.at_ns)
    alone.board.workers["last_send_ns"] = before.workers["last_send_ns"]
    alone.board.workers["beat_ns"] = before.workers["beat_ns"]
    alone.board.workers["interval_numbers"] = before.workers["interval_numbers"]
    between, expected = after - before, alone.carry_out(done[1])

    assert (between.since_ns, between.at_ns) == (before.at_ns, after.at_ns)
    assert between.lanes.tobytes() == expected.lanes.tobytes()
    for name in WORKER.names or ():
        found, wanted = between.workers[name], expected.workers[name]
        if name == "lag":
            found, wanted = found[:, : CELLS - 1], wanted[:, : CELLS - 1]
        assert found.tobytes() == wanted.tobytes(), name
    assert between.sent_events == sum(events for _, _, events, *_ in done[1])


@given(phases)
def test_the_greatest_lag_of_a_difference_is_exact_where_it_grew_and_else_lies_in_its_bucket(
    done: list[list[tuple[int, ...]]],
) -> None:
    whole = Running()
    before, after = whole.carry_out(done[0]), whole.carry_out(done[1])
    for worker in range(WORKERS):
        between = Histogram((after - before).workers["lag"][worker])
        lags_us = [lag_us for each, _, events, lag_us, *_ in done[1] if each == worker and events]
        told_us, most_us = between.max_us, max(lags_us, default=None)
        earlier_us = Histogram(before.workers["lag"][worker]).max_us
        if most_us is None or told_us is None or earlier_us is None or most_us > earlier_us:
            assert told_us == most_us
        else:
            assert most_us <= told_us <= earlier_us
            assert bucket_of(most_us) == bucket_of(told_us)


@given(phases)
def test_differences_that_follow_each_other_sum_to_the_whole(done: list[list[tuple[int, ...]]]) -> None:
    whole = Running()
    first = whole.snapshot()
    second, third, fourth = (whole.carry_out(phase) for phase in done)
    steps = [second - first, third - second, fourth - third]

    assert same(steps[0] + steps[1] + steps[2], fourth - first)
    assert same(steps[0] + (steps[1] + steps[2]), fourth - first)
    assert same(first + (fourth - first), fourth)


def test_snapshots_that_do_not_belong_together_are_refused() -> None:
    running = Running()
    first, second = running.snapshot(), running.carry_out([])
    with pytest.raises(ValueError, match="earlier snapshot"):
        first - second
    with pytest.raises(ValueError, match="earlier snapshot"):
        second - (second - first)
    with pytest.raises(ValueError, match="begins where this one ends"):
        (second - first) + (second - first)


def test_a_snapshot_does_not_change_with_the_board() -> None:
    running = Running()
    before = running.snapshot()
    kept = before.workers.tobytes(), before.lanes.tobytes()
    running.carry_out([(0, 0, 5, 7, 1, 0)])
    assert (before.workers.tobytes(), before.lanes.tobytes()) == kept


class Torn:
    """Rows of which a worker begins a new interval when the number of the one before has just been copied."""

    def __init__(self, rows: NDArray[Any]) -> None:
        self.rows, self.asked = rows, 0

    def __getitem__(self, name: str) -> Any:
        if name == "interval_numbers":
            self.asked += 1
            if self.asked == 2:
                self.rows["interval_numbers"][0, 0] = INTERVALS
        return self.rows[name]

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        return self.rows


def test_an_interval_that_begins_meanwhile_is_shown_without_events() -> None:
    running = Running()
    running.carry_out([(0, 0, 500, 0, 0, 0)])
    running.board.workers = Torn(running.board.workers)  # type: ignore[assignment]
    now = running.snapshot()

    assert now.workers["interval_numbers"][0, 0] == INTERVALS
    assert now.workers["interval_events"][0, 0] == 0


def test_errors_and_waits_are_told_apart_by_name() -> None:
    running = Running()
    for code, count in ((111, 5), (105, 2), (11, 1), (9999, 3)):
        running.board.lanes["errors"][1, errno_place(code)] = count
    now = running.snapshot()

    assert now.errors == {"ECONNREFUSED": 5, "OTHER": 3}
    assert now.waits == {"EAGAIN": 1, "ENOBUFS": 2}


def test_a_worker_that_is_done_or_not() -> None:
    running = Running()
    running.board.workers["state"][0] = State.DONE
    assert not running.snapshot().done
    running.board.workers["state"] = State.DONE
    assert running.snapshot().done


def test_what_a_sink_said_subtracts_but_for_the_percentile() -> None:
    running = Running()
    first = replace(running.snapshot(), sink=Loss(100, 10, 80, 1.5, 10))
    second = replace(running.carry_out([]), sink=Loss(300, 12, 288, 2.5))

    assert (second - first).sink == Loss(200, 2, 208, None, -10)
    assert (running.carry_out([]) - second).sink is None


def test_the_board_has_no_column_that_a_difference_forgets() -> None:
    """A new column must be thought of in `Snapshot`: whether it is a count, and in which order it is copied."""
    assert set(LANE.names or ()) == {"sent_events", "sent_bytes", "errors"}
    counts = {"cpu_ns", "unreachable_seconds", "interval_events", "lag"}
    levels = {"state", "beat_ns", "renew", "last_send_ns", "segments", "fallback_errno", "interval_numbers", "failure"}
    assert set(WORKER.names or ()) == counts | levels
    assert np.zeros(1, WORKER)["lag"].shape[1] > BUCKETS
