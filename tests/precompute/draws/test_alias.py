"""A weighted choice by one look-up is exact to 2^-32."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from precompute.draws.alias import AliasTables


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=50).filter(any))
def test_an_alias_table_gives_every_value_its_exact_share(weights):
    tables = AliasTables()
    assert (tables.add([1]), tables.add(weights)) == (0, 1)
    shares = [Fraction(0)] * len(weights)
    for i, entry in enumerate(tables.joined()[1:].tolist()):
        threshold, alias = divmod(entry, 1 << 32)
        shares[i] += Fraction(threshold, 1 << 32)
        shares[alias] += 1 - Fraction(threshold, 1 << 32)
    for share, weight in zip(shares, weights, strict=True):
        exact = Fraction(weight * len(weights), sum(weights))
        assert abs(share - exact) < Fraction(len(weights), 1 << 32)
