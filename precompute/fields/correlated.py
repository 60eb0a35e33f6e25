"""Correlated fields: one draw fills several columns, as a host keeps its address."""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Tag
from pydantic import Field as Constraint

from captures.notation.models import Model, Text, Weight, in_order
from precompute.draws.shares import integer_weights
from precompute.fields.addresses import Mac, Network
from precompute.fields.plain import Choices, Exponent, Integers, Pattern, Pooled, ValueList, check_count, ranked
from precompute.notation.template import parse_template

PLAIN_KINDS: Final[dict[str, type[Pooled]]] = {
    "choices": Choices,
    "pattern": Pattern,
    "integers": Integers,
    "network": Network,
    "mac": Mac,
}
"""Fields with one text for each value."""


def kind_of(kinds: Mapping[str, type[Model]], field: Any) -> str | None:
    """Which of `kinds` a field's tree or model is."""
    for kind, model in kinds.items():
        if isinstance(field, model) or (isinstance(field, dict) and kind in field):
            return kind
    return None


class ListColumn(Pooled):
    """`choices: [ams, ams, fra]`: the texts of a column, row by row; a text may come again."""

    choices: ValueList

    @property
    def possible(self) -> int:
        """How many texts there are."""
        return len(self.choices)

    def column_texts(self) -> list[Sequence[str]]:
        """The texts of this column."""
        return [self.choices]


COLUMN_KINDS: Final[dict[str, type[Pooled]]] = PLAIN_KINDS | {"choices": ListColumn}
"""What a column may be: values in an order."""


def _column_kind(field: Any) -> str | None:
    return kind_of(COLUMN_KINDS, field)


def _checked_column(field: Any) -> Any:
    """The tree of a column; raises ValueError for a key that has a meaning in a field and none in a column."""
    if not isinstance(field, dict):
        return field
    if field.get("zipf") is not None:
        raise ValueError("zipf has no meaning in one column; write it beside columns, where it ranks the rows")
    for kind in ("choices", "network"):
        if isinstance(field.get(kind), dict) and (kind == "choices" or len(field[kind]) > 1):
            raise ValueError(
                f"{kind} with weights have no order, and a column needs one; write a list, "
                "or rows: [{name: a, weight: 9}, ...], where weights belong to rows"
            )
    return field


ColumnField = Annotated[
    Annotated[ListColumn, Tag("choices")]
    | Annotated[Pattern, Tag("pattern")]
    | Annotated[Integers, Tag("integers")]
    | Annotated[Network, Tag("network")]
    | Annotated[Mac, Tag("mac")],
    Discriminator(_column_kind),
    BeforeValidator(_checked_column),
]


def _checked_column_name(name: str) -> str:
    try:
        (placeholder,) = parse_template(f"{{field.{name}}}")
    except ValueError:
        placeholder = ""
    if not placeholder:
        raise ValueError(f"{name!r} is no name of a column; use letters, digits and _")
    return name


ColumnName = Annotated[Text, AfterValidator(_checked_column_name)]


def _checked_columns(columns: dict[str, ColumnField]) -> dict[str, ColumnField]:
    if not columns:
        raise ValueError("needs at least one column")
    return in_order(columns)


class Columns(Pooled):
    """`columns: {name: {...}, address: {...}}`: row i has the i-th value of each column.

    There are as many rows as the longest column has values; shorter ones start over. Rows are equally likely, or by
    `zipf` the likelier the earlier they come.
    """

    columns: Annotated[dict[ColumnName, ColumnField], AfterValidator(_checked_columns)]
    zipf: Exponent | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that a placeholder may name."""
        return tuple(self.columns)

    @property
    def possible(self) -> int:
        """How many rows there are."""
        return max(field.possible for field in self.columns.values())

    def column_texts(self) -> list[Sequence[str]]:
        """The texts of each column, row by row."""
        columns = (texts for field in self.columns.values() for texts in field.column_texts())
        return [list(islice(cycle(texts), self.possible)) for texts in columns]

    def weights(self) -> Sequence[int]:
        """The weight of each row."""
        return ranked(self.possible, self.zipf)


class Record(Model):
    """One row: a text for each column, and how likely it is against the others."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Text]

    weight: Weight = 1

    @property
    def columns(self) -> dict[str, str]:
        """The texts by column, in the order of the columns' names."""
        return in_order(self.__pydantic_extra__)


def _checked_records(records: tuple[Record, ...]) -> tuple[Record, ...]:
    check_count(len(records))
    if not any(record.weight for record in records):
        raise ValueError("needs at least one row whose weight is above 0")
    columns = records[0].columns
    if not columns:
        raise ValueError("[0] needs at least one column besides its weight")
    for name in columns:
        _checked_column_name(name)
    for position, record in enumerate(records):
        if record.columns.keys() != columns.keys():
            raise ValueError(f"[{position}] must have the columns of [0]: {', '.join(columns)}")
    return records


class Records(Pooled):
    """`rows: [{id: "1001", name: Port scan, weight: 20}, ...]`: the rows as they stand."""

    rows_: Annotated[tuple[Record, ...], AfterValidator(_checked_records)] = Constraint(alias="rows")

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that a placeholder may name."""
        return tuple(self.rows_[0].columns)

    @property
    def possible(self) -> int:
        """How many rows there are."""
        return len(self.rows_)

    def column_texts(self) -> list[Sequence[str]]:
        """The texts of each column, row by row."""
        return list(zip(*(record.columns.values() for record in self.rows_), strict=True))

    def weights(self) -> Sequence[int]:
        """The weight of each row."""
        return integer_weights([record.weight for record in self.rows_])
