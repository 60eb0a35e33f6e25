"""How are events of one length brought together, so that they make trains? By changing their order within a window.

The instants stay those of the original: the k-th event that is sent is sent at the k-th instant. So an event moves in
time by less than the window, and the rate at each instant stays.
"""

import numpy as np
from numpy.typing import NDArray


def regrouped(window: NDArray[np.int64], *alike: NDArray[np.int64]) -> NDArray[np.int64]:
    """An order in which events come together that are in one `window` and the same in each of `alike`.

    All have shape (events,), and so has the result: the old place of each event. Windows keep their order; within one,
    groups come in the order of their first event, and a group's events stay in order.
    """
    keys = (*alike[::-1], window)
    by_group = np.lexsort(keys)
    starts = np.zeros(len(window), np.bool_)
    starts[:1] = True
    for key in keys:
        starts[1:] |= np.diff(key[by_group]) != 0
    first = by_group[starts][np.cumsum(starts) - 1]  # lexsort is stable, so a group's first row is its earliest event
    rank = np.empty(len(window), np.int64)
    rank[by_group] = first
    return np.argsort(rank, kind="stable")
