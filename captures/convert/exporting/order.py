"""In which order do events leave a capture? In that of the original, piece by piece, however they are replayed."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.events.scratch import scratch
from captures.format.capture import Capture

PIECE_EVENTS: Final = 1 << 15


class Piece(NamedTuple):
    """Some events that follow each other in the original order; all arrays have the shape (events,)."""

    number: NDArray[np.int64]
    """Their numbers in the original order."""
    event: NDArray[np.int64]
    """Their numbers in the order of replay."""
    train: NDArray[np.int64]
    place: NDArray[np.int64]
    """Where each begins in the payload."""
    length: NDArray[np.int64]


def pieces(capture: Capture, first: int, end: int) -> Iterator[Piece]:
    """The events of a capture from number `first` up to `end` of the original order."""
    first_events = capture.trains["first_event"]
    inverse = _inverse(capture.order) if len(capture.order) else None
    for start in range(first, end, PIECE_EVENTS):
        number = np.arange(start, min(start + PIECE_EVENTS, end))
        event = number if inverse is None else inverse[number].astype(np.int64)
        train = np.searchsorted(first_events, event.astype(np.uint64), "right") - 1
        length, offset, first_event = (
            capture.trains[name][train].astype(np.int64) for name in ("length", "offset", "first_event")
        )
        place = offset + (event - first_event) * length
        yield Piece(number, event, train, place, length)


def _inverse(order: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Where each event of the original order stands in the order of replay. Raises PreflightError, RunError."""
    inverse = scratch(len(order), np.uint64)
    for start in range(0, len(order), PIECE_EVENTS):
        part = order[start : start + PIECE_EVENTS]
        inverse[part] = np.arange(start, start + len(part), dtype=np.uint64)
    return inverse
