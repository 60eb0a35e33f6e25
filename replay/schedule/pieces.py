"""What does a lane send of the capture's trains, piece by piece? What `replay.schedule.deal` deals to it is cut here.

A piece is one train or a part of one. The pieces of a page are cut together, by arrays, and sent one by one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from captures.format.instants import ramp_values
from captures.format.layout import Table
from replay.schedule.deal import PAGE_PIECES, Run


def pages(runs: Iterable[Run]) -> Iterator[list[Run]]:
    """Runs in groups of about PAGE_PIECES pieces, each group from the front to the back of the capture."""
    page: list[Run] = []
    pieces = end = 0
    for run in runs:
        if page and (pieces >= PAGE_PIECES or run.first_event < end):
            yield page
            page, pieces = [], 0
        page.append(run)
        pieces += -(-run.events // run.limit)
        end = run.first_event + run.events
    if page:
        yield page


@dataclass(frozen=True, slots=True)
class Pieces:
    """A page of a lane, ready to send. A piece is one train or a part of one; item i of each list is about piece i.

    These are lists, since the loop reads one item or a few at a time, which costs ten times as much with arrays.
    """

    start: list[int]
    """The place of the piece's first byte in the payload."""
    end: list[int]
    """The place of the byte after the piece."""
    reach: list[int]
    """The pieces from this one to the piece of this number (exclusive) lie back to back."""
    shapes: bytes
    """The shape of each piece, SHAPE_BYTES long, as `replay.board.journal.SHAPE` describes it."""
    count: list[int]
    """How many events the piece has."""
    through: list[tuple[int, int]]
    """How many events and bytes the lane has sent since the start of the run at the end of the piece."""
    since_ns: list[int]
    """When the event before the piece's first one gets its token, by the rate of this piece."""
    due_ns: list[int]
    """When all events of the piece have their tokens."""
    stamps: list[tuple[int, int, int, int]]
    """Where the piece's stamps lie: first, end and step, in bytes from the start of the payload. Then their style: zone
    and kind as one number, `zone_minutes << 8 | stamp_kind`; 0 means that there are no stamps."""
    tags: list[tuple[int, int, int, int, int]]
    """Where the piece's tags lie: first, end and step, in bytes from the start of the payload. Then the number of the
    lane's events before the piece and at its end. The list is empty for a capture without tags."""
    instants_ns: list[NDArray[np.int64]]
    """The instants of the piece's events on the axis that stamps keep to, shape (events,). Empty without an axis."""
    texts: list[NDArray[np.void]] = field(default_factory=list)
    """The stamps of these instants. They are made once for the whole page, which costs far less than a call for each
    piece."""

    def bytes_of(self, first: int, end: int) -> int:
        """The length in bytes of the pieces `first` to `end`, which lie back to back."""
        return self.end[end - 1] - self.start[first]


