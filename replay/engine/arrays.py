"""The memory of a worker's loop: which arrays its kernels take, with their dtypes and units.

Kernels know no objects. What belongs together is a named tuple of arrays here, and what is known of a lane, a run or a
train is a row of a structured array. All these numbers are int64, since numba makes a floating point number of an int64
and a uint64. The rows are of the type np.record, since otherwise they have attributes in compiled code only.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.words import words_of
from captures.format.capture import Capture
from captures.format.layout import MAX_TRAIN_BYTES, TRAIN
from captures.format.sections import LIVE
from replay.board.journal import TRAINS
from replay.clock import SECOND_NS
from replay.rewrite.local_zone import DAY_S, zone_table
from replay.rewrite.stamping import StampRoom, stamp_room
from replay.schedule.deal import Run

RUNS: Final = 16
"""How many runs of a lane are held ready at most."""

RUN: Final = np.dtype(
    (
        np.record,
        [
            ("first_event", "<i8"),  # the number of its first event in the capture
            ("events", "<i8"),
            ("limit", "<i8"),  # the most events of one train
            ("due_ns", "<i8"),  # the ramp that says when its first i events have their tokens, or see `span_ns`
            ("due_rest", "<i8"),
            ("due_whole", "<i8"),
            ("due_part", "<i8"),
            ("due_per", "<i8"),
            ("own_ns", "<i8"),  # the ramp of the events' own instants, for stamps that keep to the time axis
            ("own_rest", "<i8"),
            ("own_whole", "<i8"),
            ("own_part", "<i8"),
            ("own_per", "<i8"),  # 0: they have no such instants
            ("span_ns", "<i8"),  # not 0: tokens are a ramp over the instants of the events, and a train spans so much
            ("moved_ns", "<i8"),  # by how much stamps that are read are moved
        ],
    )
)
"""A run of a lane (`replay.schedule.deal.Run`); the ramps are those of `captures.format.instants`."""

LANE: Final = np.dtype(
    (
        np.record,
        [
            ("lane", "<i8"),  # its number in the run, which is also its row on the board
            ("port", "<i8"),
            ("ready_ns", "<i8"),  # when its next train may be sent; without a rate: how many turns it has had
            ("free_ns", "<i8"),  # until then the lane, which catches up, sends nothing more
            ("run", "<i8"),  # the number of its present run, from 0; it is row `run % RUNS` of its runs
            ("entered", "<i8"),  # the run to which the fields below belong; -1: none
            ("runs", "<i8"),  # how many runs it has been given
            ("last", "<i8"),  # not 0: there are no further runs
            ("left", "<i8"),  # the events of its runs that are not staged yet
            ("place", "<i8"),  # the events of its present run that are staged
            ("due_ns", "<i8"),  # when these events have their tokens, and the rest of that division
            ("due_rest", "<i8"),
            ("own_ns", "<i8"),  # the instant of the next event on the time axis, and the rest of that division
            ("own_rest", "<i8"),
            ("train", "<i8"),  # the capture's train that holds the next event
            ("count", "<i8"),  # the events of its next train; 0: the lane has no run
            ("next_due_ns", "<i8"),  # when all events of the next train have their tokens, and the rest
            ("next_due_rest", "<i8"),
            ("events", "<i8"),  # events and bytes that are staged since the start of the run
            ("bytes", "<i8"),
        ],
    )
)


RECORD: Final = np.dtype((np.record, TRAIN))
"""TRAIN rows, for kernels."""


LIVE_RECORD: Final = np.dtype((np.record, LIVE))


class Stored(NamedTuple):
    """What is read of a capture; all is read-only."""

    trains: NDArray[Any]
    """Its TRAIN rows."""
    payload: NDArray[np.uint8]
    live: NDArray[Any]
    """Its LIVE rows: further stamps of trains."""
    times: NDArray[np.uint64]
    """The instants of its events in the order of replay, shape (events,); empty if it does not tell of them."""


def stored_of(capture: Capture) -> Stored:
    """An open capture, for kernels."""
    return Stored(capture.trains.view(RECORD), capture.payload, capture.live.view(LIVE_RECORD), capture.times)


class Lanes(NamedTuple):
    """The lanes of a worker."""

    rows: NDArray[Any]
    """A LANE row for each, shape (lanes,)."""
    trains: NDArray[Any]
    """A copy of the TRAIN row that holds the next event of each lane, shape (lanes,): nobody changes it meanwhile."""
    runs: NDArray[Any]
    """The RUN rows that each lane holds ready, shape (lanes, RUNS)."""
    heap: NDArray[np.int64]
    """The rows of the lanes that have a train to send, as a binary heap: the one that is ready first is item 0."""


class Batch(NamedTuple):
    """The trains of one send."""

    buffer: NDArray[np.uint8]
    """The events, shape (bytes,)."""
    words: NDArray[np.uint64]
    """The same memory by `words_of`."""
    stamp: StampRoom


def new_batch(wall_ns: int) -> Batch:
    """Room for a batch, whose stamps are those of an instant since 1970 UTC or later."""
    buffer = np.zeros(TRAINS * (MAX_TRAIN_BYTES + 1), np.uint8)
    return Batch(buffer, words_of(buffer), stamp_room(zone_table(wall_ns // (DAY_S * SECOND_NS))))


class Rewrite(NamedTuple):
    """What is written into the events."""

    stamp: int
    """One of `replay.engine.staging.STAMPS`."""
    run: int
    """The number of the run in the tags; 0: the events get no tags."""
    reference_ns: int = 0
    """The capture's first instant since 1970: dates without a year are near to it."""


def run_row(run: Run) -> tuple[int, ...]:
    """A run as a RUN row."""
    own = run.instants_ns or (0, 0, 0, 0, 0)
    return (run.first_event, run.events, run.limit, *run.due_ns, *own, run.span_ns, run.moved_ns)


def new_lanes(count: int) -> Lanes:
    """The memory of so many lanes, which have no runs yet."""
    rows = np.zeros(count, LANE)
    rows["entered"] = -1
    return Lanes(rows, np.zeros(count, RECORD), np.zeros((count, RUNS), RUN), np.zeros(count, np.int64))
