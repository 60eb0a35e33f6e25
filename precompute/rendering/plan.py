"""What a chunk will hold, before a byte of it is rendered.

A chunk is about a million events, drawn from random streams of its own. Its plan is a table of *cells*: up to 512 rows
each, of one frame and one length of each field. Together they hold just the rows of each length that the capture's
quotas give to the chunk. The plan costs a few hundredths of the rendering and gives the chunk's size exactly, so every
job can write to its final place.

Where the capture has a time axis, a chunk spans windows of it, or a part of one. Rendering in pieces of a window would
be slow, so a chunk's cells are drawn as a whole, and the rows of each length are *dealt* to the windows.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import MAX_TRAIN_BYTES
from precompute.draws.cells import Cut, cut_cells
from precompute.draws.streams import Purpose, raw_halves, scaled_word, stream
from precompute.rendering.frames import Frames, StampField
from precompute.rendering.quotas import Quotas

MAX_CHUNK_EVENTS: Final = 1 << 20
CHUNK_BYTES: Final = 128 << 20
CELL_ROWS: Final = 512
"""The usual rows of a piece. Smaller pieces mix finer, larger ones render faster: a piece costs about 10 microseconds
and a row a tenth of one."""
MIN_CELLS: Final = 64
"""A frame of enough rows has so many cells at least: a small capture needs many combinations of lengths, too."""
FEW_CELLS: Final = 4
"""The same limit in a large chunk. It is lower there, since a profile may have a hundred rare frames, and each cell of
them needs a layout, which costs more than its rows."""
LARGE_CHUNK_EVENTS: Final = 1 << 17
"""A chunk of so many events is large."""
SPREAD_ROWS: Final = 1 << 10
"""A class has so many rows for each part into which its rare cells are cut.

With fewer rows the parts would lie in different blocks, and each block would need the layout anew.
"""
MAX_SPREAD: Final = 4
"""A rare cell is cut into so many parts at most."""
_DEALT_AT_ONCE: Final = 1 << 20
"""Rows are dealt to windows by a table of windows and classes, which is made in parts of so many numbers.

Most of the numbers are 0, and only the others are kept.
"""


def chunk_events(frames: Frames) -> int:
    """Events of a full chunk: a pure function of the profile, or its bytes would depend on the machine."""
    return max(1, min(MAX_CHUNK_EVENTS, int(CHUNK_BYTES / frames.mean_bytes)))


@dataclass(frozen=True, eq=False)
class Cells:
    """The plan of a chunk; most arrays have one entry for each cell, in the order in which they are rendered.

    Cells of one *class* (same length, stamp field, bucket of hosts and column of the tag) follow each other: they share
    trains.
    """

    frame: NDArray[np.int64]
    rows: NDArray[np.int64]
    length: NDArray[np.int64]
    stamp: NDArray[np.int64]
    """Index into `Frames.stamps`."""
    host: NDArray[np.int64]
    """The bucket of the host that the events come from; 0 where the profile has no `source`."""
    tag: NDArray[np.int64]
    """The column of the tag, 0 where there is none."""
    buckets: NDArray[np.int64]
    """The bucket of each of the frame's fields, shape (cells, most fields of a frame), 0 beyond."""
    class_start: NDArray[np.int64]
    """The first cell of each class, and the number of cells: shape (classes + 1,)."""
    dealt: "Dealt"
    """Which rows of each class go to which window."""

    def frame_rows(self, frames: int) -> NDArray[np.uint64]:
        """Events of each frame, shape (frames,)."""
        rows = np.zeros(frames, np.uint64)
        np.add.at(rows, self.frame, self.rows.astype(np.uint64))
        return rows

    def class_rows(self) -> NDArray[np.int64]:
        """Events of each class, shape (classes,)."""
        return np.add.reduceat(self.rows, self.class_start[:-1])

    def class_length(self) -> NDArray[np.int64]:
        """Event length of each class, shape (classes,)."""
        return self.length[self.class_start[:-1]]

    def class_stamp(self) -> NDArray[np.int64]:
        """The stamp field of each class, an index into `Frames.stamps`; shape (classes,)."""
        return self.stamp[self.class_start[:-1]]

    def class_host(self) -> NDArray[np.int64]:
        """The bucket of hosts of each class, shape (classes,)."""
        return self.host[self.class_start[:-1]]

    def class_tag(self) -> NDArray[np.int64]:
        """The column of the tag of each class, 0 where there is none; shape (classes,)."""
        return self.tag[self.class_start[:-1]]


@dataclass(frozen=True, eq=False)
class Dealt:
    """Rows of classes dealt to windows: what each window has of each class, in the order of both; shape (parts,)."""

    of_class: NDArray[np.int64]
    window: NDArray[np.int64]
    rows: NDArray[np.int64]
    """How many rows, 1 at least. Parts without rows are left out: a million windows may have a few classes each."""


