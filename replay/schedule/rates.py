"""When the events of a run are due, and which events of the capture they are. Pure: time is an argument.

A run sends a stream: the events of its capture, again and again, up to a total. A schedule cuts this stream into
segments, each with a rate of its own. Event j of a segment (from 0) gets its token at

    start + (j + 1) * duration / rate_events            rounded up to the nanosecond

A constant rate is one segment. On the capture's time axis each window is a segment, whose edges are divided by the
speed, and each loop begins where the loop before ended. All instants are computed from the start of the run with exact
integers, so they do not drift.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Final, NamedTuple

from captures.console.errors import InputError
from replay.clock import SECOND_NS
from replay.schedule.axis import LoopedAxis

STRIPE_EVENTS: Final = 16384
"""Events of a stripe: far more than a train has, so that few trains are cut, and few enough for memory: the stripes
of 40 lanes span some 100 MB of the file."""

ROUND_NS: Final = 10_000_000
"""The longest time that one round, a stripe of each lane, may span on the time axis. An event may be sent so far from
its place on that axis."""

LONGEST_NS: Final = 100 * 365 * 86_400 * SECOND_NS
"""The longest run on a time axis, and the longest time between two events of a lane; with this limit all instants fit
64 bits."""


class Segment(NamedTuple):
    """A stretch of the stream at one rate."""

    start_ns: int
    """The start of the segment, counted from the start of the run."""
    duration_ns: int
    """The time in which `rate_events` events are due; 0: all are due at once."""
    rate_events: int
    first_event: int
    """The number of the segment's first event in the stream."""
    events: int | None
    """How many events the segment has; None: it has no end."""
    stripe: int
    """How many events a lane sends in a row before the next lane's turn."""


@dataclass(frozen=True)
class Steady:
    """A schedule with one rate for the whole run, or with none: then the run sends as fast as it can."""

    rate_eps: int | None
    total: int | None = None
    """How many events the run has; None: it has no end."""

    @property
    def mean_eps(self) -> int | None:
        """The mean rate, which is the only rate."""
        return self.rate_eps

    @property
    def peak_eps(self) -> int | None:
        """The highest rate, which is the only rate."""
        return self.rate_eps

    def segments(self, lanes: int, total: int | None, first_event: int = 0) -> Iterator[Segment]:  # noqa: ARG002 - the same call as OnAxis's
        """The only segment."""
        duration_ns, events = (0, 1) if self.rate_eps is None else (SECOND_NS, self.rate_eps)
        yield Segment(0, duration_ns, events, 0, total, STRIPE_EVENTS)

    def due_ns(self, event: int) -> int:
        """When an event of the stream gets its token, from the start of the run; 0 without a rate."""
        return -(-(event + 1) * SECOND_NS // self.rate_eps) if self.rate_eps else 0

    def events_due(self, ns: int) -> int:
        """How many events of the endless stream are due within `ns` of the start; 0 without a rate."""
        return (self.rate_eps or 0) * ns // SECOND_NS


class OnAxis:
    """A schedule that repeats the time axis of a capture, at `speed` times its own pace."""

    def __init__(self, axis: LoopedAxis, speed: Fraction, *, total: int = 0, duration_ns: int = 0) -> None:
        """Send `total` events, or the events that fall due within `duration_ns`.

        Raises InputError when there are no such events, or when they take longer than LONGEST_NS.
        """
        self._axis = axis
        self._speed = speed
        self.total = total or self.events_due(duration_ns)
        """How many events the run has."""
        if not self.total:
            raise InputError("no event falls due within that duration at that speed; give more time")
        end_ns = self.due_ns(self.total - 1)
        if end_ns > LONGEST_NS:
            raise InputError("at that speed the run would take over 100 years; choose a higher --speed")
        self.mean_eps = self.total * SECOND_NS / max(1, end_ns)
        """The mean rate until the last event is due."""
        rates = (events / ns for events, ns in zip(axis.events, axis.duration_ns, strict=True))
        self.peak_eps = float(speed) * max(rates) * SECOND_NS
        """The rate of the busiest window."""
        waits_ns = (Fraction(ns, events) for events, ns in zip(axis.events, axis.duration_ns, strict=True))
        self._longest_wait_ns = ceil(max(waits_ns) / speed)
        """The time between two events of the slowest window."""

    def check(self, lanes: int, total: int, at_ns: int = 0, factor: Fraction = Fraction(1)) -> None:
        """Raise InputError when an instant does not fit 64 bits, if it goes on from `at_ns` at `factor` times its pace.

        The run sends `total` events over so many `lanes`.
        """
        longest_ns = max(self.due_ns(total - 1) - at_ns, lanes * self._longest_wait_ns)
        if longest_ns > LONGEST_NS * factor:
            raise InputError(
                "at that speed the run would take over 100 years, or a port would wait so long; choose a higher speed"
            )

    def segments(self, lanes: int, total: int | None, first_event: int = 0) -> Iterator[Segment]:
        """One segment for each window with events; a round of all lanes spans at most ROUND_NS, or one event each.

        They begin with the one that holds event `first_event` of the stream, and end after `total` of its events.
        """
        loop, place = divmod(first_event, self._axis.loop_events)
        window = self._axis.window_of(place)
        while True:
            segment = self._segment(loop, window, lanes)
            left = segment.rate_events if total is None else total - segment.first_event
            if left <= 0:
                return
            yield segment._replace(events=min(left, segment.rate_events))
            window += 1
            if window == len(self._axis.events):
                loop, window = loop + 1, 0

    def _segment(self, loop: int, window: int, lanes: int) -> Segment:
        axis, speed, slow = self._axis, self._speed.numerator, self._speed.denominator
        at_ns = loop * axis.loop_ns + axis.start_ns[window]
        start_ns, end_ns = at_ns * slow // speed, (at_ns + axis.duration_ns[window]) * slow // speed
        first, events = loop * axis.loop_events + axis.first_event[window], axis.events[window]
        stripe = events * ROUND_NS // (lanes * max(1, end_ns - start_ns))
        stripe = max(1, min(STRIPE_EVENTS, stripe))
        return Segment(start_ns, end_ns - start_ns, events, first, events, stripe)

    def due_ns(self, event: int) -> int:
        """When an event of the stream gets its token, counted from the start of the run."""
        loop, place = divmod(event, self._axis.loop_events)
        segment = self._segment(loop, self._axis.window_of(place), 1)
        tokens = event - segment.first_event + 1
        return segment.start_ns - (-tokens * segment.duration_ns // segment.rate_events)

    def events_due(self, ns: int) -> int:
        """How many events of the endless stream are due within `ns` of the start."""
        axis = self._axis
        # The last instant of the axis that, on the clock of the run and rounded down, is not after `ns`.
        at_ns = -(-(ns + 1) * self._speed.numerator // self._speed.denominator) - 1
        loop, axis_ns = divmod(at_ns, axis.loop_ns)
        window = bisect_right(axis.start_ns, axis_ns) - 1
        if window < 0:
            return loop * axis.loop_events
        segment = self._segment(loop, window, 1)
        into_ns = min(ns - segment.start_ns, segment.duration_ns)
        tokens = segment.rate_events * into_ns // segment.duration_ns if segment.duration_ns else segment.rate_events
        return segment.first_event + tokens


Schedule = Steady | OnAxis
