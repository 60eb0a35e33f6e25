"""What a run asks for in the course of time, by a schedule and a time scale. Pure: time is an argument.

A schedule says when events are due, counted from its start, and is never changed. A run that is slowed down, sped up or
paused is the same schedule, whose time passes by another *time scale* from an instant on. At first it is the clock's.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor

from replay.clock import SECOND_NS
from replay.schedule.rates import Schedule


@dataclass(frozen=True)
class TimeScale:
    """From one instant on, the schedule's time passes `factor` times as fast as the clock's; 0: it stands still."""

    since_ns: int = 0
    """From the start of the run."""
    at_ns: int = 0
    """In the schedule, at that instant."""
    factor: Fraction = Fraction(1)
    total: int | None = None
    """Events of the run; None: until it is stopped."""

    def schedule_ns(self, now_ns: int) -> int:
        """The schedule's time at `now_ns`, rounded down."""
        return self.at_ns + floor((now_ns - self.since_ns) * self.factor)


class Demand:
    """What a run asks for in the course of time: a schedule, by one time scale after the other."""

    def __init__(self, schedule: Schedule, duration_ns: int | None) -> None:
        """A run that has a `duration_ns` ends then, whatever its time scale; any other, when all is sent."""
        self.schedule = schedule
        self._duration_ns = duration_ns
        self._time_scales = [TimeScale(total=schedule.total)]
        self.changed = False
        """Whether the time scale or the end of the run is another than it was at first."""
        self._caught_up_ns: int | None = None
        """When a paused run that ended was asked for what it had due before the pause."""

    @property
    def time_scale(self) -> TimeScale:
        """The latest."""
        return self._time_scales[-1]

    def change(self, now_ns: int, factor: Fraction) -> TimeScale:
        """Go on at `factor` from `now_ns` on, counted from the start of the run; returns the new time scale.

        A run of so many events still sends as many; one that lasts so long sends what falls due until then,
        which a change after that leaves as it is.
        """
        before = self.time_scale
        time_scale = TimeScale(now_ns, before.schedule_ns(now_ns), factor, before.total)
        if self._duration_ns is not None and before.total is not None and now_ns < self._duration_ns:
            total = self.schedule.events_due(time_scale.schedule_ns(self._duration_ns))
            time_scale = replace(time_scale, total=total)
        return self._go_on(time_scale)

    def end(self, now_ns: int, by_ns: int) -> TimeScale:
        """Ask for nothing that falls due later than `by_ns`; returns the new time scale. Only where there is a rate.

        What a paused run had due before its pause is still asked for, at once: at `now_ns`.
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
        """Nobody will ask any more what was due at an instant before that: keep what may still be asked for."""
        del self._time_scales[: self._place(before_ns)]

    def _place(self, now_ns: int) -> int:
        """Which time scale holds at `now_ns`."""
        return max(0, bisect_right(self._time_scales, now_ns, key=lambda time_scale: time_scale.since_ns) - 1)

    def mean_eps(self, until_ns: int) -> float | None:
        """The rate that was asked for from the start until then, or until all was due; None: without a rate."""
        if not self.changed or not until_ns or not self.schedule.mean_eps:
            return self.schedule.mean_eps
        # Before the earliest time scale that is still known nothing was asked that is not in its account.
        end_ns, until_ns = self.end_ns, max(until_ns, self._time_scales[0].since_ns)
        return self.events_due(until_ns) * SECOND_NS / max(1, until_ns if end_ns is None else min(until_ns, end_ns))

    @property
    def end_ns(self) -> int | None:
        """When the last event is due, counted from the start of the run; None: never as things stand, or at no rate."""
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
        """Events due by `now_ns`, counted from the start of the run; 0 without a rate."""
        time_scale = self._time_scales[self._place(now_ns)]
        due = self.schedule.events_due(time_scale.schedule_ns(now_ns))
        return due if time_scale.total is None else min(due, time_scale.total)
