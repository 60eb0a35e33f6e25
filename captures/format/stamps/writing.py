"""The kernels that write a stamp of any kind: a second once, and its fraction as often as it changes.

A text is written into the first bytes of a `text`, dtype u1, which has MAX_WIDTH bytes at least.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from captures.console.units import SECOND_NS
from captures.format.stamps.kinds import (
    DATE,
    DIGITS,
    END,
    ENDING,
    FRACTION,
    MARK,
    SEPARATOR,
    STYLES,
    TIME,
    Date,
    Ending,
)

MONTHS: Final = np.frombuffer(b"JanFebMarAprMayJunJulAugSepOctNovDec", np.uint8).copy()

_, ISO, SLASHED, MONTH_DAY, MONTH_DAY_YEAR, YEAR_MONTH_DAY, CLF, EPOCH = (int(date) for date in Date)
NOTHING, ZULU, COLON, PLAIN, APART, YEAR = (int(ending) for ending in Ending)


@kernel
def write_number(text: NDArray[np.uint8], place: int, digits: int, number: int) -> None:
    """Write a decimal `number` (not negative) with leading zeros, `digits` long."""
    for back in range(1, digits + 1):
        text[place + digits - back] = 48 + number % 10
        number //= 10


@kernel
def civil_date(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970-01-01 (not negative), by the Gregorian calendar.

    Years are counted from March, so that the leap day is the last day, and in eras of 400 years, which are alike
    (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days).
    """
    shifted = days + 719468
    era = shifted // 146097
    day_of_era = shifted % 146097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    return 400 * era + year_of_era + (month <= 2), month, day


@kernel
def write_month(text: NDArray[np.uint8], place: int, month: int) -> None:
    """Write `Aug`."""
    for i in range(3):
        text[place + i] = MONTHS[3 * month - 3 + i]


@kernel
def write_month_and_day(text: NDArray[np.uint8], place: int, month: int, day: int) -> None:
    """Write `Aug 30`, or `Aug  3`: RFC 3164, section 4.1.2."""
    write_month(text, place, month)
    text[place + 3] = 32
    write_number(text, place + 4, 2, day)
    if day < 10:
        text[place + 4] = 32


@kernel
def write_date(text: NDArray[np.uint8], date: int, year: int, month: int, day: int) -> None:
    """Write a date in the way `date`, which is not EPOCH."""
    if date in (ISO, SLASHED):
        write_number(text, 0, 4, year)
        write_number(text, 5, 2, month)
        write_number(text, 8, 2, day)
        text[4] = text[7] = 45 if date == ISO else 47
    elif date == MONTH_DAY:
        write_month_and_day(text, 0, month, day)
    elif date == MONTH_DAY_YEAR:
        write_month_and_day(text, 0, month, day)
        text[6] = 32
        write_number(text, 7, 4, year)
    elif date == YEAR_MONTH_DAY:
        write_number(text, 0, 4, year)
        text[4] = 32
        write_month_and_day(text, 5, month, day)
    elif date == CLF:
        write_number(text, 0, 2, day)
        text[2] = text[6] = 47
        write_month(text, 3, month)
        write_number(text, 7, 4, year)


@kernel
def write_ending(text: NDArray[np.uint8], place: int, ending: int, zone_minutes: int, year: int) -> None:
    """Write what stands behind the time, if anything does."""
    if ending == ZULU:
        text[place] = 90
    elif ending == YEAR:
        text[place] = 32
        write_number(text, place + 1, 4, year)
    elif ending != NOTHING:
        if ending == APART:
            text[place] = 32
            place += 1
        text[place] = 45 if zone_minutes < 0 else 43
        write_number(text, place + 1, 2, abs(zone_minutes) // 60)
        if ending == COLON:
            text[place + 3] = 58
            place += 1
        write_number(text, place + 3, 2, abs(zone_minutes) % 60)


@kernel
def write_second(text: NDArray[np.uint8], kind: int, zone_minutes: int, second: int) -> None:
    """Write the stamp of a whole second since 1970 UTC; the places of its fraction get zeros."""
    date, time, fraction, digits = STYLES[kind, DATE], STYLES[kind, TIME], STYLES[kind, FRACTION], STYLES[kind, DIGITS]
    if STYLES[kind, MARK]:
        text[fraction - 1] = STYLES[kind, MARK]
    text[fraction : fraction + digits] = 48
    if date == EPOCH:
        write_number(text, 0, 10, second)
        return
    local = second + 60 * zone_minutes
    clock = local % 86400
    year, month, day = civil_date(local // 86400)
    write_date(text, date, year, month, day)
    text[time - 1] = STYLES[kind, SEPARATOR]
    write_number(text, time, 2, clock // 3600)
    write_number(text, time + 3, 2, clock // 60 % 60)
    write_number(text, time + 6, 2, clock % 60)
    text[time + 2] = text[time + 5] = 58
    write_ending(text, STYLES[kind, END], STYLES[kind, ENDING], zone_minutes, year)


@kernel
def write_fraction(text: NDArray[np.uint8], kind: int, fraction_ns: int) -> None:
    """Write the nanoseconds of a second into a stamp that has its second, rounded down to the digits of its kind."""
    write_digits(text, STYLES[kind, FRACTION], STYLES[kind, DIGITS], fraction_ns)


@kernel
def write_digits(text: NDArray[np.uint8], place: int, digits: int, fraction_ns: int) -> None:
    """Write the first 0, 3, 6 or 9 digits of a fraction. Divisors that are constant make it quick."""
    if digits == 3:
        write_number(text, place, 3, fraction_ns // 1_000_000)
    elif digits == 6:
        write_number(text, place, 6, fraction_ns // 1000)
    elif digits == 9:
        write_number(text, place, 9, fraction_ns)


@kernel
def write_stamp(text: NDArray[np.uint8], kind: int, zone_minutes: int, instant_ns: int) -> None:
    """Write the stamp of an instant since 1970 UTC (not negative), rounded down; the zone is a number of minutes."""
    second = instant_ns // SECOND_NS
    write_second(text, kind, zone_minutes, second)
    write_fraction(text, kind, instant_ns - second * SECOND_NS)
