"""What an event says of itself: the first stamp and further ones, its priority, and the host that it names.

At most FIELDS stamps of an event are found, in its first MOST_BYTES bytes. A host is what stands behind a stamp at the
front of the event. Without a priority in front (the line of a file) that is only taken for a host where the stamp is as
RFC 3164 has it, or ISO 8601 with an offset, as syslog servers write their files; other programs have a level there.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel, long_kernel
from captures.compiled.words import words_of
from captures.format.stamps.kinds import DATE, ENDING, SEPARATOR, STYLES, WIDTH
from captures.format.stamps.reading import DAY_NS, NO_END_NS, NO_STAMP, new_minutes, stamp_at
from captures.format.stamps.writing import COLON, ISO, MONTH_DAY, MONTH_DAY_YEAR
from captures.text.fronts import enter_front, instant_of_front, new_fronts, remember_front, slot_of
from captures.text.headers import NO_PRIORITY, header_at, host_before, host_behind, host_field
from captures.text.messages import Messages
from captures.text.scanning import MOST_TRIES, next_stamp

FIELDS: Final = 4
"""The most stamps of one event that become live fields."""
MOST_BYTES: Final = 4096
"""Stamps are looked for in so many bytes of an event."""
SLACK_BYTES: Final = 16
"""The kernels may read so far behind an event."""

EVENT: Final = np.dtype(
    (
        np.record,
        [
            ("priority", "<i2"),  # -1: there is none
            ("version", "<u2"),  # of RFC 5424; 0: it has none
            ("stamps", "u1"),  # how many were found
            ("dated", "u1"),  # 1: the first of them says when the event was
            ("host_length", "<u2"),  # 0: no host is known
            ("host", "<i8"),  # of its first byte, from the start of the event
        ],
    )
)
FIELD: Final = np.dtype(
    (
        np.record,
        [
            ("instant_ns", "<i8"),  # since 1970 UTC, as far as its digits say it
            ("column", "<u2"),
            ("zone_minutes", "<i2"),  # east of UTC, in which it is written
            ("kind", "u1"),  # StampKind
            ("width", "u1"),
            ("reserved", "<u2"),
        ],
    )
)
_APART_NS: Final = DAY_NS
"""So far a file's clock and zone may be apart from those of its lines."""
_T, _STAR, _POINT, _HYPHEN = (ord(letter) for letter in "T*.-")


class Found(NamedTuple):
    """What was found in some events."""

    events: NDArray[Any]
    """EVENT rows, shape (events,)."""
    fields: NDArray[Any]
    """FIELD rows, shape (events, FIELDS): of each event as many as `stamps` says, left to right; others are void."""


class Known(NamedTuple):
    """What kernels know of the events before."""

    zones: NDArray[np.int64]
    """As `Finder` takes them."""
    minutes: NDArray[Any]
    """Those of `new_minutes`."""
    fronts: NDArray[Any]
    """Those of `new_fronts`."""
    reference_ns: NDArray[np.int64]
    """The instant of the last event without one of its own that says when it was; shape (1,)."""
    own_kind: NDArray[np.int64]
    """The kind of the first stamp that was found in such an event of the file; NO_STAMP: there was none; shape (1,)."""


class Finder:
    """Finds stamps and hosts in one batch of events after the other."""

    def __init__(self, zones: NDArray[np.int64], reference_ns: int) -> None:
        """Stamps without a zone are of `zones`: rows of (second since 1970 from which it holds, minutes east of UTC).

        A date without a year is the one that is nearest to the event's own instant, or where that is not known to the
        stamp before it, or at first to `reference_ns`.
        """
        reference, own_kind = np.array([max(reference_ns, 0)], np.int64), np.array([NO_STAMP], np.int64)
        self.known = Known(np.ascontiguousarray(zones, np.int64), new_minutes(), new_fronts(), reference, own_kind)
        """What was learned of the events so far."""

    def begin_file(self, written_ns: int) -> None:
        """What comes now was written until then, since 1970: no date without a year is later than a day after it."""
        written_ns = min(max(written_ns, 0), NO_END_NS - _APART_NS)
        self.known = self.known._replace(minutes=new_minutes(written_ns + _APART_NS))
        self.known.reference_ns[0], self.known.own_kind[0] = written_ns, NO_STAMP
        self.known.fronts["width"] = 0  # their years are those of the file before

    def find(self, batch: Messages) -> Found:
        """What the events of a batch say."""
        rows = np.ascontiguousarray(batch.messages)
        found = _room_for(len(rows))
        late = rows["place"] + rows["length"] > len(batch.data) - SLACK_BYTES
        if not late.any():
            if len(rows):
                self._find(batch.data, rows, found)
            return found
        if not late.all():
            some = self.find(Messages(batch.data, rows[~late]))
            found.events[~late], found.fields[~late] = some
        last = rows[late]
        first = int(last["place"].min())
        last["place"] -= first
        tail = np.concatenate([batch.data[first:], np.zeros(SLACK_BYTES, np.uint8)])
        some = _room_for(len(last))
        self._find(tail, last, some)
        found.events[late], found.fields[late] = some
        return found

    def _find(self, data: NDArray[np.uint8], rows: NDArray[Any], found: Found) -> None:
        data = data.view()
        data.flags.writeable = False  # as of a mapped file, so that there is one compiled form for all
        find_all(data, words_of(data), rows, self.known, found.events, found.fields)


