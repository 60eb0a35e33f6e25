"""Dealing a stream to lanes: every event once, and a lane is taken up at once however much it has sent."""

import itertools
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice, pairwise
from math import ceil

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from captures.format.instants import Ramp, ramp_values
from replay.clock import SECOND_NS
from replay.schedule import rates
from replay.schedule.axis import LoopedAxis
from replay.schedule.deal import Deal, Start, lane_quota, lane_stripes
from replay.schedule.demand import TimeScale
from replay.schedule.rates import OnAxis, Steady
from tests.replay.axes import windows_of

lanes = st.integers(1, 9)


@pytest.fixture(autouse=True)
def short_stripes(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that small numbers already make many rounds."""
    monkeypatch.setattr(rates, "STRIPE_EVENTS", 16)


@given(total=st.integers(0, 5000), lanes=st.integers(1, 50), stripe=st.integers(1, 40))
def test_stripes_hold_each_event_of_the_stream_once(total: int, lanes: int, stripe: int) -> None:
    sent = Counter[int]()
    for lane in range(lanes):
        runs = list(lane_stripes(total, lanes, lane, stripe))
        assert sum(count for _, count in runs) == lane_quota(total, lanes, lane)
        assert all(first + count <= later for (first, count), (later, _) in pairwise(runs))
        for first, count in runs:
            sent.update(range(first, first + count))

    assert sent == Counter(range(total))


@given(
    total=st.none() | st.integers(0, 5000),
    lanes=st.integers(1, 9),
    place=st.integers(0, 8),
    stripe=st.integers(1, 40),
    sent=st.integers(0, 2000),
)
def test_taking_up_a_lane_is_the_plain_walk_from_there(
    total: int | None, lanes: int, place: int, stripe: int, sent: int
) -> None:
    place %= lanes
    walked = one_event_each(lane_stripes(total, lanes, place, stripe))
    taken_up = one_event_each(lane_stripes(total, lanes, place, stripe, sent))

    assert list(islice(taken_up, 300)) == list(islice(walked, sent, sent + 300))


def one_event_each(stripes: Iterator[tuple[int, int]]) -> Iterator[int]:
    for first, count in stripes:
        assert count > 0
        yield from range(first, first + count)


@contextmanager
def few_steps() -> Iterator[None]:
    """Fails as soon as more functions are called, and generators resumed, than any arithmetic needs."""
    left = itertools.count(5000, -1)

    def count(*_: object) -> None:
        assert next(left), "it walks"

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)


@given(
    sent=st.integers(10**12, 10**14),
    lanes=lanes,
    lane=st.integers(0, 8),
    factor=st.integers(1000, 10**9).map(lambda rate_eps: Fraction(rate_eps, 4_000_000)),
)
def test_a_lane_that_has_sent_a_million_millions_is_taken_up_at_once(
    sent: int, lanes: int, lane: int, factor: Fraction
) -> None:
    lane %= lanes
    per = factor * 4_000_000
    token = sent * lanes + lane + 1
    assume(token * SECOND_NS / per < 2**62)  # instants end after 292 years: a slow lane does not get that far
    deal = Deal(Steady(4_000_000), lanes, 128, 10**6 + 3)
    with few_steps():
        run = next(deal.runs(lane, TimeScale(factor=factor), Start(7), sent))

    turn, into = divmod(sent, rates.STRIPE_EVENTS)
    event = (turn * lanes + lane) * rates.STRIPE_EVENTS + into
    assert run.first_event == event % deal.loop_events
    assert run.due_ns.base == 7 + ceil((token - lanes) * SECOND_NS / per)
    assert ramp_value(run.due_ns, 1) == 7 + ceil(token * SECOND_NS / per)


def ramp_value(ramp: Ramp, index: int) -> int:
    assert ramp.per * 16_384 < 2**63  # of any run's events, so no product overflows
    return int(ramp_values(np.array([ramp]), np.array([index]))[0])


@given(sent=st.integers(10**12, 10**14), lanes=lanes, lane=st.integers(0, 8))
def test_on_the_time_axis_too_whatever_windows_and_loops_lie_behind_it(sent: int, lanes: int, lane: int) -> None:
    lane %= lanes
    along = OnAxis(LONG_AXIS, Fraction(1), total=10**16)
    with few_steps():
        run = next(Deal(along, lanes, 128, LONG_AXIS.loop_events, LONG_AXIS).runs(lane, TimeScale(), Start(), sent))

    token = sent * lanes + lane  # the lane's events before it are as many in any window's turns
    segment = next(along.segments(lanes, None, sent * lanes))
    assert segment.first_event <= token < segment.first_event + 2 * segment.rate_events
    assert abs(ramp_value(run.due_ns, 1) - along.due_ns(token)) <= lanes * SECOND_NS // 10**6


LONG_AXIS = LoopedAxis(windows_of([(1_000_000 + place % 7, 10**6) for place in range(2_000)]))
"""A thousand million events a second, in windows of a millisecond: 50,000 loops hold 10^14 events."""


@given(lanes=st.integers(1, 50), lane=st.integers(0, 49))
def test_an_endless_stream_starts_as_a_long_one(lanes: int, lane: int) -> None:
    lane %= lanes
    endless, long = lane_stripes(None, lanes, lane, 16), lane_stripes(10 * lanes * 16, lanes, lane, 16)

    assert [next(endless) for _ in range(10)] == list(long)
