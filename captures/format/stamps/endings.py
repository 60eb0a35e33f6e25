"""Kernels that read what stands behind a time of day: an offset from UTC, the name of a zone, a year.

A zone's name is no part of a stamp: it stays as it is when the stamp is written anew, so the stamp is written in that
zone. Names that mean one offset nearly everywhere are known; `IST`, say, has three meanings, and is not.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.format.stamps.numbers import count_digits, digits_at, is_word
from captures.format.stamps.writing import APART, COLON, NOTHING, PLAIN, YEAR, ZULU

NO_ZONE: Final = 1 << 15
"""Stands for a zone that is not known."""
_ZONES: Final = {
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "WEST": 60,
    "BST": 60,
    "CET": 60,
    "CEST": 120,
    "EET": 120,
    "EEST": 180,
    "MSK": 180,
    "JST": 540,
    "KST": 540,
    "AEST": 600,
    "AEDT": 660,
    "NZST": 720,
    "NZDT": 780,
    "EST": -300,
    "EDT": -240,
    "CST": -360,
    "CDT": -300,
    "MST": -420,
    "MDT": -360,
    "PST": -480,
    "PDT": -420,
}
"""The last eight are those of RFC 5322, section 4.3."""
_NAMES: Final = np.array([int.from_bytes(name.encode(), "big") for name in _ZONES], np.int64)
_MINUTES: Final = np.array([*_ZONES.values()], np.int64)
_SPACE, _PLUS, _HYPHEN, _COLON, _POINT, _SLASH, _Z, _A, _TOP = (ord(letter) for letter in " +-:./ZAZ")


@kernel
def offset_at(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """The kind of ending of an offset like `+02:00` or `+0200` at `at`, and its minutes; NOTHING: it is none."""
    if at + 5 > end or (buffer[at] != _PLUS and buffer[at] != _HYPHEN):
        return NOTHING, NO_ZONE
    colon = buffer[at + 3] == _COLON
    width = 6 if colon else 5
    if at + width > end or (at + width < end and is_word(buffer[at + width])):
        return NOTHING, NO_ZONE
    hours, minutes = digits_at(buffer, at + 1, 2), digits_at(buffer, at + width - 2, 2)
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return NOTHING, NO_ZONE
    zone_minutes = hours * 60 + minutes
    return COLON if colon else PLAIN, zone_minutes if buffer[at] == _PLUS else -zone_minutes


@kernel
def ending_at(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """The ending of a stamp at `at`, and its zone in minutes east of UTC, or NO_ZONE; or YEAR and the year."""
    if at >= end:
        return NOTHING, NO_ZONE
    if buffer[at] == _Z:
        return (NOTHING, NO_ZONE) if at + 1 < end and is_word(buffer[at + 1]) else (ZULU, 0)
    if buffer[at] != _SPACE:
        return offset_at(buffer, at, end)
    ending, zone_minutes = offset_at(buffer, at + 1, end)
    if ending == PLAIN:
        return APART, zone_minutes
    if at + 5 <= end and count_digits(buffer, at + 1, end, 5) == 4:
        year = digits_at(buffer, at + 1, 4)
        alone = at + 5 == end or not (is_word(buffer[at + 5]) or buffer[at + 5] in (_HYPHEN, _POINT, _SLASH))
        if 1970 <= year < 2200 and alone:
            return YEAR, year
    return NOTHING, NO_ZONE


@kernel
def named_zone_at(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """The offset of the zone whose name stands behind a space at `at`, in minutes; NO_ZONE: it is none."""
    if at + 4 > end or buffer[at] != _SPACE or not _A <= buffer[at + 1] <= _TOP:
        return NO_ZONE
    width = 4 if at + 5 <= end and _A <= buffer[at + 4] <= _TOP else 3
    if at + width + 1 < end and is_word(buffer[at + width + 1]):
        return NO_ZONE
    name = int64(0)
    for i in range(at + 1, at + 1 + width):
        name = name << 8 | int64(buffer[i])
    for known in range(len(_NAMES)):
        if _NAMES[known] == name:
            return int64(_MINUTES[known])
    return NO_ZONE
