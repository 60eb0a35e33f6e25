"""A field's values as arrays, sorted into buckets by their length in bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import compress
from operator import mul

import numpy as np
from numpy.typing import NDArray

from precompute.draws.alias import AliasTables
from precompute.draws.shares import cumulative_shares, stratified


@dataclass(frozen=True, eq=False)
class Bucket:
    """The values of a pool whose columns have one length each."""

    columns: tuple[NDArray[np.void], ...]
    """The texts of each column, shape (values,), dtype V{length}."""
    table: int
    """Where the table starts by which its values are chosen."""

    @cached_property
    def size(self) -> int:
        """How many values it has."""
        return len(self.columns[0])

    @cached_property
    def first(self) -> tuple[bytes, ...]:
        """The texts of its first value, one for each column."""
        return tuple(column[0].tobytes() for column in self.columns)


@dataclass(frozen=True, eq=False)
class Pool:
    """A field's values in buckets, by the lengths of their columns."""

    buckets: tuple[Bucket, ...]
    weights: tuple[int, ...]
    """The sum of the values' weights, for each bucket."""

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Bytes of each column of each bucket, shape (buckets, columns)."""
        return np.array([[column.itemsize for column in bucket.columns] for bucket in self.buckets], np.int64)

    @cached_property
    def mean_bytes(self) -> tuple[Fraction, ...]:
        """The mean length of each column."""
        whole = sum(self.weights)
        return tuple(Fraction(sum(map(mul, self.weights, column)), whole) for column in self.lengths.T.tolist())

    def of_columns(self, columns: Sequence[int]) -> "Pool":
        """The same buckets with these of their columns; two buckets may have the same lengths then."""
        return Pool(
            tuple(Bucket(tuple(bucket.columns[at] for at in columns), bucket.table) for bucket in self.buckets),
            self.weights,
        )


@dataclass(frozen=True, eq=False)
class Hosts:
    """The values of the field that is a profile's `source`: all events of a train come from one of them."""

    pool: Pool
    count: int
    """The number of different values."""
    numbers: tuple[NDArray[np.uint32], ...]
    """The number of each value, by bucket: shape (values,). Values are numbered in the order of the field, and equal
    ones have the same number."""
    shares: tuple[NDArray[np.uint64], ...]
    """The cumulative shares of the values of each bucket: shape (values + 1,)."""

    def deal(self, bits: np.random.Philox, bucket: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Choose a value for each train from its `bucket`: the value's place in it, and its number; shape (trains,).

        Each value gets its share of the bucket's trains, rounded up or down; the order is random.
        """
        places, numbers = np.zeros(len(bucket), np.int64), np.zeros(len(bucket), np.uint32)
        for one in np.unique(bucket).tolist():
            own = np.flatnonzero(bucket == one)
            places[own] = stratified(bits, self.shares[one], len(own))
            numbers[own] = self.numbers[one][places[own]]
        return places, numbers


def make_pool(columns: Sequence[Sequence[str]], weights: Sequence[int], tables: AliasTables) -> Pool:
    """The pool of values that have a text in each of the `columns`; values of weight 0 are left out.

    The table by which they are chosen is added to the `tables`.
    """
    packed = [_Packed(texts) for texts in columns]
    return _pool(packed, weights, _by_lengths(packed, weights), tables)


def make_hosts(columns: Sequence[Sequence[str]], weights: Sequence[int], tables: AliasTables) -> Hosts:
    """The hosts that these values are; the arguments are those of `make_pool`."""
    packed = [_Packed(texts) for texts in columns]
    groups = _by_lengths(packed, weights)
    values = list(zip(*columns, strict=True))
    number: dict[tuple[str, ...], int] = {}
    for value in compress(values, weights):
        number.setdefault(value, len(number))
    return Hosts(
        pool=_pool(packed, weights, groups, tables),
        count=len(number),
        numbers=tuple(np.array([number[values[i]] for i in group.tolist()], np.uint32) for group in groups),
        shares=tuple(cumulative_shares([weights[i] for i in group.tolist()]) for group in groups),
    )


class _Packed:
    """The texts of a column as UTF-8, one after the other, since a million of them would be large as objects."""

    def __init__(self, texts: Sequence[str]) -> None:
        joined = "".join(texts)
        self._bytes = joined.encode()
        encoded = texts if joined.isascii() else map(str.encode, texts)
        self.lengths = np.fromiter(map(len, encoded), np.int32, len(texts))
        self._starts = np.cumsum(self.lengths, dtype=np.int64) - self.lengths

    def of(self, group: NDArray[np.int64]) -> NDArray[np.void]:
        """The texts at the places of a `group`, which have one length: shape (texts,), dtype V{length}."""
        length = int(self.lengths[group[0]])
        # Item i of this view is the text of this length that begins with byte i, so the starts of texts are indexes.
        everywhere = np.ndarray((len(self._bytes) - length + 1,), f"V{length}", self._bytes, 0, (1,))
        texts: NDArray[np.void] = everywhere[self._starts[group]]
        return texts


def _by_lengths(columns: Sequence[_Packed], weights: Sequence[int]) -> list[NDArray[np.int64]]:
    """The places of the likely values in groups whose columns have one length each, the shortest first."""
    likely = np.flatnonzero(np.fromiter(map(bool, weights), np.bool_, len(weights)))
    lengths = np.array([column.lengths[likely] for column in columns])
    order = np.lexsort(lengths[::-1])
    starts = np.flatnonzero(np.diff(lengths[:, order]).any(axis=0)) + 1
    return np.split(likely[order], starts)


def _pool(
    columns: Sequence[_Packed], weights: Sequence[int], groups: list[NDArray[np.int64]], tables: AliasTables
) -> Pool:
    buckets, sums, of_value = [], [], np.array(weights, object)
    for group in groups:
        own = of_value[group].tolist()
        buckets.append(Bucket(tuple(column.of(group) for column in columns), tables.add(own)))
        sums.append(sum(own))
    return Pool(tuple(buckets), tuple(sums))
