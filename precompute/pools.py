"""A field's values as arrays, sorted into buckets by their length in bytes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from operator import mul
from typing import Final

import numpy as np
from numpy.typing import NDArray

from precompute.sampling import cumulative_shares, stratified
from precompute.streams import indexes

_HALF: Final = 1 << 32
_HALF_BITS: Final = np.uint64(32)
_LOW_HALF: Final = np.uint64(_HALF - 1)

WeightedRow = tuple[tuple[bytes, ...], int]
"""A value, one text for each column, and its weight."""


class AliasTables:
    """Walker's alias method (ACM TOMS 3, 1977) with integer thresholds: a weighted choice in one look-up.

    The tables of all buckets follow each other, so that one look-up serves the fields of many events.
    """

    def __init__(self) -> None:
        self._tables: list[NDArray[np.uint64]] = []
        self._size = 0

    def add(self, weights: Sequence[int]) -> int:
        """Add the table of values of these weights, which sum to more than 0; returns where it starts."""
        start = self._size
        self._tables.append(_alias_table(weights))
        self._size += len(weights)
        return start

    @cached_property
    def entries(self) -> NDArray[np.uint64]:
        """All tables that were added: shape (values,); from now on there may be no more.

        The high half of an entry is a threshold in 2^-32, and the low half is what stands from there on.
        """
        return np.concatenate([*self._tables, np.empty(0, np.uint64)])

    def choose(self, products: NDArray[np.uint64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which value of its table each random number means: shape (numbers,), as the arguments have.

        `products` are random numbers scaled by the count of values of the table that begins at `starts`. The high half
        is an index, which stands unless the low half reaches the threshold.
        """
        index = indexes(products)
        entries = self.entries.take(index + starts, mode="clip")
        # The alias in the low half of an entry only decides where a product equals its threshold.
        keep = products << _HALF_BITS < entries
        entries &= _LOW_HALF
        chosen = entries.view(np.int64)
        np.copyto(chosen, index, where=keep)
        return chosen


def _alias_table(weights: Sequence[int]) -> NDArray[np.uint64]:
    """Vose's construction, exact but for rounding each threshold to 2^-32: shape (values,)."""
    count, total = len(weights), sum(weights)
    # One without an alias is its own: it always stands.
    table = np.arange(count, dtype=np.uint64) | (_LOW_HALF << _HALF_BITS)
    if len(set(weights)) == 1:
        return table
    rest = [weight * count for weight in weights]
    small = [i for i in range(count) if rest[i] < total]
    large = [i for i in range(count) if rest[i] >= total]
    while small:
        poor, rich = small.pop(), large[-1]
        table[poor] = (rest[poor] * _HALF // total) << 32 | rich
        rest[rich] -= total - rest[poor]
        if rest[rich] < total:
            small.append(large.pop())
    return table


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
    """Of each bucket: the sum of its values' weights."""

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
    """Of different values."""
    numbers: tuple[NDArray[np.uint32], ...]
    """Of each bucket: its values' numbers, in the order of the field; shape (values,). Equal values have one number."""
    shares: tuple[NDArray[np.uint64], ...]
    """Of each bucket: the cumulative shares of its values, shape (values + 1,)."""

    def deal(self, bits: np.random.Philox, bucket: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """A value for each train, by its `bucket`: the place in the bucket, and the number; shape (trains,).

        Each value gets its share of the bucket's trains, rounded up or down; the order is random.
        """
        places, numbers = np.zeros(len(bucket), np.int64), np.zeros(len(bucket), np.uint32)
        for one in np.unique(bucket).tolist():
            own = np.flatnonzero(bucket == one)
            places[own] = stratified(bits, self.shares[one], len(own))
            numbers[own] = self.numbers[one][places[own]]
        return places, numbers


def make_pool(rows: Iterable[WeightedRow], tables: AliasTables) -> Pool:
    """The pool of `rows`: values, one text for each column, and their weights; weight 0 is left out.

    What is needed to choose from it is added to the `tables`.
    """
    return _pool(_by_lengths(rows), tables)


def make_hosts(rows: Sequence[WeightedRow], tables: AliasTables) -> Hosts:
    """The hosts that are `rows`, as in `make_pool`."""
    groups = _by_lengths(rows)
    number: dict[tuple[bytes, ...], int] = {}
    for texts, weight in rows:
        if weight:
            number.setdefault(texts, len(number))
    return Hosts(
        pool=_pool(groups, tables),
        count=len(number),
        numbers=tuple(np.array([number[texts] for texts, _ in group], np.uint32) for group in groups),
        shares=tuple(cumulative_shares([weight for _, weight in group]) for group in groups),
    )


def _by_lengths(rows: Iterable[WeightedRow]) -> list[list[WeightedRow]]:
    """The likely rows in groups whose columns have one length each, the shortest first."""
    by_lengths: dict[tuple[int, ...], list[WeightedRow]] = {}
    for texts, weight in rows:
        if weight:
            by_lengths.setdefault(tuple(map(len, texts)), []).append((texts, weight))
    return [by_lengths[lengths] for lengths in sorted(by_lengths)]


def _pool(groups: list[list[WeightedRow]], tables: AliasTables) -> Pool:
    return Pool(
        buckets=tuple(_bucket(group, tables) for group in groups),
        weights=tuple(sum(weight for _, weight in group) for group in groups),
    )


def _bucket(group: Sequence[WeightedRow], tables: AliasTables) -> Bucket:
    rows, weights = zip(*group, strict=True)
    columns = zip(*rows, strict=True)
    return Bucket(
        columns=tuple(np.frombuffer(b"".join(column), f"V{len(column[0])}") for column in columns),
        table=tables.add(weights),
    )
