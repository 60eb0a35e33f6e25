"""What lanes are dealt, cut into trains by the kernels: every event once a loop and in its time."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.format.layout import MAX_TRAIN_EVENTS
from replay.clock import SECOND_NS
from replay.schedule import rates
from replay.schedule.axis import LoopedAxis
from replay.schedule.bursts import BURST_NS
from replay.schedule.deal import Deal, Start, lane_quota, lane_stripes
from replay.schedule.demand import Demand
from replay.schedule.rates import ROUND_NS, OnAxis, Schedule, Steady
from tests.captures.content import Content, content, noise, window_instants_ns
from tests.replay.axes import shapes, windows_of
from tests.replay.engine.plain import Part, cut

counts = st.lists(st.integers(1, MAX_TRAIN_EVENTS), min_size=1, max_size=12)
limits = st.integers(1, MAX_TRAIN_EVENTS)
lanes = st.integers(1, 9)


@pytest.fixture(autouse=True)
def short_stripes(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that small numbers already make many rounds, and runs come round in a lane's memory."""
    monkeypatch.setattr(rates, "STRIPE_EVENTS", 16)


def trains_of(counts: list[int]) -> Content:
    """Trains of these many events; each has a length of its own, and the long ones a stamp."""
    columns = [min(place % 3, max(0, place - 4)) for place in range(len(counts))]
    return content(noise((count, 20 + place) for place, count in enumerate(counts)), stamp_columns=columns)


def on_axis(draw: st.DrawFn) -> tuple[LoopedAxis, Content, OnAxis]:
    """A time axis at some speed, and trains for its events."""
    windows = windows_of(draw(shapes))
    axis = LoopedAxis(windows)
    speed = draw(st.sampled_from([Fraction(1), Fraction(10), Fraction(1, 3), Fraction(1234, 1000)]))
    total = draw(st.integers(1, 2 * axis.loop_events))
    sizes, left = [], axis.loop_events
    while left:
        sizes.append(min(left, draw(st.integers(1, MAX_TRAIN_EVENTS)) if len(sizes) < 12 else MAX_TRAIN_EVENTS))
        left -= sizes[-1]
    return axis, trains_of(sizes), OnAxis(axis, speed, total=total)


axes = st.composite(on_axis)()


def events_of(part: Part) -> range:
    """The numbers of the events of a part; they lie in its train."""
    first = int(part.train["first_event"])
    assert first <= part.event
    assert part.event + part.count <= first + int(part.train["count"])
    return range(part.event, part.event + part.count)


@given(counts=counts, lanes=lanes, loops=st.integers(1, 4), extra=st.integers(0, 2000), limit=limits)
@pytest.mark.parametrize("rate_eps", [None, 1, 300_000])
def test_at_one_rate_every_event_is_sent_once_a_loop(
    rate_eps: int | None, counts: list[int], lanes: int, loops: int, extra: int, limit: int
) -> None:
    trains, events = trains_of(counts), sum(counts)
    total = loops * events + extra % events
    deal = Deal(Steady(rate_eps, total), lanes, limit, events)

    assert dealt(deal, trains) == Counter(event % events for event in range(total))


@given(drawn=axes, lanes=lanes, limit=limits)
def test_on_the_time_axis_every_event_is_sent_once_a_loop(
    drawn: tuple[LoopedAxis, Content, OnAxis], lanes: int, limit: int
) -> None:
    axis, trains, along = drawn

    sent = dealt(Deal(along, lanes, limit, axis.loop_events), trains)

    assert sent == Counter(event % axis.loop_events for event in range(along.total))


def dealt(deal: Deal, trains: Content) -> Counter[int]:
    """Each event of the capture, as often as all lanes together send it; a lane's quota is checked on the way."""
    sent = Counter[int]()
    for lane in range(deal.lanes):
        own = 0
        for part in cut(trains, deal, lane):
            assert 0 < part.count <= deal.train_max
            own += part.count
            sent.update(events_of(part))
        assert deal.schedule.total is not None
        assert own == lane_quota(deal.schedule.total, deal.lanes, lane)
    return sent


@given(drawn=axes, lanes=lanes, limit=limits, start_ns=st.integers(0, 10**15))
def test_on_the_time_axis_an_event_leaves_close_to_its_instant(
    drawn: tuple[LoopedAxis, Content, OnAxis], lanes: int, limit: int, start_ns: int
) -> None:
    """Within a round of all lanes before or after it, and the time that its train spans."""
    axis, trains, along = drawn
    instants = list(plain_due_ns(along))
    last = {}
    for lane in range(lanes):
        stream = iter(stream_of(along, lanes, lane))
        for part in cut(trains, Deal(along, lanes, limit, axis.loop_events), lane, Start(start_ns)):
            assert part.since_ns <= part.due_ns
            assert part.count == 1 or part.due_ns - part.since_ns <= BURST_NS + 1
            for event in islice(stream, part.count):
                assert -ROUND_NS <= part.due_ns - start_ns - instants[event] <= ROUND_NS + BURST_NS
            last[lane] = part.due_ns
    assert max(last.values()) == start_ns + instants[-1]


def stream_of(schedule: Schedule, lanes: int, lane: int) -> list[int]:
    """The numbers in the stream of a lane's events, in their order."""
    return [
        segment.first_event + event
        for segment in schedule.segments(lanes, schedule.total)
        for first, count in lane_stripes(segment.events, lanes, (lane - segment.first_event) % lanes, segment.stripe)
        for event in range(first, first + count)
    ]


