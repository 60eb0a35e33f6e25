"""Each event at its own instant: due as the definition says, dealt once, and taken up without a walk."""

from fractions import Fraction
from itertools import islice
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError
from captures.format.instants import Ramp
from captures.format.layout import TRAIN, Table
from captures.format.writing.window_index import WindowIndex
from replay.clock import SECOND_NS
from replay.schedule.bursts import BURST_NS
from replay.schedule.deal import Deal, Start
from replay.schedule.demand import TimeScale
from replay.schedule.own_instants import OnInstants
from replay.schedule.rates import STRIPE_EVENTS

gaps = st.lists(st.integers(0, 3 * SECOND_NS), max_size=40)
speeds = st.one_of(
    st.sampled_from([Fraction(1), Fraction(100), Fraction(1, 3)]),
    st.fractions(Fraction(1, 10), 100, max_denominator=1000),
)
factors = st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(3, 7), Fraction(20)])


def times_of(gaps: list[int]) -> np.ndarray:
    """Instants whose first is 0."""
    return np.concatenate([np.zeros(1, np.uint64), np.cumsum(np.array(gaps, np.uint64), dtype=np.uint64)])


def index_of(times: np.ndarray) -> Table:
    """The windows of a capture with these instants; at least two of them differ."""
    index, rows = WindowIndex(), np.zeros(len(times), TRAIN)
    rows["count"], rows["first_event"] = 1, np.arange(len(times))
    index.add(rows, times)
    return index.windows()


def on_instants(gaps: list[int], speed: Fraction, total: int = 0, duration_ns: int = 0) -> OnInstants:
    times = times_of([*gaps, 1])
    return OnInstants(times, index_of(times), speed, total=total, duration_ns=duration_ns)


def value(ramp: Ramp, at: int) -> int:
    """A ramp's value by the definition, with the kernel's products."""
    whole, part = divmod(at, ramp.per)
    assert part * ramp.part + ramp.rest < 2**63
    return ramp.base + at * ramp.whole + whole * ramp.part + (ramp.rest + part * ramp.part) // ramp.per


@given(gaps, speeds, st.integers(1, 3))
def test_events_are_due_at_their_instants_and_counted_so(gaps: list[int], speed: Fraction, loops: int) -> None:
    times = times_of([*gaps, 1])
    schedule = on_instants(gaps, speed, total=loops * len(times))
    loop_ns = int(times[-1]) + 1
    due = [ceil((loop * loop_ns + int(ns)) / speed) for loop in range(loops) for ns in times]
    assert [schedule.due_ns(event) for event in range(len(due))] == due
    for ns in {0, 1, *due, *(ns - 1 for ns in due if ns)}:
        if ns < due[-1]:
            assert schedule.events_due(ns) == sum(each <= ns for each in due)


