"""Offered against asked load, in intervals of 100 ms: counted by the workers, judged by the supervisor.

A mean over a run hides a stall; the intervals don't.
"""

from collections import deque
from math import ceil
from typing import Any, Final

from numpy.typing import NDArray

from replay.board import INTERVALS
from replay.clock import SECOND_NS
from replay.tempo import Demand

INTERVAL_NS: Final = 100_000_000
_LEAST_EVENTS: Final = 64
"""An interval in which fewer are due says nothing about 5%."""
_ENOUGH: Final = 0.95


def interval_ns(mean_eps: float | None) -> int:
    """The length of an interval: 100 ms, or at low rates the time in which 64 events are due in the mean."""
    if mean_eps is None:
        return INTERVAL_NS
    return max(INTERVAL_NS, ceil(_LEAST_EVENTS * SECOND_NS / mean_eps))


class IntervalCounter:
    """A worker's side: counts events into its ring on the board."""

    __slots__ = ("_current", "_done", "_interval_ns", "_ring", "_start_ns")

    def __init__(self, worker: NDArray[Any], start_ns: int, interval_ns: int) -> None:
        """Count into `worker`, one WORKER row (shape (1,)), from `start_ns`; go on where the one before ended."""
        self._ring = worker["interval_events"][0].data
        self._done = worker["intervals_done"].data
        self._start_ns = start_ns
        self._interval_ns = interval_ns
        self._current = self._done[0]

    def add(self, events: int, now_ns: int) -> bool:
        """Count events sent at `now_ns`; True when that opens a new interval."""
        interval = (now_ns - self._start_ns) // self._interval_ns
        if interval == self._current:
            self._ring[interval % INTERVALS] += events
            return False
        self._close(interval)
        self._ring[interval % INTERVALS] = events
        return True

    def _close(self, interval: int) -> None:
        """Publish the current interval, and the empty ones before `interval`, which is current from now on."""
        ring = self._ring
        for empty in range(max(self._current + 1, interval - INTERVALS), interval):
            ring[empty % INTERVALS] = 0
        self._current = self._done[0] = interval

    def finish(self) -> None:
        """Publish the last interval."""
        self._close(self._current + 1)


class Offered:
    """The supervisor's side: sums the workers' intervals and keeps the figures; memory stays flat."""

    def __init__(self, demand: Demand) -> None:
        """Judge against what `demand` has due."""
        self._events_due = demand.events_due
        self._interval_ns = interval_ns(demand.schedule.mean_eps)
        per_second = max(1, SECOND_NS // self._interval_ns)
        self._second: deque[int] = deque(maxlen=per_second)
        self._next = 0
        self._intervals = self._below = 0
        self._worst = 1.0
        self.peak_eps: float | None = None
        """Events of the best second; None until one has passed."""

    def collect(self, workers: NDArray[Any], complete: int) -> None:
        """Take in the intervals before number `complete` from the WORKER rows; call it before a ring comes round."""
        done = workers["intervals_done"]
        for interval in range(self._next, complete):
            held = workers["interval_events"][:, interval % INTERVALS]
            self._judge(interval, int(held[done > interval].sum()))
        self._next = max(self._next, complete)

    def _judge(self, interval: int, events: int) -> None:
        self._second.append(events)
        if len(self._second) == self._second.maxlen:
            rate = sum(self._second) * SECOND_NS / (self._interval_ns * len(self._second))
            self.peak_eps = max(self.peak_eps or 0.0, rate)
        due = self._events_due((interval + 1) * self._interval_ns) - self._events_due(interval * self._interval_ns)
        if due >= _LEAST_EVENTS:
            self._intervals += 1
            self._below += events < _ENOUGH * due
            self._worst = min(self._worst, events / due)

    def figures(self) -> dict[str, Any] | None:
        """For the report; None when there was no target or no whole interval."""
        if not self._intervals:
            return None
        return {
            "interval_ms": self._interval_ns / 1e6,
            "intervals": self._intervals,
            "below_95_percent": self._below,
            "worst_percent": round(100 * self._worst, 3),
        }
