"""A scenario that a run can follow: its phases, when each begins and ends, and the schedule of all events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import accumulate

from captures.console.errors import InputError
from captures.console.units import parse_duration_ns, parse_share, parse_size
from replay.scenario.model import Expectation, Rate, ScenarioModel
from replay.scenario.phases import Line, Phase, phases_of
from replay.scenario.windows import windows_of
from replay.schedule.axis import LoopedAxis
from replay.schedule.rates import OnAxis


@dataclass(frozen=True)
class RunLimits:
    """What the whole run must keep; None: nothing is set."""

    min_eps: int | None = None
    max_loss: Fraction | None = None
    max_latency_p99_ns: int | None = None
    max_cpu: Fraction | None = None
    max_memory_bytes: int | None = None


@dataclass(frozen=True)
class Course:
    """What a run follows."""

    name: str
    target_eps: int
    """What 100% is."""
    phases: tuple[Phase, ...]
    expect: Expectation = field(default_factory=Expectation)

    @cached_property
    def edges_ns(self) -> tuple[int, ...]:
        """When the phases end, from the start of the run."""
        return tuple(accumulate(phase.duration_ns for phase in self.phases))

    @property
    def duration_ns(self) -> int:
        """How long it takes."""
        return self.edges_ns[-1]

    @cached_property
    def schedule(self) -> OnAxis:
        """When the events are due. Raises InputError when there are none, or when the windows are too many."""
        axis = LoopedAxis(windows_of(self.phases))
        return OnAxis(axis, Fraction(1), total=axis.loop_events)

    def phase_at(self, ns: int) -> int | None:
        """The phase of an instant of the schedule; None: all are over."""
        return next((number for number, edge_ns in enumerate(self.edges_ns) if ns < edge_ns), None)

    def limits(self) -> RunLimits:
        """What the whole run must keep."""
        expect = self.expect
        mean_eps = Fraction(self.schedule.total * 10**9, self.duration_ns)
        return RunLimits(
            min_eps=None if expect.eps is None else int(Rate(expect.eps).eps(mean_eps)),
            max_loss=None if expect.loss is None else parse_share(expect.loss),
            max_latency_p99_ns=None if expect.latency_p99 is None else parse_duration_ns(expect.latency_p99),
            max_cpu=None if expect.cpu is None else parse_share(expect.cpu),
            max_memory_bytes=None if expect.memory is None else parse_size(expect.memory),
        )


def course_of(scenario: ScenarioModel, rate_eps: int | None, time_scale: Fraction = Fraction(1)) -> Course:
    """The course of a scenario, where `rate_eps` is 100%; None: its file says what that is.

    All times are `time_scale` times as long. Raises InputError when nobody says what 100% is, and as `phases_of` does.
    """
    target_eps = rate_eps or (int(Rate(scenario.target).eps(0)) if scenario.target else None)
    if target_eps is None:
        raise InputError(f"{scenario.name}: say what 100% is: --eps 4M, or target: 4M in its file")
    return Course(scenario.name, target_eps, phases_of(scenario, target_eps, time_scale), scenario.expect)


def ramped_up(rate_eps: int, duration_ns: int, ramp_up_ns: int) -> Course:
    """A run of `duration_ns` at one rate, which is reached on a straight line in its first part. Raises InputError."""
    if ramp_up_ns >= duration_ns:
        raise InputError("--ramp-up is a part of --duration, so it must be shorter")
    rate = Fraction(rate_eps)
    up = Phase("ramp-up", (Line(ramp_up_ns, Fraction(0), rate),))
    return Course("ramp-up", rate_eps, (up, Phase("hold", (Line(duration_ns - ramp_up_ns, rate, rate),))))


def names_of(phases: Sequence[Phase]) -> list[str]:
    """The names of phases, in the order of time."""
    return [phase.name for phase in phases]
