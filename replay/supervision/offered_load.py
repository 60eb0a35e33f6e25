"""Did the run send as much as was due? Each interval is judged, once all workers have counted what they sent in it."""

from collections import deque
from typing import Any, Final

from replay.board.intervals import LEAST_EVENTS, events_of, interval_ns
from replay.board.layout import INTERVALS
from replay.board.series import IntervalSeries, Row
from replay.board.snapshot import Snapshot
from replay.clock import SECOND_NS
from replay.schedule.demand import Demand

_ENOUGH: Final = 0.95
"""An interval is short in which a smaller part than this was sent of what was due."""


class Verdicts:
    """Judges the intervals in order: how many were short, and which second was the best. Its memory does not grow."""

    def __init__(self, interval_ns: int) -> None:
        """Judge intervals of this length."""
        self.interval_ns = interval_ns
        per_second = max(1, SECOND_NS // interval_ns)
        self._second: deque[int] = deque(maxlen=per_second)
        self._intervals = self._not_measured = 0
        self.below = 0
        """How many intervals were short."""
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
        if due >= LEAST_EVENTS:
            self._intervals += 1
            self.below += sent < _ENOUGH * due
            self._worst = min(self._worst, sent / due)

    def figures(self) -> dict[str, Any] | None:
        """The figures for the report; None when there was no target rate or no whole interval."""
        if not self._intervals:
            return None
        return {
            "interval_ms": self.interval_ns / 1e6,
            "intervals": self._intervals,
            "below_95_percent": self.below,
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
            events = events_of(snapshot, interval)
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
