"""The base of all models of what is written in YAML, and the types that several of them are made of."""

from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainValidator, Strict, WithJsonSchema

from captures.console.units import parse_duration_ns
from captures.notation.text import checked_text

MAX_WEIGHT: Final = 10**12

_Value = TypeVar("_Value")


class Model(BaseModel):
    """The base of every part. It refuses unknown keys, and can't be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=1 << 16)


def checked_weight(value: Any) -> int | float:
    """The weight that a tree holds. Raises ValueError when it is none."""
    if type(value) not in (int, float) or not 0 <= value <= MAX_WEIGHT:
        raise ValueError(f"must be a number from 0 to {MAX_WEIGHT}")
    return value  # type: ignore[no-any-return]


def in_order(mapping: dict[str, _Value]) -> dict[str, _Value]:
    """The mapping sorted by its keys, because the order of a mapping has no meaning in YAML and is lost in a recipe."""
    return dict(sorted(mapping.items()))


def _checked_duration(text: str) -> str:
    if not parse_duration_ns(text):
        raise ValueError("must be longer than 0")
    return text


Integer = Annotated[int, Strict()]
Text = Annotated[str, Strict(), AfterValidator(checked_text)]
Duration = Annotated[Text, AfterValidator(_checked_duration)]
"""A time that is longer than 0, like `5m`."""
Weight = Annotated[
    int | float, PlainValidator(checked_weight), WithJsonSchema({"type": "number", "minimum": 0, "maximum": MAX_WEIGHT})
]
