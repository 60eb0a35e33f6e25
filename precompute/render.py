"""A chunk's bytes: fill rows column by column, shuffle them, cut them into trains, shuffle the trains.

Rows are filled and shuffled in blocks of one class; a train's rows go from their block straight to their
final place in the chunk.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from captures.format import TRAIN, StampKind, Table
from precompute.blocks import BLOCK_BYTES, Block, LayoutKey, cut_blocks
from precompute.layouts import Layout
from precompute.plan import Cells, train_events
from precompute.streams import indexes, permutation, raw_halves, scaled

LayoutOf = Callable[[LayoutKey], Layout]


def render_chunk(
    cells: Cells, train: int, bits: np.random.Philox, layout_of: LayoutOf, payload: NDArray[np.uint8]
) -> Table:
    """Render all events of `cells` into `payload`, whose size is theirs; returns their trains.

    The TRAIN rows count offsets and events from the start of the chunk.
    """
    trains = _class_trains(cells, train)
    order = permutation(bits, len(trains))
    trains = trains[order]
    sizes = trains["count"].astype(np.int64) * trains["length"]
    trains["offset"] = np.cumsum(sizes) - sizes
    trains["first_event"] = np.cumsum(trains["count"], dtype=np.uint64) - trains["count"]

    places = np.empty(len(trains), np.int64)
    places[order] = trains["offset"]
    offsets = iter(places.tolist())
    scratch = np.empty(BLOCK_BYTES, np.uint8)
    for block in cut_blocks(cells, train):
        rows = _fill(block, layout_of, bits, scratch)
        shuffled = permutation(bits, len(rows))
        for start in range(0, len(rows), block.train):
            chosen = shuffled[start : start + block.train]
            place = np.ndarray(chosen.shape, rows.dtype, payload, next(offsets))
            rows.take(chosen, out=place, mode="clip")
    return trains


def _class_trains(cells: Cells, train: int) -> Table:
    """The trains of a chunk in the order of its classes, still without offsets."""
    length, rows = cells.class_length(), cells.class_rows()
    full = train_events(length, train)
    per_class = -(-rows // full)
    trains = np.zeros(int(per_class.sum()), TRAIN)
    trains["count"] = np.repeat(full, per_class)
    trains["count"][np.cumsum(per_class) - 1] = rows - (per_class - 1) * full
    trains["length"] = np.repeat(length, per_class)
    trains["stamp_column"] = np.repeat(cells.stamp_column[cells.class_start[:-1]], per_class)
    trains["stamp_kind"] = StampKind.ISO_MS
    return trains


def _fill(block: Block, layout_of: LayoutOf, bits: np.random.Philox, scratch: NDArray[np.uint8]) -> NDArray[np.void]:
    """The rows of a block in `scratch`, piece after piece: shape (rows,), dtype V{length}."""
    length = block.length
    pieces = [(layout_of(key), rows) for key, rows in block.pieces.items()]
    sizes = [size for layout, _ in pieces for size in layout.sizes]
    counts = [rows for layout, rows in pieces for _ in layout.sizes]
    products = scaled(raw_halves(bits, sum(counts)), np.repeat(np.array(sizes, np.uint64), counts))
    index = indexes(products)
    draw = row = 0
    for layout, rows in pieces:
        start = row * length
        np.ndarray((rows,), layout.base.dtype, scratch, start)[...] = layout.base
        for fill in layout.fills:
            drawn = slice(draw, draw + rows)
            values = fill.bucket.choose(products[drawn], index[drawn])
            for column in fill.columns:
                np.ndarray((rows,), values.dtype, scratch, start + column, (length,))[...] = values
            draw += rows
        row += rows
    return scratch[: row * length].view(f"V{length}")
