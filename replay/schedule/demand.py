"""How many events a run should have sent at any instant, though it is slowed down or paused. Pure: time is an argument.

A schedule says when events are due, counted from its start, and never changes. To slow a run down, speed it up or pause
it, the time of its schedule is made to pass at another *time scale* from some instant on. At first the schedule's time
passes as fast as the clock's.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor

from replay.clock import SECOND_NS
from replay.schedule.rates import Schedule


@dataclass(frozen=True)
class TimeScale:
    """How fast the schedule's time passes from one instant on: `factor` times as fast as the clock's; 0 is a pause."""

    since_ns: int = 0
    """The instant at which this time scale begins, counted from the start of the run."""
    at_ns: int = 0
    """The schedule's time at that instant."""
    factor: Fraction = Fraction(1)
    total: int | None = None
    """How many events the run has; None: it goes on until it is stopped."""

    def schedule_ns(self, now_ns: int) -> int:
        """The schedule's time at `now_ns`, rounded down."""
        return self.at_ns + floor((now_ns - self.since_ns) * self.factor)


class Demand:
    """The events that a run asks for: a schedule, and the time scales that followed each other."""

    def __init__(self, schedule: Schedule, duration_ns: int | None) -> None:
        """Begin as fast as the clock. A run with a `duration_ns` ends after it; any other, when all events are sent."""
        self.schedule = schedule
        self._duration_ns = duration_ns
        self._time_scales = [TimeScale(total=schedule.total)]
        self.changed = False
        """Whether the time scale or the end of the run was changed since the start."""
        self._caught_up_ns: int | None = None
        """When a run that ended while paused was asked for the events that were due before its pause."""

    @property
    def time_scale(self) -> TimeScale:
        """The latest time scale."""
        return self._time_scales[-1]

    def change(self, now_ns: int, factor: Fraction) -> TimeScale:
        """Go on at `factor` from `now_ns` on, counted from the start of the run; returns the new time scale."""
        return self._go_on(self.scaled(now_ns, factor))

    def scaled(self, now_ns: int, factor: Fraction) -> TimeScale:
        """The time scale by which the run would go on at `factor` from `now_ns` on, counted from its start.

        A run with a number of events still sends this number. A run with a duration sends the events that fall due
        until its end; a change after its end does not alter them.
        """
        before = self.time_scale
        time_scale = TimeScale(now_ns, before.schedule_ns(now_ns), factor, before.total)
        if self._duration_ns is not None and before.total is not None and now_ns < self._duration_ns:
            total = self.schedule.events_due(time_scale.schedule_ns(self._duration_ns))
            time_scale = replace(time_scale, total=total)
        return time_scale

    def end(self, now_ns: int, by_ns: int) -> TimeScale:
        """Ask for no event that falls due later than `by_ns`; returns the new time scale. Only for runs with a rate.

        A paused run still has to send the events that were due before its pause; they are due at once, at `now_ns`.
        """
        time_scale = self.time_scale
        if not time_scale.factor:
            time_scale = TimeScale(now_ns, time_scale.schedule_ns(now_ns), Fraction(1), time_scale.total)
            self._caught_up_ns = by_ns = now_ns
        due = self.schedule.events_due(time_scale.schedule_ns(by_ns))
        return self._go_on(replace(time_scale, total=due if time_scale.total is None else min(due, time_scale.total)))

    def _go_on(self, time_scale: TimeScale) -> TimeScale:
        self._time_scales.append(time_scale)
        self.changed = True
        return time_scale

    def forget(self, before_ns: int) -> None:
        """Drop the time scales that nobody needs who asks about `before_ns` or later."""
        del self._time_scales[: self._place(before_ns)]

    def _place(self, now_ns: int) -> int:
        """The index of the time scale that holds at `now_ns`."""
        return max(0, bisect_right(self._time_scales, now_ns, key=lambda time_scale: time_scale.since_ns) - 1)

    def mean_eps(self, until_ns: int) -> float | None:
        """The mean rate asked for from the start to `until_ns`, or to the last event's instant; None without a rate."""
        if not self.changed or not until_ns or not self.schedule.mean_eps:
            return self.schedule.mean_eps
        # `events_due` can't look back before the earliest time scale that is still known.
        end_ns, until_ns = self.end_ns, max(until_ns, self._time_scales[0].since_ns)
        return self.events_due(until_ns) * SECOND_NS / max(1, until_ns if end_ns is None else min(until_ns, end_ns))

    @property
    def end_ns(self) -> int | None:
        """When the last event is due, counted from the start of the run; None: never at this time scale, or no rate."""
        total = self.time_scale.total
        if self._caught_up_ns is not None:
            return self._caught_up_ns
        if not total or self.schedule.mean_eps is None:
            return None
        last_ns = self.schedule.due_ns(total - 1)
        time_scale = next(
            (time_scale for time_scale in reversed(self._time_scales) if time_scale.at_ns < last_ns), None
        )
        if time_scale is None or not time_scale.factor:
            return None
        return time_scale.since_ns + ceil((last_ns - time_scale.at_ns) / time_scale.factor)

    def events_due(self, now_ns: int) -> int:
        """How many events are due by `now_ns`, which is counted from the start of the run; 0 without a rate."""
        time_scale = self._time_scales[self._place(now_ns)]
        due = self.schedule.events_due(time_scale.schedule_ns(now_ns))
        return due if time_scale.total is None else min(due, time_scale.total)
