"""How to read texts of one width at any place of a buffer."""

import numpy as np
from numpy.typing import NDArray


def texts_at(buffer: NDArray[np.uint8], starts: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """A copy of the texts of `width` bytes that begin at `starts`: shape (starts, width)."""
    # One item for each byte of the buffer: the text that begins there. The items overlap.
    at_each_byte = np.ndarray((len(buffer) - width + 1,), f"V{width}", buffer, 0, (1,))
    return at_each_byte[starts].view(np.uint8).reshape(-1, width)
