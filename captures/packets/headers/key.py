"""The key of a flow: a FLOW row (`captures.format.sections`) as eight words, put together while headers are read.

    word 0   family, protocol, tos, ttl, source port, target port
    word 1   both VLAN tags, their count, which are of 802.1ad, link
    word 2   flow label, first four bytes of the source's MAC
    word 3   the other two, and the target's MAC
    word 4   source address, two words
    word 6   target address, two words

All words are int64 and little-endian, as the rows are, so a key is a row.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.compiled.words import WORD_BYTES
from captures.format.sections import FLOW

KEY_WORDS: Final = FLOW.itemsize // WORD_BYTES

LOW_16: Final = (1 << 16) - 1
LOW_32: Final = (1 << 32) - 1
LOW_48: Final = (1 << 48) - 1


def signed_words_of(buffer: NDArray[np.uint8]) -> NDArray[np.int64]:
    """A view of `buffer` whose item i is the eight bytes from byte i on, little-endian; shape (bytes - 7,), int64."""
    count = max(0, len(buffer) - WORD_BYTES + 1)
    words: NDArray[np.int64] = np.ndarray((count,), "<i8", buffer if count else b"", 0, (1,))
    words.flags.writeable = False
    return words


def rows_of(keys: NDArray[np.int64]) -> NDArray[Any]:
    """The FLOW rows that `keys`, shape (flows, KEY_WORDS), are; shape (flows,)."""
    return np.ascontiguousarray(keys, "<i8").view(FLOW).reshape(-1)


def key_of(flow: NDArray[Any]) -> NDArray[np.int64]:
    """The key that a FLOW row, shape (1,), is; shape (KEY_WORDS,)."""
    return flow.view("<i8")


@kernel
def big_16(data: NDArray[np.uint8], place: int) -> int:
    """The number of two bytes in network order."""
    return int64(data[place]) << 8 | int64(data[place + 1])


@kernel
def big_32(data: NDArray[np.uint8], place: int) -> int:
    """The number of four bytes in network order."""
    return big_16(data, place) << 16 | big_16(data, place + 2)
