"""The bound on catching up: at any rate and under any pattern of stalls a lane keeps to its schedule."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from replay.clock import SECOND_NS
from replay.engine.arrays import new_lanes
from replay.engine.staging import go_on
from replay.schedule.bursts import BURST_NS, CATCH_UP, train_limit

ANCHOR_NS = 10**15

rates = st.one_of(st.integers(1, 1000), st.integers(1, 20_000_000))
lanes = st.integers(1, 100)


class Gate:
    """A lane that sends what a schedule has due; the kernel says from when on it may go on."""

    def __init__(self) -> None:
        self._lanes = new_lanes(1)
        self._row, self._run = self._lanes.rows[0], self._lanes.runs[0, 0]

    def ready_ns(self, due_ns: int) -> int:
        return max(due_ns, int(self._row["free_ns"]))

    def spend(self, span_ns: int, now_ns: int) -> None:
        self._row["next_due_ns"] = int(self._row["due_ns"]) + span_ns
        go_on(self._row, self._run, 1, now_ns)


def due_ns(rate_eps: int, lanes: int, lane: int, events: int) -> int:
    """When the lane's first `events` have their tokens, rounded up to the nanosecond."""
    return ANCHOR_NS - (-((events - 1) * lanes + lane + 1) * SECOND_NS // rate_eps)


@given(
    rate_eps=rates,
    lanes=lanes,
    train_max=st.integers(1, 128),
    stalls_ns=st.lists(st.one_of(st.integers(0, 3 * BURST_NS), st.integers(0, SECOND_NS)), min_size=1, max_size=60),
    data=st.data(),
)
def test_any_stalls_keep_the_schedule_and_the_bound_of_catching_up(
    rate_eps: int, lanes: int, train_max: int, stalls_ns: list[int], data: st.DataObject
) -> None:
    lane = data.draw(st.integers(0, lanes - 1))
    limit = train_limit(rate_eps, SECOND_NS, lanes, train_max)
    gate = Gate()
    sent: list[tuple[int, int]] = []
    now_ns, total = ANCHOR_NS, 0
    for stall_ns in stalls_ns:
        now_ns += stall_ns
        for _ in range(20):
            count = data.draw(st.integers(1, limit))
            since_ns, until_ns = (due_ns(rate_eps, lanes, lane, total + events) for events in (0, count))
            assert gate.ready_ns(until_ns) >= until_ns
            if gate.ready_ns(until_ns) > now_ns:
                break
            gate.spend(until_ns - since_ns, now_ns)
            total += count
            sent.append((now_ns, count))

    # No window holds more than the catch-up rate and one burst, whatever the stalls before it were.
    peak = CATCH_UP * Fraction(rate_eps, lanes * SECOND_NS)
    for first in range(len(sent)):
        held = 0
        for place in range(first, len(sent)):
            held += sent[place][1]
            window_ns = sent[place][0] - sent[first][0]
            # What a train takes of the schedule is rounded by less than a nanosecond, and so is its gap.
            rounding = 2 * (place - first + 1)
            assert held - sent[place][1] <= peak * (window_ns + BURST_NS + rounding)


@given(rate_eps=rates, lanes=lanes, train_max=st.integers(1, 128))
def test_on_time_no_train_is_held_up(rate_eps: int, lanes: int, train_max: int) -> None:
    """A lane that is never stalled sends each train the instant it is due, so catching up never comes in."""
    limit = train_limit(rate_eps, SECOND_NS, lanes, train_max)
    gate = Gate()
    for train in range(50):
        since_ns, until_ns = (due_ns(rate_eps, lanes, 0, events * limit) for events in (train, train + 1))
        assert gate.ready_ns(until_ns) == until_ns
        gate.spend(until_ns - since_ns, until_ns)


def test_a_stalled_lane_makes_up_for_all_it_missed() -> None:
    gate = Gate()
    now_ns, sent = ANCHOR_NS + SECOND_NS, 0
    while now_ns < ANCHOR_NS + 6 * SECOND_NS:
        now_ns += 100_000
        while gate.ready_ns(due_ns(100_000, 1, 0, sent + 100)) <= now_ns:
            gate.spend(1_000_000, now_ns)
            sent += 100

    assert sent == 600_000
