"""How is an instant written as the text of a stamp, in each kind? A build renders it so, and a replay writes it anew.

The date is made once for each distinct second, by the calendar of the standard library and with the month names of
RFC 3164; milliseconds and microseconds are looked up in a table of the thousand groups of three digits.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.console.units import SECOND_NS
from captures.format.stamps.kinds import FRACTION, STAMP_WIDTHS, STYLES, Date, Ending, StampKind

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""The names of the months as RFC 3164, section 4.1.2, writes them, whatever the locale."""

_THOUSANDS: Final = np.array([b"%03d" % number for number in range(1000)]).view("V3")


def stamp_texts(kind: StampKind, zone_minutes: int, instants_ns: NDArray[np.int64]) -> NDArray[np.void]:
    """The stamps of instants in a zone east of UTC: shape (instants,), dtype V{width of the kind}.

    `instants_ns` is nanoseconds since 1970 UTC, in any order, at least one; texts are rounded down. Raises ValueError
    for the kind that has no text.
    """
    if kind == StampKind.NONE:
        raise ValueError("no stamp has no text")
    seconds = instants_ns // SECOND_NS
    texts = np.empty(len(instants_ns), f"V{STAMP_WIDTHS[kind]}")
    if (seconds == seconds[0]).all():
        texts[:] = _frame(kind, zone_minutes, int(seconds[0]))
    else:
        distinct, place = np.unique(seconds, return_inverse=True)
        texts[:] = np.array([_frame(kind, zone_minutes, second) for second in distinct.tolist()])[place]
    unit_ns, rest_ns = SECOND_NS, instants_ns - seconds * SECOND_NS
    first = int(STYLES[kind, FRACTION])
    for column in range(first, first + kind.style.digits, 3):
        unit_ns //= 1000
        group = rest_ns // unit_ns
        rest_ns = rest_ns - group * unit_ns
        _digits(texts, column)[:] = _THOUSANDS.take(group)
    return texts


def iso_ms(wall_ns: int) -> str:
    """Nanoseconds since 1970 as `2025-08-30T10:15:30.123Z`: RFC 3339, UTC, milliseconds, rounded down."""
    return stamp_texts(StampKind.ISO_MS, 0, np.array([wall_ns])).tobytes().decode()


def rfc3164_day(day: int) -> str:
    """A day of the month as RFC 3164, section 4.1.2, writes it: a blank pads a single digit, and no zero: `Aug  5`."""
    return f"{day:2d}"


def _digits(texts: NDArray[np.void], column: int) -> NDArray[np.void]:
    """A view of three bytes of each text."""
    return np.ndarray(texts.shape, "V3", texts, column, texts.strides)


@lru_cache(maxsize=64)
def _frame(kind: StampKind, zone_minutes: int, second: int) -> np.void:
    """The stamp of a whole second since 1970 UTC; the digits of its fraction are written later."""
    style = kind.style
    at = datetime.fromtimestamp(second + (0 if style.date == Date.EPOCH else zone_minutes * 60), UTC)
    time = style.separator if style.date == Date.EPOCH else f"{style.separator}{at:%H:%M:%S}"
    text = (
        f"{_date(style.date, at)}{time}{style.mark}{'0' * style.digits}{_ending(style.ending, zone_minutes, at.year)}"
    )
    return np.void(text.encode())


def _date(date: Date, at: datetime) -> str:
    month, day = MONTHS[at.month - 1], rfc3164_day(at.day)
    return {
        Date.ISO: f"{at.year:04d}-{at.month:02d}-{at.day:02d}",
        Date.SLASHED: f"{at.year:04d}/{at.month:02d}/{at.day:02d}",
        Date.MONTH_DAY: f"{month} {day}",
        Date.MONTH_DAY_YEAR: f"{month} {day} {at.year:04d}",
        Date.YEAR_MONTH_DAY: f"{at.year:04d} {month} {day}",
        Date.CLF: f"{at.day:02d}/{month}/{at.year:04d}",
        Date.EPOCH: f"{int(at.timestamp()):010d}",
    }[date]


def _ending(ending: Ending, zone_minutes: int, year: int) -> str:
    hours, minutes = divmod(abs(zone_minutes), 60)
    sign = "-" if zone_minutes < 0 else "+"
    return {
        Ending.NOTHING: "",
        Ending.ZULU: "Z",
        Ending.COLON: f"{sign}{hours:02d}:{minutes:02d}",
        Ending.PLAIN: f"{sign}{hours:02d}{minutes:02d}",
        Ending.APART: f" {sign}{hours:02d}{minutes:02d}",
        Ending.YEAR: f" {year:04d}",
    }[ending]
