"""Pages of a capture made by hand, without a schedule."""

import numpy as np
from numpy.typing import NDArray
from replay.schedule.pieces import Pieces, cut_pieces

from captures.format.instants import ramp
from captures.format.layout import MAX_TRAIN_EVENTS
from replay.board.journal import SHAPE
from replay.schedule.deal import Run
from tests.captures.content import Content


def page_of(held: Content, first: int = 0, events: int | None = None, before: tuple[int, int] = (0, 0)) -> Pieces:
    """Events from `first` on, all by default, in trains as they are; due at once."""
    if events is None:
        events = int(held.trains["count"].sum()) - first
    return cut_pieces(held.trains, [Run(first, events, MAX_TRAIN_EVENTS, ramp(0, 0, 1), None)], before)


def shapes_of(pieces: Pieces) -> NDArray[np.int64]:
    """The shape of each piece: (pieces, SHAPE)."""
    return np.frombuffer(pieces.shapes, np.int64).reshape(-1, SHAPE)
