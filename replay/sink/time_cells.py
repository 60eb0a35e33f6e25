"""How does a table of fixed size hold a century? Cells are tenths of a second at first, and longer later. Pure.

The first FINE tenths, 14.6 hours, have a cell each. After that every octave, the time from 2^k to 2^(k+1) tenths, is
divided into OCTAVE cells of equal length:

    after      14.6 h    29 h     5 days    20 days    1 year
    a cell     1.6 s     3.2 s    13 s      51 s       14 min

The last cell also holds everything that is later.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from replay.clock import SECOND_NS

TENTH_NS: Final = SECOND_NS // 10

_FINE_BITS: Final = 19
_OCTAVE_BITS: Final = 15
FINE: Final = 1 << _FINE_BITS
OCTAVE: Final = 1 << _OCTAVE_BITS
CELLS: Final = FINE + 16 * OCTAVE
"""The number of cells, which cover 108 years."""


@kernel
def cell_at(tenth: int) -> int:
    """The cell of a tenth of a second; tenths before the first cell are in the first."""
    if tenth < FINE:
        return max(tenth, 0)
    octave = 0
    while tenth >> octave >= 2 * FINE:
        octave += 1
    return min(FINE + octave * OCTAVE + (tenth >> octave + _FINE_BITS - _OCTAVE_BITS) - OCTAVE, CELLS - 1)


def tenths_of(cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first tenth of each cell, and how many tenths the cell lasts; same shape."""
    octaves, place = np.divmod(cells - FINE, OCTAVE)
    widths = octaves + _FINE_BITS - _OCTAVE_BITS
    coarse = cells >= FINE
    return np.where(coarse, place + OCTAVE << np.maximum(widths, 0), cells), np.where(
        coarse, 1 << np.maximum(widths, 0), 1
    )
