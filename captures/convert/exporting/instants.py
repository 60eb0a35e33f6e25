"""When was an event of a capture? As TIME says, or as its window does, or at a rate of one's own."""

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import InputError
from captures.console.units import SECOND_NS
from captures.convert.exporting.order import Piece
from captures.format.capture import Capture
from captures.format.instants import Ramp, instants, ramp, ramp_values


class Instants:
    """The instants of a capture's events."""

    def __init__(self, capture: Capture, rate_eps: int | None) -> None:
        """Events come evenly at a rate, or where it is None as the capture says. Raises InputError if it does not."""
        self._capture, self._rate_eps = capture, rate_eps
        if rate_eps is None and not len(capture.times) and not capture.duration_ns and capture.events > 1:
            raise InputError(f"{capture.path}: has no time axis; say a rate, like --eps 10k")
        held = capture.windows[capture.windows["events"] > 0]
        self._windows = held
        self._first = np.cumsum(held["events"].astype(np.int64)) - held["events"].astype(np.int64)

    def of(self, piece: Piece) -> NDArray[np.int64]:
        """When the events of a piece were, in ns since 1970 UTC, shape (events,)."""
        capture, number = self._capture, piece.number
        if self._rate_eps is not None:
            row = ramp(0, SECOND_NS, self._rate_eps)
            return capture.start_ns + ramp_values(np.tile(np.array(row, np.int64), (len(number), 1)), number)
        if len(capture.times):
            since_ns = capture.times[number].astype(np.int64)
            low, high = np.searchsorted(capture.back["event"], [number[0], number[-1] + 1])
            late = capture.back[low:high]
            since_ns[late["event"].astype(np.int64) - number[0]] -= late["by_ns"].astype(np.int64)
            return capture.start_ns + since_ns
        return capture.start_ns + self._of_windows(number)

    def _of_windows(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """The instants that windows give: event j of n is at j/n of its window."""
        window = np.searchsorted(self._first, number, "right") - 1
        used, begin, index = np.unique(window, return_index=True, return_inverse=True)
        ramps = np.zeros((len(used), len(Ramp._fields)), np.int64)
        for row, at, first in zip(ramps, used, number[begin], strict=True):
            start_ns, duration_ns, events = (
                int(self._windows[at][name]) for name in ("start_ns", "duration_ns", "events")
            )
            row[:] = instants(start_ns, duration_ns, events, int(first - self._first[at]))
        return ramp_values(ramps[index], number - number[begin][index])