def plain_due_ns(along: OnAxis) -> Iterator[int]:
    """When each event of the run has its token, were there but one lane."""
    for segment in along.segments(1, along.total):
        for j in range(segment.events or 0):
            yield segment.start_ns - (-(j + 1) * segment.duration_ns // segment.rate_events)


@given(drawn=axes, lanes=lanes)
def test_all_lanes_together_send_each_token_s_event_when_it_is_due(
    drawn: tuple[LoopedAxis, Content, OnAxis], lanes: int
) -> None:
    """Sent one by one, the lanes' events are due at the very instants of the common schedule."""
    axis, trains, along = drawn
    deal = Deal(along, lanes, 1, axis.loop_events)

    due = [part.due_ns for lane in range(lanes) for part in cut(trains, deal, lane)]

    assert sorted(due) == list(plain_due_ns(along))


@given(counts=counts, lanes=lanes, rate_eps=st.integers(1, 10**9), limit=limits, total=st.integers(1, 3000))
def test_a_train_is_due_when_its_last_event_has_its_token(
    counts: list[int], lanes: int, rate_eps: int, limit: int, total: int
) -> None:
    """Event k of lane i of n, both from 0, is number k * n + i of the schedule."""
    trains = trains_of(counts)
    deal = Deal(Steady(rate_eps, total), lanes, limit, sum(counts))
    for lane in range(lanes):
        k = 0
        for part in cut(trains, deal, lane, Start(7)):
            assert part.since_ns == 7 - (-((k - 1) * lanes + lane + 1) * SECOND_NS // rate_eps)
            k += part.count
            assert part.due_ns == 7 - (-((k - 1) * lanes + lane + 1) * SECOND_NS // rate_eps)
            assert part.count == 1 or part.due_ns - part.since_ns <= BURST_NS + 1


@given(drawn=axes, lanes=lanes, limit=limits, rate_eps=st.none() | st.just(0) | st.just(1000))
def test_each_event_has_its_own_instant_at_any_pace(
    drawn: tuple[LoopedAxis, Content, OnAxis], lanes: int, limit: int, rate_eps: int | None
) -> None:
    axis, trains, along = drawn
    pace: Schedule = along if rate_eps == 0 else Steady(rate_eps, along.total)
    start_wall_ns = 10**18
    plain = window_instants_ns(windows_of(list(zip(axis.events, axis.duration_ns, strict=True))))
    plain += np.repeat(np.array(axis.start_ns) - np.cumsum([0, *axis.duration_ns[:-1]]), axis.events)
    for lane in range(lanes):
        expected = [
            start_wall_ns + event // axis.loop_events * axis.loop_ns + int(plain[event % axis.loop_events])
            for event in stream_of(pace, lanes, lane)
        ]
        found: list[int] = []
        for part in cut(trains, Deal(pace, lanes, limit, axis.loop_events, axis), lane, Start(0, start_wall_ns)):
            assert part.instants_ns is not None
            found += part.instants_ns
        assert found == expected


@given(drawn=axes, lanes=lanes, limit=limits, rate_eps=st.sampled_from([None, 0, 1000]), data=st.data())
def test_a_lane_goes_on_where_it_ended(
    drawn: tuple[LoopedAxis, Content, OnAxis], lanes: int, limit: int, rate_eps: int | None, data: st.DataObject
) -> None:
    """The same events at the same instants, as if it had never been interrupted."""
    axis, trains, along = drawn
    pace: Schedule = along if rate_eps == 0 else Steady(rate_eps, along.total)
    deal = Deal(pace, lanes, limit, axis.loop_events, axis)
    lane = data.draw(st.integers(0, lanes - 1))
    whole = list(one_by_one(deal, lane, trains))
    sent = data.draw(st.integers(0, len(whole)))

    assert list(one_by_one(deal, lane, trains, sent)) == whole[sent:]


def one_by_one(deal: Deal, lane: int, trains: Content, sent: int = 0) -> Iterator[tuple[int, int, int]]:
    """Event, due time and own instant of each event of a lane."""
    single = replace(deal, train_max=1)
    for part in cut(trains, single, lane, Start(5, 10**18), sent=sent):
        assert part.instants_ns is not None
        yield part.event, part.due_ns, part.instants_ns[0]


@given(
    drawn=axes,
    lanes=lanes,
    rate_eps=st.sampled_from([0, 1000]),
    changes=st.lists(st.tuples(st.integers(0, 10**9), st.fractions(0, 5, max_denominator=1000)), max_size=3),
    last=st.fractions(Fraction(1, 10), 5, max_denominator=1000),
)
def test_on_any_time_scale_what_is_due_is_what_is_demanded(
    drawn: tuple[LoopedAxis, Content, OnAxis],
    lanes: int,
    rate_eps: int,
    changes: list[tuple[int, Fraction]],
    last: Fraction,
) -> None:
    axis, trains, along = drawn
    pace: Schedule = along if rate_eps == 0 else Steady(rate_eps, along.total)
    demand, now_ns = Demand(pace, None), 0
    for step_ns, factor in [*changes, (0, last)]:
        now_ns += step_ns
        demand.change(now_ns, factor)
    deal = Deal(pace, lanes, 1, axis.loop_events)

    due = sorted(part.due_ns for lane in range(lanes) for part in cut(trains, deal, lane, time_scale=demand.time_scale))

    slack_ns = ceil(1 / last) + 1  # a nanosecond of the schedule
    for place in {0, len(due) // 2, len(due) - 1}:
        if due[place] > now_ns + slack_ns:
            assert demand.events_due(due[place] + slack_ns) >= place + 1
            assert demand.events_due(due[place] - slack_ns) <= place
