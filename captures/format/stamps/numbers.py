"""Kernels that read the parts of a date: digits, the names of months, and which dates there are."""

from string import ascii_letters, digits
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.format.stamps.writing import MONTHS

_ZERO, _NINE = ord("0"), ord("9")
MONTH_DAYS: Final = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
"""The most days of each month; item 0 is of none."""
_FEBRUARY: Final = 2
_WORD: Final = np.array([chr(byte) in digits + ascii_letters + "_" for byte in range(256)])


@kernel
def is_word(byte: int) -> bool:
    """Whether a byte is an ASCII letter, a digit or an underscore."""
    return bool(_WORD[byte])


@kernel
def digits_at(buffer: NDArray[np.uint8], at: int, count: int) -> int:
    """The number that so many decimal digits mean; -1: some are none."""
    number = int64(0)
    for i in range(at, at + count):
        digit = int64(buffer[i]) - _ZERO
        if digit < 0 or digit > _NINE - _ZERO:
            return -1
        number = number * 10 + digit
    return number


@kernel
def count_digits(buffer: NDArray[np.uint8], at: int, end: int, most: int) -> int:
    """How many decimal digits stand at `at` and behind it, before `end`; counting ends at `most`."""
    last = min(end, at + most)
    place = at
    while place < last and _ZERO <= buffer[place] <= _NINE:
        place += 1
    return place - at


@kernel
def month_at(buffer: NDArray[np.uint8], at: int) -> int:
    """The month whose name of three letters stands at `at`, 1 to 12; 0: it is none."""
    month = 0
    for i in range(12):  # to the end, since a loop of a known length is unrolled
        name = 3 * i
        if buffer[at] == MONTHS[name] and buffer[at + 1] == MONTHS[name + 1] and buffer[at + 2] == MONTHS[name + 2]:
            month = i + 1
    return month


@kernel
def days_of(year: int, month: int, day: int) -> int:
    """The days from 1970-01-01 to a date: those of whole 400 years, of years that begin in March, and of months."""
    if month <= _FEBRUARY:
        year, month = year - 1, month + 12
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month - 3) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


@kernel
def is_date(year: int, month: int, day: int) -> bool:
    """Whether there is such a day in the Gregorian calendar, from the year 1 on."""
    if year < 1 or month < 1 or month > 12 or day < 1 or day > MONTH_DAYS[month]:
        return False
    return not (month == _FEBRUARY and day == 29 and (year % 4 != 0 or (year % 100 == 0 and year % 400 != 0)))
