"""The kinds of field: each says what values a placeholder can take, and how often each.

A kind is one model whose first key names it; `Field` is their union. To add a kind, write its model with a
`values` method and add it to `KINDS`.
"""

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    PlainValidator,
    Strict,
    Tag,
)

from precompute.sampling import integer_weights
from precompute.text import printable

MAX_VALUES: Final = 1 << 20
"""Of one field: more would outgrow a processor's cache, and rendering would crawl."""
MAX_WEIGHT: Final = 10**12

_NUMBER: Final = re.compile(r"\{(?::0(?P<width>[1-9]|1[0-9])d)?\}")


class Model(BaseModel):
    """A part of a profile: no unknown keys, no changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=1 << 16)


def _weight(value: Any) -> int | float:
    if type(value) not in (int, float) or not 0 <= value <= MAX_WEIGHT:
        raise ValueError(f"must be a number from 0 to {MAX_WEIGHT}")
    return value  # type: ignore[no-any-return]


Integer = Annotated[int, Strict()]
Text = Annotated[str, Strict(), AfterValidator(printable)]
Weight = Annotated[int | float, PlainValidator(_weight)]


def _ascending(bounds: tuple[int, int]) -> tuple[int, int]:
    low, high = bounds
    if not 0 <= low <= high < 1 << 63:
        raise ValueError(f"[{low}, {high}] is not a range; write the smallest number first, none below 0")
    if high - low >= MAX_VALUES:
        raise ValueError(f"holds {high - low + 1} values; a field may have {MAX_VALUES}")
    return bounds


Range = Annotated[tuple[Integer, Integer], AfterValidator(_ascending)]


def _weighted(choices: Any) -> Any:
    """A list of values as a mapping to equal weights; anything else as it is, for pydantic to judge."""
    if not isinstance(choices, list):
        return choices
    weights: dict[str, int] = {}
    for position, value in enumerate(choices):
        if not isinstance(value, str):
            raise ValueError(f"[{position}] must be text; put quotes around it")  # noqa: TRY004 - pydantic's way
        if value in weights:
            raise ValueError(f"[{position}] repeats {value!r}; to make it likelier, give it a weight")
        weights[value] = 1
    return weights


def _likely(choices: dict[str, float]) -> dict[str, float]:
    """Sorted, because a mapping's order has no meaning in YAML and is lost in a recipe."""
    if len(choices) > MAX_VALUES:
        raise ValueError(f"holds {len(choices)} values; a field may have {MAX_VALUES}")
    if not any(choices.values()):
        raise ValueError("needs at least one value whose weight is above 0")
    return dict(sorted(choices.items()))


class Choices(Model):
    """`choices: [root, deploy]`, or with weights `choices: {root: 5, deploy: 1}`."""

    choices: Annotated[dict[Text, Weight], BeforeValidator(_weighted), AfterValidator(_likely)]

    def values(self) -> Iterator[tuple[str, int]]:
        """Each value and its weight."""
        return zip(self.choices, integer_weights(list(self.choices.values())), strict=True)


def _numbered(pattern: str) -> str:
    if len(_NUMBER.findall(pattern)) != 1 or re.search("[{}]", _NUMBER.sub("", pattern)):
        raise ValueError("needs one place for a number, written {} or, with leading zeros, like {:03d}")
    return pattern


class Pattern(Model):
    """`pattern: "server{:03d}"` with `range: [1, 1000]`: numbered names."""

    pattern: Annotated[Text, AfterValidator(_numbered)]
    range: Range

    def values(self) -> Iterator[tuple[str, int]]:
        """Each value and its weight, 1."""
        low, high = self.range
        place = _NUMBER.search(self.pattern)
        assert place is not None
        before, after, width = self.pattern[: place.start()], self.pattern[place.end() :], int(place["width"] or 0)
        return ((f"{before}{number:0{width}}{after}", 1) for number in range(low, high + 1))


class Integers(Model):
    """`integers: [1000, 10999]`: whole numbers, both ends included."""

    integers: Range

    def values(self) -> Iterator[tuple[str, int]]:
        """Each value and its weight, 1."""
        low, high = self.integers
        return ((str(number), 1) for number in range(low, high + 1))


def _network(text: str) -> str:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{error}; write it like 10.20.0.0/16") from None
    if network.num_addresses > MAX_VALUES:
        raise ValueError(f"{text} has {network.num_addresses} addresses; a field may have {MAX_VALUES} (a /12)")
    return str(network)


class Network(Model):
    """`network: 10.20.0.0/16`: the IPv4 addresses of its hosts."""

    network: Annotated[Text, AfterValidator(_network)]

    def values(self) -> Iterator[tuple[str, int]]:
        """Each value and its weight, 1."""
        return ((str(address), 1) for address in ipaddress.IPv4Network(self.network).hosts())


KINDS: Final[dict[str, type[Model]]] = {
    "choices": Choices,
    "pattern": Pattern,
    "integers": Integers,
    "network": Network,
}


def _kind(field: Any) -> str | None:
    keys = field if isinstance(field, dict) else getattr(field, "model_fields_set", ())
    return next((kind for kind in KINDS if kind in keys), None)


Field = Annotated[
    Annotated[Choices, Tag("choices")]
    | Annotated[Pattern, Tag("pattern")]
    | Annotated[Integers, Tag("integers")]
    | Annotated[Network, Tag("network")],
    Discriminator(_kind),
]
