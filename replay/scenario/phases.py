"""The phases of a run, one behind the other, with their rates in events a second. Pure."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from replay.clock import SECOND_NS
from replay.scenario.limits import PhaseLimits


class Line(NamedTuple):
    """A stretch in which the rate is a straight line."""

    duration_ns: int
    first_eps: Fraction
    last_eps: Fraction

    @property
    def doubled_events(self) -> Fraction:
        """Twice the events that fall due in it."""
        return (self.first_eps + self.last_eps) * self.duration_ns / SECOND_NS


@dataclass(frozen=True)
class Phase:
    """A phase, of which the report tells."""

    name: str
    lines: tuple[Line, ...]
    limits: PhaseLimits = field(default_factory=PhaseLimits)

    @property
    def duration_ns(self) -> int:
        """How long it takes."""
        return sum(line.duration_ns for line in self.lines)

    @property
    def mean_eps(self) -> Fraction:
        """Its mean rate."""
        return sum((line.doubled_events for line in self.lines), Fraction(0)) * SECOND_NS / (2 * self.duration_ns)

    @property
    def peak_eps(self) -> Fraction:
        """Its highest rate."""
        return max(max(line.first_eps, line.last_eps) for line in self.lines)
