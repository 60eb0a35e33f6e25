"""Figures of repeated measurements, and the table they are shown in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

LOW_EPS: Final = 100_000
"""Rates below this are shown with more decimals."""


@dataclass
class Figure:
    """One thing measured several times, in events per second."""

    part: str
    name: str
    rates_eps: list[float] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    missing: str = ""
    """Why it was not measured."""

    @property
    def median_eps(self) -> float:
        """The median of all rounds; 0: it was not measured."""
        return median(self.rates_eps) if self.rates_eps else 0.0

    def as_json(self) -> dict[str, Any]:
        """For the report."""
        return {
            "part": self.part,
            "name": self.name,
            "median_eps": round(self.median_eps),
            "rounds_eps": [round(rate) for rate in self.rates_eps],
            **({"missing": self.missing} if self.missing else {}),
            **self.notes,
        }


class Missing(Exception):
    """What can't be measured here, and why."""


def in_turns(part: str, ways: Mapping[str, Callable[[], float]], rounds: int) -> list[Figure]:
    """Each way measured once a round, one after the other, so that a busy spell of the machine meets all alike.

    What raises Missing is left out from then on.
    """
    figures = [Figure(part, name) for name in ways]
    for _ in range(rounds):
        for figure, measure in zip(figures, ways.values(), strict=True):
            if not figure.missing:
                try:
                    figure.rates_eps.append(measure())
                except Missing as error:
                    figure.missing = str(error)
    return figures


def table(figures: Sequence[Figure]) -> str:
    """The figures as text, with the spread of their rounds."""
    lines = [f"{'part':<8} {'what':<44} {'M events/s':>10}  rounds"]
    for figure in figures:
        decimals = 2 if figure.median_eps >= LOW_EPS else 4
        rounds = " ".join(f"{rate / 1e6:.{decimals}f}" for rate in figure.rates_eps)
        notes = "".join(f"; {name} {value}" for name, value in figure.notes.items())
        if figure.missing:
            lines.append(f"{figure.part:<8} {figure.name:<44} not measured: {figure.missing}")
            continue
        median_meps = figure.median_eps / 1e6
        lines.append(f"{figure.part:<8} {figure.name:<44} {median_meps:>10.{decimals}f}  {rounds}{notes}")
    return "\n".join(lines)


def ratio(figures: Sequence[Figure], name: str, to: str) -> float:
    """The median of one figure in terms of another's."""
    by_name = {figure.name: figure for figure in figures}
    return by_name[name].median_eps / by_name[to].median_eps
