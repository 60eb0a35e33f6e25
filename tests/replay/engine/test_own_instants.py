"""Lanes that send each event at its own instant: which trains, when they are ready, and how a late lane catches up."""

from fractions import Fraction
from math import ceil

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.format.layout import MAX_TRAIN_EVENTS
from replay.clock import SECOND_NS
from replay.engine.arrays import RUNS, new_lanes
from replay.engine.staging import aim, go_on
from replay.schedule.bursts import BURST_NS, CATCH_UP
from replay.schedule.deal import Deal, Start
from replay.schedule.demand import TimeScale
from replay.schedule.own_instants import OnInstants
from tests.captures.content import Content, content, noise
from tests.replay.engine.plain import stored, top_up
from tests.replay.schedule.test_own_instants import index_of

gaps = st.lists(st.sampled_from([0, 1, 1000, BURST_NS // 3, BURST_NS, SECOND_NS]), min_size=1, max_size=300)
speeds = st.sampled_from([Fraction(1), Fraction(100), Fraction(1, 3), Fraction(1234, 1000)])


def capture_of(events: int, sizes: list[int]) -> Content:
    """A capture of so many events in trains of about these sizes."""
    counts = []
    while events:
        counts.append(min(events, sizes[len(counts) % len(sizes)]))
        events -= counts[-1]
    return content(noise((count, 20 + place % 40) for place, count in enumerate(counts)))


@given(
    gaps,
    st.lists(st.integers(1, MAX_TRAIN_EVENTS), min_size=1, max_size=4),
    speeds,
    st.integers(1, 3),
    st.integers(1, 60),
    st.lists(st.integers(0, 3 * BURST_NS), min_size=1, max_size=8),
)
def test_trains_end_where_their_time_ends_and_a_late_lane_catches_up_slowly(
    gaps: list[int], sizes: list[int], speed: Fraction, lanes: int, limit: int, late_ns: list[int]
) -> None:
    instants_ns = [0, *np.cumsum(gaps).tolist()]
    instants_ns.append(instants_ns[-1] + 1)
    events, held = len(instants_ns), capture_of(len(instants_ns), sizes)
    times = np.array(instants_ns, np.uint64)
    schedule = OnInstants(times, index_of(times), speed, total=2 * events)
    capture, deal = stored(held, instants_ns), Deal(schedule, lanes, limit, events, None, 0, schedule.loop_ns)
    starts = held.trains["first_event"].astype(int).tolist()
    sent = []
    for lane in range(lanes):
        memory, runs = new_lanes(1), deal.runs(lane, TimeScale(total=2 * events), Start(7))
        row = memory.rows[0]
        free_ns, last_ns, turn = 0, 0, 0
        while True:
            top_up(memory, 0, runs)
            assert aim(memory, 0, capture, True)
            if not row["count"]:
                break
            run, count = memory.runs[0, row["run"] % RUNS], int(row["count"])
            first = int(run["first_event"] + row["place"])
            loop = int(run["moved_ns"]) // schedule.loop_ns
            due_ns = [
                7 + ceil((loop * schedule.loop_ns + instants_ns[event]) / speed)
                for event in range(first, first + count)
            ]
            assert row["next_due_ns"] == due_ns[-1]
            assert count == 1 or instants_ns[first + count - 1] - instants_ns[first] <= BURST_NS * speed
            assert count <= limit
            ended = count == limit or first + count in [*starts, events, int(run["first_event"] + run["events"])]
            assert ended or instants_ns[first + count] - instants_ns[first] > BURST_NS * speed // 1
            if not turn:
                last_ns = due_ns[0]
            spend_ns = (due_ns[-1] - last_ns) * CATCH_UP.denominator // CATCH_UP.numerator
            assert row["ready_ns"] == max(due_ns[-1], free_ns + spend_ns)
            now_ns = int(row["ready_ns"]) + late_ns[turn % len(late_ns)]
            free_ns, last_ns, turn = max(free_ns + spend_ns, now_ns - BURST_NS), due_ns[-1], turn + 1
            go_on(row, run, count, now_ns)
            sent += [loop * events + event for event in range(first, first + count)]
    assert sorted(sent) == list(range(2 * events))
