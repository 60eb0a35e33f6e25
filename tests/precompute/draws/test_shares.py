"""Shares: exact within one, unbiased, and independent of each other."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from precompute.draws.shares import SHARE_BITS, cumulative_shares, integer_weights, stratified, systematic
from precompute.draws.streams import Purpose, stream

WEIGHTS = st.lists(st.integers(0, 10**12), min_size=1, max_size=40).filter(any)


@given(st.lists(st.floats(0, 10**12) | st.integers(0, 10**12) | st.fractions(0, 9), min_size=1).filter(any))
def test_integer_weights_are_in_exactly_the_same_proportion(weights):
    whole = integer_weights(weights)
    total = sum(map(Fraction, weights))
    assert [Fraction(weight, sum(whole)) for weight in whole] == [Fraction(weight) / total for weight in weights]


@given(WEIGHTS)
def test_cumulative_shares_start_at_nothing_and_end_at_the_whole(weights):
    shares = cumulative_shares(weights).tolist()
    assert (shares[0], shares[-1]) == (0, 1 << SHARE_BITS)
    assert shares == sorted(shares)


@given(WEIGHTS, st.integers(0, 1 << 20), st.integers(0, 2**64 - 1))
def test_a_systematic_sample_is_whole_and_each_part_within_one(weights, total, seed):
    shares = cumulative_shares(weights)
    parts = systematic(stream(seed, 0, Purpose.PLAN), shares, total)
    assert parts.sum() == total
    exact = np.diff(shares.astype(float)) * total / (1 << SHARE_BITS)
    assert (abs(parts - exact) < 1.001).all()


def test_a_systematic_sample_favours_no_part():
    shares = cumulative_shares([1, 2, 4, 3])
    sums = sum(systematic(stream(seed, 0, Purpose.PLAN), shares, 7) for seed in range(4000))
    assert np.allclose(sums / 4000, np.array([0.7, 1.4, 2.8, 2.1]), atol=0.03)


@given(WEIGHTS, st.integers(1, 3000), st.integers(0, 99))
def test_a_stratified_column_keeps_every_share_within_one(weights, cells, seed):
    shares = cumulative_shares(weights)
    column = stratified(stream(seed, 0, Purpose.PLAN), shares, cells)
    counts = np.bincount(column, minlength=len(weights))
    assert (abs(counts - np.diff(shares.astype(float)) * cells / (1 << SHARE_BITS)) < 1.001).all()


def test_two_stratified_columns_are_independent():
    bits, shares = stream(5, 0, Purpose.PLAN), cumulative_shares([1, 1, 2])
    pairs = stratified(bits, shares, 40_000) * 3 + stratified(bits, shares, 40_000)
    assert np.allclose(np.bincount(pairs) / 40_000, np.outer([1, 1, 2], [1, 1, 2]).ravel() / 16, atol=0.01)
