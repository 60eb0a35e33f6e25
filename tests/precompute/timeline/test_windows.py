"""The time axis: windows that tile it, each with the events that the plain reading of curve and bursts puts there."""

from fractions import Fraction
from itertools import pairwise
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError
from precompute.timeline.windows import MAX_WINDOWS, NANO, cut_windows

SECOND = 10**9
DAY = 86_400 * SECOND
LEVEL = [(0, NANO)]
EVEN = 232_792_560
"""Divisible by 1 to 20: lines between such factors hit whole numbers at each of up to 20 steps."""


def plain_factor(curve, bursts, ns):
    """At an instant that is no edge."""
    after = next((i for i, (knot_ns, _) in enumerate(curve) if knot_ns > ns), len(curve))
    (left_ns, low), (right_ns, high) = curve[max(after - 1, 0)], curve[min(after, len(curve) - 1)]
    level = 0 < after < len(curve) and Fraction(high - low, right_ns - left_ns) * (ns - left_ns)
    return (low + level) * max((factor for start, end, factor in bursts if start <= ns < end), default=NANO)


def plain_integral(curve, bursts, end_ns):
    """Of the factor from 0 on, in ns: the midpoint rule, which is exact on straight lines."""
    inner = {ns for ns, _ in curve} | {edge for burst in bursts for edge in burst[:2]}
    edges = sorted({0, end_ns, *(ns for ns in inner if 0 < ns < end_ns)})
    doubled = sum(plain_factor(curve, bursts, Fraction(a + b, 2)) * (b - a) for a, b in pairwise(edges))
    return Fraction(doubled, NANO**2)


def edges_of(table):
    return [0, *(table["start_ns"] + table["duration_ns"]).tolist()]


@st.composite
def axes(draw, step_ns, factors):
    """A curve (which may begin before 0), bursts and a duration, all of whose instants are multiples of `step_ns`."""
    curve = sorted(draw(st.lists(st.integers(-2, 18).map(lambda step: step * step_ns), min_size=1, max_size=5)))
    starts = st.integers(0, 20).map(lambda step: step * step_ns)
    bursts = draw(st.lists(st.tuples(starts, st.integers(1, 25), factors), max_size=4))
    return (
        [(ns, draw(factors)) for ns in curve],
        [(start, start + steps * step_ns, factor) for start, steps, factor in bursts],
        draw(st.integers(1, 22)) * step_ns,
    )


def windows_or_none(curve, bursts, duration_ns, rate_eps):
    if floor(rate_eps * plain_integral(curve, bursts, duration_ns) / SECOND):
        return cut_windows(curve, bursts, duration_ns=duration_ns, rate_eps=rate_eps)
    with pytest.raises(InputError, match="not a single event falls into the duration; raise the rate"):
        cut_windows(curve, bursts, duration_ns=duration_ns, rate_eps=rate_eps)
    return None


