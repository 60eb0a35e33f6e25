"""Layouts: a layout is a frame with the length of each of its fields fixed.

The events of a layout form a byte matrix in which every field has constant columns, so that a field of a thousand
events is one gather and one strided assignment.
"""

from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.fields.generated import Generated
from precompute.rendering.frames import Frame
from precompute.rendering.pools import Pool


class Fill(NamedTuple):
    """A pool of a layout, and where its values go."""

    size: int
    """How many values there are to choose from."""
    table: int
    """The place in `Frames.tables` where the table begins by which they are chosen."""
    texts: list[tuple[NDArray[np.void], list[int]]]
    """For each column that is shown, its texts, shape (size,), and the columns of the event where they begin."""


class Making(NamedTuple):
    """A generated field of a layout, and where its values go."""

    field: Generated
    places: list[int]
    """The columns of the event where its values begin."""


class Layout(NamedTuple):
    """The columns of a matrix of events; how many rows it has is up to the caller."""

    base: NDArray[np.void]
    """One event with the literals in place, shape (1,), dtype V{length}."""
    fills: list[Fill]
    """The pools from which there is something to choose for each event."""
    makings: list[Making]
    """The fields that make a new value for each event."""
    host: Fill | None
    """The pool from which there is something to choose for each train."""


def make_layout(frame: Frame, buckets: tuple[int, ...]) -> Layout:
    """The layout of a frame whose fields take their values from these `buckets`.

    There is a bucket for each field of the frame; what follows behind them is ignored.
    """
    parts = list(frame.literals)
    for field, shown, own in zip(frame.fields, frame.shown, buckets, strict=False):
        first = field.buckets[own].first if isinstance(field, Pool) else (bytes(field.length),)
        for column, segments in shown:
            for segment in segments:
                parts[segment] = first[column]
    begins = list(accumulate(map(len, parts), initial=0))
    fills, makings, host = [], [], None
    for number, (field, shown, own) in enumerate(zip(frame.fields, frame.shown, buckets, strict=False)):
        places = [[begins[segment] for segment in segments] for _, segments in shown]
        if isinstance(field, Generated):
            makings.append(Making(field, places[0]))
            continue
        bucket = field.buckets[own]
        if bucket.size > 1:  # a single value is in the base already
            columns = [bucket.columns[column] for column, _ in shown]
            fills.append(Fill(bucket.size, bucket.table, list(zip(columns, places, strict=True))))
            if number == frame.host:
                host = fills.pop()
    return Layout(np.frombuffer(b"".join(parts), f"V{begins[-1]}"), fills, makings, host)
