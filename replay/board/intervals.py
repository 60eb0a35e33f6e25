"""How many events were sent in each interval of 100 ms? Workers count them.

`replay.supervision.offered_load` judges the intervals.

A mean over a run hides a stall; the intervals show it. A worker counts into a ring. Each place of the ring says which
interval it holds; an interval that no place holds had no events. An interval is complete as soon as every worker has
looked at the board after the interval's end. If the supervisor was stopped for so long that places were used again,
their old intervals are reported as not measured.
"""

from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.fence import fence
from captures.compiled.kernel import kernel
from replay.board.layout import INTERVALS
from replay.board.snapshot import Snapshot
from replay.clock import SECOND_NS

INTERVAL_NS: Final = 100_000_000
LEAST_EVENTS: Final = 64
"""The fewest events that should be due in an interval: with fewer of them a shortage of 5% can't be seen."""


def interval_ns(mean_eps: float | None) -> int:
    """The length of an interval: 100 ms, or at low rates the time in which 64 events are due on average."""
    if mean_eps is None:
        return INTERVAL_NS
    return max(INTERVAL_NS, ceil(LEAST_EVENTS * SECOND_NS / mean_eps))


@kernel
def add_to_interval(
    numbers: NDArray[np.int64], counts: NDArray[np.int64], start_ns: int, interval_ns: int, events: int, now_ns: int
) -> bool:
    """Count events sent at `now_ns` in a ring of intervals; True when they are the first of an interval.

    The number of an interval is written first, so that a reader of the old interval notices the change.
    """
    interval = (now_ns - start_ns) // interval_ns
    place = interval % INTERVALS
    if numbers[place] == interval:
        counts[place] += events
        return False
    numbers[place] = interval
    fence()
    counts[place] = events
    return True


def events_of(snapshot: Snapshot, interval: int) -> int | None:
    """The events that all workers sent in a complete interval; None: a place that held it was used again."""
    place = interval % INTERVALS
    numbers = snapshot.workers["interval_numbers"][:, place]
    if (numbers > interval).any():
        return None
    return int(snapshot.workers["interval_events"][numbers == interval, place].sum())
