"""Time scales: the same schedule, whose time passes faster, slower or not at all."""

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from replay.clock import SECOND_NS
from replay.schedule.demand import Demand, TimeScale
from replay.schedule.rates import Steady

factors = st.fractions(0, 10, max_denominator=1000)
changes = st.lists(st.tuples(st.integers(0, 10 * SECOND_NS), factors), max_size=6)


def demand_of(
    rate_eps: int | None, total: int | None, duration_ns: int | None, steps: list[tuple[int, Fraction]]
) -> Demand:
    demand = Demand(Steady(rate_eps, total), duration_ns)
    now_ns = 0
    for step_ns, factor in steps:
        now_ns += step_ns
        demand.change(now_ns, factor)
    return demand


def test_at_first_the_schedule_keeps_the_clock_s_time() -> None:
    demand = demand_of(1000, 5000, 5 * SECOND_NS, [])

    assert demand.time_scale == TimeScale(total=5000)
    assert [demand.events_due(s * SECOND_NS) for s in (0, 1, 5, 6)] == [0, 1000, 5000, 5000]
    assert demand.mean_eps(SECOND_NS) == 1000


def test_a_pause_a_slow_stretch_and_a_fast_one() -> None:
    steps = [(SECOND_NS, Fraction(0)), (2 * SECOND_NS, Fraction(1, 2)), (2 * SECOND_NS, Fraction(3))]
    demand = demand_of(1000, None, None, steps)

    due = [demand.events_due(s * SECOND_NS) for s in range(8)]
    assert due == [0, 1000, 1000, 1000, 1500, 2000, 5000, 8000]
    assert demand.mean_eps(4 * SECOND_NS) == 375


def test_a_run_that_lasts_so_long_ends_then_and_one_of_so_many_events_sends_them_all() -> None:
    slower = [(SECOND_NS, Fraction(1, 4))]

    assert demand_of(1000, 5000, 5 * SECOND_NS, slower).time_scale.total == 2000
    assert demand_of(1000, 5000, None, slower).time_scale.total == 5000
    assert demand_of(None, None, 5 * SECOND_NS, slower).time_scale.total is None
    late = [(51 * SECOND_NS // 10, Fraction(1000))]
    assert demand_of(1000, 5000, 5 * SECOND_NS, late).time_scale.total == 5000


@given(steps=changes, step_ns=st.integers(1, SECOND_NS))
def test_what_is_due_never_falls_and_no_change_makes_it_jump(steps: list[tuple[int, Fraction]], step_ns: int) -> None:
    demand = demand_of(4_000_000, None, None, steps)
    due = [demand.events_due(now_ns) for now_ns in range(0, 20 * SECOND_NS, SECOND_NS)]
    assert all(0 <= later - earlier <= 10 * 4_000_000 + 1 for earlier, later in pairwise(due))

    at_ns = sum(step for step, _ in steps)
    before, after = demand.events_due(max(0, at_ns - step_ns)), demand.events_due(at_ns + step_ns)
    fastest = max([Fraction(1), *(factor for _, factor in steps)])
    assert 0 <= after - before <= 2 * step_ns * fastest * 4_000_000 / SECOND_NS + 2


@given(rate_eps=st.integers(1, 10_000), total=st.integers(1, 10**6), steps=changes, ms=st.integers(0, 10_000))
def test_told_to_end_nothing_that_is_due_later_is_asked_for(
    rate_eps: int, total: int, steps: list[tuple[int, Fraction]], ms: int
) -> None:
    demand = demand_of(rate_eps, total, None, steps)
    now_ns = sum(step for step, _ in steps) + ms * SECOND_NS // 1000
    by_ns = now_ns + SECOND_NS // 5
    due = [demand.events_due(now_ns), demand.events_due(by_ns)]
    paused = not demand.time_scale.factor
    demand.end(now_ns, by_ns)

    assert demand.time_scale.total == due[1]
    assert demand.time_scale.factor > 0
    for later_ns in (by_ns, by_ns + 100 * SECOND_NS):
        assert demand.events_due(later_ns) == due[1]
    assert demand.events_due(now_ns) == due[0]
    assert not paused or due[0] == due[1]


@given(pause_ms=st.integers(1, 9_999), sent_ms=st.integers(0, 5), late_ms=st.integers(0, 100))
def test_a_run_that_is_over_in_a_pause_is_asked_for_what_was_due_before_it_over_its_whole_time(
    pause_ms: int, sent_ms: int, late_ms: int
) -> None:
    """At 1,000 EPS for 10 s: as many events are asked for as milliseconds had passed."""
    demand = demand_of(1000, 10_000, 10 * SECOND_NS, [(pause_ms * 1_000_000, Fraction(0))])
    demand.forget(pause_ms * 1_000_000)
    interrupted = demand.mean_eps(max(0, pause_ms - sent_ms) * 1_000_000)
    assert interrupted in (1000, demand.schedule.mean_eps)

    over_ns = 10 * SECOND_NS + late_ms * 1_000_000
    demand.end(over_ns, over_ns)
    assert demand.time_scale.total == demand.events_due(over_ns) == pause_ms
    assert demand.end_ns == over_ns
    assert demand.mean_eps(over_ns + 1_000_000) == pause_ms * SECOND_NS / over_ns


@given(rate_eps=st.integers(1, 10**6), total=st.integers(1, 10**6), steps=changes)
def test_the_end_is_when_the_last_event_is_due(rate_eps: int, total: int, steps: list[tuple[int, Fraction]]) -> None:
    demand = demand_of(rate_eps, total, None, steps)
    end_ns = demand.end_ns

    if end_ns is None:
        assert demand.time_scale.factor == 0
        assert demand.events_due(10**20) < total
        return
    slack_ns = 100 * len(steps) + 2000  # a nanosecond of the schedule, at the slowest time_scale, for each change
    assert demand.events_due(end_ns + slack_ns) == total
    assert end_ns < slack_ns or demand.events_due(end_ns - slack_ns) <= total
    if len(steps) == 0:
        assert demand.events_due(end_ns) == total > demand.events_due(end_ns - 1)


@given(steps=changes, past_ns=st.integers(0, 70 * SECOND_NS))
def test_what_is_forgotten_changes_nothing_that_is_still_asked(steps: list[tuple[int, Fraction]], past_ns: int) -> None:
    whole, short = (demand_of(1000, None, None, steps) for _ in range(2))
    short.forget(past_ns)

    for later_ns in (0, 1, SECOND_NS, 100 * SECOND_NS):
        assert short.events_due(past_ns + later_ns) == whole.events_due(past_ns + later_ns)
    assert short.mean_eps(100 * SECOND_NS) == whole.mean_eps(100 * SECOND_NS)


def test_of_many_changes_only_the_latest_are_kept() -> None:
    demand = demand_of(1000, None, None, [])
    for ms in range(1, 1_000):
        demand.change(ms * 1_000_000, Fraction(1, 1 + ms % 7))
        demand.forget((ms - 100) * 1_000_000)

    assert len(demand._time_scales) <= 101
