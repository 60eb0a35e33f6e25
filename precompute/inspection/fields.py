"""The values of each field in a sample of events: how many there are, and which are the heavy hitters.

A share that a sample shows has an error. Events of one train are alike, so the sample is one of trains: the error is
that of a ratio in a cluster sample (Cochran, "Sampling Techniques", section 2.11), which is larger than that of as many
events drawn one by one.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from precompute.fields.plain import Pooled
from precompute.inspection.payload import SampledEvent
from precompute.inspection.recognition import FieldColumn, Recognised
from precompute.profile.model import Profile

HEAVY_HITTERS: Final = 10


@dataclass(frozen=True)
class HeavyHitter:
    """One of a field's commonest values."""

    value: str
    share: float
    """The value's share of the sampled events that have the field."""
    error: float
    """Two standard errors of the share: in 19 of 20 captures' samples the true one is no further off."""
    expected: float | None
    """The share that the profile asks for; None where values are made, not chosen."""


@dataclass(frozen=True)
class FieldFigures:
    """One column of a field."""

    field: str
    """The field's name; a column's name follows behind a dot."""
    events: int
    """The number of sampled events that have the column."""
    distinct: int
    """The number of different values that were seen in them."""
    possible: int | None
    """The number of values that the field can take; None where values are made, not chosen."""
    top: list[HeavyHitter]


@dataclass
class _Seen:
    """A column in the sample."""

    values: Counter[str]
    trains: Counter[int]
    """Sampled events of each train that have the column."""
    of_train: Counter[tuple[str, int]]
    """The sampled events of each train that have this value, by value."""


def field_figures(
    profile: Profile, sampled: Sequence[SampledEvent], recognised: Sequence[Recognised | None]
) -> list[FieldFigures]:
    """The figures of each column that was seen, in the order of the fields' names.

    `recognised` is what each of the `sampled` events says.
    """
    seen: dict[FieldColumn, _Seen] = {}
    for event, read in zip(sampled, recognised, strict=True):
        for column, value in read.values.items() if read else ():
            own = seen.get(column)
            if own is None:  # `setdefault` would make three counters for each value
                own = seen[column] = _Seen(Counter(), Counter(), Counter())
            own.values[value] += 1
            own.trains[event.train] += 1
            own.of_train[value, event.train] += 1
    return [_figures(profile, column, own) for column, own in sorted(seen.items())]


def _figures(profile: Profile, column: FieldColumn, seen: _Seen) -> FieldFigures:
    name, part = column
    expected = _expected(profile, column)
    counts, events = seen.values, seen.values.total()
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:HEAVY_HITTERS]
    of_train: dict[str, dict[int, int]] = {text: {} for text, _ in top}
    for (text, train), count in seen.of_train.items():
        if text in of_train:
            of_train[text][train] = count
    return FieldFigures(
        field=f"{name}.{part}" if part else name,
        events=events,
        distinct=len(counts),
        possible=None if expected is None else len(expected),
        top=[
            HeavyHitter(
                text,
                count / events,
                _error(count / events, of_train[text], seen.trains),
                None if expected is None else expected.get(text),
            )
            for text, count in top
        ],
    )


def _error(share: float, of_train: Mapping[int, int], trains: Mapping[int, int]) -> float:
    """Two standard errors of a share, by how much it differs from train to train; the whole if there is only one."""
    if len(trains) < 2:
        return 1.0
    squares = sum((of_train.get(train, 0) - share * events) ** 2 for train, events in trains.items())
    return float(2 * math.sqrt(squares * len(trains) / (len(trains) - 1)) / sum(trains.values()))


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
