"""Pools: every value in the bucket of its length, chosen as often as its weight says."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.draws.alias import AliasTables, choose
from precompute.draws.streams import Purpose, raw_halves, scaled, stream
from precompute.rendering.pools import Bucket, make_hosts, make_pool

TEXTS = st.characters(codec="utf-8")
ROWS = st.tuples(st.text(TEXTS, min_size=1, max_size=5), st.text(TEXTS, min_size=1, max_size=3))


def encoded(rows) -> list[tuple[tuple[bytes, ...], int]]:
    return [(tuple(map(str.encode, row)), weight) for row, weight in rows]


def in_columns(rows) -> tuple[list[tuple[str, ...]], list[int]]:
    texts, weights = zip(*rows, strict=True)
    return list(zip(*texts, strict=True)), list(weights)


@given(st.dictionaries(ROWS, st.integers(0, 3)).filter(lambda w: any(w.values())))
def test_a_pool_holds_every_likely_row_in_the_bucket_of_its_lengths(weights):
    pool = make_pool(*in_columns(weights.items()), AliasTables())
    weights = dict(encoded(weights.items()))
    likely = [row for row, weight in weights.items() if weight]
    held = []
    for bucket, lengths in zip(pool.buckets, pool.lengths.tolist(), strict=True):
        rows = list(zip(*(column.tolist() for column in bucket.columns), strict=True))
        assert len(rows) == bucket.size
        assert {tuple(map(len, row)) for row in rows} == {tuple(lengths)}
        held += rows
    assert held == sorted(likely, key=lambda row: tuple(map(len, row)))
    assert pool.lengths.tolist() == sorted(map(list, {tuple(map(len, row)) for row in likely}))
    total = sum(weights.values())
    for column, mean in enumerate(pool.mean_bytes):
        assert mean == sum(Fraction(len(row[column]) * weight, total) for row, weight in weights.items())


def test_of_some_columns_the_buckets_stay():
    pool = make_pool([["a", "b", "c"], ["x", "yy", "zz"]], [1, 2, 3], AliasTables())
    part = pool.of_columns([0])
    assert [bucket.columns[0].tolist() for bucket in part.buckets] == [[b"a"], [b"b", b"c"]]
    assert (part.weights, part.lengths.tolist()) == ((1, 5), [[1], [1]])
    assert [table.tolist() for table in pool.of_columns([1, 0]).lengths] == [[1, 1], [2, 1]]


HOSTS = st.lists(st.tuples(ROWS, st.integers(0, 9)), min_size=1, max_size=20).filter(
    lambda rows: any(w for _, w in rows)
)


@given(HOSTS, st.lists(st.integers(0), min_size=1, max_size=300), st.integers(0, 99))
def test_hosts_are_dealt_by_weight_within_their_bucket(rows, wanted, seed):
    """Rows that are equal have one number; the numbers follow the rows."""
    hosts = make_hosts(*in_columns(rows), AliasTables())
    rows = encoded(rows)
    known = list(dict.fromkeys(row for row, weight in rows if weight))
    assert hosts.count == len(known)
    of_bucket = np.array([number % len(hosts.pool.buckets) for number in wanted])
    places, numbers = hosts.deal(stream(seed, 0, Purpose.RENDER), of_bucket)
    for one, place, number in zip(of_bucket.tolist(), places.tolist(), numbers.tolist(), strict=True):
        found = tuple(column[place].tobytes() for column in hosts.pool.buckets[one].columns)
        assert found == known[number]
    for one, bucket in enumerate(hosts.pool.buckets):
        here, dealt = (of_bucket == one).sum(), np.bincount(places[of_bucket == one], minlength=bucket.size)
        weights = [weight for row, weight in rows if weight and tuple(map(len, row)) == lengths(bucket)]
        exact = np.array(weights) * here / sum(weights)
        assert (abs(dealt - exact) < 1.001).all()


def lengths(bucket: Bucket) -> tuple[int, ...]:
    return tuple(column.itemsize for column in bucket.columns)


@pytest.mark.parametrize("weights", [[1, 1, 1], [1, 5, 94], [3, 0, 1]])
def test_values_are_chosen_as_often_as_they_weigh(weights):
    tables = AliasTables()
    texts = [chr(65 + i) * 3 for i in range(len(weights))]
    _, bucket = (make_pool([texts], weights, tables).buckets[0] for _ in range(2))
    halves = raw_halves(stream(3, 0, Purpose.RENDER), 100_000)
    products = scaled(halves, np.full(len(halves), bucket.size, np.uint64))
    chosen = bucket.columns[0][choose(tables.joined(), products, np.full(len(halves), bucket.table))]
    share = [float(np.mean(chosen == np.void(bytes([65 + i]) * 3))) for i in range(len(weights))]
    assert share == pytest.approx([weight / sum(weights) for weight in weights], abs=0.005)
