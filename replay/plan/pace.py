"""What the user asks of a run's time: how fast it goes, how far, and when it starts."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from captures.console.errors import InputError
from replay.clock import SECOND_NS

DEFAULT_DURATION_NS: Final = 10 * SECOND_NS
"""How long a run lasts if the user gave no extent, unless it follows the capture's time axis."""


@dataclass(frozen=True)
class Extent:
    """How far a run goes. One of the three fields is given."""

    duration_ns: int | None = None
    loops: int | None = None
    events: int | None = None


@dataclass(frozen=True)
class Pace:
    """How fast a run goes: at a rate, along the time axis, or, if neither is given, as fast as it can."""

    rate_eps: int | None = None
    """The rate of all lanes together."""
    speed: Fraction | None = None
    """A multiple of the pace of the capture's time axis; 0: as fast as it can."""

    def check(self) -> None:
        """Refuse a pace that is none. Raises InputError."""
        if self.rate_eps is not None and self.rate_eps < 1:
            raise InputError(f"--eps {self.rate_eps}: a rate is 1 at least; as fast as it goes is no rate at all")
        if self.speed is not None and self.speed < 0:
            raise InputError(f"--speed {float(self.speed):g}: a speed is greater than 0; 0 stands for max")
        if self.rate_eps is not None and self.speed is not None:
            raise InputError("--eps and --speed: a run has one pace; give one of the two")


@dataclass(frozen=True)
class PaceRequest:
    """Everything that the user asks of the time of a run."""

    pace: Pace
    extent: Extent | None = None
    """None: ten seconds, or once through the capture where its time axis is followed."""
    start_at_ns: int | None = None
    """The instant to start at, in nanoseconds since 1970; None: the run starts as soon as it is ready."""

    @property
    def settled_extent(self) -> Extent:
        """How far the run goes, whether it was said or not. Raises InputError where more than one end was said."""
        self.pace.check()
        if self.extent is None:
            return Extent(DEFAULT_DURATION_NS) if self.pace.speed is None else Extent(loops=1)
        said = (self.extent.duration_ns, self.extent.loops, self.extent.events)
        given = [value for value in said if value is not None]
        if len(given) != 1 or given[0] < 1:
            raise InputError("give one of --duration, --loops and --events, of 1 at least, like --duration 10s")
        return self.extent
