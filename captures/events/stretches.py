"""A capture piece by piece: some consecutive trains at a time, and where each of their events is.

A piece is bounded in trains, events and bytes, so memory stays flat however large the capture is.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format.capture import Capture
from captures.format.layout import Table
from captures.format.sections import LIVE

_MOST_TRAINS: Final = 1 << 15
_MOST_EVENTS: Final = 1 << 16
_MOST_BYTES: Final = 8 << 20


@dataclass(frozen=True, eq=False)
class Stretch:
    """Consecutive trains of a capture, and their events in the order of replay."""

    first_train: int
    trains: Table
    """TRAIN rows, at least one."""
    first: int
    """Events of the capture before these."""
    train_of: NDArray[np.int64]
    """The row of `trains` for each event, shape (events,)."""
    place: NDArray[np.int64]
    """Where the bytes of each event begin in the payload, shape (events,)."""
    length: NDArray[np.int64]
    """Bytes of each event, shape (events,)."""

    @property
    def end(self) -> int:
        """Events of the capture before those that follow these."""
        return self.first + len(self.place)

    @property
    def size(self) -> int:
        """Bytes of all these events."""
        return int(self.length.sum())

    def numbers(self, capture: Capture) -> NDArray[np.int64]:
        """The number in the original order of each event, shape (events,)."""
        if not len(capture.order):
            return np.arange(self.first, self.end)
        return capture.order[self.first : self.end].astype(np.int64)

    def live(self, capture: Capture) -> Table:
        """The LIVE rows of these trains, which count trains from the first of them."""
        first, end = (bisect_right(capture.live["train"], train - 1) for train in self._bounds)
        rows: Table = capture.live[first:end].astype(LIVE)
        rows["train"] -= np.uint64(self.first_train)
        return rows

    @property
    def _bounds(self) -> tuple[int, int]:
        return self.first_train, self.first_train + len(self.trains)


def stretches(capture: Capture, first: int = 0, most_events: int = _MOST_EVENTS) -> Iterator[Stretch]:
    """The trains of a capture, from the one on that holds event `first` of the order of replay.

    A stretch has about `most_events` events at most, and at least one train.
    """
    trains = capture.trains
    at = bisect_right(trains["first_event"], first) - 1
    while at < len(trains):
        rows = trains[at : at + _MOST_TRAINS]
        count, length = rows["count"].astype(np.int64), rows["length"].astype(np.int64)
        fits = (np.cumsum(count) <= most_events) & (np.cumsum(count * length) <= _MOST_BYTES)
        taken = max(1, int(np.count_nonzero(fits)))
        yield _stretch(at, rows[:taken], count[:taken], length[:taken])
        at += taken


def _stretch(first_train: int, trains: Table, count: NDArray[np.int64], length: NDArray[np.int64]) -> Stretch:
    train_of = np.repeat(np.arange(len(trains)), count)
    first = int(trains["first_event"][0])
    in_train = np.arange(len(train_of)) - (trains["first_event"].astype(np.int64) - first)[train_of]
    place = trains["offset"].astype(np.int64)[train_of] + in_train * length[train_of]
    return Stretch(first_train, trains, first, train_of, place, length[train_of])
