"""A chunk's rows cut into cells, so that every length of every field has just the rows that it should have.

The rows of a frame are a line for each of its fields, and on it every bucket (the values of one length) has ranges. A
line is cut into slots of equal size. As many slots as can be are of one bucket; which ones, is drawn. What is left of
the buckets, less than a slot of each, stands one after the other in the slots that are left, in an order that is drawn.
So the ranges of several fields mostly begin at the same places, and there are few cells more than slots: a cell is a
stretch of rows in which each field has one length.

A rare bucket, which fills no slot, comes in parts that share slots with others: so it meets several lengths of the
other fields, and does not stand in one place.

All lines of a chunk are laid out at once: there may be a thousand of them, and numpy takes a while for each call.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from precompute.draws.streams import permutation

RARE_PARTS: Final = 8
"""A rare bucket comes in so many parts at most: each makes one more cell, which costs as much as a hundred rows."""
_SLOTS_OF_PART: Final = 48
"""A rare bucket comes in one part for so many slots of its line, at most.

Nearly all buckets of a short line are rare, and without this limit they would be cut into far too many parts.
"""
_PLACE_BITS: Final = 20
"""A chunk has at most 2^20 rows, so the number of a line and the place of a row on it fit one number that sorts."""
_PLACE: Final = (1 << _PLACE_BITS) - 1

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Line:
    """What the rows of one frame should hold of one field."""

    frame: int
    field: int
    counts: Numbers
    """The rows of each bucket; there are two buckets or more."""


@dataclass(frozen=True, eq=False)
class Cut:
    """The cells of a chunk, frame by frame; the first dimension of all arrays is cells."""

    frame: Numbers
    rows: Numbers
    buckets: Numbers
    """The bucket of each field of the frame; 0 where no line says anything else."""
    rare: NDArray[np.bool_]
    """Whether one of the cell's buckets is rare."""


