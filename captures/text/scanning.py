"""The kernel that looks for the next stamp in a text: eight bytes at a time, and only where one can be.

All stamps but numbers of seconds have two colons, three bytes apart. A number of seconds has ten digits or more; of
eight bytes, of which it begins in the first four, it has the last five, and otherwise the first six of the next eight.
So one step looks at each eight bytes, and most texts are passed over without a closer look.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.format.stamps.numbers import is_word
from captures.format.stamps.reading import NO_STAMP, epoch_at, stamp_at

NEAR_NS: Final = 86_400_000_000_000
"""A number is taken for an instant that is so near to the event's: hardly any other number is by chance."""
MOST_TRIES: Final = 32
"""So many places of an event are looked at closely, so that the time for it is bounded, whatever its text is."""

_ZERO, _NINE, _COLON, _SPACE, _HYPHEN, _SLASH, _POINT, _T = (ord(letter) for letter in "09: -/.T")
_COLONS: Final = np.uint64(0x3A3A3A3A3A3A3A3A)
_LOW: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
_HIGH: Final = np.uint64(0x8080808080808080)
"""By these two the bytes that are zero are found: all others have their highest bit set, or get it by adding 127."""
_LAST_MASK, _LAST_DIGITS = np.uint64(0xF0F0F0F0F0000000), np.uint64(0x3030303030000000)
_FIRST_MASK, _FIRST_DIGITS = np.uint64(0x0000F0F0F0F0F0F0), np.uint64(0x0000303030303030)


@kernel
def may_be_number(word: np.uint64) -> bool:
    """Whether ten digits may begin in the first four bytes of a word, or in the last four of the one before it."""
    return bool(word & _LAST_MASK == _LAST_DIGITS or word & _FIRST_MASK == _FIRST_DIGITS)


@kernel
def candidate_from(words: NDArray[np.uint64], place: int, stop: int) -> int:
    """The first place of `place`, `place` + 8, ... whose eight bytes may tell of a stamp; from `stop` on: none does."""
    while place < stop:
        unsigned = np.uint64(place)  # of other indices it is looked whether they are negative
        word = words[unsigned]
        apart = word ^ _COLONS | words[unsigned + np.uint64(3)] ^ _COLONS
        if ~((apart & _LOW) + _LOW | apart) & _HIGH or may_be_number(word):
            break
        place += 8
    return place


@kernel
def front_at(buffer: NDArray[np.uint8], colon: int, low: int) -> int:
    """Where the stamp begins whose first colon may be at `colon`; -1: nowhere from `low` on."""
    if buffer[colon] != _COLON or buffer[colon + 3] != _COLON or colon - 9 < low:
        return -1
    if not (_ZERO <= buffer[colon - 2] <= _NINE and _ZERO <= buffer[colon + 1] <= _NINE):
        return -1
    at = date_front(buffer, colon - 2, low)
    return at if at == low or (at > low and not is_word(buffer[at - 1])) else -1


@kernel
def date_front(buffer: NDArray[np.uint8], time: int, low: int) -> int:
    """Where the date begins behind which a time of day stands at `time`, judged by what separates its parts."""
    before = buffer[time - 1]
    if before == _T:
        return time - 11
    if before == _COLON:
        return time - 12
    if before != _SPACE:
        return -1
    mark = buffer[time - 4]
    if mark in (_HYPHEN, _SLASH):
        return time - 11
    if mark != _SPACE:
        return time - 12
    yeared = time - 12 >= low and buffer[time - 8] == _SPACE and _ZERO <= buffer[time - 9] <= _NINE
    return time - 12 if yeared else time - 7


@kernel
def number_front(buffer: NDArray[np.uint8], at: int, low: int) -> int:
    """Where the number begins of which a digit stands at `at`; -1: it is too long, or part of something else."""
    last = max(low, at - 10)
    while at > last and _ZERO <= buffer[at - 1] <= _NINE:
        at -= 1
    if at == low:
        return at
    before = buffer[at - 1]
    return -1 if is_word(before) or before in (_HYPHEN, _POINT, _SLASH) else at


@kernel
def next_stamp(
    buffer: NDArray[np.uint8],
    words: NDArray[np.uint64],
    low: int,
    stop: int,
    end: int,
    reference_ns: int,
    zones: NDArray[np.int64],
    minutes: NDArray[Any],
    tries: int,
) -> tuple[int, int, int, int, int]:
    """The first stamp from `low` on that begins before `stop`: its place, kind, zone and instant, and the tries left.

    The kind NO_STAMP: there is none. The event ends at `end`; `buffer` goes on for 16 bytes behind it.
    """
    place = candidate_from(words, low, stop)
    while place < stop and tries > 0:
        if may_be_number(words[place]) and place + 4 < end:
            at = number_front(buffer, place + 3, low)
            kind, instant_ns = epoch_at(buffer, at, end) if at >= 0 else (NO_STAMP, 0)
            if kind != NO_STAMP and abs(instant_ns - reference_ns) < NEAR_NS:
                return at, kind, 0, instant_ns, tries
        for colon in range(place, min(place + 8, end - 3)):
            at = front_at(buffer, colon, low) if tries > 0 else -1
            if at >= 0:
                tries -= 1
                kind, zone_minutes, instant_ns = stamp_at(buffer, words, at, end, reference_ns, zones, minutes)
                if kind != NO_STAMP:
                    return at, kind, zone_minutes, instant_ns, tries
        place = candidate_from(words, place + 8, stop)
    return int64(stop), NO_STAMP, 0, 0, tries
