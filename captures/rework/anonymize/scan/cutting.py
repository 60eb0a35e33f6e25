"""What of the matches of patterns is no address: a part of one with a token of its own would make it no address."""

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from captures.rework.anonymize.scan.kinds import MAC


def without_addresses(matched: NDArray[np.int64], found: NDArray[np.int64]) -> NDArray[np.int64]:
    """What is left of the rows `matched` where none of the addresses among the rows `found` is.

    Both are rows (place, end, kind) that ascend by place; those of `found` do not overlap.
    """
    pieces = np.empty((count_pieces(matched, found, np.empty((0, 3), np.int64)), 3), np.int64)
    count_pieces(matched, found, pieces)
    return pieces


@kernel
def count_pieces(matched: NDArray[np.int64], found: NDArray[np.int64], pieces: NDArray[np.int64]) -> int:
    """How many pieces there are; those for which there is room are entered."""
    count, first = 0, 0
    for i in range(len(matched)):
        at, end, kind = matched[i, 0], matched[i, 1], matched[i, 2]
        while first < len(found) and found[first, 1] <= at:
            first += 1
        k = first
        while k < len(found) and found[k, 0] < end:
            if found[k, 2] <= MAC:
                count = enter_piece(pieces, count, at, found[k, 0], kind)
                at = found[k, 1]
            k += 1
        count = enter_piece(pieces, count, at, end, kind)
    return count


@kernel
def enter_piece(pieces: NDArray[np.int64], count: int, at: int, end: int, kind: int) -> int:
    """Enter a piece, if it has a byte and there is room; returns how many there are then."""
    if at >= end:
        return count
    if count < len(pieces):
        pieces[count, 0], pieces[count, 1], pieces[count, 2] = at, end, kind
    return count + 1
