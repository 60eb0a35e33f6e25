"""A whole number of events split among parts by weight: exact at the end, and near it all the way.

The events of a capture that have a field stand in a line. Each part (the values of one length) gets its share of the
whole line, rounded up or down. So that no part waits for the end of the line, the line is split in two again and again:
a fork gives the first n of its events to its left side in proportion, and the rest to its right side. What a stretch of
the line holds is the difference between what lies before its end and before its start, so stretches sum to the whole by
construction, and each can be told by itself.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from precompute.draws.streams import scaled_word

MAX_ERROR: Final = 4
"""Before any place of the line, a part has so many events more or less than its share, at most.

A fork adds less than one event to the error and hands it on in proportion. Parts are forked in the order of their size,
as near to halves as can be, so that a side with several parts has at most two thirds of its fork: their error stays
below 1 + 2/3 + 4/9 + ... = 3, and that of a single part below one more.
"""
_SHORT_LINE: Final = 1 << 31
"""The product of two numbers below this limit fits 64 bits."""


@dataclass(frozen=True, eq=False)
class _Level:
    """Forks that are equally far from the root: rows have shape (forks,), numbers of events (forks, 1)."""

    fork: NDArray[np.int64]
    """The row of each fork's events."""
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    share: NDArray[Any]
    """The events that go to the left side."""
    whole: NDArray[Any]
    """The events of both sides together."""
    phase: NDArray[Any]
    """From 0 to below the whole, at random: so every event is as likely to go to a side as its share says."""


class Apportionment:
    """The parts of one line of events."""

    def __init__(self, bits: np.random.Philox, weights: Sequence[int], events: int) -> None:
        """Split so many `events`; the `weights` are not negative and sum to more than 0."""
        whole = sum(weights)
        start = scaled_word(bits, whole)
        ends = [(end * events + start) // whole for end in accumulate(weights, initial=0)]
        self.totals: Final = [end - before for before, end in pairwise(ends)]
        """Events of each part, within one of its share."""
        self._numbers: Final = np.int64 if events < _SHORT_LINE else object
        # The parts of a fork are neighbours in this order. In a table of events, rows are first parts and then forks.
        self._parts = sorted(filter(self.totals.__getitem__, range(len(weights))), key=lambda part: -self.totals[part])
        self._ends = list(accumulate((self.totals[part] for part in self._parts), initial=0))
        self._rows = len(weights)
        self._root = self._row(0, len(self._parts))
        self._levels = list(self._forked(bits))

    def _row(self, low: int, high: int) -> int:
        """The row of the parts from `low` to below `high`: that of the only part, or a new one."""
        if high - low <= 1:
            return self._parts[low] if self._parts else 0
        self._rows += 1
        return self._rows - 1

    def _forked(self, bits: np.random.Philox) -> Iterator[_Level]:
        """The forks, level by level."""
        ahead = [(self._root, 0, len(self._parts))]
        while ahead := [(row, low, high) for row, low, high in ahead if high - low > 1]:
            rows, amounts, below = [], [], []
            for row, low, high in ahead:
                cut = _half(self._ends, low, high)
                left, right = self._row(low, cut), self._row(cut, high)
                whole = self._ends[high] - self._ends[low]
                rows.append((row, left, right))
                amounts.append((self._ends[cut] - self._ends[low], whole, scaled_word(bits, whole)))
                below += [(left, low, cut), (right, cut, high)]
            yield _Level(*np.array(rows).T, *np.array(amounts, self._numbers).T[..., None])
            ahead = below

    def before(self, places: Sequence[int]) -> NDArray[np.int64]:
        """How many of the events before each place of the line are of each part: shape (parts, places)."""
        counts = np.zeros((self._rows, len(places)), self._numbers)
        counts[self._root] = places
        for level in self._levels:
            events = counts[level.fork]
            left = (events * level.share + level.phase) // level.whole
            counts[level.left], counts[level.right] = left, events - left
        return counts[: len(self.totals)].astype(np.int64)


def _half(ends: Sequence[int], low: int, high: int) -> int:
    """Where the parts from `low` to below `high` are cut so that both sides are as equal as can be."""
    twice = ends[low] + ends[high]
    cut = min(max(bisect_left(ends, -(-twice // 2), low, high), low + 1), high - 1)
    return min((max(cut - 1, low + 1), cut), key=lambda place: abs(2 * ends[place] - twice))
