"""The kernel that writes tags into the events of a train (`captures.format.tags` says what a tag is)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.compiled.words import hexadecimal

ZEROS_TO_HYPHENS: Final = np.uint64(0x0000030000000003)
"""What turns `0pppp0hh` into `-pppp-hh`, when it is subtracted: 3 from the first and from the sixth byte."""


@kernel
def tag_train(words: NDArray[np.uint64], place: int, step: int, count: int, run: int, port: int, first: int) -> None:
    """Write the tags of `count` events at `place` and each `step` bytes behind it: numbers `first` and on of a port.

    A tag is three words: the run; a hyphen, the port, a hyphen and the two highest digits of the number; and the number
    modulo 2^32.
    """
    run_word = hexadecimal(run)
    high = int64(-1)
    middle = run_word
    for number in range(first, first + count):
        if number >> 32 != high:
            high = number >> 32
            middle = hexadecimal(port << 12 | high) - ZEROS_TO_HYPHENS
        words[place] = run_word
        words[place + 8] = middle
        words[place + 16] = hexadecimal(number)
        place += step
