"""The kinds of stamp, a row each: how its date is written, what stands between date and time, its fraction, its zone.

A kind is a number in the file (`captures.format.layout`) and a style. The width, the columns, writing and reading all
follow from the style, so a new kind is a new row at the end: numbers that were given once never change. Captures of
version 1 know the first four kinds.
"""

from enum import IntEnum
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

LOCAL_ZONE: Final = -32768
"""A `zone_minutes` that stands for the zone of the host that sends. In the capture itself such stamps are in UTC."""
VERSION_1_KINDS: Final = 5
"""Captures of version 1 have kinds below this one."""


class Date(IntEnum):
    """How the date is written. All dates but EPOCH have a separator and a time of day like `10:15:30` behind them."""

    NONE = 0
    ISO = 1
    """`2025-08-30`: ISO 8601."""
    SLASHED = 2
    """`2025/08/30`: nginx's error log, and Go's `log`."""
    MONTH_DAY = 3
    """`Aug 30`: RFC 3164, section 4.1.2. The day is padded with a space, and there is no year."""
    MONTH_DAY_YEAR = 4
    """`Aug 30 2025`: Cisco's `service timestamps log datetime year`."""
    YEAR_MONTH_DAY = 5
    """`2025 Aug 30`: Cisco NX-OS."""
    CLF = 6
    """`30/Aug/2025`: the Common Log Format of web servers."""
    EPOCH = 7
    """Ten digits: seconds since 1970 UTC. There is neither a separator nor a time of day."""


class Ending(IntEnum):
    """What stands behind the time: the zone, mostly."""

    NOTHING = 0
    ZULU = 1
    """`Z`."""
    COLON = 2
    """`+02:00`."""
    PLAIN = 3
    """`+0200`."""
    APART = 4
    """` +0200`."""
    YEAR = 5
    """` 2025`."""


class Style(NamedTuple):
    """How a kind of stamp is written."""

    date: Date
    separator: str
    """What stands between date and time: `T`, a space, a colon, or nothing."""
    digits: int
    """Digits of the fraction of a second: 0, 3, 6 or 9."""
    mark: str
    """What stands before the fraction: a point, a comma, or nothing."""
    ending: Ending


_NO_STYLE: Final = Style(Date.NONE, "", 0, "", Ending.NOTHING)


