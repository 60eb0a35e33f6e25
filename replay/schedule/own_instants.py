"""A schedule that sends each event at the instant at which it was captured. Pure: time is an argument.

Captures that were imported tell the instant of each event (`captures.format.sections`, TIME). Event j of loop i gets
its token at

    (i * loop + instant of event j) / speed            rounded up to the nanosecond

from the start of the run. A lane's tokens are therefore no ramp over its events, as at a rate, but a ramp over the
instants of the capture, which the loop of a worker reads from the mapped file.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor, lcm
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import InputError
from captures.format.instants import Ramp, ramp
from captures.format.layout import Table
from replay.clock import SECOND_NS
from replay.schedule.bursts import BURST_NS
from replay.schedule.demand import TimeScale
from replay.schedule.rates import LONGEST_NS, ROUND_NS, STRIPE_EVENTS, Segment

LEAST_STRIPE: Final = 16
"""The fewest events that a lane sends in a row where there are several. Events come in bunches, however few they are in
the mean, and each stripe that a lane takes up costs time."""

MOST_PER: Final = 1 << 31
"""The largest divisor of a ramp over instants: with it all products fit 64 bits."""


class OnInstants:
    """A schedule that repeats the instants of a capture's events, at `speed` times their own pace."""

    def __init__(
        self, times: NDArray[np.uint64], windows: Table, speed: Fraction, *, total: int = 0, duration_ns: int = 0
    ) -> None:
        """Send `total` events, or the events that fall due within `duration_ns`.

        `times` are the instants since the capture's start, never descending; a loop takes as long as the `windows` do.
        Raises InputError when there are no such events, or when they take longer than LONGEST_NS.
        """
        self._times, self._speed = times, speed
        self.loop_ns = int(windows["start_ns"][-1]) + int(windows["duration_ns"][-1])
        """How long the capture takes at its own pace."""
        self.total = total or self.events_due(duration_ns)
        """How many events the run has."""
        if not self.total:
            raise InputError("no event falls due within that duration at that speed; give more time")
        end_ns = self.due_ns(self.total - 1)
        if end_ns > LONGEST_NS:
            raise InputError("at that speed the run would take over 100 years; choose a higher --speed")
        if speed.numerator > MOST_PER:
            raise InputError("--speed: has too many digits; leave some out")
        self.mean_eps = self.total * SECOND_NS / max(1, end_ns)
        """The mean rate until the last event is due."""
        self.peak_eps = float(speed) * _busiest_eps(times, windows, min(SECOND_NS, self.loop_ns))
        """The rate of the busiest window; windows are about a second of the capture's time long."""

    def due_ns(self, event: int) -> int:
        """When an event of the stream gets its token, counted from the start of the run."""
        loop, place = divmod(event, len(self._times))
        return ceil((loop * self.loop_ns + int(self._times[place])) / self._speed)

    def events_due(self, ns: int) -> int:
        """How many events of the endless stream are due within `ns` of the start."""
        loop, axis_ns = divmod(floor(ns * self._speed), self.loop_ns)
        due = int(np.searchsorted(self._times, np.uint64(axis_ns), "right"))
        return max(0, loop * len(self._times) + due)

    def check(self, time_scale: TimeScale) -> None:
        """Raise InputError when an instant does not fit 64 bits, if the run goes on by `time_scale`.

        Its factor and its total are not 0.
        """
        factor = time_scale.factor
        if self.due_ns((time_scale.total or 1) - 1) - time_scale.at_ns > LONGEST_NS * factor:
            raise InputError("at that speed the run would take over 100 years; choose a higher speed")
        if self._speed.numerator * factor.numerator > MOST_PER:  # which no divisor of `tokens` is above
            raise InputError("that speed has too many digits; leave some out")

    def segments(self, lanes: int, total: int | None, first_event: int = 0) -> Iterator[Segment]:
        """One segment for each loop, from the one that holds event `first_event`, until `total` events are sent.

        A round of all lanes spans at most ROUND_NS at the mean rate, or LEAST_STRIPE events each, so that all lanes
        have something to do. When an event is sent does not depend on it.
        """
        events = len(self._times)
        round_events = ROUND_NS * events * self._speed.numerator // (self.loop_ns * self._speed.denominator)
        stripe = STRIPE_EVENTS if lanes == 1 else max(LEAST_STRIPE, min(STRIPE_EVENTS, round_events // lanes))
        first = first_event // events * events
        while total is None or first < total:
            left = events if total is None else min(events, total - first)
            start_ns, end_ns = (
                ceil(loop * self.loop_ns / self._speed) for loop in (first // events, first // events + 1)
            )
            yield Segment(start_ns, end_ns - start_ns, events, first, left, stripe)
            first += events

    def tokens(self, loop: int, time_scale: TimeScale, start_ns: int) -> Ramp:
        """The ramp that says when an event of a loop has its token, by the clock, from its instant in the capture.

        The run began at `start_ns` of the clock, and now goes by `time_scale`, which was checked.
        """
        pace = self._speed * time_scale.factor
        begin_ns = Fraction(loop * self.loop_ns) / self._speed - time_scale.at_ns
        base = start_ns + time_scale.since_ns + begin_ns / time_scale.factor
        per = lcm(base.denominator, pace.numerator)
        first = base.numerator * (per // base.denominator) + per - 1  # `per - 1` rounds the division up
        return ramp(first, pace.denominator * (per // pace.numerator), per)

    def span_ns(self, time_scale: TimeScale) -> int:
        """How long a part of the capture a train may span, at least 1 ns: what takes BURST_NS to send."""
        return max(1, floor(BURST_NS * self._speed * time_scale.factor))


def _busiest_eps(times: NDArray[np.uint64], windows: Table, shortest_ns: int) -> float:
    """The highest rate of a window, whose events take `shortest_ns` at least; the silence behind them does not count.

    A window ends where the next event comes, so that of a bunch of events may last for hours.
    """
    ends = np.cumsum(windows["events"], dtype=np.int64)
    held = windows["events"] > 0
    ends, events = ends[held], windows["events"][held].astype(np.int64)
    spans_ns = (times[ends - 1] - times[ends - events]).astype(np.int64)
    return float((events / np.maximum(spans_ns, shortest_ns)).max()) * SECOND_NS
