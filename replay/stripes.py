"""Which events of a looped capture each lane sends: striping, as a RAID deals blocks to its disks.

The capture repeated for ever is one stream of events. Lane `i` of `n` sends the stream's stripes i, i + n,
i + 2n, ... of `STRIPE_EVENTS` each, and an equal share of what is left at the end. So a lane's events do not
depend on the number of workers, every event is sent once a loop, lanes differ by one event at most, and all
lanes read the same stretch of the file at the same time, front to back.
"""

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format import StampKind, Table

STRIPE_EVENTS: Final = 16384
"""Long against a train, so that few trains are cut; short against memory: 40 lanes span some 100 MB of the file."""

PAGE_PIECES: Final = 128
"""About how many pieces are cut at once: enough to spread the cost, few enough for many lanes to hold."""


def lane_quota(total: int, lanes: int, lane: int) -> int:
    """How many of the stream's first `total` events lane `lane` of `lanes` sends; the lanes' quotas sum to it."""
    rounds, rest = divmod(total, lanes * STRIPE_EVENTS)
    return rounds * STRIPE_EVENTS + rest // lanes + (lane < rest % lanes)


def lane_stripes(total: int | None, lanes: int, lane: int) -> Iterator[tuple[int, int]]:
    """The lane's part of the stream's first `total` events (None: for ever), as (first event, events) runs."""
    if total is None:
        for turn in itertools.count(lane, lanes):
            yield turn * STRIPE_EVENTS, STRIPE_EVENTS
        return
    rounds, rest = divmod(total, lanes * STRIPE_EVENTS)
    for turn in range(lane, rounds * lanes, lanes):
        yield turn * STRIPE_EVENTS, STRIPE_EVENTS
    share, extra = divmod(rest, lanes)
    count = share + (lane < extra)
    if count:
        yield rounds * lanes * STRIPE_EVENTS + lane * share + min(lane, extra), count


def capture_runs(stripes: Iterator[tuple[int, int]], events: int, longest: int) -> Iterator[tuple[int, int]]:
    """Stream runs as runs of a capture of `events` events: cut where it starts over, and to `longest` events."""
    for first, count in stripes:
        start, left = first % events, count
        while left:
            run = min(left, events - start, longest)
            yield start, run
            start, left = (start + run) % events, left - run


@dataclass(frozen=True, slots=True)
class Pieces:
    """Consecutive rows of trains, ready to send: each piece is one train or a cut of one. Items of equal number.

    The bytes of consecutive pieces lie back to back in the payload, so one read fetches any number of them.
    An array where a batch takes many at once, lists where the loop takes one by one.
    """

    bounds: list[int]
    """Where each piece starts in the payload, and where the last one ends: one item more than pieces."""
    shapes: NDArray[np.int64]
    """Offset in the payload, size and length of an event, all in bytes: shape (pieces, 3)."""
    count: list[int]
    """Events."""
    stamps: list[tuple[int, int, int]]
    """The slice of each piece's stamps: first, end and step, in bytes from the start of the payload."""


def cut_pieces(trains: Table, first_event: int, events: int, limit: int) -> Pieces:
    """The trains (TRAIN rows) cut to `events` events from `first_event`, and to pieces of at most `limit` events."""
    end = first_event + events
    starts = trains["first_event"]
    rows = trains[bisect_right(starts, first_event) - 1 : bisect_left(starts, end)]
    train_start = rows["first_event"].astype(np.int64)
    length = rows["length"].astype(np.int64)
    start = np.maximum(train_start, first_event)
    count = np.minimum(train_start + rows["count"], end) - start
    offset = rows["offset"].astype(np.int64) + (start - train_start) * length
    column, kind = rows["stamp_column"], rows["stamp_kind"]
    if int(count.max()) > limit:
        parts = -(-count // limit)
        row = np.repeat(np.arange(len(rows)), parts)
        part = np.arange(len(row)) - np.repeat(np.cumsum(parts) - parts, parts)
        length, column, kind = length[row], column[row], kind[row]
        offset = offset[row] + part * limit * length
        count = np.minimum(count[row] - part * limit, limit)
    size = count * length
    stamp = offset + column
    stamp_end = stamp + np.where(kind == StampKind.ISO_MS, size, 0)
    return Pieces(
        bounds=[*offset.tolist(), int(offset[-1] + size[-1])],
        shapes=np.stack((offset, size, length), axis=1),
        count=count.tolist(),
        stamps=list(zip(stamp.tolist(), stamp_end.tolist(), length.tolist(), strict=True)),
    )