def cut_pieces(trains: Table, runs: Sequence[Run], before: tuple[int, int] = (0, 0)) -> Pieces:
    """Cut the capture's `trains` (TRAIN rows) into pieces with the events of `runs`, which are in the capture's order.

    `before` says how many events and bytes the lane has sent before them.
    """
    first = np.array([run.first_event for run in runs])
    end = first + np.array([run.events for run in runs])
    limit = np.array([run.limit for run in runs])
    starts = trains["first_event"]
    rows = trains[bisect_right(starts, first[0]) - 1 : bisect_left(starts, end[-1])]
    train_first = rows["first_event"].astype(np.int64)
    whose = np.zeros(len(rows), np.int64)
    if len(runs) > 1:
        low = np.searchsorted(train_first, first, "right") - 1
        whose, train = _spread(np.searchsorted(train_first, end, "left") - low)
        train += low[whose]
        rows, train_first = rows[train], train_first[train]
        first, end, limit = first[whose], end[whose], limit[whose]
    begin = np.maximum(train_first, first)
    count = np.minimum(train_first + rows["count"], end) - begin
    place = begin - first
    if (count > limit).any():
        cut, part = _spread(-(-count // limit))
        limit = np.broadcast_to(limit, count.shape)[cut]
        rows, whose, place = rows[cut], whose[cut], place[cut] + part * limit
        begin, count = begin[cut] + part * limit, np.minimum(count[cut] - part * limit, limit)
    return _pieces(rows, begin, count, whose, place, runs, before)


def _spread(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two arrays: each i repeated `counts[i]` times, and the number of each item among those of its i, from 0."""
    whose = np.repeat(np.arange(len(counts)), counts)
    return whose, np.arange(len(whose)) - (np.cumsum(counts) - counts)[whose]


def _pieces(
    rows: Table,
    begin: NDArray[np.int64],
    count: NDArray[np.int64],
    whose: NDArray[np.int64],
    place: NDArray[np.int64],
    runs: Sequence[Run],
    before: tuple[int, int],
) -> Pieces:
    """Make the pieces: piece i has `count[i]` events of train `rows[i]`, from event `begin[i]` of the capture on.

    They are the events of run `whose[i]` from its event `place[i]` on.
    """
    length = rows["length"].astype(np.int64)
    style = rows["stamp_kind"] | rows["zone_minutes"].astype(np.int64) << 8
    offset = rows["offset"].astype(np.int64) + (begin - rows["first_event"].astype(np.int64)) * length
    size = count * length
    stamp = offset + rows["stamp_column"]
    due_ns, since_ns = _due(count, whose, place, runs)
    events, nbytes = before[0] + np.cumsum(count), before[1] + np.cumsum(size)
    tags: list[tuple[int, int, int, int, int]] = []
    if rows["tag_kind"][0]:  # either all trains of a capture have tags, or none has
        tag = offset + rows["tag_column"]
        columns = (tag, tag + size, length, events - count, events)
        tags = list(zip(*(column.tolist() for column in columns), strict=True))
    return Pieces(
        start=offset.tolist(),
        end=(offset + size).tolist(),
        reach=np.searchsorted(whose, whose, "right").tolist() if len(runs) > 1 else [len(rows)] * len(rows),
        shapes=np.stack((offset, size, length, events, nbytes, rows["source"]), axis=1).tobytes(),
        count=count.tolist(),
        through=list(zip(events.tolist(), nbytes.tolist(), strict=True)),
        since_ns=since_ns,
        due_ns=due_ns,
        stamps=list(zip(stamp.tolist(), (stamp + size).tolist(), length.tolist(), style.tolist(), strict=True)),
        tags=tags,
        instants_ns=_instants_ns(count, whose, place, runs),
    )


def _due(
    count: NDArray[np.int64], whose: NDArray[np.int64], place: NDArray[np.int64], runs: Sequence[Run]
) -> tuple[list[int], list[int]]:
    """For each piece, when all its events have their tokens, and when the event before its first one has its token."""
    if not any(run.due_ns.whole or run.due_ns.part for run in runs):
        due_ns = [runs[0].due_ns.base] * len(count)  # without a rate all events are due at once
        return due_ns, due_ns
    ramps = np.array([run.due_ns for run in runs])
    ramps = ramps[whose] if len(runs) > 1 else ramps
    due_ns = ramp_values(ramps, place + count).tolist()
    since_ns = [0, *due_ns[:-1]]  # within a run, a piece begins where the piece before ended
    for piece in np.flatnonzero(place == 0).tolist():
        since_ns[piece] = runs[whose[piece]].due_ns.base
    return due_ns, since_ns


def _instants_ns(
    count: NDArray[np.int64], whose: NDArray[np.int64], place: NDArray[np.int64], runs: Sequence[Run]
) -> list[NDArray[np.int64]]:
    """The instants of each piece's events; an empty list without an axis."""
    instants = [run.instants_ns for run in runs if run.instants_ns]
    if not instants:
        return []
    piece, event = _spread(count)
    values = ramp_values(np.array(instants, np.int64)[whose[piece]], place[piece] + event)
    return np.split(values, np.cumsum(count)[:-1])
