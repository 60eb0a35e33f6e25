"""Does an event carry a sound timestamp, and which? Bytes in, an instant out.

An event is well stamped when a `>` stands in column 2, 3 or 4 (behind `<` and a priority of 1-3 digits) and behind it

    2025-08-30T10:15:30.123Z           RFC 3339 with 1 to 6 digits of a fraction, with Z or an offset like +02:00;
    1 2025-08-30T10:15:30.123456Z      the same behind the version of RFC 5424
    2025-08-30T10:15:30+00:00          without a fraction, as relays write it for an event that came with a stamp of
                                       RFC 3164: sound, but a latency can't be told from it, so no instant is made
    Aug 30 10:15:30                    RFC 3164: neither year nor zone, so it is sound but no instant

Nothing else is judged.

The kernels read bytes from `buffer`, dtype u1, and from `words`, the same memory by `words_of`. They read no byte
behind an event's end, but for words that begin before it; so the buffer goes on for WORD_BYTES behind the last event.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.format.stamps.numbers import MONTH_DAYS, count_digits, days_of, digits_at, is_date, month_at

COARSE_US: Final = -(1 << 62)
"""Stands for a sound stamp that is no instant."""
BAD_US: Final = COARSE_US - 1
"""Stands for a stamp that is not sound. No date is as early as these two."""

MINUTE: Final = np.dtype((np.record, [("first", "<u8"), ("second", "<u8"), ("minute_us", "<i8")]))
"""The last date and minute that was read, as two words of text, and as an instant: most events share it."""

_COARSE_BYTES: Final = 15
_MINUTE_BYTES: Final = 16
_SECOND_BYTES: Final = 19
_MICRO_BYTES: Final = 6
_TENS: Final = np.array([10**digits for digits in range(_MICRO_BYTES + 1)], np.int64)
_OFFSET_BYTES: Final = 6

_MINUTE_US: Final = 60_000_000
_DAY_MINUTES: Final = 1440

_MARK, _POINT, _COLON, _HYPHEN, _PLUS, _SPACE, _ZERO, _NINE, _ONE, _T, _Z = (ord(letter) for letter in ">.:-+ 091TZ")


def new_minute() -> NDArray[Any]:
    """Room for the last minute, shape (1,); no text is the one of a minute yet."""
    minute = np.zeros(1, MINUTE)
    minute["minute_us"] = BAD_US
    return minute


@kernel
def minute_at(buffer: NDArray[np.uint8], words: NDArray[np.uint64], at: int, last: NDArray[Any]) -> int:
    """The instant of a text like `2025-08-30T10:15` as if in UTC, in microseconds since 1970; BAD_US: it is none.

    `last` is a MINUTE row, shape (1,): the calendar is worked out only for a text that differs from the last one.
    """
    known = last[0]
    if words[at] == known.first and words[at + 8] == known.second:
        last_us: int = known.minute_us
        return last_us
    year, month, day = digits_at(buffer, at, 4), digits_at(buffer, at + 5, 2), digits_at(buffer, at + 8, 2)
    hour, minute = digits_at(buffer, at + 11, 2), digits_at(buffer, at + 14, 2)
    if buffer[at + 4] != _HYPHEN or buffer[at + 7] != _HYPHEN or buffer[at + 10] != _T or buffer[at + 13] != _COLON:
        return BAD_US
    if not is_date(year, month, day):
        return BAD_US
    if hour < 0 or hour > 23 or minute < 0 or minute > 59:
        return BAD_US
    known.first, known.second = words[at], words[at + 8]
    minute_us = (days_of(year, month, day) * _DAY_MINUTES + hour * 60 + minute) * _MINUTE_US
    known.minute_us = minute_us
    return minute_us


@kernel
def fraction_at(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """The one to six digits at `at` as microseconds, negative if there are none, and where they end.

    The event ends at `end`, behind the first of them.
    """
    if at + _MICRO_BYTES < end:  # nearly all are of six digits or of three
        fraction_us = digits_at(buffer, at, _MICRO_BYTES)
        if fraction_us >= 0:
            return fraction_us, at + _MICRO_BYTES
    digits = count_digits(buffer, at, end, _MICRO_BYTES)
    return digits_at(buffer, at, digits) * _TENS[_MICRO_BYTES - digits] if digits else -1, at + digits


@kernel
def zone_minutes_at(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """`Z` or an offset at `at`, as minutes east of UTC; _DAY_MINUTES: it is none. The event ends at `end`."""
    if at < end and buffer[at] == _Z:
        return 0
    if at + _OFFSET_BYTES > end or buffer[at + 3] != _COLON:
        return _DAY_MINUTES
    hours, minutes = digits_at(buffer, at + 1, 2), digits_at(buffer, at + 4, 2)
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return _DAY_MINUTES
    if buffer[at] == _PLUS:
        return hours * 60 + minutes
    return -hours * 60 - minutes if buffer[at] == _HYPHEN else _DAY_MINUTES


@kernel
def is_coarse(buffer: NDArray[np.uint8], at: int) -> bool:
    """Whether a text like `Aug 30 10:15:30` is a date and time as of RFC 3164; any year will do."""
    month = month_at(buffer, at)
    padded = buffer[at + 4] == _SPACE
    day = digits_at(buffer, at + 5, 1) if padded else digits_at(buffer, at + 4, 2)
    hour, minute, second = digits_at(buffer, at + 7, 2), digits_at(buffer, at + 10, 2), digits_at(buffer, at + 13, 2)
    if buffer[at + 3] != _SPACE or buffer[at + 6] != _SPACE or buffer[at + 9] != _COLON or buffer[at + 12] != _COLON:
        return False
    in_day = 0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59
    return in_day and 1 <= day <= MONTH_DAYS[month] and padded == (day < 10)  # as `rfc3164_day` pads it


@kernel
def stamp_us(buffer: NDArray[np.uint8], words: NDArray[np.uint64], start: int, length: int, last: NDArray[Any]) -> int:
    """The stamp of an event of `length` bytes from `start` on, in microseconds since 1970, or COARSE_US, or BAD_US.

    Of the places where a `>` may stand the last one counts, as there is none in a stamp. `last` is a MINUTE row.
    """
    end, mark = start + length, start + 4
    while mark > start + 1 and (mark >= end or buffer[mark] != _MARK):
        mark -= 1
    at = mark + 1
    if mark == start + 1 or at + _COARSE_BYTES > end:
        return BAD_US
    if buffer[at] == _ONE and buffer[at + 1] == _SPACE:
        at += 2
    elif buffer[at + 3] == _SPACE:
        return COARSE_US if is_coarse(buffer, at) else BAD_US
    zone = at + _SECOND_BYTES
    if zone >= end or buffer[at + _MINUTE_BYTES] != _COLON:
        return BAD_US
    minute_us, second = minute_at(buffer, words, at, last), digits_at(buffer, at + _MINUTE_BYTES + 1, 2)
    whole, fraction_us = buffer[zone] != _POINT, int64(0)
    if not whole:
        fraction_us, zone = fraction_at(buffer, zone + 1, end)
    zone_minutes = zone_minutes_at(buffer, zone, end)
    if minute_us == BAD_US or second < 0 or second > 59 or fraction_us < 0 or zone_minutes == _DAY_MINUTES:
        return BAD_US
    return COARSE_US if whole else minute_us + second * 1_000_000 + fraction_us - zone_minutes * _MINUTE_US
