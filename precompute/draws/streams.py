"""Random bits that are the same everywhere: counter-based streams, and what is drawn from them with integers.

A stream is Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11) keyed by the
seed; chunk and purpose stand in the high words of its counter, so that every chunk has streams of its own
and any process can render any chunk. Only raw bits are used, which numpy keeps stable (NEP 19), and only
integers decide: numpy's distributions may change with its version, and floats with the machine.
"""

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_SEED: Final = (1 << 64) - 1
_HALF_BITS: Final = np.uint64(32)
_SHORT_INDEX_BITS: Final = 12
"""Up to 2^12 items are ordered by 32-bit keys: their index takes 12 bits of a key, and 20 random bits are left."""


class Purpose(IntEnum):
    """What a chunk's stream is for. Each purpose has its own, so that none depends on how many bits another takes."""

    PLAN = 0
    RENDER = 1
    TIMELINE = 2
    APPORTIONMENT = 3
    FRAME_ORDER = 4


def stream(seed: int, chunk: int, purpose: Purpose) -> np.random.Philox:
    """The stream of one chunk for one purpose; `seed` is 0 to 2^64 - 1."""
    return np.random.Philox(key=np.array([seed, 0], np.uint64), counter=np.array([0, 0, purpose, chunk], np.uint64))


def raw_halves(bits: np.random.Philox, count: int) -> NDArray[np.uint32]:
    """`count` random 32-bit integers."""
    words = bits.random_raw((count + 1) // 2).astype("<u8", copy=False)
    return words.view("<u4")[:count]


def scaled(halves: NDArray[np.uint32], sizes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Random 32-bit integers times the size of what is chosen from.

    The high half of each product is an index below its size (off from uniform by less than size / 2^32), the
    low half is what remains of the randomness: see `precompute.draws.alias.choose`.
    """
    return halves * sizes


def indexes(products: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The high halves of `scaled` products."""
    return (products >> _HALF_BITS).view(np.int64)


def raw_bytes(bits: np.random.Philox, count: int) -> NDArray[np.uint8]:
    """`count` random bytes."""
    return bits.random_raw((count + 7) // 8).astype("<u8", copy=False).view(np.uint8)[:count]


def scaled_word(bits: np.random.Philox, size: int) -> int:
    """A random number below `size`, off from uniform by less than size / 2^64."""
    return int(bits.random_raw()) * size >> 64


def permutation(bits: np.random.Philox, count: int) -> NDArray[np.int64]:
    """A random order of `range(count)`.

    The index stands in the low bits of random keys: the keys differ, so every sort gives the same order. Few items are
    sorted by 32-bit keys, which takes half the time; of those that draw equal high bits, the first comes first.
    """
    low = max(count - 1, 1).bit_length()
    if low <= _SHORT_INDEX_BITS:
        keys = raw_halves(bits, count)
        keys &= np.uint32((1 << 32) - (1 << low))
        keys |= np.arange(count, dtype=np.uint32)
        keys.sort()
        keys &= np.uint32((1 << low) - 1)
        return keys.astype(np.int64)
    words = bits.random_raw(count)
    words &= np.uint64((1 << 64) - (1 << low))
    words |= np.arange(count, dtype=np.uint64)
    words.sort()
    words &= np.uint64((1 << low) - 1)
    return words.view(np.int64)
