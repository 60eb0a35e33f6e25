"""A capture in blocks of whole trains, each with all that it says of its events."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.format.capture import Capture
from captures.format.layout import TAG_WIDTHS, TRAIN, Table
from captures.format.stamps.kinds import WIDTHS
from captures.format.writing.stream_writer import StreamWriter

BLOCK_BYTES: Final = 4 << 20
ROW: Final = np.dtype((np.record, TRAIN.descr))
_TAG_WIDTHS: Final = np.array([TAG_WIDTHS[kind] for kind in sorted(TAG_WIDTHS)], np.int64)


class Block(NamedTuple):
    """Some trains."""

    first: int
    """The number of the first train."""
    trains: NDArray[Any]
    """Their ROW rows, whose offsets count from the start of `payload`."""
    payload: NDArray[np.uint8]
    """Their bytes, a read-only view."""
    event: int
    """The number of the first event, in the order of replay."""
    events: int


def blocks(capture: Capture, most_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """All trains of a capture, about `most_bytes` at once."""
    offsets, first = capture.trains["offset"], 0
    while first < len(capture.trains):
        start = int(offsets[first])
        end = max(first + 1, int(np.searchsorted(offsets, start + most_bytes)))
        end = min(end, first + most_bytes)  # trains of nothing but empty events
        trains = capture.trains[first:end].astype(ROW)
        trains["offset"] -= np.uint64(start)
        last = trains[-1]
        size = int(last["offset"]) + int(last["count"]) * int(last["length"])
        event = int(trains["first_event"][0])
        events = int(last["first_event"]) + int(last["count"]) - event
        yield Block(first, trains, capture.payload[start : start + size], event, events)
        first = end


def starts_of(block: Block) -> NDArray[np.int64]:
    """Where each event begins in the bytes of a block, shape (events,)."""
    trains = block.trains
    count, length = trains["count"].astype(np.int64), trains["length"].astype(np.int64)
    within = np.arange(block.events) - np.repeat(trains["first_event"].astype(np.int64) - block.event, count)
    return np.repeat(trains["offset"].astype(np.int64), count) + within * np.repeat(length, count)


def live_of(capture: Capture, block: Block) -> Table:
    """The LIVE rows of a block, whose trains count from its first one."""
    low, high = np.searchsorted(capture.live["train"], [block.first, block.first + len(block.trains)])
    live = capture.live[low:high].copy()
    live["train"] -= np.uint64(block.first)
    return live


def fixed_columns(capture: Capture, block: Block) -> NDArray[np.int64]:
    """The columns of each train in which a stamp or a tag stands: from, to; shape (trains, fields, 2)."""
    trains, live = block.trains, live_of(capture, block)
    of = live["train"].astype(np.int64)
    rank = np.arange(len(live)) - np.searchsorted(of, of)
    fixed = np.zeros((len(trains), 2 + (int(rank.max()) + 1 if len(live) else 0), 2), np.int64)
    stamp, tag = trains["stamp_column"].astype(np.int64), trains["tag_column"].astype(np.int64)
    fixed[:, 0, 0], fixed[:, 0, 1] = stamp, stamp + WIDTHS[trains["stamp_kind"]]
    fixed[:, 1, 0], fixed[:, 1, 1] = tag, tag + _TAG_WIDTHS[trains["tag_kind"]]
    column = live["column"].astype(np.int64)
    fixed[of, 2 + rank, 0], fixed[of, 2 + rank, 1] = column, column + WIDTHS[live["kind"]]
    return fixed


def add_block(writer: StreamWriter, capture: Capture, block: Block, payload: NDArray[np.uint8]) -> None:
    """Write a block with other bytes, and all else as it was. Raises PreflightError when the disk is full."""
    held = slice(block.event, block.event + block.events)
    low, high = np.searchsorted(capture.back["event"], [held.start, held.stop])
    back = capture.back[low:high].copy()
    back["event"] -= np.uint64(block.event)

    def part(table: NDArray[Any]) -> NDArray[Any] | None:
        return table[held] if len(table) else None

    writer.add(
        block.trains.astype(TRAIN),
        payload,
        times=part(capture.times),
        flow_of=part(capture.flow_of),
        order=part(capture.order),
        templates=part(capture.templates),
        original=part(capture.original),
        live=live_of(capture, block) if len(capture.live) else None,
        back=back if len(capture.back) else None,
    )
