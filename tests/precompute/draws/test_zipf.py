"""Zipf's law: weights are what the formula says, to their last digit or the one before."""

from decimal import Context, Decimal
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.draws.zipf import FIRST_WEIGHT, zipf_weights

EXACT = Context(prec=60)
EXPONENTS = st.floats(0.01, 4) | st.sampled_from([0, 1, 1.1, 2, 4])


def plain(k: int, exponent: float) -> Decimal:
    return EXACT.divide(FIRST_WEIGHT, EXACT.power(k, Decimal(exponent)))


@given(EXPONENTS, st.integers(1, 3000))
def test_each_weight_is_the_formula_s(exponent, count):
    weights = zipf_weights(count, exponent)
    assert len(weights) == count
    assert weights[0] == FIRST_WEIGHT
    for k, weight in enumerate(weights[::37]):
        exact = max(Decimal(1), plain(37 * k + 1, exponent))
        assert abs(weight - exact) < Decimal("0.53")


@pytest.mark.parametrize("exponent", [0.1, 1, 1.1, 4])
def test_the_most_values_a_field_may_have(exponent):
    weights = zipf_weights(1 << 20, exponent)
    assert len(weights) == 1 << 20
    assert all(a >= b >= 1 for a, b in pairwise(weights))
    for k in (255, 256, 257, 511, 513, 65_521, 99_999, 524_287, 1_048_573, 1 << 20):
        assert abs(weights[k - 1] - max(Decimal(1), plain(k, exponent))) < Decimal("0.53")


@given(EXPONENTS, st.integers(1, 2000), st.integers(1, 2000))
def test_a_rank_s_weight_does_not_depend_on_the_count(exponent, few, many):
    few, many = sorted((few, many))
    assert zipf_weights(many, exponent)[:few] == zipf_weights(few, exponent)


def test_weights_that_everyone_knows():
    assert zipf_weights(5, 1) == [10**12, 5 * 10**11, 333_333_333_333, 25 * 10**10, 2 * 10**11]
    assert zipf_weights(3, 0) == [10**12] * 3
    assert zipf_weights(2, 0.5) == [10**12, 707_106_781_187]
    assert zipf_weights(1 << 12, 4)[-1] == 1


def test_they_are_the_same_on_every_machine():
    text = ",".join(map(str, zipf_weights(20_000, 1.1)))
    assert sha256(text.encode()).hexdigest() == ("861eb0b5bd3e9b82a5d74c3a68dc7f7b78f8449f724983a775df50034b6ea668")
