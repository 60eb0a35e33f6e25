"""How is an instant written as the text of a stamp, in each kind? A build renders it so, and a replay writes it anew.

The date is made once for each distinct second, by the calendar of the standard library and with the month names of
RFC 3164; milliseconds and microseconds are looked up in a table of the thousand groups of three digits.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import STAMP_WIDTHS, StampKind

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""The names of the months as RFC 3164, section 4.1.2, writes them, whatever the locale."""

_SECOND_NS: Final = 1_000_000_000
_THOUSANDS: Final = np.array([b"%03d" % number for number in range(1000)]).view("V3")
_MILLISECONDS_AT: Final = 20
_MICROSECONDS_AT: Final = 23


def stamp_texts(kind: StampKind, zone_minutes: int, instants_ns: NDArray[np.int64]) -> NDArray[np.void]:
    """The stamps of instants in a zone east of UTC: shape (instants,), dtype V{width of the kind}.

    `instants_ns` is nanoseconds since 1970 UTC, in any order, at least one; texts are rounded down. Raises ValueError
    for the kind that has no text.
    """
    if kind == StampKind.NONE:
        raise ValueError("no stamp has no text")
    seconds = instants_ns // _SECOND_NS
    texts = np.empty(len(instants_ns), f"V{STAMP_WIDTHS[kind]}")
    if (seconds == seconds[0]).all():
        texts[:] = _frame(kind, zone_minutes, int(seconds[0]))
    else:
        distinct, place = np.unique(seconds, return_inverse=True)
        texts[:] = np.array([_frame(kind, zone_minutes, second) for second in distinct.tolist()])[place]
    if kind != StampKind.RFC3164:
        milliseconds = (instants_ns - seconds * _SECOND_NS) // 1_000_000
        _digits(texts, _MILLISECONDS_AT)[:] = _THOUSANDS.take(milliseconds)
        if kind != StampKind.ISO_MS:
            microseconds = instants_ns // 1000 - (seconds * 1_000_000 + milliseconds * 1000)
            _digits(texts, _MICROSECONDS_AT)[:] = _THOUSANDS.take(microseconds)
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
    at = datetime.fromtimestamp(second + zone_minutes * 60, UTC)
    if kind == StampKind.RFC3164:
        return np.void(f"{MONTHS[at.month - 1]} {rfc3164_day(at.day)} {at:%H:%M:%S}".encode())
    end = "000Z" if kind == StampKind.ISO_MS else "000000Z"
    if kind == StampKind.RFC3339_US_OFFSET:
        hours, minutes = divmod(abs(zone_minutes), 60)
        end = f"000000{'-' if zone_minutes < 0 else '+'}{hours:02d}:{minutes:02d}"
    return np.void(f"{at:%Y-%m-%dT%H:%M:%S}.{end}".encode())
