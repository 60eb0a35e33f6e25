"""Pages of a capture made by hand, without a schedule."""

from captures.format import MAX_TRAIN_EVENTS
from replay.axis import ramp
from replay.stripes import Pieces, Run, cut_pieces
from tests.captures.content import Content


def page_of(held: Content, first: int = 0, events: int | None = None, before: tuple[int, int] = (0, 0)) -> Pieces:
    """Events from `first` on, all by default, in trains as they are; due at once."""
    if events is None:
        events = int(held.trains["count"].sum()) - first
    return cut_pieces(held.trains, [Run(first, events, MAX_TRAIN_EVENTS, ramp(0, 0, 1), None)], before)
