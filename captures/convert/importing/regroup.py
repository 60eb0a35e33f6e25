"""How are events of one length brought together, so that they make trains? By changing their order within a window.

The instants stay those of the original: the k-th event that is sent is sent at the k-th instant. So an event moves in
time by less than the window, and the rate at each instant stays.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Regrouped(NamedTuple):
    """A new order of events."""

    order: NDArray[np.int64]
    """The number of each event in the old order, shape (events,)."""
    moved: int
    """How many events have another place."""
    farthest: int
    """By how many places at most."""


def regrouped(events: NDArray[Any], window_ns: int) -> Regrouped:
    """Bring EVENT rows together that can be in one train, within windows of `window_ns` of the time since 0.

    Within a window groups come in the order of their first event, and a group's events stay in order.
    """
    window = events.time_ns // window_ns
    keys = np.stack([window, events.length, events.look, events.host])
    _, first, group = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    order = np.argsort(first[group.ravel()], kind="stable")
    places = np.abs(order - np.arange(len(order)))
    return Regrouped(order, int(np.count_nonzero(places)), int(places.max(initial=0)))
