"""Kinds of values, and the table into which the scan enters those that it finds."""

from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel


class Kind(IntEnum):
    """Kinds of values."""

    IPV4 = 0
    IPV6 = 1
    MAC = 2
    HOST = 3
    USER = 4
    MAIL = 5
    URL = 6
    DOMAIN = 7
    FILE = 8
    AGAIN = 9
    """A value that was found as another kind elsewhere, or that a list names."""
    PATTERN = 10
    """What a regular expression of the rules finds."""


# As plain numbers: kernels know no others.
IPV4, IPV6, MAC, HOST, USER, MAIL, URL, DOMAIN, FILE, AGAIN, PATTERN = (int(kind) for kind in Kind)
NAMES: Final = tuple(kind.name.lower() for kind in Kind)
"""What reports call them."""


class Place(NamedTuple):
    """The memory of a scan."""

    rows: NDArray[np.int64]
    """The values that were found, in their order: place, end, kind; shape (rows, 3)."""
    units: NDArray[np.int64]
    """What an address of IPv6 says, shape (32,)."""
    numbers: NDArray[np.int64]
    """What one of IPv4 says, shape (4,)."""


def new_place(rows: int) -> Place:
    """Memory for so many values."""
    return Place(np.zeros((rows, 3), np.int64), np.zeros(32, np.int64), np.zeros(4, np.int64))


@kernel
def enter(rows: NDArray[np.int64], count: int, at: int, end: int, kind: int, on: NDArray[np.bool_]) -> int:
    """Enter a value, if its kind is wanted; returns how many there are then."""
    if not on[kind]:
        return count
    rows[count, 0], rows[count, 1], rows[count, 2] = at, end, kind
    return count + 1
