"""The kernels that write stamps into the events of a train, in each kind of stamp of `captures.format.layout`.

With milliseconds or seconds, all stamps that say the instant of sending have the same text. With microseconds each
event has its own, and so has each event whose stamp is its own instant.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.compiled.words import WORD_BYTES, repeat_text, words_of
from captures.format.stamps.kinds import DIGITS, FRACTION, LOCAL_ZONE, MAX_WIDTH, STYLES, WIDTHS
from captures.format.stamps.offsets import zone_at
from captures.format.stamps.reading import new_minutes
from captures.format.stamps.writing import write_digits, write_fraction, write_second
from replay.clock import MICROSECOND_NS, SECOND_NS

_EARLIEST_S: Final = -(1 << 62)
FINE_DIGITS: Final = 6
"""A stamp with so many digits of a second is each event's own."""
REPEATED_BYTES: Final = 32
"""The widest text that `repeat_text` writes."""


class StampRoom(NamedTuple):
    """Room for the text of one stamp, and what is needed to write it."""

    text: NDArray[np.uint8]
    """The text, shape (MAX_WIDTH + WORD_BYTES,): the longest stamp, and a word more."""
    words: NDArray[np.uint64]
    """The same memory by `words_of`."""
    zones: NDArray[np.int64]
    """The zones of this machine, as `replay.rewrite.local_zone.zone_table` gives them."""
    own_zone: NDArray[np.int64]
    """The zone of stamps that are read and do not say theirs, as such a table of one row."""
    minutes: NDArray[Any]
    """What `captures.format.stamps.reading` remembers."""


def stamp_room(zones: NDArray[np.int64]) -> StampRoom:
    """Room for a stamp of any kind, on a machine with these `zones`."""
    text = np.zeros(MAX_WIDTH + WORD_BYTES, np.uint8)
    return StampRoom(text, words_of(text), zones, np.array([[_EARLIEST_S, 0]]), new_minutes())


@kernel
def write_instant(room: StampRoom, kind: int, zone_minutes: int, instant_ns: int) -> None:
    """Write the stamp of an instant since 1970 UTC, rounded down; a zone may be LOCAL_ZONE."""
    second = instant_ns // SECOND_NS
    if zone_minutes == LOCAL_ZONE:
        zone_minutes = zone_at(room.zones, second)
    write_second(room.text, kind, zone_minutes, second)
    write_fraction(room.text, kind, instant_ns - second * SECOND_NS)


@kernel
def repeat_stamp(
    words: NDArray[np.uint64], place: int, step: int, count: int, text: NDArray[np.uint64], width: int
) -> None:
    """Write a stamp of any width at `place` and each `step` bytes behind it: a wide one in two parts."""
    repeat_text(words, place, step, count, text, min(width, REPEATED_BYTES))
    if width > REPEATED_BYTES:
        last = width - WORD_BYTES
        repeat_text(words, place + last, step, count, text[last:], WORD_BYTES)


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

    With microseconds or nanoseconds the last event has this instant, and each event before it is one microsecond
    earlier.
    """
    if STYLES[kind, DIGITS] < FINE_DIGITS:
        write_instant(room, kind, zone_minutes, instant_ns)
        repeat_stamp(words, place, step, count, room.words, WIDTHS[kind])
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
    fraction, digits, width = STYLES[kind, FRACTION], STYLES[kind, DIGITS], WIDTHS[kind]
    second_end = int64(-1)
    for _ in range(count):
        if base >= second_end:
            write_instant(room, kind, zone_minutes, base)
            second_end = (base // SECOND_NS + 1) * SECOND_NS
        else:
            write_digits(room.text, fraction, digits, base - second_end + SECOND_NS)
        repeat_stamp(words, place, step, 1, room.words, width)
        place += step
        base += whole
        rest += part
        if rest >= per:
            rest -= per
            base += 1
