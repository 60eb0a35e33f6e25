"""Which events that follow each other make a train? Those of one length, one look and one host.

A train is at most 128 events and 65,507 bytes. An empty event is a train of its own (format version 2).
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.format.layout import MAX_TRAIN_BYTES, MAX_TRAIN_EVENTS, TRAIN, Table
from captures.format.sections import LIVE

MOST_STAMPS: Final = 4
"""The most stamps of an event that are live."""

EVENT: Final = np.dtype(
    (
        np.record,
        [
            ("place", "<i8"),  # of its first byte, in the bytes of its batch
            ("length", "<i8"),  # bytes of it that are there
            ("original", "<i8"),  # bytes that it had before it was cut
            ("time_ns", "<i8"),  # its instant, ns since the capture's first one, or since 1970
            ("flow", "<i8"),  # its row of FLOW; -1: none
            ("host", "<i8"),  # the number of its host
            ("look", "<i8"),  # its row of LOOK
        ],
    )
)
LOOK: Final = np.dtype(
    (
        np.record,
        [
            ("stamps", "<i8"),  # how many there are
            ("columns", "<i8", (MOST_STAMPS,)),
            ("kinds", "<i8", (MOST_STAMPS,)),
            ("zones", "<i8", (MOST_STAMPS,)),  # minutes east of UTC
        ],
    )
)
"""Where stamps stand in events of a kind, the first one first."""

_RECORD: Final = np.dtype((np.record, TRAIN))


class Trains(NamedTuple):
    """Events as `captures.format.stream_writer` takes them."""

    trains: Table
    payload: NDArray[np.uint8]
    live: Table


def trains_of(data: NDArray[np.uint8], events: NDArray[Any], looks: NDArray[Any]) -> Trains:
    """The trains of EVENT rows, in their order; `looks` are LOOK rows, and `data` the bytes in which the events lie."""
    rows, live = np.zeros(len(events), _RECORD), np.zeros((MOST_STAMPS - 1) * len(events), LIVE)
    payload = np.empty(int(events.length.sum()), np.uint8)
    trains, lives = cut_trains(events, looks, rows, live.view(np.dtype((np.record, LIVE))))
    gather(data, events, payload)
    return Trains(rows[:trains].view(TRAIN), payload, live[:lives])


@kernel
def are_alike(one: Any, other: Any) -> bool:
    """Whether two EVENT rows can be in one train."""
    return bool(one.length == other.length > 0 and one.look == other.look and one.host == other.host)


@kernel
def cut_trains(events: NDArray[Any], looks: NDArray[Any], trains: NDArray[Any], live: NDArray[Any]) -> tuple[int, int]:
    """Fill in the TRAIN rows of EVENT rows, and their LIVE rows; returns how many of both."""
    made = lives = start = 0
    while start < len(events):
        first = events[start]
        end = start + 1
        while end < len(events) and end - start < MAX_TRAIN_EVENTS and are_alike(first, events[end]):
            if (end + 1 - start) * first.length > MAX_TRAIN_BYTES:
                break
            end += 1
        train, look = trains[made], looks[first.look]
        train.count, train.length, train.source = end - start, first.length, first.host
        for i in range(look.stamps):
            if i == 0:
                train.stamp_column, train.stamp_kind = look.columns[0], look.kinds[0]
                train.zone_minutes = look.zones[0]
                continue
            row = live[lives]
            row.train, row.column, row.kind, row.zone_minutes = made, look.columns[i], look.kinds[i], look.zones[i]
            lives += 1
        made += 1
        start = end
    return made, lives


@kernel
def gather(data: NDArray[np.uint8], events: NDArray[Any], payload: NDArray[np.uint8]) -> None:
    """Copy the bytes of EVENT rows, one behind the other."""
    to = int64(0)
    for event in events:
        payload[to : to + event.length] = data[event.place : event.place + event.length]
        to += event.length
