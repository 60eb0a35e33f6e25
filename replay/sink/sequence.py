"""What became of a port's events, by their numbers: lost, duplicated, reordered, late. Bounded, however long it takes.

A run numbers the events of each port from 0. An event is *reordered* if it arrives after one with a higher number
(RFC 4737, section 3.3); its depth is how far the highest number was ahead of it. A number that is passed over is lost
in the interval in which that is noticed, and not lost any more when it arrives after all.

The last WINDOW numbers are remembered, as a ring of one word each:

    0              it arrived, or the word was never used
    i + 1          it is missing, which was noticed in interval i
    -(i + 1)       the same, and the socket had dropped packets just before

A number that comes later than that is *late*: it may be a duplicate or the lost one, so it stays lost. As long as no
number of the ring is missing, nothing of it is touched.

Others may read an account while it is written, so what arrived is counted before all that follows from it: at no
instant does it say that more was lost than is.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.histogram import CELLS, Histogram

WINDOW: Final = 1 << 18
"""2.6 s of 100,000 events a second on a port."""
LEAP: Final = 1 << 22
"""So many numbers are not skipped because of one event: a damaged digit would make all later ones late."""

SEQUENCE: Final = np.dtype(
    [
        ("next", "<i8"),  # the highest number that arrived, and one
        ("arrived", "<i8"),  # different numbers; what is missing below `next` is lost
        ("duplicated", "<i8"),
        ("reordered", "<i8"),
        ("late", "<i8"),
        ("leapt", "<i8"),  # events whose numbers were too far ahead to be believed
        ("lost_in_socket", "<i8"),  # of those that are lost
        ("open", "<i8"),  # missing numbers of the ring
        ("depth", "<i8", (CELLS,)),  # Histogram of how deep reordered ones were
    ]
)
"""One port's account."""

PLANES: Final = ("arrived", "lost", "lost_in_socket", "duplicated", "reordered", "late")
"""What is counted by interval as well: u32, shape (intervals,) each."""


class Sequence:
    """The account of one port, kept in arrays that others may read meanwhile."""

    def __init__(self, row: NDArray[np.void], ring: NDArray[np.int32], planes: dict[str, NDArray[np.uint32]]) -> None:
        """Count into `row`, SEQUENCE of shape (1,), `ring`, shape (WINDOW,), and `planes`; zeros are a new account."""
        self._row, self._ring, self._planes = row, ring, planes
        # Items of memoryviews: they cost half of what those of an array do.
        self._next, self._arrived, self._open = (row[name].data for name in ("next", "arrived", "open"))
        self._arrived_in = planes["arrived"].data
        self._depth = Histogram(row["depth"][0])
        self._held = (-1, 0)
        """First number and events of a leap that is not believed yet."""

    def take(self, first: int, count: int, interval: int, droppable: int) -> bool:
        """Count the arrival of `count` events from number `first` on, in one go and less than WINDOW.

        `droppable` is how many events the socket may have dropped since the arrival before. Returns whether numbers
        were passed over.
        """
        reached = self._next[0]
        if first == reached and not self._open[0]:
            self._go_on(first + count, count, interval)
            return False
        if first - reached > LEAP and not self._is_believed(first, count, interval):
            return False
        reached = self._next[0]
        if first < reached:
            below = min(count, reached - first)
            self._take_below(first, first + below, reached, interval)
            first, count = first + below, count - below
            if not count:
                return False
        elif first > reached:
            self._pass_over(reached, first, interval, droppable)
        self._forget(first, first + count)
        self._go_on(first + count, count, interval)
        return first > reached

    def _go_on(self, reached: int, count: int, interval: int) -> None:
        self._arrived[0] += count
        self._next[0] = reached
        self._arrived_in[interval] += count

    def _is_believed(self, first: int, count: int, interval: int) -> bool:
        """Whether a leap to `first` continues the one before, which is counted then; else it is held back."""
        held, events = self._held
        self._held = first, count
        self._row["leapt"] += count
        if held + events != first:
            return False
        self._held = -1, 0
        self._row["leapt"] -= count + events
        self._pass_over(self._next[0], held, interval, 0)
        self._forget(held, first)
        self._go_on(first, events, interval)
        return True

    def _take_below(self, first: int, end: int, reached: int, interval: int) -> None:
        """Events whose numbers were reached before."""
        known = max(first, min(end, reached - WINDOW))
        late, duplicated, reordered = known - first, 0, 0
        for number, ring in _parts(self._ring, known, end):
            missing = np.flatnonzero(ring)
            duplicated += len(ring) - len(missing)
            reordered += len(missing)
            if len(missing):
                self._arrived[0] += len(missing)
                self._found(ring[missing].astype(np.int64))
                ring[missing] = 0
                depths = reached - 1 - (number + missing)
                self._depth.record_many(depths, np.ones_like(depths))
        self._open[0] -= reordered
        self._arrived_in[interval] += reordered
        for name, events in (("late", late), ("duplicated", duplicated), ("reordered", reordered)):
            self._row[name] += events
            self._planes[name][interval] += events

    def _found(self, words: NDArray[np.int64]) -> None:
        """Numbers that were missing, by their words of the ring, are not lost."""
        np.subtract.at(self._planes["lost"], np.abs(words) - 1, 1)
        dropped = words[words < 0]
        self._row["lost_in_socket"] -= len(dropped)
        np.subtract.at(self._planes["lost_in_socket"], -dropped - 1, 1)

    def _pass_over(self, first: int, end: int, interval: int, droppable: int) -> None:
        """Numbers that did not arrive before a higher one did: the earliest of them go to the socket's account."""
        dropped = min(droppable, end - first)
        for name, events in (("lost", end - first), ("lost_in_socket", dropped)):
            self._planes[name][interval] += np.uint32(min(events, 0xFFFFFFFF))
        self._row["lost_in_socket"] += dropped
        known = max(first, end - WINDOW)
        self._forget(known, end)
        self._open[0] += end - known
        split = min(max(known, first + dropped), end)
        for word, part in ((-interval - 1, (known, split)), (interval + 1, (split, end))):
            for _, ring in _parts(self._ring, *part):
                ring[:] = word

    def _forget(self, first: int, end: int) -> None:
        """Numbers WINDOW before these leave the ring: what is missing of them is lost for good."""
        if self._open[0]:
            for _, ring in _parts(self._ring, first, end):
                missing = int(np.count_nonzero(ring))
                if missing:
                    self._open[0] -= missing
                    ring[:] = 0


def _parts(ring: NDArray[np.int32], first: int, end: int) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """The ring's words of some numbers, WINDOW at most, and the first number of each part."""
    while first < end:
        place = first % WINDOW
        part = min(end - first, WINDOW - place)
        yield first, ring[place : place + part]
        first += part


def lost_below(row: NDArray[np.void], ring: NDArray[np.int32], mark: int) -> int:
    """How many of the numbers below `mark` did not arrive, as far as is known: SEQUENCE row, shape (1,), and its ring.

    Those between the highest number that arrived and `mark` are among them. An account that is being written is read in
    the order opposite to that of writing, so what arrives meanwhile is not lost.
    """
    reached, above = int(row["next"][0]), 0
    if mark < reached and row["open"][0]:
        above = sum(int(np.count_nonzero(part)) for _, part in _parts(ring, max(mark, reached - WINDOW), reached))
    return max(0, max(mark, reached) - above - int(row["arrived"][0]))
