"""Which rows are rendered together: a chunk's cells, cut into blocks that fit a core's second-level cache."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from precompute.rendering.plan import Cells, class_trains

BLOCK_BYTES: Final = 512 << 10
"""A block takes the memory twice, since it is filled in one place and shuffled into another."""

LayoutKey = tuple[int, tuple[int, ...]]
"""The index of a frame, and the bucket of each of its fields."""


@dataclass(frozen=True)
class Block:
    """A block: whole trains of one class, which are rendered together."""

    length: int
    """Bytes of each event."""
    stamp: int
    """Index into `Frames.stamps`."""
    trains: list[int]
    """Events of each train."""
    pieces: Mapping[LayoutKey, int]
    """The rows of each layout."""

    @property
    def rows(self) -> int:
        """Events of the block."""
        return sum(self.trains)


def cut_blocks(cells: Cells, train: int) -> Iterator[Block]:
    """The blocks of a chunk, class by class, with the trains in the order of `class_trains`."""
    keys = list(zip(cells.frame.tolist(), map(tuple, cells.buckets.tolist()), strict=True))
    rows, bounds = cells.rows.tolist(), cells.class_start.tolist()
    of_class, _, events = class_trains(cells, train)
    train_bounds = of_class.searchsorted(range(len(bounds))).tolist()
    classes = zip(cells.class_length().tolist(), cells.class_stamp().tolist(), strict=True)
    for i, (length, stamp) in enumerate(classes):
        own = slice(bounds[i], bounds[i + 1])
        groups = list(_grouped(events[train_bounds[i] : train_bounds[i + 1]].tolist(), BLOCK_BYTES // length))
        sizes = map(sum, groups)
        for trains, pieces in zip(groups, _cut(zip(keys[own], rows[own], strict=True), sizes), strict=True):
            yield Block(length, stamp, trains, pieces)


def _grouped(trains: Iterable[int], limit: int) -> Iterator[list[int]]:
    """Neighbouring trains in groups of at most `limit` events, or of one train."""
    group: list[int] = []
    room = limit
    for events in trains:
        if group and events > room:
            yield group
            group, room = [], limit
        group.append(events)
        room -= events
    if group:
        yield group


def _cut(cells: Iterable[tuple[LayoutKey, int]], sizes: Iterable[int]) -> Iterator[Mapping[LayoutKey, int]]:
    """Deal rows into groups of `sizes`, which hold them all; equal layouts of a group merge."""
    rest = iter(cells)
    key, left = next(rest)
    for size in sizes:
        pieces: Counter[LayoutKey] = Counter()
        room = size
        while room:
            if not left:
                key, left = next(rest)
            taken = min(left, room)
            pieces[key] += taken
            left, room = left - taken, room - taken
        yield pieces
