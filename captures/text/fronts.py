"""The fronts of events that were read lately: what they say is known again by their bytes, but for the second.

The events of a sender begin alike for a minute: priority, version, date, hour and minute, and its host. All that an
event's front says is made of the bytes up to the end of the word behind its stamp, and a second and a fraction of it
change nothing but the instant. So a front that has the same bytes but for those digits says the same, and its instant
is reckoned from the digits. Reading it takes three times as long as comparing it.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.compiled.words import WORD_BYTES
from captures.console.units import SECOND_NS
from captures.format.stamps.endings import NO_ZONE, named_zone_at
from captures.format.stamps.kinds import DATE, DIGITS, ENDING, FRACTION, STYLES, TIME, WIDTH
from captures.format.stamps.numbers import digits_at, is_word
from captures.format.stamps.reading import MINUTE_NS, NEAR_NS, TENS
from captures.format.stamps.writing import EPOCH, MONTH_DAY, NOTHING, YEAR
from captures.text.headers import word_end

_WORDS: Final = 8
"""The longest front that is remembered."""
_SLOTS: Final = 1 << 14
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
"""2**64 divided by the golden ratio: Knuth's multiplicative hash, whose highest bits are used."""
_SHIFT: Final = np.uint64(64 - 14)
_ALL: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
_BYTE: Final = np.uint64(0xFF)
_FORWARDED_BYTES: Final = len("Message")
_SPACE, _M = ord(" "), ord("M")

FRONT: Final = np.dtype(
    (
        np.record,
        [
            ("text", "<u8", (_WORDS,)),
            ("mask", "<u8", (_WORDS,)),  # 0 where the digits of the second stand, and behind its end
            ("width", "<i8"),  # bytes of the front; 0: the row is empty
            ("minute_ns", "<i8"),  # the instant of its minute
            ("host", "<i8"),  # this and all that follows: as `captures.text.finding` has it
            ("host_length", "<u2"),
            ("priority", "<i2"),
            ("version", "<u2"),
            ("column", "<u2"),
            ("zone_minutes", "<i2"),
            ("kind", "u1"),
        ],
    )
)
"""A front that was read, and what it says."""


def new_fronts() -> NDArray[Any]:
    """Room for the fronts that are remembered."""
    return np.zeros(_SLOTS, FRONT)


@kernel
def slot_of(words: NDArray[np.uint64], start: int, flow: int) -> int:
    """Where the front of an event is remembered that came over a flow: its first bytes hold the priority."""
    return int64((words[start] ^ np.uint64(flow) * _MULTIPLIER) * _MULTIPLIER >> _SHIFT)


@kernel
def instant_of_front(
    buffer: NDArray[np.uint8], words: NDArray[np.uint64], start: int, end: int, reference_ns: int, front: Any
) -> int:
    """The instant of an event's stamp, if its front is `front`, but for the second; -1: it is another one."""
    width = int64(front.width)
    if width == 0 or start + width > end:
        return -1
    differ = np.uint64(0)
    for i in range((width + WORD_BYTES - 1) // WORD_BYTES):
        differ |= (words[start + WORD_BYTES * i] ^ front.text[i]) & front.mask[i]
    if differ != np.uint64(0):
        return -1
    kind, stamp = int64(front.kind), start + int64(front.column)
    second, digits = digits_at(buffer, stamp + STYLES[kind, TIME] + 6, 2), STYLES[kind, DIGITS]
    fraction = digits_at(buffer, stamp + STYLES[kind, FRACTION], digits)
    if second < 0 or second > 59 or fraction < 0:
        return -1
    minute_ns = int64(front.minute_ns)
    written_ns = minute_ns + int64(front.zone_minutes) * MINUTE_NS
    if STYLES[kind, DATE] == MONTH_DAY and abs(written_ns - reference_ns) >= NEAR_NS:  # its year may be another one
        return -1
    return int64(minute_ns + second * SECOND_NS + fraction * TENS[9 - digits])


@kernel
def enter_front(front: Any, instant_ns: int, event: Any, field: Any) -> None:
    """Enter what a front says into an event's row, and its stamp into the row of the first field."""
    event.priority, event.version, event.stamps = front.priority, front.version, 1
    event.host, event.host_length = front.host, front.host_length
    field.instant_ns, field.column, field.zone_minutes = instant_ns, front.column, front.zone_minutes
    field.kind, field.width = front.kind, STYLES[int64(front.kind), WIDTH]


@kernel
def front_width(buffer: NDArray[np.uint8], at: int, end: int, kind: int) -> int:
    """How many bytes from the stamp on, which is of `kind` and stands at `at`, say all of a front; 0: more than a word.

    Behind the stamp must be a space and one whole word that is no zone, no year, and not what AIX has before a host.
    """
    low = at + STYLES[kind, WIDTH]
    if STYLES[kind, DATE] == EPOCH or STYLES[kind, ENDING] == YEAR or low + 1 >= end or buffer[low] != _SPACE:
        return 0
    if not is_word(buffer[low + 1]) or (STYLES[kind, ENDING] == NOTHING and named_zone_at(buffer, low, end) != NO_ZONE):
        return 0
    behind = word_end(buffer, low + 1, end)
    forwarded = behind - low - 1 == _FORWARDED_BYTES and buffer[low + 1] == _M
    return 0 if behind >= end or buffer[behind] != _SPACE or forwarded else behind + 1 - at


@kernel
def remember_front(
    buffer: NDArray[np.uint8], words: NDArray[np.uint64], start: int, end: int, event: Any, field: Any, front: Any
) -> None:
    """Remember in `front` what was read at the front of an event, if a stamp was, and its bytes say all of it."""
    kind, column = int64(field.kind), int64(field.column)
    width = column + front_width(buffer, start + column, end, kind) if int64(event.stamps) else 0
    if width <= column or width > WORD_BYTES * _WORDS:
        return
    for i in range(_WORDS):
        kept = min(max(width - WORD_BYTES * i, 0), WORD_BYTES)
        front.text[i] = words[start + WORD_BYTES * i] if kept else np.uint64(0)
        front.mask[i] = _ALL >> np.uint64(8 * (WORD_BYTES - kept)) if kept else np.uint64(0)
    second, fraction = column + STYLES[kind, TIME] + 6, column + STYLES[kind, FRACTION]
    clear_bytes(front.mask, second, 2)
    clear_bytes(front.mask, fraction, STYLES[kind, DIGITS])
    instant_ns = int64(field.instant_ns)
    front.width, front.minute_ns = width, instant_ns - instant_ns % MINUTE_NS
    front.priority, front.version, front.host, front.host_length = (
        event.priority,
        event.version,
        event.host,
        event.host_length,
    )
    front.column, front.zone_minutes, front.kind = field.column, field.zone_minutes, field.kind


@kernel
def clear_bytes(mask: Any, first: int, count: int) -> None:
    """Have some bytes of a mask be zero."""
    for place in range(first, first + count):
        mask[place // WORD_BYTES] &= ~(_BYTE << np.uint64(8 * (place % WORD_BYTES)))
