"""How to read and write texts of one width at any place of a buffer."""

import numpy as np
from numpy.typing import NDArray


def text_at_each_byte(buffer: NDArray[np.uint8], width: int) -> NDArray[np.void]:
    """A view of a buffer with one item for each text of `width` bytes, beginning at every byte; dtype V.

    The items begin one byte apart and overlap. So a slice whose step is the length of an event selects one text of
    each event of a train.
    """
    return np.ndarray((len(buffer) - width + 1,), f"V{width}", buffer, 0, (1,))


def texts_at(buffer: NDArray[np.uint8], starts: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """A copy of the texts that begin at `starts`: shape (starts, width)."""
    return text_at_each_byte(buffer, width)[starts].view(np.uint8).reshape(-1, width)
