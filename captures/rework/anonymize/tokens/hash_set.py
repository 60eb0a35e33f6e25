"""Sets of texts, by a hash of 64 bits: how kernels know stop words, learned names and original values.

Small letters and capitals are the same here. That one of a million texts is taken for one of another million by chance
has a probability of 1 in 18 million. The hash begins with a secret number, so that nobody can make texts collide.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel

FREE: Final = np.uint64(0)
"""A place of a table that holds no hash."""
_PRIME: Final = np.uint64(0x100000001B3)
_LEAST: Final = 16
_A, _Z = ord("A"), ord("Z")
FOLDED: Final = np.array([byte | 0x20 if _A <= byte <= _Z else byte for byte in range(256)], np.uint8)
"""Each byte, capitals as small letters."""


@kernel
def grown(number: np.uint64, byte: int) -> np.uint64:
    """A hash with one more byte: FNV-1a."""
    return (number ^ np.uint64(FOLDED[byte])) * _PRIME


@kernel
def ended(number: np.uint64) -> np.uint64:
    """The hash of a text whose bytes were all taken in, never FREE: the bits are mixed (MurmurHash3's fmix64)."""
    number = (number ^ number >> np.uint64(33)) * np.uint64(0xFF51AFD7ED558CCD)
    number = (number ^ number >> np.uint64(33)) * np.uint64(0xC4CEB9FE1A85EC53)
    number = number ^ number >> np.uint64(33)
    return number if number != FREE else np.uint64(1)


@kernel
def hash_of(buffer: NDArray[np.uint8], at: int, end: int, seed: np.uint64) -> np.uint64:
    """The hash of some bytes."""
    number = seed
    for i in range(at, end):
        number = grown(number, buffer[i])
    return ended(number)


@kernel
def place_in(table: NDArray[np.uint64], number: np.uint64) -> int:
    """Where a hash stands in a table, or -1. A table's length is a power of two, and it has free places."""
    mask = len(table) - 1
    place = int64(number) & mask
    while table[place] != FREE:
        if table[place] == number:
            return place
        place = place + 1 & mask
    return -1


@kernel
def insert(table: NDArray[np.uint64], number: np.uint64) -> bool:
    """Put a hash into a table that has room; whether it was not there."""
    mask = len(table) - 1
    place = int64(number) & mask
    while table[place] != FREE:
        if table[place] == number:
            return False
        place = place + 1 & mask
    table[place] = number
    return True


@kernel
def move_all(old: NDArray[np.uint64], new: NDArray[np.uint64]) -> None:
    """Put all hashes of one table into a larger one."""
    for number in old:
        if number != FREE:
            insert(new, number)


@kernel
def enter_text(table: NDArray[np.uint64], text: NDArray[np.uint8], seed: np.uint64) -> int:
    """Put the hash of a text into a table, if it is not there; returns its place."""
    number = hash_of(text, 0, len(text), seed)
    insert(table, number)
    return place_in(table, number)


def new_table(texts: Iterable[bytes], seed: np.uint64) -> NDArray[np.uint64]:
    """A table of texts, at most half full."""
    held = list(texts)
    table = np.zeros(max(_LEAST, 1 << (2 * len(held)).bit_length()), np.uint64)
    for text in held:
        enter_text(table, np.frombuffer(text, np.uint8), seed)
    return table
