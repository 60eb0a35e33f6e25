"""How fast a run is asked to go, how far, and when it starts."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from replay.clock import SECOND_NS

DEFAULT_DURATION_NS: Final = 10 * SECOND_NS
"""How long a run lasts whose extent nobody gave, unless it follows the time axis."""


@dataclass(frozen=True)
class Extent:
    """How far a run goes; one of the three is given."""

    duration_ns: int | None = None
    loops: int | None = None
    events: int | None = None


@dataclass(frozen=True)
class Pace:
    """How fast a run goes: at a rate, along the time axis, or, with neither, as fast as it goes."""

    rate_eps: int | None = None
    """Of all lanes together."""
    speed: Fraction | None = None
    """Of the time axis of the capture; 0: as fast as it goes."""


@dataclass(frozen=True)
class PaceRequest:
    """All that is asked of the time of a run."""

    pace: Pace
    extent: Extent = Extent(DEFAULT_DURATION_NS)
    start_at_ns: int | None = None
    """Nanoseconds since 1970; None: as soon as it is ready."""