def plan_chunk(
    frames: Frames, quotas: Quotas, *, seed: int, chunk: int, first_event: int, windows: NDArray[np.int64]
) -> Cells:
    """Draw the cells of one chunk, which begins with event `first_event`; its `windows` hold so many events each."""
    bits = stream(seed, chunk, Purpose.PLAN)
    events = int(windows.sum())
    quota = quotas.of_chunk(chunk, first_event, events)
    least = MIN_CELLS if events < LARGE_CHUNK_EVENTS else FEW_CELLS
    size = np.clip(quota.frame_rows // least, 1, CELL_ROWS)
    widest = max(len(frame.fields) for frame in frames.frames)
    cut = cut_cells(bits, quota.frame_rows, size, quota.lines, widest)
    frame, buckets = cut.frame, cut.buckets
    length, tag = _widths(frames, frame, buckets)
    stamp = _stamp_of_frame(frames)[frame]
    host = _host_buckets(frames, frame, buckets)
    kind = (length * len(frames.stamps) + stamp) * (int(host.max()) + 1) + host
    kind = kind * (int(tag.max()) + 1) + tag
    order, rows = _in_classes(bits, kind, cut)
    starts = np.flatnonzero(np.diff(kind[order], prepend=-1))
    return Cells(
        frame=frame[order],
        rows=rows,
        length=length[order],
        stamp=stamp[order],
        host=host[order],
        tag=tag[order],
        buckets=buckets[order],
        class_start=np.append(starts, len(order)),
        dealt=deal(bits, np.add.reduceat(rows, starts), windows),
    )


def _in_classes(
    bits: np.random.Philox, kind: NDArray[np.int64], cut: Cut
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cells in the order of their `kind`, which tells classes apart, and the rows of each.

    Within a class the order is random. Of a large class rare cells come in several parts, evenly over the class: its
    rows are dealt to windows one after the other, and the rare should not all come at one time.
    """
    _, place = np.unique(kind, return_inverse=True)
    rows = np.bincount(place, cut.rows)[place].astype(np.int64)
    parts = np.where(cut.rare, np.minimum(np.clip(rows // SPREAD_ROWS, 1, MAX_SPREAD), cut.rows), 1)
    order = np.repeat(np.arange(len(kind)), parts)
    part, of = np.arange(len(order)) - np.repeat(np.cumsum(parts) - parts, parts), parts[order]
    shares = cut.rows[order] * (part + 1) // of - cut.rows[order] * part // of
    phase = raw_halves(bits, len(kind)).astype(np.int64)[order]
    by_place = np.lexsort(((phase + (part << 32)) // of, kind[order]))
    return order[by_place], shares[by_place]


def _stamp_of_frame(frames: Frames) -> NDArray[np.int64]:
    place: dict[StampField, int] = {stamp: number for number, stamp in enumerate(frames.stamps)}
    return np.array([place[frame.stamp] for frame in frames.frames])


def _host_buckets(frames: Frames, frame: NDArray[np.int64], buckets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of the `buckets` of cells of each `frame`, that of the hosts; 0 where the profile names none."""
    if frames.hosts is None:
        return np.zeros(len(frame), np.int64)
    host = np.array([frame.host for frame in frames.frames], np.int64)
    found: NDArray[np.int64] = buckets[np.arange(len(frame)), host[frame]]
    return found


def _widths(
    frames: Frames, frame: NDArray[np.int64], buckets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The length of the events of each cell, and the column of their tag; cells are in the order of their frames."""
    bounds = frame.searchsorted(np.arange(len(frames.frames) + 1)).tolist()
    length, tag = np.empty(len(frame), np.int64), np.empty(len(frame), np.int64)
    for own, start, end in zip(frames.frames, bounds, bounds[1:], strict=False):
        if start < end:
            length[start:end], tag[start:end] = own.lengths(buckets[start:end]), own.tag_columns(buckets[start:end])
    return length, tag


def deal(bits: np.random.Philox, rows: NDArray[np.int64], windows: NDArray[np.int64]) -> Dealt:
    """Deal the `rows` of each class to `windows` that hold so many events each; both sum to the same.

    Parts have exactly these sums. Each window takes of each class its share of what is left, rounded up or down at
    random (systematic sampling).
    """
    parts, left = [], rows.copy()
    at_once = max(1, _DEALT_AT_ONCE // len(rows))
    for start in range(0, len(windows), at_once):
        own = windows[start : start + at_once]
        table = np.empty((len(own), len(rows)), np.int64)
        for taken, events in zip(table, own.tolist(), strict=True):
            ends = np.cumsum(left)
            total = max(int(ends[-1]), 1)
            ends *= events
            ends += scaled_word(bits, total)
            ends //= total
            taken[:] = np.diff(ends, prepend=0)
            left -= taken
        window, of_class = table.nonzero()
        parts.append((of_class, window + start, table[window, of_class]))
    of_class, window, count = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = of_class.argsort(kind="stable")
    return Dealt(of_class[order], window[order], count[order])


def train_events(length: NDArray[np.int64], train: int) -> NDArray[np.int64]:
    """Events of a full train of each `length`: at most `train`, and no more than one UDP send may hold."""
    return np.minimum(train, MAX_TRAIN_BYTES // length)


def class_trains(cells: Cells, train: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The trains of a chunk, class by class and window by window: class, window and events of each."""
    dealt = cells.dealt
    full = train_events(cells.class_length(), train)[dealt.of_class]
    trains = -(-dealt.rows // full)
    events = np.repeat(full, trains)
    events[np.cumsum(trains) - 1] = dealt.rows - (trains - 1) * full
    return np.repeat(dealt.of_class, trains), np.repeat(dealt.window, trains), events