@given(gaps, speeds, factors, st.integers(1, 9), st.integers(0, 10**15), st.data())
def test_each_event_is_dealt_once_with_its_token(
    gaps: list[int], speed: Fraction, factor: Fraction, lanes: int, start_ns: int, data: st.DataObject
) -> None:
    times = times_of([*gaps, 1])
    total = data.draw(st.integers(1, 3 * len(times)))
    since_ns, at_ns = data.draw(st.integers(0, 10**12)), data.draw(st.integers(0, 10**12))
    schedule = on_instants(gaps, speed, total=total)
    deal = Deal(schedule, lanes, 128, len(times), moved_from_ns=1000, loop_ns=schedule.loop_ns)
    scale = TimeScale(since_ns, at_ns, factor, total)
    sent: list[int] = []
    for lane in range(lanes):
        for run in deal.runs(lane, scale, Start(start_ns, 5000)):
            loop = (run.moved_ns - 4000) // schedule.loop_ns
            assert run.moved_ns == 4000 + loop * schedule.loop_ns
            assert run.span_ns == max(1, BURST_NS * speed * factor // 1)
            for event in range(run.first_event, run.first_event + run.events):
                sent.append(loop * len(times) + event)
                at = (loop * schedule.loop_ns + int(times[event])) / speed
                assert value(run.due_ns, int(times[event])) == ceil(start_ns + since_ns + (at - at_ns) / factor)
    assert sorted(sent) == list(range(total))


@given(gaps, st.integers(1, 9), st.integers(0, 8), st.integers(0, 300))
def test_taking_up_a_lane_is_the_plain_walk_from_there(gaps: list[int], lanes: int, lane: int, sent: int) -> None:
    schedule, lane = on_instants(gaps, Fraction(1), total=10**6), lane % lanes
    deal = Deal(schedule, lanes, 128, len(gaps) + 2)

    def events(sent: int) -> list[tuple[int, int]]:
        runs = islice(deal.runs(lane, TimeScale(), Start(), sent), 400)
        return [
            (event, value(run.due_ns, event))
            for run in runs
            for event in range(run.first_event, run.first_event + run.events)
        ]

    assert events(sent)[:100] == events(0)[sent : sent + 100]


def test_a_lane_that_has_sent_a_million_millions_is_taken_up_at_once() -> None:
    schedule = on_instants([7, 9], Fraction(1), total=10**16)
    run = next(Deal(schedule, 3, 128, 4).runs(1, TimeScale(), Start(), 10**12))
    assert 0 <= run.first_event < 4


def test_what_is_due_never_or_too_late_is_refused() -> None:
    with pytest.raises(InputError, match="no event falls due"):
        OnInstants(np.array([5], np.uint64), index_of(np.array([0, 9], np.uint64)), Fraction(1), duration_ns=1)
    with pytest.raises(InputError, match="over 100 years"):
        on_instants([86_400 * SECOND_NS], Fraction(1, 10**6), total=2)
    with pytest.raises(InputError, match="too many digits"):
        on_instants([5], Fraction(2**31 + 1, 2**31), total=2)


def test_a_time_scale_that_does_not_fit_the_clock_is_refused_beforehand() -> None:
    for speed, factor, said in (
        (Fraction(2**30 + 1, 2**30), Fraction(999, 1000), "too many digits"),
        (Fraction(1), Fraction(1, 10**12), "over 100 years"),
    ):
        schedule = on_instants([SECOND_NS], speed, total=2)
        deal = Deal(schedule, 1, 128, 3)
        deal.check(TimeScale(total=2))
        deal.check(TimeScale(factor=Fraction(0), total=2))
        with pytest.raises(InputError, match=said):
            deal.check(TimeScale(factor=factor, total=2))


def test_a_bunch_is_not_thinned_by_the_silence_behind_it() -> None:
    """A thousand events in a millisecond, and the next an hour later: their second has a thousand."""
    times = np.array([*range(0, 10**6, 1000), 3600 * SECOND_NS], np.uint64)
    assert len(index_of(times)) == 2
    assert OnInstants(times, index_of(times), Fraction(1), total=1001).peak_eps == 1000
    assert OnInstants(times, index_of(times), Fraction(100), total=1001).peak_eps == 100_000


def test_lanes_take_turns_by_some_events_though_few_are_due() -> None:
    schedule = on_instants([SECOND_NS] * 100, Fraction(1), total=102)
    assert [next(schedule.segments(lanes, 102)).stripe for lanes in (1, 2, 40)] == [STRIPE_EVENTS, 16, 16]


def test_a_time_scale_whose_instants_no_clock_tells_is_refused() -> None:
    """The kernel would take what does not fit 64 bits for due, and send it at once."""
    schedule = on_instants([30 * 86_400 * SECOND_NS], Fraction(1, 100), total=6)
    deal = Deal(schedule, 2, 128, 3)
    deal.check(TimeScale(total=6))
    deal.check(TimeScale(factor=Fraction(0), total=6))
    deal.check(TimeScale(factor=Fraction(1, 5), total=6))
    deal.check(TimeScale(at_ns=schedule.due_ns(4), factor=Fraction(1, 1000), total=4))
    with pytest.raises(InputError, match="over 100 years"):
        deal.check(TimeScale(factor=Fraction(1, 10), total=6))
    precise = Deal(on_instants([5], Fraction(2**30 + 1, 2**30), total=2), 1, 128, 3)
    precise.check(TimeScale(factor=Fraction(1, 1000), total=2))
    with pytest.raises(InputError, match="too many digits"):
        precise.check(TimeScale(factor=Fraction(999, 1000), total=2))


def test_the_peak_is_the_rate_of_the_busiest_second() -> None:
    times = np.sort(np.concatenate([np.arange(0, 5 * 10**9, 10**8), np.arange(2 * 10**9, 3 * 10**9, 10**6)])).astype(
        np.uint64
    )
    schedule = OnInstants(times, index_of(times), Fraction(10), total=len(times))
    assert schedule.peak_eps == pytest.approx(10_100, rel=0.2)
    assert schedule.mean_eps == pytest.approx(1050 / 0.49, rel=0.01)
