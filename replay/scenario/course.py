"""What a run follows in the course of time: its phases, when each ends, and the schedule of all events."""

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import accumulate

from captures.console.errors import InputError
from replay.scenario.limits import Criteria
from replay.scenario.phases import Line, Phase
from replay.scenario.windows import windows_of
from replay.schedule.axis import LoopedAxis
from replay.schedule.rates import OnAxis


@dataclass(frozen=True)
class Course:
    """What a run follows."""

    name: str
    target_eps: int
    """What 100% is."""
    phases: tuple[Phase, ...]
    limits: Criteria = field(default_factory=Criteria)

    @cached_property
    def edges_ns(self) -> tuple[int, ...]:
        """When the phases end, from the start of the run."""
        return tuple(accumulate(phase.duration_ns for phase in self.phases))

    @property
    def duration_ns(self) -> int:
        """How long it takes."""
        return self.edges_ns[-1]

    def phase_at(self, ns: int) -> str | None:
        """The name of the phase at an instant of the schedule; None: all are over."""
        place = bisect_right(self.edges_ns, ns)
        return self.phases[place].name if place < len(self.phases) else None

    def without_sink(self) -> "Course":
        """The same, but for what only a sink can measure: loss and latency are not judged."""
        phases = tuple(replace(phase, limits=replace(phase.limits, max_loss=None)) for phase in self.phases)
        return replace(self, phases=phases, limits=replace(self.limits, max_loss=None, max_latency_p99_ns=None))

    @cached_property
    def schedule(self) -> OnAxis:
        """When the events are due. Raises InputError when there are none, or when the windows are too many."""
        axis = LoopedAxis(windows_of(self.phases))
        return OnAxis(axis, Fraction(1), total=axis.loop_events)


def ramped_up(rate_eps: int, duration_ns: int, ramp_up_ns: int) -> Course:
    """A run of `duration_ns` at one rate, which is reached on a straight line in its first part. Raises InputError."""
    if not 0 < ramp_up_ns < duration_ns:
        raise InputError("--ramp-up is the first part of --duration, so it must be shorter, and longer than 0")
    rate = Fraction(rate_eps)
    up = Phase("ramp-up", (Line(ramp_up_ns, Fraction(0), rate),))
    return Course("ramp-up", rate_eps, (up, Phase("hold", (Line(duration_ns - ramp_up_ns, rate, rate),))))
