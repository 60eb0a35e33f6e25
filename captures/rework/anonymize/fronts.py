"""Whether a name may begin at a place, told by a few bits: a filter before the table of names."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel

LEAST_BYTES: Final = 3
"""No shorter name is looked for."""
FRONT_BITS: Final = 16
HEAD_BYTES: Final = 8
"""Names of so many bytes are looked for inside of longer words, too."""
HEAD_BITS: Final = 19


@kernel
def start_of(buffer: NDArray[np.uint8], at: int, count: int) -> np.uint64:
    """The first bytes at `at`, eight at most, as a little-endian number."""
    number = np.uint64(0)
    for i in range(count):
        number |= np.uint64(buffer[at + i]) << np.uint64(8 * i)
    return number


@kernel
def front_of(word: np.uint64, count: int, bits: int) -> int:
    """So many bits of a hash of the first bytes of a word, little-endian; capitals are small letters."""
    word = (word | np.uint64(0x2020202020202020)) << np.uint64(64 - 8 * count)
    return int64(word * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(64 - bits))


@kernel
def set_bit(table: NDArray[np.uint8], number: int) -> None:
    """Set a bit of a table."""
    table[number >> 3] |= 1 << (number & 7)


@kernel
def has_bit(table: NDArray[np.uint8], number: int) -> bool:
    """Whether a bit of a table is set."""
    return bool(table[number >> 3] >> (number & 7) & 1)