class StampKind(IntEnum):
    """How the stamp of a train's events is written."""

    style: Style

    def __new__(cls, number: int, style: Style = _NO_STYLE) -> Self:
        """A kind is its number."""
        kind = int.__new__(cls, number)
        kind._value_ = number
        kind.style = style
        return kind

    NONE = 0
    # `2025-08-30T10:15:30.123Z`: ISO 8601, UTC, milliseconds (a subset of RFC 3339).
    ISO_MS = 1, Style(Date.ISO, "T", 3, ".", Ending.ZULU)
    # `Aug 30 10:15:30`: RFC 3164, section 4.1.2; the day is padded with a space.
    RFC3164 = 2, Style(Date.MONTH_DAY, " ", 0, "", Ending.NOTHING)
    # `2025-08-30T10:15:30.123456Z`: RFC 5424, section 6.2.3; UTC, microseconds.
    RFC3339_US = 3, Style(Date.ISO, "T", 6, ".", Ending.ZULU)
    # `2025-08-30T10:15:30.123456+02:00`: the same with an offset from UTC.
    RFC3339_US_OFFSET = 4, Style(Date.ISO, "T", 6, ".", Ending.COLON)
    # ISO 8601 and RFC 3339 in their other forms: `T` or a space, a point or a comma, and each way to write the zone.
    ISO_T_S_LOCAL = 5, Style(Date.ISO, "T", 0, "", Ending.NOTHING)
    ISO_T_S_Z = 6, Style(Date.ISO, "T", 0, "", Ending.ZULU)
    ISO_T_S_OFFSET = 7, Style(Date.ISO, "T", 0, "", Ending.COLON)
    ISO_T_S_OFFSET_PLAIN = 8, Style(Date.ISO, "T", 0, "", Ending.PLAIN)
    ISO_T_MS_LOCAL = 9, Style(Date.ISO, "T", 3, ".", Ending.NOTHING)
    ISO_T_MS_OFFSET = 10, Style(Date.ISO, "T", 3, ".", Ending.COLON)
    ISO_T_MS_OFFSET_PLAIN = 11, Style(Date.ISO, "T", 3, ".", Ending.PLAIN)
    ISO_T_US_LOCAL = 12, Style(Date.ISO, "T", 6, ".", Ending.NOTHING)
    ISO_T_US_OFFSET_PLAIN = 13, Style(Date.ISO, "T", 6, ".", Ending.PLAIN)
    ISO_T_NS_LOCAL = 14, Style(Date.ISO, "T", 9, ".", Ending.NOTHING)
    ISO_T_NS_Z = 15, Style(Date.ISO, "T", 9, ".", Ending.ZULU)
    ISO_T_NS_OFFSET = 16, Style(Date.ISO, "T", 9, ".", Ending.COLON)
    ISO_T_NS_OFFSET_PLAIN = 17, Style(Date.ISO, "T", 9, ".", Ending.PLAIN)
    ISO_T_COMMA_MS_LOCAL = 18, Style(Date.ISO, "T", 3, ",", Ending.NOTHING)
    ISO_T_COMMA_MS_Z = 19, Style(Date.ISO, "T", 3, ",", Ending.ZULU)
    ISO_T_COMMA_MS_OFFSET = 20, Style(Date.ISO, "T", 3, ",", Ending.COLON)
    ISO_T_COMMA_MS_OFFSET_PLAIN = 21, Style(Date.ISO, "T", 3, ",", Ending.PLAIN)
    ISO_T_COMMA_US_LOCAL = 22, Style(Date.ISO, "T", 6, ",", Ending.NOTHING)
    ISO_T_COMMA_US_Z = 23, Style(Date.ISO, "T", 6, ",", Ending.ZULU)
    ISO_T_COMMA_US_OFFSET = 24, Style(Date.ISO, "T", 6, ",", Ending.COLON)
    ISO_T_COMMA_US_OFFSET_PLAIN = 25, Style(Date.ISO, "T", 6, ",", Ending.PLAIN)
    ISO_T_COMMA_NS_LOCAL = 26, Style(Date.ISO, "T", 9, ",", Ending.NOTHING)
    ISO_T_COMMA_NS_Z = 27, Style(Date.ISO, "T", 9, ",", Ending.ZULU)
    ISO_T_COMMA_NS_OFFSET = 28, Style(Date.ISO, "T", 9, ",", Ending.COLON)
    ISO_T_COMMA_NS_OFFSET_PLAIN = 29, Style(Date.ISO, "T", 9, ",", Ending.PLAIN)
    ISO_SPACE_S_LOCAL = 30, Style(Date.ISO, " ", 0, "", Ending.NOTHING)
    ISO_SPACE_S_Z = 31, Style(Date.ISO, " ", 0, "", Ending.ZULU)
    ISO_SPACE_S_OFFSET = 32, Style(Date.ISO, " ", 0, "", Ending.COLON)
    ISO_SPACE_S_OFFSET_PLAIN = 33, Style(Date.ISO, " ", 0, "", Ending.PLAIN)
    ISO_SPACE_S_OFFSET_APART = 34, Style(Date.ISO, " ", 0, "", Ending.APART)
    ISO_SPACE_MS_LOCAL = 35, Style(Date.ISO, " ", 3, ".", Ending.NOTHING)
    ISO_SPACE_MS_Z = 36, Style(Date.ISO, " ", 3, ".", Ending.ZULU)
    ISO_SPACE_MS_OFFSET = 37, Style(Date.ISO, " ", 3, ".", Ending.COLON)
    ISO_SPACE_MS_OFFSET_PLAIN = 38, Style(Date.ISO, " ", 3, ".", Ending.PLAIN)
    ISO_SPACE_MS_OFFSET_APART = 39, Style(Date.ISO, " ", 3, ".", Ending.APART)
    ISO_SPACE_US_LOCAL = 40, Style(Date.ISO, " ", 6, ".", Ending.NOTHING)
    ISO_SPACE_US_Z = 41, Style(Date.ISO, " ", 6, ".", Ending.ZULU)
    ISO_SPACE_US_OFFSET = 42, Style(Date.ISO, " ", 6, ".", Ending.COLON)
    ISO_SPACE_US_OFFSET_PLAIN = 43, Style(Date.ISO, " ", 6, ".", Ending.PLAIN)
    ISO_SPACE_US_OFFSET_APART = 44, Style(Date.ISO, " ", 6, ".", Ending.APART)
    ISO_SPACE_NS_LOCAL = 45, Style(Date.ISO, " ", 9, ".", Ending.NOTHING)
    ISO_SPACE_NS_Z = 46, Style(Date.ISO, " ", 9, ".", Ending.ZULU)
    ISO_SPACE_NS_OFFSET = 47, Style(Date.ISO, " ", 9, ".", Ending.COLON)
    ISO_SPACE_NS_OFFSET_PLAIN = 48, Style(Date.ISO, " ", 9, ".", Ending.PLAIN)
    ISO_SPACE_NS_OFFSET_APART = 49, Style(Date.ISO, " ", 9, ".", Ending.APART)
    ISO_SPACE_COMMA_MS_LOCAL = 50, Style(Date.ISO, " ", 3, ",", Ending.NOTHING)
    ISO_SPACE_COMMA_MS_Z = 51, Style(Date.ISO, " ", 3, ",", Ending.ZULU)
    ISO_SPACE_COMMA_MS_OFFSET = 52, Style(Date.ISO, " ", 3, ",", Ending.COLON)
    ISO_SPACE_COMMA_MS_OFFSET_PLAIN = 53, Style(Date.ISO, " ", 3, ",", Ending.PLAIN)
    ISO_SPACE_COMMA_MS_OFFSET_APART = 54, Style(Date.ISO, " ", 3, ",", Ending.APART)
    ISO_SPACE_COMMA_US_LOCAL = 55, Style(Date.ISO, " ", 6, ",", Ending.NOTHING)
    ISO_SPACE_COMMA_US_Z = 56, Style(Date.ISO, " ", 6, ",", Ending.ZULU)
    ISO_SPACE_COMMA_US_OFFSET = 57, Style(Date.ISO, " ", 6, ",", Ending.COLON)
    ISO_SPACE_COMMA_US_OFFSET_PLAIN = 58, Style(Date.ISO, " ", 6, ",", Ending.PLAIN)
    ISO_SPACE_COMMA_US_OFFSET_APART = 59, Style(Date.ISO, " ", 6, ",", Ending.APART)
    ISO_SPACE_COMMA_NS_LOCAL = 60, Style(Date.ISO, " ", 9, ",", Ending.NOTHING)
    ISO_SPACE_COMMA_NS_Z = 61, Style(Date.ISO, " ", 9, ",", Ending.ZULU)
    ISO_SPACE_COMMA_NS_OFFSET = 62, Style(Date.ISO, " ", 9, ",", Ending.COLON)
    ISO_SPACE_COMMA_NS_OFFSET_PLAIN = 63, Style(Date.ISO, " ", 9, ",", Ending.PLAIN)
    ISO_SPACE_COMMA_NS_OFFSET_APART = 64, Style(Date.ISO, " ", 9, ",", Ending.APART)
    # `2025/08/30 10:15:30`.
    SLASHED_S = 65, Style(Date.SLASHED, " ", 0, "", Ending.NOTHING)
    SLASHED_MS = 66, Style(Date.SLASHED, " ", 3, ".", Ending.NOTHING)
    SLASHED_COMMA_MS = 67, Style(Date.SLASHED, " ", 3, ",", Ending.NOTHING)
    SLASHED_US = 68, Style(Date.SLASHED, " ", 6, ".", Ending.NOTHING)
    # `Aug 30 10:15:30.123`: Cisco's `service timestamps log datetime msec`.
    RFC3164_MS = 69, Style(Date.MONTH_DAY, " ", 3, ".", Ending.NOTHING)
    RFC3164_US = 70, Style(Date.MONTH_DAY, " ", 6, ".", Ending.NOTHING)
    # `Aug 30 10:15:30 2025`.
    RFC3164_S_YEAR = 71, Style(Date.MONTH_DAY, " ", 0, "", Ending.YEAR)
    # `Aug 30 2025 10:15:30`.
    MONTH_DAY_YEAR_S = 72, Style(Date.MONTH_DAY_YEAR, " ", 0, "", Ending.NOTHING)
    MONTH_DAY_YEAR_MS = 73, Style(Date.MONTH_DAY_YEAR, " ", 3, ".", Ending.NOTHING)
    MONTH_DAY_YEAR_US = 74, Style(Date.MONTH_DAY_YEAR, " ", 6, ".", Ending.NOTHING)
    # `2025 Aug 30 10:15:30`.
    YEAR_MONTH_DAY_S = 75, Style(Date.YEAR_MONTH_DAY, " ", 0, "", Ending.NOTHING)
    YEAR_MONTH_DAY_MS = 76, Style(Date.YEAR_MONTH_DAY, " ", 3, ".", Ending.NOTHING)
    YEAR_MONTH_DAY_US = 77, Style(Date.YEAR_MONTH_DAY, " ", 6, ".", Ending.NOTHING)
    # `30/Aug/2025:10:15:30`; with milliseconds it is HAProxy's.
    CLF_S_LOCAL = 78, Style(Date.CLF, ":", 0, "", Ending.NOTHING)
    CLF_MS_LOCAL = 79, Style(Date.CLF, ":", 3, ".", Ending.NOTHING)
    CLF_S_OFFSET = 80, Style(Date.CLF, ":", 0, "", Ending.APART)
    CLF_MS_OFFSET = 81, Style(Date.CLF, ":", 3, ".", Ending.APART)
    # `1756548930`, `1756548930123`, and so on; `1756548930.123` is Squid's.
    EPOCH_S = 82, Style(Date.EPOCH, "", 0, "", Ending.NOTHING)
    EPOCH_MS = 83, Style(Date.EPOCH, "", 3, "", Ending.NOTHING)
    EPOCH_US = 84, Style(Date.EPOCH, "", 6, "", Ending.NOTHING)
    EPOCH_NS = 85, Style(Date.EPOCH, "", 9, "", Ending.NOTHING)
    EPOCH_S_MS = 86, Style(Date.EPOCH, "", 3, ".", Ending.NOTHING)
    EPOCH_S_US = 87, Style(Date.EPOCH, "", 6, ".", Ending.NOTHING)


