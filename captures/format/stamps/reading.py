"""The kernel that reads a stamp of whatever kind stands at a place: its kind, its zone, and the instant that it says.

It takes the longest text that is a kind's. What goes on behind it stays as it is: of `10:15:30.1234567Z` the stamp has
six digits and no ending, though its zone is known to be UTC.

The kernels read bytes from `buffer`, dtype u1, and from `words`, the same memory by `words_of`. They read no byte
behind `end`, but for words that begin before it; so the buffer goes on for WORD_BYTES behind it.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.console.units import SECOND_NS
from captures.format.stamps.endings import NO_ZONE, ending_at, named_zone_at
from captures.format.stamps.kinds import DATE, DIGITS, LOOKUP, STYLES, TIME, StampKind
from captures.format.stamps.numbers import count_digits, days_of, digits_at, is_date, is_word, month_at
from captures.format.stamps.offsets import zone_in
from captures.format.stamps.writing import (
    CLF,
    EPOCH,
    ISO,
    MONTH_DAY,
    MONTH_DAY_YEAR,
    NOTHING,
    SLASHED,
    YEAR,
    YEAR_MONTH_DAY,
    civil_date,
)

NO_STAMP: Final = int(StampKind.NONE)
MINUTE: Final = np.dtype(
    (
        np.record,
        [
            ("first", "<u8"),
            ("second", "<u8"),
            ("third", "<u8"),
            ("yearless", "<i8"),
            ("minute_ns", "<i8"),
            ("latest_ns", "<i8"),
        ],
    )
)
"""The last date and minute that was read, as three words of text, and as an instant as if in UTC: most events share it.

