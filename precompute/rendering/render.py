"""A chunk's bytes: fill rows column by column, shuffle them, cut them into trains, shuffle the trains.

Rows are filled and shuffled in blocks of one class, small enough for a core's cache; then each train goes to its final
place in the chunk. A train's events follow each other in the capture, so their instants are known when it is rendered.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import TRAIN, Table, TagKind
from precompute.draws.alias import choose
from precompute.draws.streams import permutation, raw_halves, scaled
from precompute.rendering.blocks import BLOCK_BYTES, Block, LayoutKey, cut_blocks
from precompute.rendering.frames import Frames, StampField
from precompute.rendering.layouts import Fill, Layout
from precompute.rendering.plan import Cells, class_trains

LayoutOf = Callable[[LayoutKey], Layout]
StampsOf = Callable[[StampField], NDArray[np.void]]
"""The stamp of each of the chunk's events, shape (events,)."""


_NO_NUMBERS: Final = np.empty(0, np.int64)


class Renderer:
    """Renders the chunks of one capture, always with the same memory."""

    def __init__(self, frames: Frames, layout_of: LayoutOf, train: int) -> None:
        """Cut trains of at most `train` events."""
        self._layout_of = layout_of
        self._stamps = frames.stamps
        self._templates = [frame.template for frame in frames.frames]
        self._train = train
        self._hosts = frames.hosts
        self._tables = frames.tables
        self._filled = np.empty(BLOCK_BYTES, np.uint8)
        self._shuffled = np.empty(BLOCK_BYTES, np.uint8)

    def render(
        self,
        cells: Cells,
        bits: np.random.Philox,
        first_event: int,
        stamps_of: StampsOf | None,
        payload: NDArray[np.uint8],
        templates: NDArray[np.uint16] | None = None,
    ) -> Table:
        """Render all events of `cells` into `payload`, which has just their size; return their trains.

        The TRAIN rows count offsets and events from the start of the chunk, which is event `first_event` of the
        capture. Without `stamps_of` every event keeps the stamp of its layout. In `templates`, shape (events,), is put
        of which one each event is.
        """
        trains, places, hosts = self._trains(cells, bits)
        place = 0
        for block in cut_blocks(cells, self._train):
            own = slice(place, place + len(block.trains))
            place = own.stop
            train_first = trains["first_event"][places[own]]
            rows = self._render_block(block, bits, first_event, stamps_of, train_first, hosts[own], templates)
            flat, start = rows.view(np.uint8), 0
            for offset, events in zip(trains["offset"][places[own]].tolist(), block.trains, strict=True):
                end = start + events * block.length
                payload[offset : offset + end - start] = flat[start:end]
                start = end
        return trains

    def _trains(self, cells: Cells, bits: np.random.Philox) -> tuple[Table, NDArray[np.int64], NDArray[np.int64]]:
        """Lay out the trains: TRAIN rows in the order of replay, and two arrays of shape (trains,).

        The arrays are in the order of `class_trains`. The first says where in the order of replay each train stands,
        and the second which host it comes from, as a place in the bucket of its class.
        """
        of_class, window, events = class_trains(cells, self._train)
        order = _spread(bits, of_class, window)
        length, stamp = cells.class_length()[of_class], cells.class_stamp()[of_class]
        trains = np.zeros(len(events), TRAIN)
        trains["count"], trains["length"] = events, length
        for name in ("column", "kind", "zone_minutes"):
            values = np.array([getattr(field, name) for field in self._stamps])
            trains["zone_minutes" if name == "zone_minutes" else f"stamp_{name}"] = values[stamp]
        trains["tag_column"] = cells.class_tag()[of_class]
        trains["tag_kind"] = np.where(trains["tag_column"], TagKind.HEX, TagKind.NONE)
        hosts = np.zeros(len(events), np.int64)
        if self._hosts is not None:
            hosts, trains["source"] = self._hosts.deal(bits, cells.class_host()[of_class])
        trains = trains[order]
        sizes = trains["count"].astype(np.int64) * trains["length"]
        trains["offset"] = np.cumsum(sizes) - sizes
        trains["first_event"] = np.cumsum(trains["count"], dtype=np.uint64) - trains["count"]
        places = np.empty(len(trains), np.int64)
        places[order] = np.arange(len(trains))
        return trains, places, hosts

    def _render_block(
        self,
        block: Block,
        bits: np.random.Philox,
        first_event: int,
        stamps_of: StampsOf | None,
        train_first: NDArray[np.uint64],
        train_host: NDArray[np.int64],
        templates: NDArray[np.uint16] | None,
    ) -> NDArray[np.void]:
        """The rows of a block, train after train: shape (rows,), dtype V{length}."""
        pieces = [(self._layout_of(key), rows) for key, rows in block.pieces.items()]
        order = permutation(bits, block.rows)
        numbers, of_row = _NO_NUMBERS, np.empty(block.rows, np.int64)
        numbered = any(making.field.numbered for layout, _ in pieces for making in layout.makings)
        if numbered or stamps_of is not None or templates is not None:
            numbers = _numbers(train_first, block.trains)
            of_row[order] = numbers + first_event
        if templates is not None:
            template_of = [self._templates[frame] for frame, _ in block.pieces]
            templates[numbers] = np.repeat(template_of, list(block.pieces.values()))[order]
        filled = _fill(pieces, block, bits, self._tables, of_row, self._filled)
        if self._hosts is not None:
            hosts = np.empty(block.rows, np.int64)
            hosts[order] = np.repeat(train_host, block.trains)
            _put_hosts(pieces, block, hosts, self._filled)
        size = block.rows * block.length
        shuffled = self._shuffled[:size].view(filled.dtype)
        filled.take(order, out=shuffled, mode="clip")
        if stamps_of is not None:
            field = self._stamps[block.stamp]
            texts = stamps_of(field).take(numbers, mode="clip")
            np.ndarray(texts.shape, texts.dtype, self._shuffled, field.column, (block.length,))[...] = texts
        return shuffled


