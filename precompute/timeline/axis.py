"""A capture's windows, and the instant of each of its events."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captures.format.instants import instants, ramp_values
from captures.format.layout import WINDOW, Table
from precompute.rendering.chunks import Chunk


@dataclass(frozen=True, eq=False)
class Axis:
    """The time axis, from the start of the capture; all arrays have shape (windows,)."""

    start_ns: NDArray[np.int64]
    duration_ns: NDArray[np.int64]
    """0 in the one window of a capture without a time axis."""
    events: NDArray[np.int64]

    @property
    def timed(self) -> bool:
        """Whether events have instants of their own."""
        return bool(self.duration_ns.any())

    def windows(self, chunks: Sequence[Chunk]) -> Table:
        """WINDOW rows, once the trains of all `chunks` are known."""
        rows = np.zeros(len(self.events), WINDOW)
        rows["start_ns"], rows["duration_ns"], rows["events"] = self.start_ns, self.duration_ns, self.events
        trains = np.zeros(len(rows), np.int64)
        for chunk in chunks:
            trains[chunk.first_window : chunk.first_window + len(chunk.window_trains)] += chunk.window_trains
        rows["trains"], rows["first_train"] = trains, np.cumsum(trains) - trains
        return rows

    def instants_ns(self, chunk: Chunk) -> NDArray[np.int64]:
        """The instant of each event of a chunk, in ns from the start of the capture; shape (events,)."""
        own = slice(chunk.first_window, chunk.first_window + len(chunk.window_events))
        counts = chunk.window_events
        rows = (array[own].tolist() for array in (self.start_ns, self.duration_ns, self.events))
        # A chunk begins somewhere in its first window, and at the beginning of all others.
        into = chunk.first_event - int(self.events[: own.start].sum())
        ramps = []
        for start_ns, duration_ns, events in zip(*rows, strict=True):
            ramps.append(instants(start_ns, duration_ns, max(1, events), into))
            into = 0
        window = np.repeat(np.arange(len(counts)), counts)
        index = np.arange(chunk.events) - (np.cumsum(counts) - counts)[window]
        return ramp_values(np.array(ramps, np.int64).T[:, window].T, index)


def untimed(events: int) -> Axis:
    """The axis of a capture whose events have no time of their own."""
    return Axis(np.zeros(1, np.int64), np.zeros(1, np.int64), np.array([events]))
