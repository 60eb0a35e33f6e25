"""A field's values as arrays, sorted into buckets by their length in bytes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from operator import mul
from typing import Final

import numpy as np
from numpy.typing import NDArray

from precompute.sampling import cumulative_shares

_HALF: Final = 1 << 32
_LOW_HALF: Final = np.uint64(_HALF - 1)


@dataclass(frozen=True, eq=False)
class AliasTable:
    """Walker's alias method (ACM TOMS 3, 1977) with integer thresholds: a weighted choice in two look-ups."""

    threshold: NDArray[np.uint64]
    """Shape (values,), in 2^-32: below it an index stands, from it on its alias does."""
    alias: NDArray[np.int64]

    @classmethod
    def of(cls, weights: Sequence[int]) -> "AliasTable":
        """Vose's construction, exact but for rounding each threshold to 2^-32; weights sum to more than 0."""
        count, total = len(weights), sum(weights)
        rest = [weight * count for weight in weights]
        small = [i for i in range(count) if rest[i] < total]
        large = [i for i in range(count) if rest[i] >= total]
        threshold, alias = [_HALF] * count, list(range(count))
        while small:
            poor, rich = small.pop(), large[-1]
            threshold[poor] = rest[poor] * _HALF // total
            alias[poor] = rich
            rest[rich] -= total - rest[poor]
            if rest[rich] < total:
                small.append(large.pop())
        return cls(np.array(threshold, np.uint64), np.array(alias, np.int64))


@dataclass(frozen=True, eq=False)
class Bucket:
    """The values of a pool that have one length."""

    values: NDArray[np.void]
    """Shape (values,), dtype V{length}."""
    table: AliasTable | None
    """How to choose when the values' weights differ."""

    @property
    def length(self) -> int:
        """Bytes of each value."""
        return self.values.dtype.itemsize

    def choose(self, products: NDArray[np.uint64], index: NDArray[np.int64]) -> NDArray[np.void]:
        """A value for each random number, shape (numbers,).

        `products` are random numbers scaled by the count of values, `index` is their high half; the low half
        decides between an index and its alias.
        """
        if self.table is not None:
            keep = (products & _LOW_HALF) < self.table.threshold.take(index)
            index = np.where(keep, index, self.table.alias.take(index))
        # Every index is in range; "clip" only spares numpy the check and a buffer.
        return self.values.take(index, mode="clip")


@dataclass(frozen=True, eq=False)
class Pool:
    """A field's values in buckets, the shortest first."""

    buckets: tuple[Bucket, ...]
    weights: tuple[int, ...]
    """Of each bucket: the sum of its values' weights."""

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Bytes of the values of each bucket, shape (buckets,)."""
        return np.array([bucket.length for bucket in self.buckets], np.int64)

    @property
    def mean_bytes(self) -> Fraction:
        """The mean length of a value."""
        return Fraction(sum(map(mul, self.weights, self.lengths.tolist())), sum(self.weights))

    @cached_property
    def shares(self) -> NDArray[np.uint64]:
        """Cumulative shares of the buckets, shape (buckets + 1,)."""
        return cumulative_shares(self.weights)


def make_pool(values: Iterable[tuple[bytes, int]]) -> Pool:
    """The pool of `values` with their weights; a value whose weight is 0 is left out."""
    by_length: dict[int, list[tuple[bytes, int]]] = {}
    for value, weight in values:
        if weight:
            by_length.setdefault(len(value), []).append((value, weight))
    groups = [by_length[length] for length in sorted(by_length)]
    return Pool(
        buckets=tuple(_bucket(group) for group in groups),
        weights=tuple(sum(weight for _, weight in group) for group in groups),
    )


def _bucket(group: Sequence[tuple[bytes, int]]) -> Bucket:
    values = np.frombuffer(b"".join(value for value, _ in group), f"V{len(group[0][0])}")
    weights = [weight for _, weight in group]
    return Bucket(values, None if len(set(weights)) == 1 else AliasTable.of(weights))