def _spread(bits: np.random.Philox, of_class: NDArray[np.int64], window: NDArray[np.int64]) -> NDArray[np.int64]:
    """A random order of trains, window by window, in which those of each class are evenly spread over the window.

    Each of the k trains that a class has in a window comes at a random place of another k-th of the window.
    """
    order = permutation(bits, len(window))
    part = window * (int(of_class.max()) + 1) + of_class
    order = order[part[order].argsort(kind="stable")]
    starts = np.flatnonzero(np.diff(part[order], prepend=-1))
    trains = np.diff(starts, append=len(order))
    stratum = np.arange(len(order)) - np.repeat(starts, trains)
    place = ((stratum << 32) + raw_halves(bits, len(order))) // np.repeat(trains, trains)
    return order[np.lexsort((place, window[order]))]


def _numbers(first: NDArray[np.uint64], trains: list[int]) -> NDArray[np.int64]:
    """The numbers of the events of trains that start with event `first` each, shape (events,)."""
    counts = np.array(trains)
    return np.repeat(first.astype(np.int64) - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())


def _fill(
    pieces: list[tuple[Layout, int]],
    block: Block,
    bits: np.random.Philox,
    tables: NDArray[np.uint64],
    numbers: NDArray[np.int64],
    scratch: NDArray[np.uint8],
) -> NDArray[np.void]:
    """The rows of a block in `scratch`, piece after piece: shape (rows,), dtype V{length}.

    `numbers` are the rows' places in the capture.
    """
    length = block.length
    counts = [rows for layout, rows in pieces for _ in layout.fills]
    sizes = np.array([fill.size for layout, _ in pieces for fill in layout.fills], np.uint64)
    starts = np.array([fill.table for layout, _ in pieces for fill in layout.fills], np.int64)
    products = scaled(raw_halves(bits, sum(counts)), np.repeat(sizes, counts))
    chosen = choose(tables, products, np.repeat(starts, counts))
    draw = row = 0
    for layout, rows in pieces:
        start = row * length
        np.ndarray((rows,), layout.base.dtype, scratch, start)[...] = layout.base
        for fill in layout.fills:
            _put(fill, chosen[draw : draw + rows], scratch, start, length)
            draw += rows
        for making in layout.makings:
            texts = making.field.draw(bits, numbers[row : row + rows])
            for column in making.places:
                np.ndarray((rows,), texts.dtype, scratch, start + column, (length,))[...] = texts
        row += rows
    return scratch[: row * length].view(f"V{length}")


def _put_hosts(
    pieces: list[tuple[Layout, int]], block: Block, hosts: NDArray[np.int64], scratch: NDArray[np.uint8]
) -> None:
    """Write the hosts of a block's rows into `scratch`; `hosts` are their places in the bucket of the block's class."""
    row = 0
    for layout, rows in pieces:
        if layout.host is not None:
            _put(layout.host, hosts[row : row + rows], scratch, row * block.length, block.length)
        row += rows


def _put(fill: Fill, chosen: NDArray[np.int64], scratch: NDArray[np.uint8], start: int, length: int) -> None:
    """Write the chosen values into the rows of `length` bytes that begin at `start`."""
    for column, places in fill.texts:
        # Every index is in range; "clip" only spares numpy the check and a buffer.
        texts = column.take(chosen, mode="clip")
        for place in places:
            np.ndarray(texts.shape, texts.dtype, scratch, start + place, (length,))[...] = texts
