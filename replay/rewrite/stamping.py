"""The kernels that write stamps into the events of a train, in each kind of stamp of `captures.format.layout`.

With milliseconds or seconds, all stamps that say the instant of sending have the same text. With microseconds each
event has its own, and so has each event whose stamp is its own instant.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.compiled.words import repeat_text, words_of
from captures.format.layout import LOCAL_ZONE, STAMP_WIDTHS, StampKind
from captures.format.stamps.kinds import VERSION_1_KINDS
from replay.clock import MICROSECOND_NS, SECOND_NS

ISO_MS: Final = int(StampKind.ISO_MS)
RFC3164: Final = int(StampKind.RFC3164)
RFC3339_US_OFFSET: Final = int(StampKind.RFC3339_US_OFFSET)
MONTHS: Final = np.frombuffer(b"JanFebMarAprMayJunJulAugSepOctNovDec", np.uint8).copy()
WIDTHS: Final = np.array([STAMP_WIDTHS[StampKind(kind)] for kind in range(VERSION_1_KINDS)], np.int64)


class StampRoom(NamedTuple):
    """Room for the text of one stamp, and what is needed to write it."""

    text: NDArray[np.uint8]
    """The text, shape (40,): the longest stamp, and a word more."""
    words: NDArray[np.uint64]
    """The same memory by `words_of`."""
    zones: NDArray[np.int64]
    """The zones of this machine, as `replay.rewrite.local_zone.zone_table` gives them."""


def stamp_room(zones: NDArray[np.int64]) -> StampRoom:
    """Room for a stamp of any kind, on a machine with these `zones`."""
    text = np.zeros(40, np.uint8)
    return StampRoom(text, words_of(text), zones)


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
def write_second(text: NDArray[np.uint8], kind: int, zone_minutes: int, second: int) -> None:
    """Write the stamp of a whole second since 1970 UTC into `text`; the places of its fraction get zeros."""
    local = second + 60 * zone_minutes
    year, month, day = civil_date(local // 86400)
    clock = local % 86400
    if kind == RFC3164:
        text[0:3] = MONTHS[3 * month - 3 : 3 * month]
        text[3] = text[6] = 32
        write_number(text, 4, 2, day)
        if day < 10:
            text[4] = 32
        at = 7
    else:
        write_number(text, 0, 4, year)
        write_number(text, 5, 2, month)
        write_number(text, 8, 2, day)
        text[4] = text[7] = 45
        text[10] = 84
        at = 11
    write_number(text, at, 2, clock // 3600)
    write_number(text, at + 3, 2, clock // 60 % 60)
    write_number(text, at + 6, 2, clock % 60)
    text[at + 2] = text[at + 5] = 58
    if kind != RFC3164:
        write_fraction_and_zone(text, kind, zone_minutes)


@kernel
def write_fraction_and_zone(text: NDArray[np.uint8], kind: int, zone_minutes: int) -> None:
    """Write what stands behind the second in the kinds of RFC 3339: a fraction of zeros, and the zone."""
    digits = 3 if kind == ISO_MS else 6
    text[19] = 46
    text[20 : 20 + digits] = 48
    end = 20 + digits
    if kind != RFC3339_US_OFFSET:
        text[end] = 90
        return
    text[end] = 45 if zone_minutes < 0 else 43
    write_number(text, end + 1, 2, abs(zone_minutes) // 60)
    text[end + 3] = 58
    write_number(text, end + 4, 2, abs(zone_minutes) % 60)


@kernel
def write_instant(room: StampRoom, kind: int, zone_minutes: int, instant_ns: int) -> None:
    """Write the stamp of an instant since 1970 UTC, rounded down; a zone may be LOCAL_ZONE."""
    text = room.text
    second = instant_ns // SECOND_NS
    if zone_minutes == LOCAL_ZONE:
        zone_minutes = zone_at(room.zones, second)
    write_second(text, kind, zone_minutes, second)
    fraction_ns = instant_ns - second * SECOND_NS
    if kind == ISO_MS:
        write_number(text, 20, 3, fraction_ns // 1_000_000)
    elif kind != RFC3164:
        write_number(text, 20, 6, fraction_ns // MICROSECOND_NS)


@kernel
def zone_at(zones: NDArray[np.int64], second: int) -> int:
    """How many minutes the zone is east of UTC at a second since 1970, by rows of `zone_table`."""
    row = 0
    while row + 1 < len(zones) and zones[row + 1, 0] <= second:
        row += 1
    return int64(zones[row, 1])


@kernel
def stamp_at(
    words: NDArray[np.uint64],
    place: int,
    step: int,
    count: int,
    kind: int,
    zone_minutes: int,
    instant_ns: int,
    room: StampRoom,
) -> None:
    """Write the stamps of `count` events at `place` and each `step` bytes behind it: they are sent at `instant_ns`.

    With microseconds the last event has this instant, and each event before it is one microsecond earlier.
    """
    if kind in (ISO_MS, RFC3164):
        write_instant(room, kind, zone_minutes, instant_ns)
        repeat_text(words, place, step, count, room.words, WIDTHS[kind])
    else:
        first_ns = instant_ns - (count - 1) * MICROSECOND_NS
        stamp_each(words, place, step, count, kind, zone_minutes, (first_ns, 0, MICROSECOND_NS, 0, 1), room)


@kernel
def stamp_each(
    words: NDArray[np.uint64],
    place: int,
    step: int,
    count: int,
    kind: int,
    zone_minutes: int,
    ramp: tuple[int, int, int, int, int],
    room: StampRoom,
) -> None:
    """Write a stamp of its own for each of `count` events, at the instants of a ramp (`captures.format.instants.Ramp`).

    The numbers of the ramp are its base, rest, whole, part and per; it gives nanoseconds since 1970 UTC.
    """
    base, rest, whole, part, per = ramp
    second_end = int64(-1)
    for _ in range(count):
        if base >= second_end or kind == RFC3164:
            write_instant(room, kind, zone_minutes, base)
            second_end = (base // SECOND_NS + 1) * SECOND_NS
        elif kind == ISO_MS:
            write_number(room.text, 20, 3, (base - second_end + SECOND_NS) // 1_000_000)
        else:
            write_number(room.text, 20, 6, (base - second_end + SECOND_NS) // MICROSECOND_NS)
        repeat_text(words, place, step, 1, room.words, WIDTHS[kind])
        place += step
        base += whole
        rest += part
        if rest >= per:
            rest -= per
            base += 1
