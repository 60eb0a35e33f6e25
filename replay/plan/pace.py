"""What the user asks of a run's time: how fast it goes, how far, and when it starts."""

from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational
from typing import Final

from captures.console.errors import InputError
from captures.console.units import format_duration
from replay.clock import SECOND_NS
from replay.request_checks import check_part, check_type, check_whole
from replay.scenario.course import Course

DEFAULT_DURATION_NS: Final = 10 * SECOND_NS
"""How long a run lasts if the user gave no extent, unless it follows the capture's time axis."""

FARTHEST_NS: Final = 24 * 3600 * SECOND_NS
"""The longest time that a run waits for its start: a date further away is more often a slip than a wish."""


@dataclass(frozen=True)
class Extent:
    """How far a run goes. One of the three fields is given."""

    duration_ns: int | None = None
    loops: int | None = None
    events: int | None = None

    def check(self) -> None:
        """Refuse an extent that is none, or more than one. Raises InputError."""
        said = {"--duration": self.duration_ns, "--loops": self.loops, "--events": self.events}
        given = {flag: value for flag, value in said.items() if value is not None}
        for flag, value in given.items():
            check_whole(flag, value)
        if len(given) != 1 or min(given.values()) < 1:
            raise InputError("give one of --duration, --loops and --events, of 1 at least, like --duration 10s")


@dataclass(frozen=True)
class Pace:
    """How fast a run goes: at a rate, by phases, along the time axis, or, if nothing is given, as fast as it can."""

    rate_eps: int | None = None
    """The rate of all lanes together."""
    speed: Fraction | None = None
    """A multiple of the pace of the capture's time axis; 0: as fast as it can."""
    course: Course | None = None
    """The phases of a scenario, where `rate_eps` is 100%; they also say how far the run goes."""

    def check(self) -> None:
        """Refuse a pace that is none. Raises InputError."""
        if self.rate_eps is not None and self.speed is not None:
            raise InputError("--eps and --speed: a run has one pace; give one of the two")
        if self.course is not None:
            check_part("course", self.course, Course)
        if self.rate_eps is not None:
            check_whole("--eps", self.rate_eps)
            if self.rate_eps < 1:
                raise InputError(f"--eps {self.rate_eps}: a rate is 1 at least; as fast as it goes is no rate at all")
        check_type("--speed", self.speed, Rational, "Fraction(3, 2), which is exact")
        if self.speed is not None and self.speed < 0:
            raise InputError(f"--speed {float(self.speed):g}: a speed is greater than 0; 0 stands for max")


@dataclass(frozen=True)
class PaceRequest:
    """Everything that the user asks of the time of a run."""

    pace: Pace
    extent: Extent | None = None
    """None: ten seconds, or once through the capture where its time axis is followed."""
    start_at_ns: int | None = None
    """The instant to start at, in nanoseconds since 1970; None: the run starts as soon as it is ready."""

    def check(self, now_ns: int) -> None:
        """Refuse what no run can have; `now_ns` is the present, since 1970. Raises InputError."""
        check_part("pace", self.pace, Pace)
        self.pace.check()
        if self.extent is not None:
            check_part("extent", self.extent, Extent)
            self.extent.check()
            if self.pace.course is not None:
                raise InputError("a scenario says itself how long it is; leave --duration, --loops and --events out")
        if self.start_at_ns is not None:
            check_whole("--start-at", self.start_at_ns)
            if abs(self.start_at_ns - now_ns) > FARTHEST_NS:
                raise InputError(
                    f"--start-at: the start is more than {format_duration(FARTHEST_NS)} away; start the command later"
                )

    @property
    def settled_extent(self) -> Extent:
        """How far the run goes, whether it was said or not."""
        if self.extent is not None:
            return self.extent
        if self.pace.course is not None:
            return Extent(events=self.pace.course.schedule.total)
        return Extent(DEFAULT_DURATION_NS) if self.pace.speed is None else Extent(loops=1)