class _Slots:
    """Lines of rows, each cut into slots of one size; the last slot of a line may be shorter."""

    def __init__(self, rows: Numbers, size: Numbers) -> None:
        """Cut each line, which has so many `rows`, into slots of `size` rows; both arrays have shape (lines,)."""
        self.size = size
        self.full = rows // size
        """How many slots of each line have the full size."""
        slots = -(-rows // size)
        self.first = np.cumsum(slots) - slots
        self.line = np.repeat(np.arange(len(rows)), slots)
        """The line of each slot; `begins` is the row of that line with which the slot begins."""
        self.begins = _counted(slots) * size[self.line]


@dataclass(frozen=True, eq=False)
class _Rest:
    """What stands in slots that no bucket has for itself, line by line in order; all arrays have shape (items,)."""

    line: Numbers
    bucket: Numbers
    rows: Numbers
    rare: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Ranges:
    """Where buckets begin on all lines, in order; all arrays have shape (ranges,)."""

    begins: Numbers
    """The number of the line and, in the low 20 bits, the place on the line where the range begins."""
    bucket: Numbers
    rare: NDArray[np.bool_]


def cut_cells(bits: np.random.Philox, rows: Numbers, size: Numbers, lines: Sequence[Line], widest: int) -> Cut:
    """Cut frames of so many `rows` into cells, with slots of so many rows: both have shape (frames,).

    The `lines` say what their fields should have; `widest` is how many columns the buckets have.
    """
    frame_of = np.array([line.frame for line in lines], np.int64)
    field_of = np.array([line.field for line in lines], np.int64)
    ranges = _lay_out(bits, _Slots(rows[frame_of], size[frame_of]), [line.counts for line in lines])
    grid = _Slots(rows, size)
    begun = (frame_of[ranges.begins >> _PLACE_BITS] << _PLACE_BITS) + (ranges.begins & _PLACE)
    starts = np.unique(np.concatenate([(grid.line << _PLACE_BITS) + grid.begins, begun]))
    frame, place = starts >> _PLACE_BITS, starts & _PLACE
    cells = np.bincount(frame, minlength=len(rows))
    ends = np.append(place[1:], 0)
    ends[np.cumsum(cells)[cells > 0] - 1] = rows[cells > 0]

    line = np.repeat(np.arange(len(lines)), cells[frame_of])
    cell = (np.cumsum(cells) - cells)[frame_of][line] + _counted(cells[frame_of])
    at = ranges.begins.searchsorted((line << _PLACE_BITS) + place[cell], "right") - 1
    buckets = np.zeros((len(starts), widest), np.int64)
    buckets[cell, field_of[line]] = ranges.bucket[at]
    rare = np.zeros(len(starts), np.bool_)
    rare[cell[ranges.rare[at]]] = True
    return Cut(frame, ends - place, buckets, rare)


def _lay_out(bits: np.random.Philox, slots: _Slots, counts: list[Numbers]) -> _Ranges:
    """The ranges of lines of which each has its `counts`."""
    if not counts:
        return _Ranges(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))
    buckets = np.array([len(of_line) for of_line in counts])
    line, bucket = np.repeat(np.arange(len(counts)), buckets), _counted(buckets)
    whole, left = np.divmod(np.concatenate(counts), slots.size[line])
    most = np.clip(slots.full // _SLOTS_OF_PART, 1, RARE_PARTS)[line]
    parts = np.minimum(left, np.where(whole, 1, most))
    starts = np.cumsum(buckets) - buckets
    wholes = np.add.reduceat(whole, starts)
    shared = np.minimum(np.add.reduceat(np.where(parts > 1, parts, 0), starts), wholes)

    # Draw which slots are of one bucket, and which bucket each of them has. The first of these have to share after all.
    full_line, rank = np.repeat(np.arange(len(counts)), slots.full), _counted(slots.full)
    drawn = _shuffled(bits, full_line)
    taken = rank < wholes[full_line]
    place = slots.first[full_line[taken]] + rank[drawn[taken]]
    owner = np.repeat(np.arange(len(line)), whole)
    owner = owner[_shuffled(bits, line[owner])]
    alone = _counted(wholes) >= shared[line[owner]]
    held = np.full(len(slots.line), -1)
    held[place[alone]] = bucket[owner[alone]]

    # What is left stands in the other slots: less than a slot of each bucket, in parts if it is rare, and what shares.
    part, of = _counted(parts), np.repeat(parts, parts)
    amount = np.repeat(left, parts)
    amounts = np.concatenate([amount * (part + 1) // of - amount * part // of, slots.size[line[owner[~alone]]]])
    items = np.concatenate([np.repeat(np.arange(len(line)), parts), owner[~alone]])
    order = line[items].argsort(kind="stable")
    order = order[_shuffled(bits, line[items[order]])]
    items = items[order]
    return _ranges(slots, held, _Rest(line[items], bucket[items], amounts[order], (parts > 1)[items]))


def _ranges(slots: _Slots, held: Numbers, rest: _Rest) -> _Ranges:
    """The ranges of lines whose slots are of one bucket each, or (-1) are there for the `rest`."""
    mixed = np.flatnonzero(held < 0)
    of_line = np.bincount(slots.line[mixed], minlength=len(slots.size))
    first_mixed = np.cumsum(of_line) - of_line
    # The rests of all lines follow each other in one row of items, and so do the slots for them.
    begins = np.cumsum(rest.rows) - rest.rows
    starts = np.append(begins, 0)[rest.line.searchsorted(np.arange(len(slots.size)))]
    item = begins.searchsorted(starts[slots.line[mixed]] + _counted(of_line) * slots.size[slots.line[mixed]], "right")
    rare = np.zeros(len(held), np.bool_)
    held[mixed], rare[mixed] = rest.bucket[item - 1], rest.rare[item - 1]
    slot, into = np.divmod(begins - starts[rest.line], slots.size[rest.line])
    slot = mixed[first_mixed[rest.line] + slot]
    places = np.concatenate([slots.begins, slots.begins[slot] + into])
    begins = (np.concatenate([slots.line, rest.line]) << _PLACE_BITS) + places
    order = begins.argsort(kind="stable")
    return _Ranges(begins[order], np.concatenate([held, rest.bucket])[order], np.concatenate([rare, rest.rare])[order])


def _counted(counts: Numbers) -> Numbers:
    """0, 1, 2, ... below each of the `counts`, one after the other; shape (sum of counts,)."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _shuffled(bits: np.random.Philox, group: Numbers) -> Numbers:
    """The places of an array of ascending groups, in a random order within each group."""
    order = permutation(bits, len(group))
    return order[group[order].argsort(kind="stable")]
