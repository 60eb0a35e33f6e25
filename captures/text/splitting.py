"""The kernel that splits bytes into lines, eight bytes at a time.

A line ends with LF, or CR LF; what stands between is kept as it is, NUL and invalid UTF-8 included.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel

EMPTY, LONG = 0, 1
"""The places of `skipped`: lines without a byte, and lines that are longer than an event can be."""
_LF, _CR = ord("\n"), ord("\r")
_LFS: Final = np.uint64(0x0A0A0A0A0A0A0A0A)
_LOW: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
_HIGH: Final = np.uint64(0x8080808080808080)
"""By these two the bytes that are zero are found: all others have their highest bit set, or get it by adding 127."""


@kernel
def next_end(buffer: NDArray[np.uint8], words: NDArray[np.uint64], place: int, end: int) -> int:
    """Where the line ends that goes on at `place`: at its LF, or at `end`."""
    while place + 8 <= end:
        differing = words[place] ^ _LFS
        if ~((differing & _LOW) + _LOW | differing) & _HIGH:
            break
        place += 8
    while place < end and buffer[place] != _LF:
        place += 1
    return place


@kernel
def split(
    buffer: NDArray[np.uint8],
    words: NDArray[np.uint64],
    start: int,
    end: int,
    longest: int,
    places: NDArray[np.int64],
    lengths: NDArray[np.int64],
    skipped: NDArray[np.int64],
) -> tuple[int, int]:
    """Split what stands from `start` to `end` until there is no LF any more, or no room in `places` and `lengths`.

    Returns how many lines there are, and where the next one begins. Lines that are empty or longer than `longest` are
    left out, and counted in `skipped`. `words` is the view of `buffer` by `words_of`.
    """
    count = 0
    while count < len(places):
        behind = next_end(buffer, words, start, end)
        if behind == end:
            break
        length = behind - start
        if length > 0 and buffer[behind - 1] == _CR:
            length -= 1
        if length == 0:
            skipped[EMPTY] += 1
        elif length > longest:
            skipped[LONG] += 1
        else:
            places[count], lengths[count] = start, length
            count += 1
        start = behind + 1
    return count, int64(start)