def _room_for(count: int) -> Found:
    """Rows that are not filled in."""
    return Found(np.empty(count, EVENT), np.empty((count, FIELDS), FIELD))


@long_kernel
def find_all(
    buffer: NDArray[np.uint8],
    words: NDArray[np.uint64],
    messages: NDArray[Any],
    known: Known,
    events: NDArray[Any],
    fields: NDArray[Any],
) -> None:
    """Find what each of the MESSAGE rows says, into the rows of `events` and `fields`."""
    for i in range(len(messages)):
        start, flow = int64(messages[i].place), int64(messages[i].flow)
        end, own_ns = start + int64(messages[i].length), int64(messages[i].instant_ns)
        near_ns = own_ns if own_ns >= 0 else known.reference_ns[0]
        event, field = events[i], fields[i, 0]
        # Lines of a file have no flow, and their hosts change from line to line.
        remembered = flow >= 0 and start < end and len(known.zones) == 1
        front = known.fronts[slot_of(words, start, flow) if remembered else 0]
        instant_ns = instant_of_front(buffer, words, start, end, near_ns, front) if remembered else -1
        if instant_ns >= 0:
            enter_front(front, instant_ns, event, field)
            low = start + int64(field.column) + int64(field.width)
        else:
            low = read_front(buffer, words, start, end, near_ns, known, event, field)
            if remembered:
                remember_front(buffer, words, start, end, event, field, front)
        at_front = int64(event.stamps) > 0
        find_behind(buffer, words, start, low, end, near_ns, known, event, fields[i])
        at_front |= int64(event.stamps) > 0 and int64(field.column) <= 1  # as in [30/Aug/2025:10:15:30 +0000]
        event.dated = int64(event.stamps) > 0 and (at_front or own_ns >= 0 or is_own(known, int64(field.kind)))
        if own_ns < 0 and int64(event.dated):
            known.reference_ns[0] = min(int64(field.instant_ns), int64(known.minutes[0].latest_ns))
            known.own_kind[0] = field.kind if known.own_kind[0] == NO_STAMP else known.own_kind[0]


@kernel
def is_own(known: Known, kind: int) -> bool:
    """Whether a stamp that is not at the front of an event says when that was, and is not a date that it tells of.

    It does where the first one in the file was of the same kind, as in logs of web servers.
    """
    return bool(known.own_kind[0] in (NO_STAMP, kind))


@kernel
def read_front(
    buffer: NDArray[np.uint8],
    words: NDArray[np.uint64],
    start: int,
    end: int,
    reference_ns: int,
    known: Known,
    event: Any,
    field: Any,
) -> int:
    """Find what the front of an event says, which stands from `start` to `end`; returns from where on to look further.

    If that is a stamp, `field` gets it, and the event has one.
    """
    priority, version, front = header_at(buffer, start, end)
    at = front + 1 if front < end and buffer[front] in (_STAR, _POINT) else front
    kind, zone_minutes, instant_ns = stamp_at(buffer, words, at, end, reference_ns, known.zones, known.minutes)
    low, host, width = front, start, 0
    if kind != NO_STAMP:
        low = at + STYLES[kind, WIDTH]
        enter_field(field, at - start, kind, zone_minutes, instant_ns)
        if version:
            host, width = host_field(buffer, low, end)
        elif priority != NO_PRIORITY or names_host(kind):
            host, width = host_behind(buffer, low, end, kind)
    elif version and buffer[front] == _HYPHEN:
        host, width = host_field(buffer, front + 1, end)
    event.priority, event.version, event.stamps = priority, version, int64(kind != NO_STAMP)
    event.host, event.host_length = host - start, width
    return int64(low)


@kernel
def find_behind(
    buffer: NDArray[np.uint8],
    words: NDArray[np.uint64],
    start: int,
    low: int,
    end: int,
    reference_ns: int,
    known: Known,
    event: Any,
    fields: NDArray[Any],
) -> None:
    """Find the stamps of an event from `low` on, and the host before the first of them if none is at its front."""
    count, front = int64(event.stamps), low
    stop, tries = min(end, start + MOST_BYTES), MOST_TRIES
    while count < FIELDS and low < stop:
        at, kind, zone_minutes, instant_ns, tries = next_stamp(
            buffer, words, low, stop, end, reference_ns, known.zones, known.minutes, tries
        )
        if kind == NO_STAMP:
            break
        dated = STYLES[kind, DATE] in (MONTH_DAY, MONTH_DAY_YEAR)
        if count == 0 and int64(event.priority) != NO_PRIORITY and not int64(event.version) and dated:
            host, width = host_before(buffer, front, at)
            event.host, event.host_length = host - start, width
        enter_field(fields[count], at - start, kind, zone_minutes, instant_ns)
        count, low = count + 1, at + STYLES[kind, WIDTH]
    event.stamps = count


@kernel
def names_host(kind: int) -> bool:
    """Whether syslog servers write files with this kind of stamp, so that a host stands behind it."""
    if STYLES[kind, DATE] == ISO:
        return bool(STYLES[kind, SEPARATOR] == _T and STYLES[kind, ENDING] == COLON)
    return STYLES[kind, DATE] in (MONTH_DAY, MONTH_DAY_YEAR)


@kernel
def enter_field(field: Any, column: int, kind: int, zone_minutes: int, instant_ns: int) -> None:
    """Enter a stamp into its row."""
    field.instant_ns, field.column, field.zone_minutes = instant_ns, column, zone_minutes
    field.kind, field.width = kind, STYLES[kind, WIDTH]
