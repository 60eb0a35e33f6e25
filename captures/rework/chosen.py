"""Which events of a capture were chosen, held on the disk: where they are, and which numbers they get."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import InputError
from captures.events.scratch import scratch
from captures.events.stretches import Stretch, stretches
from captures.format.capture import Capture
from captures.rework.choosing import Choice, Chooser
from captures.rework.soundness import blocks_between

_BLOCK_ROWS: Final = 1 << 16


class Chosen:
    """Which events are chosen, in the order of replay."""

    events: int
    """How many they are."""
    first_chosen: int
    """The first of them."""
    last_chosen: int

    def __init__(self, capture: Capture, choice: Choice, output: Path) -> None:
        """Choose; what is noted of each event lies on the disk of `output`.

        Raises InputError where none is chosen, and where the capture does not say what is asked of it.
        """
        chooser = Chooser(capture, choice)
        self._capture, self.first, self._end = capture, chooser.first, chooser.end
        self._meant = scratch(max(self._end - self.first, 0), np.bool_, output)
        self._bytes = [len(capture.payload), 0]
        self.events, self.first_chosen, self.last_chosen = 0, -1, -1
        for stretch in self._stretches():
            meant = chooser.meant(stretch)
            inner = slice(max(self.first - stretch.first, 0), self._end - stretch.first)
            self._meant[max(stretch.first - self.first, 0) : stretch.end - self.first] = meant[inner]
            if meant.any():
                self.events += int(np.count_nonzero(meant))
                which = np.flatnonzero(meant)
                self.last_chosen = stretch.first + int(which[-1])
                self.first_chosen = (
                    self.last_chosen - int(which[-1] - which[0]) if self.first_chosen < 0 else self.first_chosen
                )
                self._bytes[0] = min(self._bytes[0], int(stretch.place[which[0]]))
                self._bytes[1] = int(stretch.place[which[-1]] + stretch.length[which[-1]])
        if not self.events:
            raise InputError(f"{capture.path}: no event is as asked; nothing was written")

    def _stretches(self) -> Iterator[Stretch]:
        for stretch in stretches(self._capture, self.first):
            if stretch.first >= self._end:
                return
            yield stretch

    def blocks(self) -> NDArray[np.int64]:
        """The blocks of the payload from the first to the last event."""
        return blocks_between(self._bytes[0], max(self._bytes))

    def __iter__(self) -> Iterator[tuple[Stretch, NDArray[np.bool_]]]:
        """Each stretch that has chosen events, and whether each of its events is one."""
        for stretch in self._stretches():
            meant = np.zeros(stretch.end - stretch.first, np.bool_)
            inner = slice(max(self.first - stretch.first, 0), self._end - stretch.first)
            meant[inner] = self._meant[max(stretch.first - self.first, 0) : stretch.end - self.first]
            if meant.any():
                yield stretch, meant


class Numbers:
    """The numbers of the chosen events in the original order, old and new."""

    def __init__(self, capture: Capture, chosen: Chosen) -> None:
        """Raise InputError where the capture's order names an event twice."""
        self._capture, self._ordered = capture, len(capture.order) > 0
        if not self._ordered:
            stretch, meant = next(iter(chosen))
            self.first = stretch.first + np.flatnonzero(meant)[:1]
            return
        marked = scratch(capture.events, np.bool_)
        for stretch, meant in chosen:
            marked[stretch.numbers(capture)[meant]] = True
        self._new, self._old, count = scratch(len(marked), np.int64), scratch(chosen.events, np.int64), 0
        for start in range(0, len(marked), _BLOCK_ROWS):
            which = np.flatnonzero(marked[start : start + _BLOCK_ROWS]) + start
            self._new[which] = np.arange(count, count + len(which))
            self._old[count : count + len(which)] = which
            count += len(which)
        if count != chosen.events:
            raise InputError(f"{capture.path}: its order names an event twice")
        self._taken = 0
        self.first = np.array(self._old[:1])
        """The number of the first one, shape (1,)."""

    def take(self, stretch: Stretch, meant: NDArray[np.bool_]) -> tuple[NDArray[np.uint64] | None, NDArray[np.int64]]:
        """The new numbers of the chosen events of the next stretch, and as many of the old numbers in ascending order.

        The first is None where both orders are the same.
        """
        numbers = stretch.numbers(self._capture)[meant]
        if not self._ordered:
            return None, numbers
        old = np.array(self._old[self._taken : self._taken + len(numbers)])
        self._taken += len(numbers)
        return self._new[numbers].astype(np.uint64), old
