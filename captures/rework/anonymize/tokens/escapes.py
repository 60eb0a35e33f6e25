"""Escapes of URLs, as `%40` (RFC 3986, section 2.1): they part words, and are none themselves.

`%25` is a percent sign, so `%2540` is an escape that was escaped once more.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel

PERCENT: Final = ord("%")
ESCAPE_BYTES: Final = 3
_HEX: Final = np.array([chr(byte) in "0123456789abcdefABCDEF" for byte in range(256)])
_ZERO, _TWO, _FOUR, _FIVE, _SEVEN = (ord(letter) for letter in "02457")


@kernel
def is_escape(buffer: NDArray[np.uint8], at: int, end: int) -> bool:
    """Whether a percent sign and two hexadecimal digits stand at `at`."""
    return bool(at + ESCAPE_BYTES <= end and buffer[at] == PERCENT and _HEX[buffer[at + 1]] and _HEX[buffer[at + 2]])


@kernel
def escape_end(buffer: NDArray[np.uint8], start: int, at: int, end: int) -> int:
    """Where the escape at `at` of a text from `start` to `end` ends; the place behind `at` where there is none.

    Those of bytes that are not of ASCII come in twos at least; a single `%ac` begins a word, as in `bob%acme@relay`.
    """
    if not is_escape(buffer, at, end):
        return at + 1
    behind = at + ESCAPE_BYTES
    single = not is_escape(buffer, behind, end) and not (
        at >= start + ESCAPE_BYTES and is_escape(buffer, at - ESCAPE_BYTES, end)
    )
    if single and not _ZERO <= buffer[at + 1] <= _SEVEN:
        return at + 1
    while (
        buffer[behind - 2] == _TWO
        and buffer[behind - 1] == _FIVE
        and behind + 2 <= end
        and _ZERO <= buffer[behind] <= _SEVEN
        and _HEX[buffer[behind + 1]]
    ):
        behind += 2
    return behind


@kernel
def at_sign_end(buffer: NDArray[np.uint8], start: int, at: int, end: int) -> int:
    """Where the escape of an at sign that begins at `at` ends, or -1."""
    behind = escape_end(buffer, start, at, end)
    return behind if behind > at + 1 and buffer[behind - 2] == _FOUR and buffer[behind - 1] == _ZERO else -1
