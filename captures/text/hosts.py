"""Which number has a host? Names are numbered in the order in which they appear.

A name is known by a hash of 64 bits, so memory is bounded however long names are. That two of a million names share one
by chance has a probability of 3 in 100 million.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel, long_kernel
from captures.text.finding import Found
from captures.text.messages import Messages

MOST_HOSTS: Final = 1 << 20
MOST_NAMES: Final = 10_000
"""The names of so many hosts are kept."""
NO_HOST: Final = -1
_SLOTS: Final = 2 * MOST_HOSTS
_NUMBERED, _UNNUMBERED = 0, 1
"""The places of `counts`: hosts that have a number, and events whose host has none, since there are too many."""


class Hosts:
    """The hosts of an import."""

    def __init__(self) -> None:
        self.names: list[bytes] = []
        """The names of the first MOST_NAMES hosts, by their numbers."""
        self._hashes = np.zeros(_SLOTS, np.uint64)
        self._numbers = np.zeros(_SLOTS, np.int32)
        self._counts = np.zeros(2, np.int64)

    @property
    def count(self) -> int:
        """How many hosts have a number."""
        return int(self._counts[_NUMBERED])

    @property
    def unnumbered_events(self) -> int:
        """How many events had a host that got no number, since MOST_HOSTS have one."""
        return int(self._counts[_UNNUMBERED])

    def numbers(self, batch: Messages, found: Found) -> NDArray[np.int64]:
        """The number of each event's host, shape (events,); NO_HOST: none is known, or it got no number."""
        place, length = batch.messages["place"] + found.events["host"], found.events["host_length"].astype(np.int64)
        data = batch.data.view()
        data.flags.writeable = False
        numbers = np.empty(len(place), np.int64)
        first = np.empty(min(len(place), MOST_HOSTS), np.int64)
        before = self.count
        number_all(data, place, length, self._hashes, self._numbers, self._counts, numbers, first)
        for i in first[: min(self.count, MOST_NAMES) - min(before, MOST_NAMES)].tolist():
            self.names.append(data[place[i] : place[i] + length[i]].tobytes())
        return numbers


@kernel
def hash_of(buffer: NDArray[np.uint8], at: int, length: int) -> np.uint64:
    """A hash of some bytes that is not 0: FNV-1a (64 bits), whose bits are mixed in the end (MurmurHash3's fmix64)."""
    number = np.uint64(0xCBF29CE484222325)
    for i in range(at, at + length):
        number = (number ^ np.uint64(buffer[i])) * np.uint64(0x100000001B3)
    number = (number ^ number >> np.uint64(33)) * np.uint64(0xFF51AFD7ED558CCD)
    number = (number ^ number >> np.uint64(33)) * np.uint64(0xC4CEB9FE1A85EC53)
    number = number ^ number >> np.uint64(33)
    return number if number != np.uint64(0) else np.uint64(1)


@long_kernel
def number_all(
    buffer: NDArray[np.uint8],
    place: NDArray[np.int64],
    length: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    slots: NDArray[np.int32],
    counts: NDArray[np.int64],
    numbers: NDArray[np.int64],
    first: NDArray[np.int64],
) -> None:
    """Number the hosts at `place`; `first` gets the events in which the new ones stand, in their order.

    `hashes` and `slots` are a table with open addressing: a hash, and the number of its host. A hash of 0 is free.
    """
    new = 0
    for i in range(len(place)):
        if length[i] == 0:
            numbers[i] = NO_HOST
            continue
        number = hash_of(buffer, place[i], length[i])
        slot = int64(number & np.uint64(_SLOTS - 1))
        while hashes[slot] != np.uint64(0) and hashes[slot] != number:
            slot = slot + 1 & _SLOTS - 1
        if hashes[slot] == np.uint64(0):
            if counts[_NUMBERED] == MOST_HOSTS:
                counts[_UNNUMBERED] += 1
                numbers[i] = NO_HOST
                continue
            hashes[slot], slots[slot] = number, counts[_NUMBERED]
            counts[_NUMBERED] += 1
            first[new] = i
            new += 1
        numbers[i] = int64(slots[slot])
