"""Fields whose values are chosen from a pool, one text each: what values there are, and how often each comes.

A kind is a model whose first key names it. `zipf: 1.1` makes the k-th value as likely as 1 / k^1.1, which is how
talkers, users and pages are spread in real logs: few make most of the events.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Discriminator, PlainValidator, Tag, WithJsonSchema, model_validator
from pydantic import Field as Constraint

from captures.notation.models import Integer, Model, Text, Weight, in_order
from precompute.draws.shares import integer_weights
from precompute.draws.zipf import zipf_weights

MAX_VALUES: Final = 1 << 20
"""The most values of one field. More would not fit a processor's cache, and rendering would be slow."""
MAX_TEXTS: Final = 1 << 22
"""The most texts of all fields of a profile; each column has its own. Each takes some hundred bytes of memory."""
MAX_ZIPF: Final = 4

_NUMBER: Final = re.compile(r"\{(?::0(?P<width>[1-9]|1[0-9])d)?\}")

Row = tuple[tuple[str, ...], int]
"""A value of a field, one text for each of its columns, and its weight."""


def _checked_exponent(value: Any) -> int | float:
    if type(value) not in (int, float) or not 0 < value <= MAX_ZIPF:
        raise ValueError(f"must be a number above 0 and up to {MAX_ZIPF}; write it like 1.1")
    return value  # type: ignore[no-any-return]


Exponent = Annotated[
    int | float,
    PlainValidator(_checked_exponent),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": MAX_ZIPF}),
]


def check_count(count: int) -> None:
    """Raise ValueError when a field has more than MAX_VALUES values."""
    if count > MAX_VALUES:
        raise ValueError(f"holds {count} values; a field may have {MAX_VALUES}")


def _checked_range(bounds: tuple[int, int]) -> tuple[int, int]:
    low, high = bounds
    if not 0 <= low <= high < 1 << 63:
        raise ValueError(f"[{low}, {high}] is not a range; write the smallest number first, none below 0")
    check_count(high - low + 1)
    return bounds


Range = Annotated[tuple[Integer, Integer], AfterValidator(_checked_range)]
Count = Annotated[Integer, Constraint(ge=1, le=MAX_VALUES)]


class Pooled(Model):
    """A field that takes one of many values."""

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that a placeholder may name; a plain field has one, whose name is empty."""
        return ("",)

    @property
    def possible(self) -> int:
        """How many values there are, without making them."""
        raise NotImplementedError

    def column_texts(self) -> list[Sequence[str]]:
        """The texts of each column, value by value."""
        raise NotImplementedError

    def weights(self) -> Sequence[int]:
        """The weight of each value."""
        raise NotImplementedError

    def rows(self) -> Iterator[Row]:
        """Each value and its weight. For a million values `column_texts` takes far less memory."""
        return zip(zip(*self.column_texts(), strict=True), self.weights(), strict=True)


class Ranked(Pooled):
    """A plain field whose values are equally likely, or the likelier the earlier they come."""

    zipf: Exponent | None = None

    def texts(self) -> Iterator[str]:
        """Each value, the likeliest first."""
        raise NotImplementedError

    def column_texts(self) -> list[Sequence[str]]:
        """The texts of the only column."""
        return [list(self.texts())]

    def weights(self) -> Sequence[int]:
        """The weight of each value."""
        return ranked(self.possible, self.zipf)


def ranked(count: int, zipf: float | None) -> list[int]:
    """The weights of so many values, by Zipf's law unless `zipf` is None."""
    return [1] * count if zipf is None else zipf_weights(count, zipf)


def checked_weights(choices: dict[str, float]) -> dict[str, float]:
    """The values and their weights, sorted by value. Raises ValueError when no value can ever come."""
    check_count(len(choices))
    if not any(choices.values()):
        raise ValueError("needs at least one value whose weight is above 0")
    return in_order(choices)


def _checked_values(values: tuple[str, ...]) -> tuple[str, ...]:
    check_count(len(values))
    if not values:
        raise ValueError("needs at least one value")
    return values


def _checked_distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    seen = set[str]()
    for position, value in enumerate(values):
        if value in seen:
            raise ValueError(f"[{position}] repeats {value!r}; to make it likelier, give it a weight")
        seen.add(value)
    return values


def _way_of_writing(choices: Any) -> str:
    return "list" if isinstance(choices, list | tuple) else "mapping"


ValueList = Annotated[tuple[Text, ...], AfterValidator(_checked_values)]
"""Values in an order that counts."""


class Choices(Pooled):
    """`choices: [root, deploy]`, with weights `choices: {root: 5, deploy: 1}`, or a list and `zipf: 1.1`."""

    choices: Annotated[
        Annotated[ValueList, AfterValidator(_checked_distinct), Tag("list")]
        | Annotated[dict[Text, Weight], AfterValidator(checked_weights), Tag("mapping")],
        Discriminator(_way_of_writing),
    ]
    zipf: Exponent | None = None

    @model_validator(mode="after")
    def _check_zipf(self) -> "Choices":
        if self.zipf is not None and isinstance(self.choices, dict):
            raise ValueError("zipf ranks a list; choices that have weights need no zipf")
        return self

    @property
    def possible(self) -> int:
        """How many values there are."""
        return len(self.choices)

    def column_texts(self) -> list[Sequence[str]]:
        """The texts of the only column."""
        return [tuple(self.choices)]

    def weights(self) -> Sequence[int]:
        """The weight of each value."""
        if isinstance(self.choices, tuple):
            return ranked(len(self.choices), self.zipf)
        return integer_weights(list(self.choices.values()))


def _checked_pattern(pattern: str) -> str:
    if len(_NUMBER.findall(pattern)) != 1 or re.search("[{}]", _NUMBER.sub("", pattern)):
        raise ValueError("needs one place for a number, written {} or, with leading zeros, like {:03d}")
    return pattern


class Pattern(Ranked):
    """`pattern: "server{:03d}"` with `range: [1, 1000]`: numbered names."""

    pattern: Annotated[Text, AfterValidator(_checked_pattern)]
    range: Range

    @property
    def possible(self) -> int:
        """How many values there are."""
        low, high = self.range
        return high - low + 1

    def texts(self) -> Iterator[str]:
        """Each value."""
        low, high = self.range
        place = _NUMBER.search(self.pattern)
        assert place is not None
        before, after, width = self.pattern[: place.start()], self.pattern[place.end() :], int(place["width"] or 0)
        return (f"{before}{number:0{width}}{after}" for number in range(low, high + 1))


class Integers(Ranked):
    """`integers: [1000, 10999]`: whole numbers, both ends included."""

    integers: Range

    @property
    def possible(self) -> int:
        """How many values there are."""
        low, high = self.integers
        return high - low + 1

    def texts(self) -> Iterator[str]:
        """Each value."""
        low, high = self.integers
        return map(str, range(low, high + 1))
