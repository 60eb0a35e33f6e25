"""How does a report hold a histogram? As its exact buckets, without the empty ones, so that reports can be merged.

Percentiles can't be merged. Buckets can: the sums of the buckets of two histograms are the buckets of all their values.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from replay.histogram import BUCKETS, CELLS, Histogram

_MOST: Final = 1 << 60
"""A histogram has fewer values."""


@dataclass(frozen=True)
class Buckets:
    """The contents of a `replay.histogram.Histogram`; values are whole microseconds."""

    counts: dict[str, int]
    """How many values lie in each bucket that has any; the name is the bucket's number, from 0."""
    sum_us: int
    """The exact sum of all values."""
    max_us: int
    """The exact greatest value."""

    @classmethod
    def of(cls, histogram: Histogram) -> Self | None:
        """The contents of `histogram`; None if nothing was counted."""
        if histogram.max_us is None:
            return None
        used = np.flatnonzero(histogram.cells[:BUCKETS]).tolist()
        counts = {str(bucket): int(histogram.cells[bucket]) for bucket in used}
        return cls(counts, histogram.sum_us, histogram.max_us)

    def histogram(self) -> Histogram:
        """Make a histogram of the buckets. Raises ValueError for a bucket or a value that no histogram can have."""
        cells = np.zeros(CELLS, np.int64)
        for name, count in self.counts.items():
            bucket = int(name) if name.isascii() and name.isdecimal() and len(name) < 5 else BUCKETS
            if bucket >= BUCKETS or name != str(bucket) or not 0 <= count < _MOST:
                raise ValueError(f"a histogram has {BUCKETS} buckets and no bucket {name} with {count} values")
            cells[bucket] = count
        if not 0 <= self.max_us < 1 << 63 or not 0 <= self.sum_us < _MOST << 63:
            raise ValueError("a histogram has no greatest value or sum below 0, and no value of more than 63 bits")
        if sum(self.counts.values()) >= _MOST:
            raise ValueError("a histogram has no more values than anybody can send events")
        wrapped = self.sum_us % (1 << 64)
        cells[BUCKETS] = wrapped - (1 << 64) if wrapped >= 1 << 63 else wrapped
        cells[BUCKETS + 1] = self.max_us
        return Histogram(cells)

    def __add__(self, other: "Buckets") -> "Buckets":
        """The buckets of all values of both."""
        names = sorted({*self.counts, *other.counts}, key=int)
        counts = {name: self.counts.get(name, 0) + other.counts.get(name, 0) for name in names}
        return Buckets(counts, self.sum_us + other.sum_us, max(self.max_us, other.max_us))