@given(
    st.sampled_from([1, 997, SECOND // 7, 30 * SECOND, 3600 * SECOND]).flatmap(
        lambda step_ns: axes(step_ns, st.integers(0, 9).map(lambda level: level * EVEN))
    ),
    st.integers(1, 10**6) | st.sampled_from([10**10, 10**13]),
)
def test_before_each_edge_lie_the_events_of_the_integral_rounded_down(axis, rate_eps):
    curve, bursts, _ = axis
    table = windows_or_none(*axis, rate_eps)
    if table is not None:
        before = [0, *np.cumsum(table["events"]).tolist()]
        edges = edges_of(table)
        for i in {*range(0, len(edges), len(edges) // 10 + 1), len(edges) - 1}:
            assert before[i] == floor(rate_eps * plain_integral(curve, bursts, edges[i]) / SECOND)


@given(axes(997_331, st.integers(0, 10 * NANO)))
def test_a_burst_that_starts_on_a_slope_rounds_the_factor_there_by_a_billionth(axis):
    curve, bursts, duration_ns = axis
    rate_eps = 10**12
    table = windows_or_none(*axis, rate_eps)
    if table is not None:
        ideal = rate_eps * plain_integral(curve, bursts, duration_ns) / SECOND
        assert -1 < ideal - int(table["events"].sum()) < 1 + rate_eps * duration_ns / SECOND * 10 / NANO


@given(axes(7 * SECOND, st.integers(0, 1000 * NANO)), st.integers(1, 10**7))
def test_windows_tile_the_duration_and_every_edge_of_the_axis_is_one_of_theirs(axis, rate_eps):
    curve, bursts, duration_ns = axis
    table = windows_or_none(*axis, rate_eps)
    if table is not None:
        edges = edges_of(table)
        assert table["start_ns"].tolist() == edges[:-1]
        assert (table["duration_ns"] > 0).all()
        assert edges[-1] == duration_ns
        inner = {ns for ns, _ in curve} | {edge for burst in bursts for edge in burst[:2]}
        assert {ns for ns in inner if 0 < ns < duration_ns} <= set(edges)


@pytest.mark.parametrize(
    ("rate_eps", "window_s"),
    [(4_000_000, 1), (65_536, 1), (32_768, 2), (6553.6, 10), (1092, 60), (100, 60), (18, 60), (16, 64), (1, 1024)],
)
def test_a_window_has_about_65536_events_but_is_neither_too_short_nor_too_long(rate_eps, window_s):
    factor = int(rate_eps * NANO) // 10
    table = cut_windows([(0, factor)], [], duration_ns=DAY, rate_eps=10)
    assert len(set(np.diff(table["duration_ns"]).tolist())) <= 3
    assert abs(int(table["duration_ns"][0]) / SECOND / window_s - 1) < 0.02


def test_no_window_is_shorter_than_a_second_or_longer_than_a_minute_where_pieces_allow():
    for duration_ns in range(SECOND, 200 * SECOND, SECOND // 3):
        for rate_eps in (100, 2000, 60_000, 10**6):
            table = cut_windows(LEVEL, [], duration_ns=duration_ns, rate_eps=rate_eps)
            assert table["duration_ns"].min() >= SECOND
            assert table["duration_ns"].max() <= 60 * SECOND


def test_a_ramp_has_in_each_window_the_mean_of_its_rates():
    table = cut_windows([(0, 0), (10 * SECOND, NANO)], [], duration_ns=10 * SECOND, rate_eps=200_000)
    assert table["events"].tolist() == [
        10_000,
        30_000,
        50_000,
        70_000,
        90_000,
        110_000,
        130_000,
        150_000,
        170_000,
        190_000,
    ]


def test_of_points_at_one_instant_the_last_holds_from_then_on():
    curve = [(SECOND, NANO), (SECOND, 9 * NANO), (SECOND, 3 * NANO), (2 * SECOND, 3 * NANO), (2 * SECOND, 0)]
    table = cut_windows(curve, [], duration_ns=4 * SECOND, rate_eps=100)
    assert table["events"].tolist() == [100, 300, 0]
    assert table["duration_ns"].tolist() == [SECOND, SECOND, 2 * SECOND]


def test_a_point_at_the_very_start_replaces_the_one_before():
    curve = [(0, 5 * NANO), (0, NANO)]
    assert cut_windows(curve, [], duration_ns=SECOND, rate_eps=7)["events"].tolist() == [7]


def test_of_overlapping_bursts_the_highest_holds_and_lower_ones_return():
    bursts = [(1, 5, 2 * NANO), (2, 3, 9 * NANO), (4, 6, 0), (7, 8, NANO // 2)]
    table = cut_windows(LEVEL, [(a * SECOND, b * SECOND, f) for a, b, f in bursts], duration_ns=9 * SECOND, rate_eps=10)
    assert table["events"].tolist() == [10, 20, 90, 20, 20, 0, 10, 5, 10]


def test_bursts_multiply_the_curve_and_end_with_the_capture():
    curve = [(0, NANO // 2)]
    bursts = [(SECOND, 400 * DAY, 8 * NANO), (2 * SECOND, 3 * SECOND, 1000 * NANO)]
    table = cut_windows(curve, bursts, duration_ns=2 * SECOND, rate_eps=10)
    assert table["events"].tolist() == [5, 40]


def test_a_nanosecond_can_be_a_capture():
    assert cut_windows(LEVEL, [], duration_ns=1, rate_eps=3 * 10**9).tolist() == [(0, 1, 3)]
    with pytest.raises(InputError, match="not a single event"):
        cut_windows(LEVEL, [], duration_ns=1, rate_eps=NANO - 1)


def test_the_highest_rates_do_not_overflow():
    table = cut_windows([(0, 10 * NANO)], [(0, 1, 1000 * NANO)], duration_ns=12 * DAY, rate_eps=5 * 10**9)
    assert int(table["events"].sum()) == 12 * 86_400 * 5 * 10**10 + 50 * 999
    with pytest.raises(InputError, match="events are more than a capture can hold; lower the rate or the duration"):
        cut_windows([(0, 1000 * NANO)], [(0, DAY, 1000 * NANO)], duration_ns=DAY, rate_eps=5 * 10**9)


def test_too_many_windows_are_refused_before_they_are_made():
    assert len(cut_windows(LEVEL, [], duration_ns=MAX_WINDOWS * SECOND, rate_eps=10**6)) == MAX_WINDOWS
    with pytest.raises(InputError, match="would have 1048577 windows, more than 1048576; shorten the duration"):
        cut_windows(LEVEL, [], duration_ns=(MAX_WINDOWS + 1) * SECOND, rate_eps=10**6)
