"""The windows of a capture with exact instants: an index, about a second each, and never too many of them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.console.units import SECOND_NS
from captures.format.layout import WINDOW, Table

MOST_WINDOWS: Final = 1 << 16


class WindowIndex:
    """Windows that are made while trains come; each begins at the first event of its first train."""

    def __init__(self, most: int = MOST_WINDOWS) -> None:
        """Keep at most so many windows: when they are too many, two become one."""
        self._most, self._shortest_ns = most, SECOND_NS
        self._start_ns: list[int] = []
        self._first_train: list[int] = []
        self._first_event: list[int] = []
        self._trains = self._events = self._last_ns = 0

    def add(self, trains: Table, times: NDArray[np.uint64] | None) -> None:
        """Take further trains, whose `first_event` is known, and the instants of their events if there are any."""
        first = trains["first_event"].astype(np.int64)
        if not self._start_ns:
            self._begin(0, 0, 0)
        if times is not None and len(times):
            starts = times[first - first[0]].astype(np.int64)
            self._last_ns = int(times[-1])
            at = int(np.searchsorted(starts, self._start_ns[-1] + self._shortest_ns))
            while at < len(starts):
                self._begin(int(starts[at]), self._trains + at, int(first[at]))
                at = int(np.searchsorted(starts, self._start_ns[-1] + self._shortest_ns))
        self._trains += len(trains)
        self._events = int(first[-1]) + int(trains["count"][-1])

    def _begin(self, start_ns: int, train: int, event: int) -> None:
        if len(self._start_ns) >= self._most:
            self._shortest_ns *= 2
            for column in (self._start_ns, self._first_train, self._first_event):
                del column[1::2]
            if start_ns < self._start_ns[-1] + self._shortest_ns:
                return
        self._start_ns.append(start_ns)
        self._first_train.append(train)
        self._first_event.append(event)

    def windows(self) -> Table:
        """The WINDOW rows. The last one ends a nanosecond behind the last event; without instants it lasts no time."""
        rows = np.zeros(len(self._start_ns), WINDOW)
        timed = self._last_ns > 0 or len(rows) > 1
        rows["start_ns"], rows["first_train"] = self._start_ns, self._first_train
        end_ns = self._last_ns + 1 if timed else 0
        rows["duration_ns"] = np.diff(np.array([*self._start_ns, end_ns], np.int64))
        rows["trains"] = np.diff(np.array([*self._first_train, self._trains], np.int64))
        rows["events"] = np.diff(np.array([*self._first_event, self._events], np.int64))
        return rows
