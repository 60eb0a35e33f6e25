"""How many events were sent in each interval of 100 ms? Workers count them.

`replay.supervision.offered_load` judges the intervals.

A mean over a run hides a stall; the intervals show it. A worker counts into a ring. Each place of the ring says which
interval it holds; an interval that no place holds had no events. An interval is complete as soon as every worker has
looked at the board after the interval's end. If the supervisor was stopped for so long that places were used again,
their old intervals are reported as not measured.
"""

from math import ceil
from typing import Any, Final

from numpy.typing import NDArray

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


class IntervalCounter:
    """The worker's side: it counts events into the worker's ring on the board."""

    __slots__ = ("_events", "_interval_ns", "_numbers", "_start_ns")

    def __init__(self, worker: NDArray[Any], start_ns: int, interval_ns: int) -> None:
        """Count into `worker`, one WORKER row (shape (1,)), from `start_ns`."""
        self._numbers = worker["interval_numbers"][0].data
        self._events = worker["interval_events"][0].data
        self._start_ns = start_ns
        self._interval_ns = interval_ns

    def add(self, events: int, now_ns: int) -> bool:
        """Count events sent at `now_ns`; True when they are the first of an interval."""
        interval = (now_ns - self._start_ns) // self._interval_ns
        place = interval % INTERVALS
        if self._numbers[place] == interval:
            self._events[place] += events
            return False
        self._numbers[place] = interval  # written first, so that a reader of the old interval notices the change
        self._events[place] = events
        return True


def events_of(snapshot: Snapshot, interval: int) -> int | None:
    """The events that all workers sent in a complete interval; None: a place that held it was used again."""
    place = interval % INTERVALS
    numbers = snapshot.workers["interval_numbers"][:, place]
    if (numbers > interval).any():
        return None
    return int(snapshot.workers["interval_events"][numbers == interval, place].sum())
