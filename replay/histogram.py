"""How waiting times are counted: in a histogram of fixed size, like HdrHistogram, cheap to fill and to merge.

Values are whole microseconds. Below 64 us each has a bucket of its own; above, every octave is cut into 32
buckets, so a value read back is off by at most 1/64 of itself:

    value_us   0 ..  63   64 .. 127   128 .. 255   ...   2^35 .. 2^36-1
    bucket     0 ..  63   64 ..  95    96 .. 127   ...    992 .. 1023
    width      1          2            4                  2^30

2^36 us are 19 hours; longer values land in the last bucket. All state is one int64 array: the buckets, then the sum
modulo 2^64 and the exact maximum. The array may lie in shared memory, and zeros are an empty histogram. The sum wraps,
for example, after ninety minutes of a run that is half an hour behind at a million events a second. The buckets tell
how often it has wrapped, up to a sum of 2^69 us: that is a million million events, each ten minutes late.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel

BUCKETS: Final = 1024
CELLS: Final = BUCKETS + 2
"""The number of cells in the array that holds a histogram."""

RELATIVE_ERROR: Final = 1 / 64
"""The greatest error of a percentile, as a part of the true value; below 64 us a percentile is exact."""

_WRAP: Final = 1 << 64
_LONGEST: Final = (1 << 63) - 1
_SUM: Final = BUCKETS
_MAX: Final = BUCKETS + 1


@kernel
def bucket_of(value_us: int) -> int:
    """The bucket of a value that is not negative."""
    shift = 0
    while value_us >> shift >= 64:
        shift += 1
    return min((shift << 5) + (value_us >> shift), BUCKETS - 1)


@kernel
def record_one(cells: NDArray[np.int64], value_us: int, count: int) -> None:
    """Count a value (not negative) `count` times in `cells`, shape (CELLS,)."""
    cells[bucket_of(value_us)] += count
    cells[_SUM] += value_us * count
    cells[_MAX] = max(cells[_MAX], value_us)


def rows_between(later: NDArray[np.int64], earlier: NDArray[np.int64]) -> NDArray[np.int64]:
    """What was counted between two copies of the same histograms, both of shape (histograms, CELLS).

    The maximum is exact where it grew meanwhile. Where it did not, it is the highest value of the last bucket whose
    count grew, but no more than the maximum of `later`.
    """
    cells = later - earlier
    used = cells[:, :BUCKETS] > 0
    last = np.where(used.any(axis=1), BUCKETS - 1 - used[:, ::-1].argmax(axis=1), 0)
    ends = np.array([_highest_us(bucket) for bucket in last.tolist()], np.int64)
    cells[:, _MAX] = np.where(later[:, _MAX] > earlier[:, _MAX], later[:, _MAX], np.minimum(ends, later[:, _MAX]))
    return cells


def rows_together(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sums of two sets of histograms, row by row; both have the shape (histograms, CELLS)."""
    cells = first + second
    cells[:, _MAX] = np.maximum(first[:, _MAX], second[:, _MAX])
    return cells


class Histogram:
    """Counts of values in microseconds."""

    def __init__(self, cells: NDArray[np.int64] | None = None) -> None:
        """Use `cells` (int64, shape (CELLS,)) as the memory, changed in place; without it, start empty."""
        self.cells = np.zeros(CELLS, np.int64) if cells is None else cells

    def record(self, value_us: int, count: int = 1) -> None:
        """Count a value (not negative) `count` times."""
        record_one(self.cells, value_us, count)

    def merge(self, other: "Histogram") -> None:
        """Add the counts of `other`."""
        self.cells[:_MAX] += other.cells[:_MAX]
        self.cells[_MAX] = max(self.cells[_MAX], other.cells[_MAX])

    @property
    def samples(self) -> int:
        """How many values were counted."""
        return int(self.cells[:BUCKETS].sum())

    @property
    def sum_us(self) -> int:
        """The exact sum of all values."""
        told = int(self.cells[_SUM])
        used = np.flatnonzero(self.cells[:BUCKETS]).tolist()
        about = sum(int(self.cells[bucket]) * int(_middle_us(bucket)) for bucket in used)
        return told + (about - told + (_WRAP >> 1)) // _WRAP * _WRAP

    @property
    def mean_us(self) -> float | None:
        """The exact mean of all values; None when nothing was counted."""
        samples = self.samples
        return self.sum_us / samples if samples else None

    @property
    def max_us(self) -> int | None:
        """The exact maximum of all values; None when nothing was counted."""
        return int(self.cells[_MAX]) if self.samples else None

    def percentile_us(self, percent: float) -> float | None:
        """The least value that `percent` (0-100) of the samples don't exceed, within RELATIVE_ERROR.

        None when nothing was counted.
        """
        reached = np.cumsum(self.cells[:BUCKETS])
        samples = int(reached[-1])
        if not samples:
            return None
        rank = max(1, int(np.ceil(samples * percent / 100)))
        bucket = int(np.searchsorted(reached, rank))
        return min(_middle_us(bucket), float(self.cells[_MAX]))


def _highest_us(bucket: int) -> int:
    """The greatest value that belongs to a bucket; the last bucket takes all values that the others can't."""
    if bucket < 64:
        return bucket
    if bucket == BUCKETS - 1:
        return _LONGEST
    shift = (bucket >> 5) - 1
    return ((bucket - (shift << 5) + 1) << shift) - 1


def _middle_us(bucket: int) -> float:
    """The value that represents a bucket: its middle, at most half its width from any value in the bucket."""
    if bucket < 64:
        return float(bucket)
    shift = (bucket >> 5) - 1
    lowest_us = (bucket - (shift << 5)) << shift
    return lowest_us + ((1 << shift) - 1) / 2
