"""Texts of one width in a buffer, wherever they begin: to be written there, or read."""

import numpy as np
from numpy.typing import NDArray


def places(buffer: NDArray[np.uint8], width: int) -> NDArray[np.void]:
    """Where texts of `width` bytes may stand: in a buffer, from every byte on; dtype V.

    The items overlap, a byte apart: each event's length is a step, and a train a slice.
    """
    return np.ndarray((len(buffer) - width + 1,), f"V{width}", buffer, 0, (1,))


def texts_at(buffer: NDArray[np.uint8], starts: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """A copy of the texts that begin at `starts`: shape (starts, width)."""
    return places(buffer, width)[starts].view(np.uint8).reshape(-1, width)
