"""Kernels that look up in the table of a zone (`captures.format.stamps.zones`) how far it is east of UTC."""

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel


@kernel
def zone_at(zones: NDArray[np.int64], second: int) -> int:
    """How many minutes a zone is east of UTC at a second since 1970 UTC."""
    low, high = 0, len(zones) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if zones[middle, 0] <= second:
            low = middle
        else:
            high = middle - 1
    return int64(zones[low, 1])


@kernel
def zone_in(zones: NDArray[np.int64], local_second: int) -> int:
    """How many minutes a zone is east of UTC at a second of its own clock, counted as if in UTC.

    Of an hour that comes twice it is the first one, and one that is left out is counted by the clock before it.
    """
    low, high = 0, len(zones) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if zones[middle, 0] + 60 * max(zones[middle, 1], zones[middle - 1, 1]) <= local_second:
            low = middle
        else:
            high = middle - 1
    return int64(zones[low, 1])
