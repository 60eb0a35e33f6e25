"""When is each event of a capture? As its TIME says, or as its windows say, or it does not tell."""

from bisect import bisect_left
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format.capture import Capture

_SMALL: Final = 1 << 31
"""The product of two numbers below this one fits 63 bits."""


class Axis:
    """The time axis of a capture."""

    def __init__(self, capture: Capture) -> None:
        """Take the axis of an open capture."""
        self._times, self._back, self._capture_ns = capture.times, capture.back, capture.start_ns
        self.exists = bool(len(capture.times)) or capture.duration_ns > 0
        """Whether the events have instants."""
        columns = (capture.windows[name].astype(np.int64) for name in ("start_ns", "duration_ns", "events"))
        self._start_ns, self._duration_ns, self._events = columns
        self._first = np.cumsum(self._events) - self._events

    def since_start_ns(self, events: NDArray[np.int64]) -> NDArray[np.int64]:
        """The instants of events, by their numbers in the original order; ns since the capture's start.

        The same numbers in the order of replay give the instants at which events are due. Both have shape (n,). Without
        a time axis all are 0.
        """
        if len(self._times):
            return self._times[events].astype(np.int64)
        if not self.exists or not len(events):
            return np.zeros(len(events), np.int64)
        # Of windows without events, which begin at the same event, the last one holds it.
        window = np.searchsorted(self._first, events, "right") - 1
        start_ns, duration_ns, held = (part[window] for part in (self._start_ns, self._duration_ns, self._events))
        place = events - self._first[window]
        whole_ns, part_ns = np.divmod(duration_ns, held)
        if held.max() < _SMALL:
            return np.asarray(start_ns + place * whole_ns + place * part_ns // held, np.int64)
        rest = place.astype(object) * part_ns // held  # in Python's integers, which have no end
        return np.asarray(start_ns + place * whole_ns + rest.astype(np.int64), np.int64)

    def captured_ns(self, events: NDArray[np.int64]) -> NDArray[np.int64]:
        """When events were captured, ns since 1970 UTC, by their numbers in the original order: shape (n,) both."""
        return self._capture_ns + self.since_start_ns(events) - self.back_ns(events)

    def back_ns(self, events: NDArray[np.int64]) -> NDArray[np.int64]:
        """By how much events were captured earlier than `since_start_ns` says, since a clock had stepped back."""
        by_ns = np.zeros(len(events), np.int64)
        if len(self._back) and len(events):
            bounds = int(events.min()), int(events.max()) + 1
            first, end = (bisect_left(self._back["event"], bound) for bound in bounds)
            if first < end:
                late, back_ns = (self._back[name][first:end].astype(np.int64) for name in ("event", "by_ns"))
                row = np.minimum(np.searchsorted(late, events), len(late) - 1)
                by_ns = np.where(late[row] == events, back_ns[row], 0)
        return by_ns
