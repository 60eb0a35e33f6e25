"""The values of each field in a sample of events: how many there are, and which are the heavy hitters."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from precompute.fields import Pooled
from precompute.profile import Profile
from precompute.recognition import FieldColumn, Recognised

HEAVY_HITTERS: Final = 10


@dataclass(frozen=True)
class HeavyHitter:
    """One of a field's commonest values."""

    value: str
    share: float
    """Of the sampled events that have the field."""
    expected: float | None
    """The share that the profile asks for; None where values are made, not chosen."""


@dataclass(frozen=True)
class FieldFigures:
    """One column of a field."""

    field: str
    """Its name, with the column's behind a dot."""
    events: int
    """Sampled events that have it."""
    distinct: int
    """Values seen in them."""
    possible: int | None
    """Values there are; None where they are made, not chosen."""
    top: list[HeavyHitter]


def field_figures(profile: Profile, recognised: Iterable[Recognised | None]) -> list[FieldFigures]:
    """The figures of each column that was seen, in the order of the fields' names."""
    seen: dict[FieldColumn, Counter[str]] = {}
    for event in recognised:
        for column, value in event.values.items() if event else ():
            seen.setdefault(column, Counter())[value] += 1
    return [_figures(profile, column, values) for column, values in sorted(seen.items())]


def _figures(profile: Profile, column: FieldColumn, counts: Counter[str]) -> FieldFigures:
    name, part = column
    expected = _expected(profile, column)
    return FieldFigures(
        field=f"{name}.{part}" if part else name,
        events=counts.total(),
        distinct=len(counts),
        possible=None if expected is None else len(expected),
        top=[
            HeavyHitter(text, count / counts.total(), None if expected is None else expected.get(text))
            for text, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:HEAVY_HITTERS]
        ],
    )


def _expected(profile: Profile, column: FieldColumn) -> dict[str, float] | None:
    """The share of each value of a column; None where values are made."""
    field = profile.fields[column[0]]
    if not isinstance(field, Pooled):
        return None
    at, weights = field.column_names.index(column[1]), Counter[str]()
    for texts, weight in field.rows():
        if weight:
            weights[texts[at]] += weight
    whole = weights.total()
    return {text: weight / whole for text, weight in weights.items()}
