"""A capture's windows, and the instant of each of its events."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captures.format.instants import instants, ramp_values
from captures.format.layout import WINDOW, Table


@dataclass(frozen=True, eq=False)
class Axis:
    """The windows of a capture, which follow each other without a gap; all arrays have shape (windows,)."""

    start_ns: NDArray[np.int64]
    """When each window begins, in ns from the start of the capture."""
    duration_ns: NDArray[np.int64]
    """How long each window lasts, in ns; 0 in the one window of a capture without a time axis."""
    events: NDArray[np.int64]
    """How many events each window holds."""

    @property
    def timed(self) -> bool:
        """Whether events have instants of their own."""
        return bool(self.duration_ns.any())

    def windows(self, trains: NDArray[np.int64]) -> Table:
        """The WINDOW rows of the capture, whose windows hold so many `trains` each: shape (windows,)."""
        rows = np.zeros(len(self.events), WINDOW)
        rows["start_ns"], rows["duration_ns"], rows["events"] = self.start_ns, self.duration_ns, self.events
        rows["trains"], rows["first_train"] = trains, np.cumsum(trains) - trains
        return rows

    def instants_ns(self, first_window: int, first_event: int, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The instants of a stretch of events, in ns from the start of the capture; shape (events,).

        The stretch begins with event `first_event` of the capture, which lies in window `first_window`. It has
        `counts[0]` events in that window, `counts[1]` in the next one, and so on.
        """
        own = slice(first_window, first_window + len(counts))
        rows = (array[own].tolist() for array in (self.start_ns, self.duration_ns, self.events))
        # The stretch begins somewhere in its first window, and at the beginning of all others.
        into = first_event - int(self.events[: own.start].sum())
        ramps = []
        for start_ns, duration_ns, events in zip(*rows, strict=True):
            ramps.append(instants(start_ns, duration_ns, max(1, events), into))
            into = 0
        window = np.repeat(np.arange(len(counts)), counts)
        index = np.arange(len(window)) - (np.cumsum(counts) - counts)[window]
        return ramp_values(np.array(ramps, np.int64).T[:, window].T, index)


def untimed(events: int) -> Axis:
    """The axis of a capture whose events have no time of their own."""
    return Axis(np.zeros(1, np.int64), np.zeros(1, np.int64), np.array([events]))
