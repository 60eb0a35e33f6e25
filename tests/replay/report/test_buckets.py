"""Histograms in reports: they come back as they were, and those of two are those of both."""

from hypothesis import given
from hypothesis import strategies as st

from replay.histogram import Histogram
from replay.report.buckets import Buckets

values_us = st.lists(st.integers(0, 1 << 45), max_size=30)


def of(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value_us in values:
        histogram.record(value_us, 3)
    return histogram


@given(values_us)
def test_a_histogram_comes_back_as_it_was(values: list[int]) -> None:
    buckets = Buckets.of(of(values))
    assert (buckets is None) == (not values)
    if buckets is not None:
        assert buckets.histogram().cells.tobytes() == of(values).cells.tobytes()
        assert (buckets.sum_us, buckets.max_us) == (3 * sum(values), max(values))


@given(values_us.filter(bool), values_us.filter(bool))
def test_the_buckets_of_two_are_those_of_both(one: list[int], other: list[int]) -> None:
    first, second, both = (Buckets.of(of(values)) for values in (one, other, one + other))
    assert first is not None
    assert second is not None
    assert first + second == second + first == both
