"""The histogram against numpy's exact answers."""

import mmap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from replay.histogram import BUCKETS, CELLS, RELATIVE_ERROR, Histogram, bucket_of, record_one

# Every octave as likely as any other, to where the last bucket ends.
VALUE_US = st.integers(0, 35).flatmap(lambda octave: st.integers(0, (2 << octave) - 1))
VALUES_US = st.lists(VALUE_US, min_size=1, max_size=200).map(lambda values: np.array(values, np.int64))
COUNTS = arrays(np.int64, 200, elements=st.integers(1, 1000))


def recorded(values_us, counts=None):
    histogram = Histogram()
    counts = np.ones_like(values_us) if counts is None else counts
    for value_us, count in zip(values_us.tolist(), counts.tolist(), strict=True):
        histogram.record(value_us, count)
    return histogram


def plain_bucket(value_us: int) -> int:
    """The drawing in the module's docstring, read plainly."""
    if value_us < 64:
        return value_us
    octave = value_us.bit_length() - 1
    return min(64 + 32 * (octave - 6) + ((value_us - (1 << octave)) >> (octave - 5)), BUCKETS - 1)


@settings(max_examples=200)
@given(VALUE_US | st.integers(0, 2**63 - 1))
def test_a_value_is_in_the_bucket_that_is_drawn(value_us):
    assert bucket_of(value_us) == plain_bucket(value_us)


def test_buckets_never_go_back_and_none_is_left_out():
    edges = [edge + step for power in range(1, 63) for edge in [1 << power] for step in (-1, 0, 1)]
    assert set(np.diff([bucket_of(value_us) for value_us in range(70000)]).tolist()) == {0, 1}
    buckets = [bucket_of(edge) for edge in sorted(edges)]
    assert buckets == sorted(buckets)
    assert buckets[-1] == BUCKETS - 1


@given(VALUES_US, st.integers(0, 100))
def test_a_percentile_is_within_the_stated_error_of_the_exact_one(values_us, percent):
    exact_us = np.percentile(values_us, percent, method="inverted_cdf")
    found_us = recorded(values_us).percentile_us(percent)
    assert abs(found_us - exact_us) <= RELATIVE_ERROR * exact_us
    if exact_us < 64:
        assert found_us == exact_us


@given(VALUES_US, COUNTS)
def test_counts_are_as_good_as_repetition(values_us, counts):
    counts = counts[: values_us.size]
    assert (recorded(values_us, counts).cells == recorded(np.repeat(values_us, counts)).cells).all()


@given(VALUES_US, VALUES_US)
def test_merging_is_as_good_as_recording_all_in_one(some_us, others_us):
    merged = recorded(some_us)
    merged.merge(recorded(others_us))
    assert (merged.cells == recorded(np.concatenate([some_us, others_us])).cells).all()


@given(VALUES_US)
def test_count_mean_and_maximum_are_exact(values_us):
    histogram = recorded(values_us)
    assert histogram.samples == values_us.size
    assert histogram.mean_us == pytest.approx(sum(values_us.tolist()) / values_us.size)
    assert histogram.max_us == values_us.max()
    assert histogram.percentile_us(100) <= histogram.max_us


def test_an_empty_one_knows_nothing():
    empty = recorded(np.zeros(0, np.int64))
    assert (empty.samples, empty.mean_us, empty.max_us, empty.percentile_us(50)) == (0, None, None, None)


def test_lives_in_memory_that_is_given():
    shared = np.frombuffer(mmap.mmap(-1, CELLS * 8), np.int64)
    Histogram(shared).record(1000, 3)
    assert Histogram(shared).samples == 3


@given(st.lists(st.tuples(st.integers(1, 1 << 35), st.integers(1, 1 << 29)), min_size=1, max_size=20))
def test_the_mean_holds_though_the_sum_has_wrapped(recordings):
    """Many events that are hours late: their sum needs more than 64 bits, and less than the 69 of the limit."""
    singly, many = Histogram(), Histogram()
    for value_us, count in recordings:
        singly.record(value_us, 1)
        singly.cells[bucket_of(value_us)] += count - 1
        wrapped = (int(singly.cells[BUCKETS]) + value_us * (count - 1) + (1 << 63)) % (1 << 64) - (1 << 63)
        singly.cells[BUCKETS] = wrapped
        with np.errstate(over="ignore"):  # uncompiled, numpy warns that the sum wraps
            record_one(many.cells, value_us, count)
    events = sum(count for _, count in recordings)
    mean_us = sum(value_us * count for value_us, count in recordings) / events
    assert singly.mean_us == pytest.approx(mean_us, rel=1e-12)
    assert many.mean_us == pytest.approx(mean_us, rel=1e-12)


def test_a_worker_goes_on_counting_when_the_sum_wraps():
    late = Histogram()
    with np.errstate(over="ignore"):
        late.record(1 << 35, 1 << 27)
        late.record(1 << 35, 1 << 27)
    assert late.mean_us == pytest.approx(1 << 35)
