"""Shares of a whole, drawn with integers: how many trains of each host.

Systematic sampling gives every part its exact share, rounded up or down at random but never further off, and costs one
random number. What of a whole capture must be exact, its templates and the lengths of its fields, is split by
`precompute.draws.apportionment`.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

from precompute.draws.streams import permutation

SHARE_BITS: Final = 40
"""Shares are multiples of 2^-40, so a million events times a share fits 64 bits."""
_SHARE_SHIFT: Final = np.uint64(SHARE_BITS)
_DRAW_SHIFT: Final = np.uint64(64 - SHARE_BITS)


def integer_weights(weights: Sequence[float | Fraction]) -> list[int]:
    """Integers in exactly the same proportion as `weights`, which are finite and not negative."""
    exact = [Fraction(weight) for weight in weights]
    scale = math.lcm(*(weight.denominator for weight in exact))
    return [int(weight * scale) for weight in exact]


def cumulative_shares(weights: Sequence[int]) -> NDArray[np.uint64]:
    """Where each part's share begins, in units of 2^-40, and where the last ends: shape (parts + 1,)."""
    sums = [0, *accumulate(weights)]
    return np.array([(part << SHARE_BITS) // sums[-1] for part in sums], np.uint64)


def systematic(bits: np.random.Philox, shares: NDArray[np.uint64], total: int) -> NDArray[np.int64]:
    """Split `total` (below 2^23) by cumulative `shares`: shape (parts,), each within 1 of its exact share."""
    start = np.uint64(bits.random_raw()) >> _DRAW_SHIFT
    ends = ((shares * np.uint64(total) + start) >> _SHARE_SHIFT).view(np.int64)
    return ends[1:] - ends[:-1]


def stratified(bits: np.random.Philox, shares: NDArray[np.uint64], cells: int) -> NDArray[np.int64]:
    """The part that each of so many `cells` gets, shape (cells,), in random order."""
    counts = systematic(bits, shares, cells)
    return np.repeat(np.arange(len(counts)), counts)[permutation(bits, cells)]
