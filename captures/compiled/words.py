"""Eight bytes at a time, at any place of a buffer: how kernels write short texts."""

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel

WORD_BYTES = 8


def words_of(buffer: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A view of `buffer` whose item i is the eight bytes from byte i on, little-endian: shape (bytes - 7,), dtype u8.

    The items begin one byte apart and overlap.
    """
    return np.ndarray((len(buffer) - WORD_BYTES + 1,), "<u8", buffer, 0, (1,))


@kernel
def hexadecimal(number: int) -> np.uint64:
    """The text of the low 32 bits of `number`: eight hexadecimal digits in small letters, the highest first in memory.

    The four bits of each digit are moved to a byte of their own, all at once.
    """
    digits = np.uint64(number) & np.uint64(0xFFFFFFFF)
    digits = (digits & np.uint64(0xFFFF)) << np.uint64(32) | digits >> np.uint64(16)
    low = np.uint64(0x000000FF000000FF)
    digits = (digits & low) << np.uint64(16) | digits >> np.uint64(8) & low
    low = np.uint64(0x000F000F000F000F)
    digits = (digits & low) << np.uint64(8) | digits >> np.uint64(4) & low
    letters = digits + np.uint64(0x0606060606060606) >> np.uint64(4) & np.uint64(0x0101010101010101)
    return digits + np.uint64(0x3030303030303030) + letters * np.uint64(ord("a") - ord("9") - 1)


@kernel
def repeat_text(
    words: NDArray[np.uint64], place: int, step: int, count: int, text: NDArray[np.uint64], width: int
) -> None:
    """Write the same text of `width` bytes, 8 to 32, at `place` and each `step` bytes behind it, `count` times.

    `words` and `text` are views by `words_of`.
    """
    last = width - WORD_BYTES
    second, third = min(WORD_BYTES, last), min(2 * WORD_BYTES, last)
    # As numbers of their own, the words stay in registers: the compiler can't know that `words` is not `text`.
    one, two, three, four = text[0], text[second], text[third], text[last]
    for _ in range(count):
        words[place] = one
        words[place + second] = two
        words[place + third] = three
        words[place + last] = four
        place += step
