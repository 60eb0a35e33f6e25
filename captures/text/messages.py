"""The rows of events on their way into a capture: where the bytes of each stand, when it came, and over which flow."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

MESSAGE: Final = np.dtype(
    (
        np.record,
        [
            ("place", "<i8"),  # of the first byte, in the bytes that come with the rows
            ("length", "<i8"),  # bytes that are there
            ("original", "<i8"),  # bytes that there were, before something cut the event short
            ("instant_ns", "<i8"),  # since 1970 UTC; NO_INSTANT: it is not known
            ("flow", "<i8"),  # a row of the flows of this import; NO_FLOW: it is not known
        ],
    )
)
NO_INSTANT: Final = -1
NO_FLOW: Final = -1


class Messages(NamedTuple):
    """Some events, in order."""

    data: NDArray[np.uint8]
    """Their bytes, and maybe others between them, shape (bytes,)."""
    messages: NDArray[Any]
    """MESSAGE rows, shape (events,)."""


def as_messages(data: NDArray[np.uint8], place: NDArray[np.int64], length: NDArray[np.int64]) -> Messages:
    """Whole events without instant and flow, from their places and lengths, shape (events,)."""
    rows = np.empty(len(place), MESSAGE)
    rows["place"], rows["length"], rows["original"] = place, length, length
    rows["instant_ns"], rows["flow"] = NO_INSTANT, NO_FLOW
    return Messages(data, rows)