_DATE_BYTES: Final = {
    Date.NONE: 0,
    Date.ISO: 10,
    Date.SLASHED: 10,
    Date.MONTH_DAY: 6,
    Date.MONTH_DAY_YEAR: 11,
    Date.YEAR_MONTH_DAY: 11,
    Date.CLF: 11,
    Date.EPOCH: 10,
}
_ENDING_BYTES: Final = (0, 1, 6, 5, 6, 5)
_TIMELESS: Final = (Date.NONE, Date.EPOCH)


def _row(kind: StampKind) -> tuple[int, ...]:
    """What kernels know of a kind, in the order of the numbers below."""
    date, separator, digits, mark, ending = kind.style
    time = _DATE_BYTES[date] + len(separator)
    second_end = time + (0 if date in _TIMELESS else 8)
    end = second_end + len(mark) + digits
    marks, separators = ord(mark or "\0"), ord(separator or "\0")
    return date, separators, digits, marks, ending, time, second_end + len(mark), end, end + _ENDING_BYTES[ending]


DATE, SEPARATOR, DIGITS, MARK, ENDING, TIME, FRACTION, END, WIDTH = range(9)
"""The columns of STYLES: the last four are those of the time of day, the fraction, the ending, and the whole width."""
STYLES: Final = np.array([_row(kind) for kind in StampKind], np.int64)
"""Shape (kinds, 9)."""
STAMP_WIDTHS: Final = {kind: int(STYLES[kind, WIDTH]) for kind in StampKind}
"""Bytes of each kind of stamp."""
WIDTHS: Final = STYLES[:, WIDTH].copy()
"""The same for kernels, shape (kinds,)."""
MAX_WIDTH: Final = int(WIDTHS.max())
ZONED: Final = np.array([kind.style.date not in _TIMELESS and kind.style.ending != Ending.ZULU for kind in StampKind])
"""Whether a stamp of the kind is written in a zone that `zone_minutes` says, shape (kinds,). All others are in UTC."""


def _lookup() -> NDArray[np.uint8]:
    """The kind of each style, by date, whether a space stands before an ISO time, mark, groups of digits and ending."""
    kinds = np.zeros((len(Date), 2, 3, 4, len(Ending)), np.uint8)
    for kind in StampKind:
        date, separator, digits, mark, ending = kind.style
        kinds[date, int(date == Date.ISO and separator == " "), ["", ".", ","].index(mark), digits // 3, ending] = kind
    return kinds


LOOKUP: Final = _lookup()

assert [*StampKind] == [*range(len(StampKind))]
assert len({kind.style for kind in StampKind}) == len(StampKind)
