"""Weighted choices by Walker's alias method (ACM TOMS 3, 1977), with integer thresholds: one look-up for each.

The values that a choice is made from are numbered, and have a table with an entry for each. A random number means an
entry, and where in it: below the entry's threshold it chooses the value of the entry itself, and above it another one,
which is the entry's alias.
"""

from array import array
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from precompute.draws.streams import indexes

_HALF: Final = 1 << 32
_HALF_BITS: Final = np.uint64(32)
_LOW_HALF: Final = np.uint64(_HALF - 1)


class AliasTables:
    """Tables that follow each other in one array, so that one look-up chooses from many of them."""

    def __init__(self) -> None:
        self._tables: list[NDArray[np.uint64]] = []
        self._size = 0

    def add(self, weights: Sequence[int]) -> int:
        """Add the table of values of these weights, which sum to more than 0; returns where it starts."""
        start = self._size
        self._tables.append(_alias_table(weights))
        self._size += len(weights)
        return start

    def joined(self) -> NDArray[np.uint64]:
        """All tables: shape (values,). The high half of an entry is a threshold in 2^-32, the low half an alias."""
        return np.concatenate([*self._tables, np.empty(0, np.uint64)])


def choose(tables: NDArray[np.uint64], products: NDArray[np.uint64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which value of its table each random number means: shape (numbers,), as `products` and `starts` have.

    `products` are random numbers scaled by the count of values of the table that begins at `starts`. The high half is
    an index, which stands unless the low half reaches the threshold.
    """
    index = indexes(products)
    entries = tables.take(index + starts, mode="clip")
    # The alias in the low half of an entry only decides where a product equals its threshold.
    keep = products << _HALF_BITS < entries
    entries &= _LOW_HALF
    chosen = entries.view(np.int64)
    np.copyto(chosen, index, where=keep)
    return chosen


def _alias_table(weights: Sequence[int]) -> NDArray[np.uint64]:
    """Vose's construction, exact but for rounding each threshold to 2^-32: shape (values,)."""
    count, total = len(weights), sum(weights)
    # A value that has no alias is its own, and always stands.
    table = np.arange(count, dtype=np.uint64) | (_LOW_HALF << _HALF_BITS)
    if min(weights) == max(weights):
        return table
    rest = [weight * count for weight in weights]
    small = array("q", (i for i in range(count) if rest[i] < total))
    large = array("q", (i for i in range(count) if rest[i] >= total))
    while small:
        poor, rich = small.pop(), large[-1]
        table[poor] = (rest[poor] * _HALF // total) << 32 | rich
        rest[rich] -= total - rest[poor]
        if rest[rich] < total:
            small.append(large.pop())
    return table
