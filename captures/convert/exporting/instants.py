"""When was an event of a capture? As TIME says, or as its window does, or at a rate of one's own."""

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import InputError
from captures.console.units import SECOND_NS
from captures.convert.exporting.order import Piece
from captures.events.axis import Axis
from captures.format.capture import Capture
from captures.format.instants import ramp, ramp_values


class Instants:
    """The instants of a capture's events."""

    def __init__(self, capture: Capture, rate_eps: int | None) -> None:
        """Events come evenly at a rate, or where it is None as the capture says. Raises InputError if it does not."""
        self._start_ns, self._rate_eps, self._axis = capture.start_ns, rate_eps, Axis(capture)
        if rate_eps is None and not self._axis.exists and capture.events > 1:
            raise InputError(f"{capture.path}: has no time axis; say a rate, like --eps 10k")

    def of(self, piece: Piece) -> NDArray[np.int64]:
        """When the events of a piece were, in ns since 1970 UTC, shape (events,)."""
        if self._rate_eps is None:
            return self._axis.captured_ns(piece.number)
        first = int(piece.number[0])
        row = ramp(first * SECOND_NS, SECOND_NS, self._rate_eps)
        ramps = np.tile(np.array(row, np.int64), (len(piece.number), 1))
        return self._start_ns + ramp_values(ramps, piece.number - first)
