"""Flows get numbers when they are first seen. Only recent ones are remembered, so a flow may get a second number."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.packets.headers.key import KEY_WORDS

RECENT_FLOWS: Final = 1 << 20
"""A power of two. A table of so many flows takes 76 MiB once all of it is in use."""
_MULTIPLIERS: Final = (
    *(0x5BD1E995, 0x6C8E9CF5, 0x4F1BBCDD, 0x7ED55D17, 0x2545F491),
    *(0x61C88647, 0x45D9F3B3, 0x3C6EF35F, 0x119DE1F3),
)
"""Odd numbers of 31 bits without a pattern."""
_LOW_31: Final = (1 << 31) - 1


class FlowTable(NamedTuple):
    """The recent flows. Each has one place, which its hash names, and gives it up to the next that comes there.

    The places are small and far apart, the rows large and side by side, in the order in which their places were first
    taken: so the memory that is looked at for each packet stays in the caches, as long as the flows are few.
    """

    places: NDArray[np.int32]
    """One more than the row of the flow there; 0: the place is empty. Shape (recent flows,)."""
    keys: NDArray[np.int64]
    """A row of each place that was ever taken; shape (recent flows, KEY_WORDS)."""
    numbers: NDArray[np.int64]
    """The number of the flow in each row; shape (recent flows,)."""
    rows: NDArray[np.int64]
    """How many rows are in use; shape (1,)."""
    given: NDArray[np.int64]
    """How many numbers were given; shape (1,)."""


def empty_flow_table(recent_flows: int = RECENT_FLOWS) -> FlowTable:
    """A table that knows no flow; its memory is taken as it fills. `recent_flows` is a power of two."""
    places, keys = np.zeros(recent_flows, np.int32), np.zeros((recent_flows, KEY_WORDS), np.int64)
    return FlowTable(places, keys, np.zeros(recent_flows, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64))


@kernel
def _hash(key: NDArray[np.int64]) -> int:
    """A number of at least 31 bits that depends on all words of `key`, at no cost of one waiting for the other."""
    hashed = (int64(key[0]) >> 32 & _LOW_31) * _MULTIPLIERS[KEY_WORDS]
    for word in range(KEY_WORDS):
        # Both factors have 31 bits, so nothing overflows.
        hashed ^= ((key[word] ^ key[word] >> 32) & _LOW_31) * _MULTIPLIERS[word]
    return hashed >> 32 ^ hashed >> 11


@kernel
def number_flow(table: FlowTable, key: NDArray[np.int64], new: NDArray[np.int64], first: int) -> int:
    """The number of a flow. One that is not among the recent ones is written into `new`, whose row 0 is number `first`.

    `new`, shape (rows, KEY_WORDS), has room for one more.
    """
    place = _hash(key) & len(table.places) - 1
    row = int64(table.places[place]) - 1
    if row < 0:
        row = table.rows[0]
        table.rows[0] += 1
        table.places[place] = row + 1
    else:
        differ = int64(0)
        for word in range(KEY_WORDS):
            differ |= table.keys[row, word] ^ key[word]
        if differ == 0:
            return int64(table.numbers[row])
    number = int64(table.given[0])
    table.given[0] += 1
    table.numbers[row] = number
    for word in range(KEY_WORDS):
        table.keys[row, word] = key[word]
        new[number - first, word] = key[word]
    return number
