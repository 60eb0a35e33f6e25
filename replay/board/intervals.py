"""Did the run send as much as was due? Workers count events in intervals of 100 ms, and the supervisor judges them.

A mean over a run hides a stall; the intervals show it. A worker counts into a ring. Each place of the ring says which
interval it holds; an interval that no place holds had no events. An interval is complete as soon as every worker has
looked at the board after the interval's end. If the supervisor was stopped for so long that places were used again,
their old intervals are reported as not measured.
"""

from collections import deque
from math import ceil
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.fence import fence
from captures.compiled.kernel import kernel
from replay.board.layout import INTERVALS
from replay.board.series import IntervalSeries, Row
from replay.board.snapshot import Snapshot
from replay.clock import SECOND_NS
from replay.schedule.demand import Demand

INTERVAL_NS: Final = 100_000_000
_LEAST_EVENTS: Final = 64
"""The fewest events that should be due in an interval: with fewer of them a shortage of 5% can't be seen."""
_ENOUGH: Final = 0.95


def interval_ns(mean_eps: float | None) -> int:
    """The length of an interval: 100 ms, or at low rates the time in which 64 events are due on average."""
    if mean_eps is None:
        return INTERVAL_NS
    return max(INTERVAL_NS, ceil(_LEAST_EVENTS * SECOND_NS / mean_eps))


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


class Verdicts:
    """Judges the intervals in order: how many were short, and which second was the best. Its memory does not grow."""

    def __init__(self, interval_ns: int) -> None:
        """Judge intervals of this length."""
        self.interval_ns = interval_ns
        per_second = max(1, SECOND_NS // interval_ns)
        self._second: deque[int] = deque(maxlen=per_second)
        self._intervals = self._below = self._not_measured = 0
        self._worst = 1.0
        self.peak_eps: float | None = None
        """The rate of the best second; None until a second has passed."""

    def judge(self, row: Row) -> None:
        """Judge the next interval by how many events were sent in it, and how many were due."""
        if row is None:
            self._not_measured += 1
            self._second.clear()
            return
        sent, due = row
        self._second.append(sent)
        if len(self._second) == self._second.maxlen:
            rate = sum(self._second) * SECOND_NS / (self.interval_ns * len(self._second))
            self.peak_eps = max(self.peak_eps or 0.0, rate)
        if due >= _LEAST_EVENTS:
            self._intervals += 1
            self._below += sent < _ENOUGH * due
            self._worst = min(self._worst, sent / due)

    def figures(self) -> dict[str, Any] | None:
        """The figures for the report; None when there was no target rate or no whole interval."""
        if not self._intervals:
            return None
        return {
            "interval_ms": self.interval_ns / 1e6,
            "intervals": self._intervals,
            "below_95_percent": self._below,
            "worst_percent": round(100 * self._worst, 3),
            "not_measured": self._not_measured,
        }


class Offered:
    """The supervisor's side: it sums the workers' intervals and keeps the figures. Its memory does not grow."""

    def __init__(self, demand: Demand) -> None:
        """Compare the events sent with the events due by `demand`."""
        self._demand = demand
        self.interval_ns = interval_ns(demand.schedule.mean_eps)
        self.verdicts = Verdicts(self.interval_ns)
        self.series = IntervalSeries()
        self._next = 0

    def collect(self, snapshot: Snapshot, until_ns: int) -> None:
        """Collect the intervals that are over by `until_ns`, which is counted from the start of the run.

        The snapshot must be taken after that instant. However long ago the last call was, this looks at no more
        intervals than a ring has places.
        """
        complete = until_ns // self.interval_ns
        first = max(self._next, complete - INTERVALS)
        self._skip(first - self._next)
        for interval in range(first, complete):
            events = _events_of(snapshot, interval)
            if events is None:
                self._skip(1)
            else:
                self._judge(interval, events)
        self._next = max(self._next, complete)
        self._demand.forget((self._next - 1) * self.interval_ns)

    def _skip(self, intervals: int) -> None:
        """Note that this many intervals were not measured."""
        for _ in range(intervals):
            self._note(None)

    def _judge(self, interval: int, events: int) -> None:
        before, by_then = (self._demand.events_due(edge * self.interval_ns) for edge in (interval, interval + 1))
        self._note((events, by_then - before))

    def _note(self, row: Row) -> None:
        self.verdicts.judge(row)
        self.series.append(row)


def _events_of(snapshot: Snapshot, interval: int) -> int | None:
    """The events that all workers sent in a complete interval; None: a place that held it was used again."""
    place = interval % INTERVALS
    numbers = snapshot.workers["interval_numbers"][:, place]
    if (numbers > interval).any():
        return None
    return int(snapshot.workers["interval_events"][numbers == interval, place].sum())
