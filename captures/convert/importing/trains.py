"""Which events that follow each other make a train? Those of one length, one look and one host.

Events look alike when their stamps are of the same kinds, in the same zones, and stand in the same columns. A train is
at most 128 events and 65,507 bytes. An empty event is a train of its own.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.events.gathering import gathered
from captures.format.layout import MAX_TRAIN_BYTES, MAX_TRAIN_EVENTS, TRAIN, Table
from captures.format.sections import LIVE
from captures.text.finding import FIELDS, Found

LOOK: Final = np.dtype(
    (
        np.record,
        [
            ("stamps", "<i8"),
            ("columns", "<i8", (FIELDS,)),
            ("kinds", "<i8", (FIELDS,)),
            ("zones", "<i8", (FIELDS,)),  # minutes east of UTC
        ],
    )
)
"""Where the stamps of an event stand, from left to right, and what they are."""

_TRAIN: Final = np.dtype((np.record, TRAIN))
_LIVE: Final = np.dtype((np.record, LIVE))
_SLOTS: Final = 4096
"""Looks that were met lately are found again by a hash; one that was forgotten gets a second row."""


class Looks(NamedTuple):
    """The looks of some events."""

    of: NDArray[np.int64]
    """The row of each event's look, shape (events,)."""
    rows: NDArray[Any]
    """LOOK rows."""


class Trains(NamedTuple):
    """Events as `captures.format.writing.stream_writer.StreamWriter.add` takes them."""

    trains: Table
    payload: NDArray[np.uint8]
    live: Table


def looks_of(found: Found) -> Looks:
    """How events look."""
    of, rows = np.empty(len(found.events), np.int64), np.empty(len(found.events), LOOK)
    count = number_looks(found.events, found.fields, np.full(_SLOTS, -1), of, rows)
    return Looks(of, rows[:count])


def trains_of(
    data: NDArray[np.uint8], place: NDArray[np.int64], length: NDArray[np.int64], looks: Looks, host: NDArray[np.int64]
) -> Trains:
    """The trains of events, in the order of these arrays, shape (events,); `place` is where each stands in `data`."""
    rows, live = np.zeros(len(place), _TRAIN), np.zeros((FIELDS - 1) * len(place), _LIVE)
    trains, lives = cut_trains(length, looks.of, looks.rows, host, rows, live)
    payload = gathered(data, place, length)
    return Trains(rows[:trains].view(TRAIN), payload, live[:lives].view(LIVE))


@kernel
def looks_like(event: Any, fields: NDArray[Any], look: Any) -> bool:
    """Whether the stamps that were found in an event are those of a LOOK row."""
    if int64(event.stamps) != look.stamps:
        return False
    for i in range(look.stamps):
        field = fields[i]
        same = int64(field.column) == look.columns[i] and int64(field.kind) == look.kinds[i]
        if not same or int64(field.zone_minutes) != look.zones[i]:
            return False
    return True


@kernel
def number_looks(
    events: NDArray[Any], fields: NDArray[Any], slots: NDArray[np.int64], of: NDArray[np.int64], rows: NDArray[Any]
) -> int:
    """Give each event the number of its look, and fill in the LOOK rows; returns how many they are.

    `events` and `fields` are what `captures.text.finding` found, shape (events,) and (events, FIELDS). `slots` are free
    where they are -1.
    """
    count = 0
    for i in range(len(events)):
        key = int64(events[i].stamps)
        for j in range(key):
            key = key * 1000003 + int64(fields[i, j].column) * 97 + int64(fields[i, j].kind)
            key = key * 31 + int64(fields[i, j].zone_minutes)
        slot = (key ^ key >> 20) & (len(slots) - 1)
        known = slots[slot]
        if known < 0 or not looks_like(events[i], fields[i], rows[known]):
            known = slots[slot] = count
            look = rows[count]
            look.stamps = int64(events[i].stamps)
            for j in range(look.stamps):
                look.columns[j], look.kinds[j] = int64(fields[i, j].column), int64(fields[i, j].kind)
                look.zones[j] = int64(fields[i, j].zone_minutes)
            count += 1
        of[i] = known
    return count


@kernel
def cut_trains(
    length: NDArray[np.int64],
    look_of: NDArray[np.int64],
    looks: NDArray[Any],
    host: NDArray[np.int64],
    trains: NDArray[Any],
    live: NDArray[Any],
) -> tuple[int, int]:
    """Fill in the TRAIN rows of events, and their LIVE rows; returns how many of both."""
    made = lives = start = 0
    while start < len(length):
        size, look = length[start], looks[look_of[start]]
        most = min(MAX_TRAIN_EVENTS, MAX_TRAIN_BYTES // size) if size else 1
        end = start + 1
        while end < len(length) and end - start < most and length[end] == size:
            if look_of[end] != look_of[start] or host[end] != host[start]:
                break
            end += 1
        train = trains[made]
        train.count, train.length, train.source = end - start, size, max(host[start], 0)
        for i in range(look.stamps):
            if i == 0:
                train.stamp_column, train.stamp_kind, train.zone_minutes = look.columns[0], look.kinds[0], look.zones[0]
                continue
            row = live[lives]
            row.train, row.column, row.kind, row.zone_minutes = made, look.columns[i], look.kinds[i], look.zones[i]
            lives += 1
        made += 1
        start = end
    return made, lives
