"""What a chunk will hold, before a byte of it is rendered.

A chunk is about a million events, drawn from random streams of its own. Its plan is a table of *cells*: some
hundred rows each, of one template and one length of each field. The plan costs about a hundredth of the
rendering and gives the chunk's size exactly, so every job can write to its final place.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format import MAX_TRAIN_BYTES
from precompute.layouts import Frame, Frames
from precompute.sampling import stratified, systematic
from precompute.streams import Purpose, permutation, stream

MAX_CHUNK_EVENTS: Final = 1 << 20
CHUNK_BYTES: Final = 128 << 20
CELL_ROWS: Final = 512
"""Fewer mix finer, more render faster: a piece costs about 10 microseconds, a row a tenth of one."""
MIN_CELLS: Final = 64
"""Of a template, while it has so many rows: a small capture should have many lengths too."""


def chunk_events(frames: Frames) -> int:
    """Events of a full chunk: a pure function of the profile, or its bytes would depend on the machine."""
    return max(1, min(MAX_CHUNK_EVENTS, int(CHUNK_BYTES / frames.mean_bytes)))


@dataclass(frozen=True, eq=False)
class Cells:
    """The plan of a chunk; all arrays have one entry for each cell, in the order in which they are rendered.

    Cells of one *class* (same length, same stamp column) follow each other: they share trains.
    """

    template: NDArray[np.int64]
    rows: NDArray[np.int64]
    length: NDArray[np.int64]
    stamp_column: NDArray[np.int64]
    buckets: NDArray[np.int64]
    """The bucket of each of the template's fields, shape (cells, most fields of a template), 0 beyond."""
    class_start: NDArray[np.int64]
    """The first cell of each class, and the number of cells: shape (classes + 1,)."""

    def template_rows(self, templates: int) -> NDArray[np.uint64]:
        """Events of each template, shape (templates,)."""
        rows = np.zeros(templates, np.uint64)
        np.add.at(rows, self.template, self.rows.astype(np.uint64))
        return rows

    def class_rows(self) -> NDArray[np.int64]:
        """Events of each class, shape (classes,)."""
        return np.add.reduceat(self.rows, self.class_start[:-1])

    def class_length(self) -> NDArray[np.int64]:
        """Event length of each class, shape (classes,)."""
        return self.length[self.class_start[:-1]]


def plan_chunk(frames: Frames, seed: int, chunk: int, events: int) -> Cells:
    """Draw the cells of one chunk of `events` events."""
    bits = stream(seed, chunk, Purpose.PLAN)
    widest = max(len(frame.pools) for frame in frames.frames)
    counts = systematic(bits, frames.shares, events)
    drawn = [(i, _draw_cells(bits, frames.frames[i], int(counts[i]), widest)) for i in np.flatnonzero(counts)]
    cells = [len(rows) for _, (rows, _, _) in drawn]
    template = np.repeat([i for i, _ in drawn], cells)
    rows, length, buckets = (np.concatenate(column) for column in zip(*(cell for _, cell in drawn), strict=True))
    stamp_column = np.array([frame.stamp_column for frame in frames.frames])[template]

    order = permutation(bits, len(rows))
    kind = length << 16 | stamp_column
    order = order[np.argsort(kind[order], kind="stable")]
    kind = kind[order]
    starts = np.flatnonzero(np.diff(kind, prepend=-1))
    return Cells(
        template=template[order],
        rows=rows[order],
        length=length[order],
        stamp_column=stamp_column[order],
        buckets=buckets[order],
        class_start=np.append(starts, len(order)),
    )


def _draw_cells(
    bits: np.random.Philox, frame: Frame, events: int, widest: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows, lengths and buckets (padded to `widest` fields) of a template's cells."""
    cells = max(events // CELL_ROWS, min(events, MIN_CELLS))
    buckets = np.zeros((cells, widest), np.int64)
    for field, pool in enumerate(frame.pools):
        if len(pool.buckets) > 1:
            buckets[:, field] = stratified(bits, pool.shares, cells)
    rows = np.full(cells, events // cells)
    rows[: events % cells] += 1
    return rows, frame.lengths(buckets), buckets


def train_events(length: NDArray[np.int64], train: int) -> NDArray[np.int64]:
    """Events of a full train of each `length`: at most `train`, and no more than one UDP send may hold."""
    return np.minimum(train, MAX_TRAIN_BYTES // length)
