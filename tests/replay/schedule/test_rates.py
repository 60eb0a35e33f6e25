"""What is due when: at one rate, and along a time axis at any speed."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError
from replay.clock import SECOND_NS
from replay.schedule.axis import LoopedAxis
from replay.schedule.bursts import BURST_NS, train_limit
from replay.schedule.rates import LONGEST_NS, ROUND_NS, STRIPE_EVENTS, OnAxis, Segment, Steady
from tests.replay.axes import shapes, windows_of

speeds = st.one_of(st.sampled_from([Fraction(1), Fraction(10), Fraction(1, 2)]), st.fractions(Fraction(1, 10), 100))


def due_ns(segment: Segment) -> list[int]:
    """When each of a segment's events has its token, by the definition."""
    assert segment.events is not None
    return [segment.start_ns + -(-(j + 1) * segment.duration_ns // segment.rate_events) for j in range(segment.events)]


def test_a_rate_is_one_segment() -> None:
    assert list(Steady(1000).segments(4, 70)) == [Segment(0, SECOND_NS, 1000, 0, 70, STRIPE_EVENTS)]
    assert list(Steady(1000).segments(4, None)) == [Segment(0, SECOND_NS, 1000, 0, None, STRIPE_EVENTS)]
    assert (Steady(1000).mean_eps, Steady(1000).peak_eps) == (1000, 1000)
    assert [Steady(1000, 70).events_due(ms * SECOND_NS // 1000) for ms in (0, 1, 50, 70, 100)] == [0, 1, 50, 70, 100]


def test_without_a_rate_all_is_due_at_once_and_nothing_is_judged() -> None:
    assert list(Steady(None).segments(4, 7)) == [Segment(0, 0, 1, 0, 7, STRIPE_EVENTS)]
    assert (Steady(None).mean_eps, Steady(None).peak_eps, Steady(None).events_due(SECOND_NS)) == (None, None, 0)


def test_each_window_is_a_segment_of_its_own_rate_and_loops_go_on() -> None:
    axis = LoopedAxis(windows_of([(100, SECOND_NS), (0, SECOND_NS), (5, 3 * SECOND_NS)]))
    schedule = OnAxis(axis, Fraction(2), total=207)

    assert [segment[:5] for segment in schedule.segments(1, schedule.total)] == [
        (0, SECOND_NS // 2, 100, 0, 100),
        (SECOND_NS, 3 * SECOND_NS // 2, 5, 100, 5),
        (5 * SECOND_NS // 2, SECOND_NS // 2, 100, 105, 100),
        (7 * SECOND_NS // 2, 3 * SECOND_NS // 2, 5, 205, 2),
    ]
    assert schedule.peak_eps == 200
    assert schedule.mean_eps == pytest.approx(207 / (3.5 + 0.6))


@given(shapes=shapes, speed=speeds, loops=st.integers(1, 3), lanes=st.integers(1, 100), data=st.data())
def test_segments_are_the_stream_in_order_at_the_instants_of_the_axis(
    shapes: list[tuple[int, int]], speed: Fraction, loops: int, lanes: int, data: st.DataObject
) -> None:
    axis = LoopedAxis(windows_of(shapes))
    total = data.draw(st.integers(1, loops * axis.loop_events))
    segments = list(OnAxis(axis, speed, total=total).segments(lanes, total))

    assert sum(segment.events or 0 for segment in segments) == total
    event = 0
    for segment in segments:
        assert segment.first_event == event
        loop, place = divmod(event, axis.loop_events)
        window = axis.window_of(place)
        start_ns = (loop * axis.loop_ns + axis.start_ns[window]) / speed
        assert -1 < segment.start_ns - start_ns <= 0
        assert -1 < segment.duration_ns - axis.duration_ns[window] / speed < 1
        assert segment.rate_events == axis.events[window]
        assert 1 <= segment.stripe <= STRIPE_EVENTS
        if segment.stripe > 1:
            assert Fraction(segment.stripe * lanes * segment.duration_ns, segment.rate_events) <= ROUND_NS
        event += segment.events or 0


@given(shapes=shapes, speed=speeds, loops=st.integers(1, 2), data=st.data())
def test_what_is_due_is_counted_to_the_event(
    shapes: list[tuple[int, int]], speed: Fraction, loops: int, data: st.DataObject
) -> None:
    axis = LoopedAxis(windows_of(shapes))
    schedule = OnAxis(axis, speed, total=loops * axis.loop_events)
    due = [ns for segment in schedule.segments(1, schedule.total) for ns in due_ns(segment)]
    ns = data.draw(st.one_of(st.sampled_from(due), st.integers(0, 2 * due[-1] + 1)))

    assert min(schedule.events_due(ns), schedule.total) == sum(each <= ns for each in due)
    assert schedule.mean_eps == schedule.total * SECOND_NS / max(1, due[-1])


@given(shapes=shapes, speed=speeds, seconds=st.integers(1, 100))
def test_a_duration_asks_for_what_falls_due_within_it(
    shapes: list[tuple[int, int]], speed: Fraction, seconds: int
) -> None:
    axis = LoopedAxis(windows_of(shapes))
    duration_ns = min(seconds * SECOND_NS, int(3 * axis.loop_ns / speed))
    try:
        schedule = OnAxis(axis, speed, duration_ns=duration_ns)
    except InputError:
        first = next(OnAxis(axis, speed, total=1).segments(1, 1))
        assert due_ns(first)[0] > duration_ns
        return

    assert schedule.total == schedule.events_due(duration_ns)
    due = [ns for segment in schedule.segments(1, schedule.total + 1) for ns in due_ns(segment)]
    assert due[-2] <= duration_ns < due[-1]


def test_a_run_of_centuries_is_refused() -> None:
    axis = LoopedAxis(windows_of([(100, LONGEST_NS // 10)]))

    OnAxis(axis, Fraction(1), total=1000)
    with pytest.raises(InputError, match="over 100 years"):
        OnAxis(axis, Fraction(1, 10), total=200)


@given(events=st.integers(1, 10**9), duration_ns=st.integers(0, 10**12), lanes=st.integers(1, 100))
def test_no_train_spans_more_than_the_burst(events: int, duration_ns: int, lanes: int) -> None:
    limit = train_limit(events, duration_ns, lanes, 128)

    assert 1 <= limit <= 128
    assert limit == 1 or Fraction(limit * lanes * duration_ns, events) <= BURST_NS
    assert limit == 128 or Fraction((limit + 1) * lanes * duration_ns, events) > BURST_NS


def test_no_lane_waits_so_long_that_the_clock_cannot_tell() -> None:
    """A lane's steps are those of the slowest window times the lanes, though the whole run is shorter."""
    schedule = OnAxis(LoopedAxis(windows_of([(4, LONGEST_NS // 10)])), Fraction(1), total=4)
    schedule.check(40, 4)
    with pytest.raises(InputError, match="a port would wait so long"):
        schedule.check(41, 4)
    schedule.check(20, 4, 0, Fraction(1, 2))
    with pytest.raises(InputError, match="choose a higher speed"):
        schedule.check(20, 4, 0, Fraction(1, 3))
