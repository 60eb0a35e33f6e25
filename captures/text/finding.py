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
from captures.format.stamps.reading import NO_END_NS, NO_STAMP, new_minutes, stamp_at
from captures.format.stamps.writing import COLON, ISO, MONTH_DAY, MONTH_DAY_YEAR
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
            ("stamps", "<u2"),  # how many were found
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
_DAY_NS: Final = 86_400_000_000_000
"""So far a file's clock and zone may be apart from those of its lines."""
_T, _STAR, _POINT, _HYPHEN = (ord(letter) for letter in "T*.-")


class Found(NamedTuple):
    """What was found in some events."""

    events: NDArray[Any]
    """EVENT rows, shape (events,)."""
    fields: NDArray[Any]
    """FIELD rows, shape (events, FIELDS): of each event as many as `stamps` says, from left to right."""


class Finder:
    """Finds stamps and hosts in one batch of events after the other."""

    def __init__(self, zones: NDArray[np.int64], reference_ns: int) -> None:
        """Stamps without a zone are of `zones`: rows of (second since 1970 from which it holds, minutes east of UTC).

        A date without a year is the one that is nearest to the event's own instant, or where that is not known to the
        stamp before it, or at first to `reference_ns`.
        """
        self._zones = np.ascontiguousarray(zones, np.int64)
        self._minutes = new_minutes()
        self._reference_ns = np.array([max(reference_ns, 0)], np.int64)

    def begin_file(self, written_ns: int) -> None:
        """What comes now was written until then, since 1970: no date without a year is later than a day after it."""
        written_ns = min(max(written_ns, 0), NO_END_NS - _DAY_NS)
        self._reference_ns[0] = written_ns
        self._minutes = new_minutes(written_ns + _DAY_NS)

    def find(self, batch: Messages) -> Found:
        """What the events of a batch say."""
        rows = np.ascontiguousarray(batch.messages)
        found = Found(np.zeros(len(rows), EVENT), np.zeros((len(rows), FIELDS), FIELD))
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
        some = Found(np.zeros(len(last), EVENT), np.zeros((len(last), FIELDS), FIELD))
        self._find(tail, last, some)
        found.events[late], found.fields[late] = some
        return found

    def _find(self, data: NDArray[np.uint8], rows: NDArray[Any], found: Found) -> None:
        data = data.view()
        data.flags.writeable = False  # as of a mapped file, so that there is one compiled form for all
        find_all(data, words_of(data), rows, self._zones, self._minutes, self._reference_ns, found.events, found.fields)


@long_kernel
def find_all(
    buffer: NDArray[np.uint8],
    words: NDArray[np.uint64],
    messages: NDArray[Any],
    zones: NDArray[np.int64],
    minutes: NDArray[Any],
    reference_ns: NDArray[np.int64],
    events: NDArray[Any],
    fields: NDArray[Any],
) -> None:
    """Find what each of the MESSAGE rows says, into the rows of `events` and `fields`.

    `reference_ns`, shape (1,), is the instant of the last stamp that was found in an event without an instant.
    """
    for i in range(len(messages)):
        start, instant_ns = int64(messages[i].place), int64(messages[i].instant_ns)
        known = instant_ns >= 0
        near_ns = instant_ns if known else reference_ns[0]
        find_in(buffer, words, start, start + int64(messages[i].length), near_ns, zones, minutes, events[i], fields[i])
        if not known and int64(events[i].stamps) > 0:
            reference_ns[0] = min(int64(fields[i, 0].instant_ns), int64(minutes[0].latest_ns))


@kernel
def find_in(
    buffer: NDArray[np.uint8],
    words: NDArray[np.uint64],
    start: int,
    end: int,
    reference_ns: int,
    zones: NDArray[np.int64],
    minutes: NDArray[Any],
    event: Any,
    fields: NDArray[Any],
) -> None:
    """Find what one event says, which stands from `start` to `end`."""
    priority, version, front = header_at(buffer, start, end)
    at = front + 1 if front < end and buffer[front] in (_STAR, _POINT) else front
    kind, zone_minutes, instant_ns = stamp_at(buffer, words, at, end, reference_ns, zones, minutes)
    count, low, host, width = 0, front, start, 0
    if kind != NO_STAMP:
        count, low = 1, at + STYLES[kind, WIDTH]
        enter_field(fields[0], at - start, kind, zone_minutes, instant_ns)
        if version:
            host, width = host_field(buffer, low, end)
        elif priority != NO_PRIORITY or names_host(kind):
            host, width = host_behind(buffer, low, end, kind)
    elif version and buffer[front] == _HYPHEN:
        host, width = host_field(buffer, front + 1, end)
    stop, tries = min(end, start + MOST_BYTES), MOST_TRIES
    while count < FIELDS and low < stop:
        at, kind, zone_minutes, instant_ns, tries = next_stamp(
            buffer, words, low, stop, end, reference_ns, zones, minutes, tries
        )
        if kind == NO_STAMP:
            break
        if count == 0 and priority != NO_PRIORITY and not version and STYLES[kind, DATE] in (MONTH_DAY, MONTH_DAY_YEAR):
            host, width = host_before(buffer, front, at)
        enter_field(fields[count], at - start, kind, zone_minutes, instant_ns)
        count, low = count + 1, at + STYLES[kind, WIDTH]
    event.priority, event.version, event.stamps = priority, version, count
    event.host, event.host_length = host - start, width


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