`yearless` is not 0 where the year was taken from the event's surroundings. No such date is later than `latest_ns`.
"""

NO_END_NS: Final = (1 << 63) - 1
_NO_MINUTE: Final = -1
MINUTE_NS: Final = 60 * SECOND_NS
DAY_NS: Final = 86_400 * SECOND_NS
NEAR_NS: Final = 180 * DAY_NS
"""A date without a year that is so near is nearer than the same date of any other year."""
_FAR_DAYS: Final = 1 << 20
"""Farther than any two dates are from each other."""
_FIRST_YEAR, _LAST_YEAR = 1970, 2261
"""The years whose instants fit 63 bits of nanoseconds."""
TENS: Final = np.array([10**digits for digits in range(10)], np.int64)
"""The powers of ten."""
_TIME_OF: Final = np.array([max(STYLES[STYLES[:, DATE] == date, TIME]) for date in range(8)], np.int64)
"""The column of the time of day, for each way to write a date."""
_ZERO, _NINE, _ONE, _SPACE, _COLON, _POINT, _COMMA, _T, _SLASH, _HYPHEN = (ord(letter) for letter in "091 :.,T/-")


def new_minutes(latest_ns: int = NO_END_NS) -> NDArray[Any]:
    """Room for the last minute of each way to write a date and a separator, shape (16,).

    A date without a year is that of a year in which it is not later than the day of `latest_ns`, if there is one.
    """
    minutes = np.zeros(16, MINUTE)
    minutes["latest_ns"] = latest_ns
    return minutes


@kernel
def date_style_at(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """In which way a date at `at` may be written, judged by a few bytes; 0: there is none."""
    if at + 10 > end:
        return 0
    if not _ZERO <= buffer[at] <= _NINE:
        if at + 15 > end or buffer[at + 3] != _SPACE or buffer[at + 6] != _SPACE:
            return 0
        return MONTH_DAY if buffer[at + 9] == _COLON else MONTH_DAY_YEAR
    if buffer[at + 4] == _HYPHEN:
        return ISO
    if buffer[at + 4] == _SLASH:
        return SLASHED
    if buffer[at + 4] == _SPACE:
        return YEAR_MONTH_DAY
    return CLF if buffer[at + 2] == _SLASH else EPOCH


@kernel
def date_at(buffer: NDArray[np.uint8], at: int, date: int) -> tuple[int, int, int]:
    """Year, month and day of a date that is written in the way `date`; the day -1: it is none; year 0: it has none."""
    if date in (ISO, SLASHED):
        mark = _HYPHEN if date == ISO else _SLASH
        if buffer[at + 4] != mark or buffer[at + 7] != mark:
            return 0, 0, -1
        return digits_at(buffer, at, 4), digits_at(buffer, at + 5, 2), digits_at(buffer, at + 8, 2)
    if date == CLF:
        if buffer[at + 2] != _SLASH or buffer[at + 6] != _SLASH:
            return 0, 0, -1
        return digits_at(buffer, at + 7, 4), month_at(buffer, at + 3), digits_at(buffer, at, 2)
    year = 0
    if date == MONTH_DAY_YEAR:
        year = digits_at(buffer, at + 7, 4) if buffer[at + 6] == _SPACE else -1
    elif date == YEAR_MONTH_DAY:
        year = digits_at(buffer, at, 4) if buffer[at + 4] == _SPACE else -1
        at += 5
    padded = buffer[at + 4] == _SPACE
    day = digits_at(buffer, at + 5, 1) if padded else digits_at(buffer, at + 4, 2)
    if buffer[at + 3] != _SPACE or padded != (day < 10):
        return 0, 0, -1
    return year, month_at(buffer, at), day


@kernel
def nearest_year(month: int, day: int, reference_ns: int, latest_ns: int) -> int:
    """The year in which a date is nearest to an instant since 1970, and not after `latest_ns`; 0: there is no date.

    A February 29 may be eight years away (of 1896, 1904), any other date is in the next year or the last one. Only
    where all of these are after `latest_ns` it is one of them.
    """
    today, last = reference_ns // DAY_NS, latest_ns // DAY_NS
    now = civil_date(today)[0]
    nearest, distance = 0, int64(1 << 40)
    span = 8 if day == 29 else 1
    for year in range(max(now - span, _FIRST_YEAR), min(now + span, _LAST_YEAR) + 1):
        if is_date(year, month, day):
            date = days_of(year, month, day)
            away = abs(date - today) + (_FAR_DAYS if date > last else 0)
            if away < distance:
                nearest, distance = year, away
    return nearest


@kernel
def minute_at(
    buffer: NDArray[np.uint8], words: NDArray[np.uint64], at: int, date: int, reference_ns: int, last: Any
) -> int:
    """The instant of a date and a minute as if in UTC, in nanoseconds since 1970; _NO_MINUTE: it is none.

    `last` is a MINUTE row: the calendar is worked out only for a text that differs from the last one.
    """
    time = _TIME_OF[date]
    second, third = at + min(8, time - 3), at + time - 3
    known_ns = int64(last.minute_ns)
    same = words[at] == last.first and words[second] == last.second and words[third] == last.third
    if same and (not int64(last.yearless) or abs(known_ns - reference_ns) < NEAR_NS):
        return known_ns
    year, month, day = date_at(buffer, at, date)
    hour, minute = digits_at(buffer, at + time, 2), digits_at(buffer, at + time + 3, 2)
    if buffer[at + time + 2] != _COLON or hour < 0 or hour > 23 or minute < 0 or minute > 59:
        return _NO_MINUTE
    yearless = year == 0 and date == MONTH_DAY
    if yearless:
        year = nearest_year(month, day, reference_ns, int64(last.latest_ns))
    if year < _FIRST_YEAR or year > _LAST_YEAR or not is_date(year, month, day):
        return _NO_MINUTE
    minute_ns = days_of(year, month, day) * DAY_NS + (hour * 60 + minute) * MINUTE_NS
    last.first, last.second, last.third = words[at], words[second], words[third]
    last.yearless, last.minute_ns = int64(yearless), minute_ns
    return minute_ns


@kernel
def fraction_at(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int, int]:
    """The digits of a fraction whose mark is at `at`: how many a kind has of them, their nanoseconds, and their end."""
    if at >= end or (buffer[at] != _POINT and buffer[at] != _COMMA):
        return 0, 0, at
    found = count_digits(buffer, at + 1, end, 20)
    digits = min(found // 3, 3) * 3
    fraction_ns = digits_at(buffer, at + 1, digits) * TENS[9 - digits]
    return digits, fraction_ns, at + 1 + found if found else at


@kernel
def epoch_at(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """The kind of a number of seconds since 1970, and its instant; NO_STAMP: it is none, or not of 2001 to 2033."""
    found = count_digits(buffer, at, end, 20)
    if buffer[at] != _ONE or found not in (10, 13, 16, 19):
        return NO_STAMP, 0
    second_ns, behind, digits, mark = digits_at(buffer, at, 10) * SECOND_NS, at + found, found - 10, 0
    fraction_ns = digits_at(buffer, at + 10, digits) * TENS[9 - digits]
    if found == 10:
        digits, fraction_ns, behind = fraction_at(buffer, behind, end)
        if digits and buffer[at + 10] == _POINT:
            digits, mark = min(digits, 6), 1
            fraction_ns -= fraction_ns % TENS[9 - digits]
        elif behind > at + 10 and buffer[at + 10] == _COMMA:  # the comma of a list
            digits, fraction_ns, behind = 0, 0, at + 10
    if behind < end and (is_word(buffer[behind]) or buffer[behind] == _HYPHEN):
        return NO_STAMP, 0
    return int64(LOOKUP[EPOCH, 0, mark, digits // 3, NOTHING]), second_ns + fraction_ns


@kernel
def kind_of(date: int, apart: int, mark: int, digits: int, ending: int) -> int:
    """The kind that is written so, or else the one that has most of it."""
    kind = int64(LOOKUP[date, apart, mark, digits // 3, ending])
    if kind == NO_STAMP:
        kind = int64(LOOKUP[date, apart, mark, digits // 3, NOTHING])
    while kind == NO_STAMP and digits > 0:
        digits -= 3
        kind = int64(LOOKUP[date, apart, mark if digits else 0, digits // 3, NOTHING])
    return kind


@kernel
def stamp_at(
    buffer: NDArray[np.uint8],
    words: NDArray[np.uint64],
    at: int,
    end: int,
    reference_ns: int,
    zones: NDArray[np.int64],
    minutes: NDArray[Any],
) -> tuple[int, int, int]:
    """The stamp at `at`: its kind, its zone in minutes east of UTC, and its instant in nanoseconds since 1970.

    The kind NO_STAMP: there is none. A date without a year is the one that is nearest to `reference_ns`, which is not
    negative; where no zone is written, it is the one of `zones`. `minutes` are those of `new_minutes`.
    """
    date = date_style_at(buffer, at, end)
    if date == 0:
        return NO_STAMP, 0, 0
    if date == EPOCH:
        kind, instant_ns = epoch_at(buffer, at, end)
        return kind, 0, instant_ns
    time = at + _TIME_OF[date]
    if time + 8 > end or buffer[time + 5] != _COLON:
        return NO_STAMP, 0, 0
    apart = int64(date == ISO and buffer[time - 1] == _SPACE)
    separator = _COLON if date == CLF else _T if date == ISO and not apart else _SPACE
    second = digits_at(buffer, time + 6, 2)
    if buffer[time - 1] != separator or second < 0 or second > 59:
        return NO_STAMP, 0, 0
    minute_ns = minute_at(buffer, words, at, date, reference_ns, minutes[2 * date + apart])
    if minute_ns == _NO_MINUTE or (time + 8 < end and _ZERO <= buffer[time + 8] <= _NINE):
        return NO_STAMP, 0, 0
    return with_ending(buffer, time + 8, end, date, apart, minute_ns + second * SECOND_NS, zones)


@kernel
def with_ending(
    buffer: NDArray[np.uint8], at: int, end: int, date: int, apart: int, second_ns: int, zones: NDArray[np.int64]
) -> tuple[int, int, int]:
    """Kind, zone and instant of a stamp whose whole second, as if in UTC, ends at `at`."""
    digits, fraction_ns, behind = fraction_at(buffer, at, end)
    mark = 0 if digits == 0 else 1 if buffer[at] == _POINT else 2
    whole = behind == at + (1 + digits if digits else 0)
    ending, zone_minutes = ending_at(buffer, behind, end)
    if ending == YEAR:
        year = zone_minutes
        ending, zone_minutes = NOTHING, NO_ZONE
        month, day = civil_date(second_ns // DAY_NS)[1:]
        if date == MONTH_DAY and digits == 0 and whole and is_date(year, month, day):
            ending = YEAR
            second_ns = days_of(year, month, day) * DAY_NS + second_ns % DAY_NS
    if zone_minutes == NO_ZONE:
        zone_minutes = named_zone_at(buffer, behind, end)
    if zone_minutes == NO_ZONE:
        zone_minutes = zone_in(zones, second_ns // SECOND_NS)
    kind = kind_of(date, apart, mark, digits, ending if whole else NOTHING)
    if STYLES[kind, DIGITS] < digits:
        fraction_ns -= fraction_ns % TENS[9 - STYLES[kind, DIGITS]]
    instant_ns = second_ns + fraction_ns - zone_minutes * MINUTE_NS
    return kind if instant_ns >= 0 else NO_STAMP, zone_minutes, instant_ns
