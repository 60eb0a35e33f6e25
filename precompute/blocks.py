"""Which rows are rendered together: a chunk's cells, cut into blocks that fit a core's second-level cache."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from precompute.plan import Cells, train_events

BLOCK_BYTES: Final = 1 << 19

LayoutKey = tuple[int, tuple[int, ...]]
"""The index of a template, and the bucket of each of its fields."""


@dataclass(frozen=True)
class Block:
    """Whole trains of one class."""

    length: int
    """Bytes of each event."""
    train: int
    """Events of each train; the last may have fewer."""
    pieces: Mapping[LayoutKey, int]
    """The rows of each layout."""

    @property
    def rows(self) -> int:
        """Events of the block."""
        return sum(self.pieces.values())


def cut_blocks(cells: Cells, train: int) -> Iterator[Block]:
    """The blocks of a chunk, class by class; only the last train of a class's last block may be short."""
    keys = list(zip(cells.template.tolist(), map(tuple, cells.buckets.tolist()), strict=True))
    rows, bounds = cells.rows.tolist(), cells.class_start.tolist()
    lengths = cells.class_length()
    for i, (length, events) in enumerate(zip(lengths.tolist(), train_events(lengths, train).tolist(), strict=True)):
        own = slice(bounds[i], bounds[i + 1])
        limit = max(1, BLOCK_BYTES // (length * events)) * events
        for pieces in _cut(zip(keys[own], rows[own], strict=True), limit):
            yield Block(length, events, pieces)


def _cut(cells: Iterable[tuple[LayoutKey, int]], limit: int) -> Iterator[Mapping[LayoutKey, int]]:
    """Deal rows into groups of `limit`, the last of which may be smaller; equal layouts of a group merge."""
    pieces: Counter[LayoutKey] = Counter()
    room = limit
    for key, rows in cells:
        left = rows
        while left >= room:
            pieces[key] += room
            yield pieces
            left, room, pieces = left - room, limit, Counter()
        if left:
            pieces[key] += left
            room -= left
    if pieces:
        yield pieces
