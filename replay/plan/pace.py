"""What the user asks of a run's time: how fast it goes, how far, and when it starts."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

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


@dataclass(frozen=True)
class PaceRequest:
    """Everything that the user asks of the time of a run."""

    pace: Pace
    extent: Extent = Extent(DEFAULT_DURATION_NS)
    start_at_ns: int | None = None
    """The instant to start at, in nanoseconds since 1970; None: the run starts as soon as it is ready."""
