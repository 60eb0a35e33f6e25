"""Which events of two captures are the same? Those of one hash; of several that have it, those that fit their place.

Up to the first difference, events are matched by their numbers. Of the others those come first whose hash only one
event of each capture has. What stands as far behind such a pair, and has the same hash, is matched next: so what is
there many times keeps its place. In the end it is the k-th of the one and the k-th of the other.

Events are split by their hashes until a part fits the memory, on the disk of TMPDIR; there it is sorted.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.events.scratch import scratch

_BLOCK_ROWS: Final = 1 << 16
_MOST_ROWS: Final = 1 << 20
_BITS: Final = 8
_HASH_BITS: Final = 64
_ROW: Final = np.dtype([("hash", "<u8"), ("event", "<i8")])
NONE: Final = -1


class Matches:
    """Pairs of events of two captures that are the same."""

    def __init__(self, left: NDArray[np.uint64], right: NDArray[np.uint64], most_rows: int = _MOST_ROWS) -> None:
        """Match events by their hashes, shape (events,) each; at most `most_rows` rows are sorted at once."""
        self._most_rows = most_rows
        self.right_of = scratch(len(left), np.int64)
        """The number of the right event for each left one, or NONE."""
        self.left_of = scratch(len(right), np.int64)
        """The number of the left event for each right one, or NONE."""
        for table in (self.right_of, self.left_of):
            table[:] = NONE
        prefix = _common_prefix(left, right)
        for start in range(0, prefix, _BLOCK_ROWS):
            same = np.arange(start, min(start + _BLOCK_ROWS, prefix))
            self._note(same, same)
        self._pair(_rest(left, self.right_of), _rest(right, self.left_of), _HASH_BITS, single=True)
        for lost, twin in self.twins():
            free = (self.left_of[twin] == NONE) & (left[lost] == right[twin])
            twin, which = np.unique(twin[free], return_index=True)  # noqa: PLW2901 - those that are the same
            self._note(lost[free][which], twin)
        self._pair(_rest(left, self.right_of), _rest(right, self.left_of), _HASH_BITS, single=False)

    def twins(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Left events without a match, and the right ones that stand as far behind the last match as they do.

        They come block by block; of those without a right event there is none.
        """
        last_left, last_right = NONE, NONE
        for start in range(0, len(self.right_of), _BLOCK_ROWS):
            block = np.array(self.right_of[start : start + _BLOCK_ROWS])
            numbers = np.arange(start, start + len(block))
            before = np.maximum.accumulate(np.where(block != NONE, numbers, last_left))
            partner = np.where(before >= start, block[np.maximum(before - start, 0)], last_right)
            last_left, last_right = int(before[-1]), int(partner[-1])
            twin = partner + numbers - before
            lost = np.flatnonzero((block == NONE) & (twin < len(self.left_of)))
            yield numbers[lost], twin[lost]

    def _note(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> None:
        self.right_of[left], self.left_of[right] = right, left

    def _pair(self, left: NDArray[np.void], right: NDArray[np.void], bits: int, *, single: bool) -> None:
        """Match rows whose hashes differ in their lowest `bits` bits at most, and whose events ascend.

        With `single` only those are matched whose hash no other row of their capture has.
        """
        if not len(left) or not len(right):
            return
        if not bits:
            count = min(len(left), len(right))
            if single and max(len(left), len(right)) > 1:
                return
            for start in range(0, count, _BLOCK_ROWS):
                part = slice(start, min(start + _BLOCK_ROWS, count))
                self._note(left["event"][part], right["event"][part])
        elif len(left) + len(right) <= self._most_rows:
            self._pair_in_memory(np.array(left), np.array(right), single=single)
        else:
            for one, other in zip(_split(left, bits - _BITS), _split(right, bits - _BITS), strict=True):
                self._pair(one, other, bits - _BITS, single=single)

    def _pair_in_memory(self, left: NDArray[np.void], right: NDArray[np.void], *, single: bool) -> None:
        left, right = (rows[np.argsort(rows["hash"], kind="stable")] for rows in (left, right))
        distinct, first, count = np.unique(right["hash"], return_index=True, return_counts=True)
        group = np.minimum(np.searchsorted(distinct, left["hash"]), len(distinct) - 1)
        begin, end = (np.searchsorted(left["hash"], left["hash"], side) for side in ("left", "right"))
        place = np.arange(len(left)) - begin  # among those of the same hash
        found = (distinct[group] == left["hash"]) & (place < count[group])
        if single:
            found &= (end - begin == 1) & (count[group] == 1)
        self._note(left["event"][found], right["event"][first[group[found]] + place[found]])


def _common_prefix(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> int:
    """How many hashes are the same up to the first difference."""
    shorter = min(len(left), len(right))
    for start in range(0, shorter, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, shorter)
        other = np.flatnonzero(left[start:stop] != right[start:stop])
        if len(other):
            return start + int(other[0])
    return shorter


def _rest(hashes: NDArray[np.uint64], matched: NDArray[np.int64]) -> NDArray[np.void]:
    """Rows of the events that are not matched yet."""
    blocks = range(0, len(hashes), _BLOCK_ROWS)
    rows = scratch(sum(int(np.count_nonzero(matched[at : at + _BLOCK_ROWS] == NONE)) for at in blocks), _ROW)
    done = 0
    for at in blocks:
        left = np.flatnonzero(matched[at : at + _BLOCK_ROWS] == NONE) + at
        part = rows[done : done + len(left)]
        part["hash"], part["event"] = hashes[left], left
        done += len(left)
    return rows


def _split(rows: NDArray[np.void], shift: int) -> list[NDArray[np.void]]:
    """The rows by the eight bits of their hashes from bit `shift` on; in each part they keep their order."""
    counts = np.zeros(1 << _BITS, np.int64)
    for at in range(0, len(rows), _BLOCK_ROWS):
        counts += np.bincount(_bits(rows[at : at + _BLOCK_ROWS], shift), minlength=len(counts))
    parts = np.cumsum(counts) - counts
    ends, table = parts.copy(), scratch(len(rows), _ROW)
    for at in range(0, len(rows), _BLOCK_ROWS):
        block = rows[at : at + _BLOCK_ROWS]
        key = _bits(block, shift)
        by_key = np.argsort(key, kind="stable")
        own = np.bincount(key, minlength=len(counts))
        place = np.arange(len(block)) - np.repeat(np.cumsum(own) - own, own)
        table[ends[key[by_key]] + place] = block[by_key]
        ends += own
    return [table[start:end] for start, end in zip(parts.tolist(), ends.tolist(), strict=True)]


def _bits(rows: NDArray[np.void], shift: int) -> NDArray[np.int64]:
    bits: NDArray[np.uint64] = rows["hash"] >> np.uint64(shift) & np.uint64((1 << _BITS) - 1)
    return bits.astype(np.int64)
