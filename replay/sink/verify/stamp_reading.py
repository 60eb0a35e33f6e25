"""Does an event carry a sound timestamp, and which? Pure: bytes in, an instant out.

An event is well stamped when a `>` stands in column 2, 3 or 4 (behind `<` and a priority of 1-3 digits) and behind it

    2025-08-30T10:15:30.123Z           RFC 3339 with milliseconds or microseconds, with Z or an offset like +02:00;
    1 2025-08-30T10:15:30.123456Z      the same behind the version of RFC 5424
    Aug 30 10:15:30                    RFC 3164: neither year nor zone, so it is sound but no instant

Nothing else is judged.

Parsed parts are cached, since many events have the same ones.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from captures.format.stamp_writing import MONTHS, rfc3164_day

COARSE_US: Final = -(1 << 62)
"""Stands for a sound stamp that is no instant."""
BAD_US: Final = COARSE_US - 1
"""Stands for a stamp that is not sound. No date is as early as these two."""

HEAD_BYTES: Final = 5 + 2 + 32
"""So many first bytes of an event can matter: `<191>`, `1 ` and the longest stamp."""
_VERSION: Final = b"1 "
VERSION_BYTES: Final = len(_VERSION)
COARSE_BYTES: Final = 15
SECOND_BYTES: Final = 20
"""A date and a time with the point behind it."""
MILLI_BYTES, MICRO_BYTES = 3, 6
UTC_BYTES, OFFSET_BYTES = 1, 6
FINE_BYTES: Final = (SECOND_BYTES + MICRO_BYTES + UTC_BYTES, SECOND_BYTES + MICRO_BYTES + OFFSET_BYTES)
"""The lengths of a stamp with microseconds, with `Z` or with an offset."""

_RFC3339: Final = re.compile(rb"(.{19})\.(\d{3}|\d{6})(Z|[+-]\d\d:\d\d)", re.DOTALL)
_SECOND: Final = re.compile(rb"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)")
_RFC3164: Final = re.compile(rb"([A-Z][a-z][a-z]) ([ \d]\d) (\d\d):(\d\d):(\d\d)")
_LEAP_YEAR: Final = 2000
"""A year that has every day."""


@lru_cache(maxsize=4096)
def _second(text: bytes) -> int | None:
    """A date and time in seconds since 1970, as if in UTC; None when it is none. Cached: many events share it."""
    match = _SECOND.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _zone_minutes(text: bytes) -> int | None:
    """`Z` or an offset as minutes east of UTC; None when it is none."""
    if text == b"Z":
        return 0
    hours, minutes = int(text[1:3]), int(text[4:6])
    sign = -1 if text[:1] == b"-" else 1
    return sign * (hours * 60 + minutes) if hours < 24 and minutes < 60 else None


@lru_cache(maxsize=4096)
def _is_coarse(text: bytes) -> bool:
    """Whether a text is a date and time as of RFC 3164."""
    match = _RFC3164.fullmatch(text)
    if match is None or (month := match[1].decode()) not in MONTHS:
        return False
    day, hour, minute, second = map(int, match.groups()[1:])
    if match[2].decode() != rfc3164_day(day):
        return False
    try:
        datetime(_LEAP_YEAR, MONTHS.index(month) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return False
    return True


def layout(head: bytes) -> tuple[int, int, int]:
    """Where an event's stamp would lie, by its first bytes: the `>` before it (-1: there is none), start and end.

    The `>` is the last of those that are possible, as there is none in a stamp.
    """
    mark = head.rfind(b">", 2, 5)
    start = mark + 1
    if head.startswith(_VERSION, start):
        start += len(_VERSION)
    elif head[start + 3 : start + 4] == b" ":
        return mark, start, start + COARSE_BYTES
    zone = start + SECOND_BYTES + MILLI_BYTES
    if head[zone : zone + 1].isdigit():
        zone += MICRO_BYTES - MILLI_BYTES
    return mark, start, zone + (UTC_BYTES if head[zone : zone + 1] == b"Z" else OFFSET_BYTES)


def stamp_us(head: bytes) -> int:
    """The stamp of an event's first bytes in microseconds since 1970, or COARSE_US, or BAD_US."""
    mark, start, end = layout(head)
    if mark < 0:
        return BAD_US
    match = _RFC3339.fullmatch(head, start, end)
    if match is None:
        return COARSE_US if start == mark + 1 and _is_coarse(head[start:end]) else BAD_US
    second, zone_minutes = _second(match[1]), _zone_minutes(match[3])
    if second is None or zone_minutes is None:
        return BAD_US
    return (second - zone_minutes * 60) * 1_000_000 + int(match[2].ljust(MICRO_BYTES, b"0"))
