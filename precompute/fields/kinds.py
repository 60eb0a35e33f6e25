"""All kinds of field, as one union. To add a kind, write its model and add it here."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, Discriminator, PlainValidator, Tag, WithJsonSchema

from captures.notation.models import Model, Text
from precompute.fields.addresses import Mac, Network
from precompute.fields.correlated import PLAIN_KINDS, Columns, Records, kind_of
from precompute.fields.generated import Counter, Hex, Uuid
from precompute.fields.plain import Choices, Integers, Pattern
from precompute.notation.template import parse_template


def checked_template_string(text: str) -> str:
    """`text` as it is; raises ValueError when its braces don't match."""
    parse_template(text)
    return text


TemplateString = Annotated[Text, AfterValidator(checked_template_string)]


def _checked_share(value: Any) -> float:
    if type(value) not in (int, float) or not 0 < value < 1:
        raise ValueError("must be a number between 0 and 1; write it like 0.3")
    return value  # type: ignore[no-any-return]


Share = Annotated[
    float,
    PlainValidator(_checked_share),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
]


class Optional(Model):
    """`optional: " user={user}"` with `share: 0.3`: three of ten events have this text, the others nothing."""

    optional: TemplateString
    share: Share


KINDS: Final[dict[str, type[Model]]] = {
    **PLAIN_KINDS,
    "columns": Columns,
    "rows": Records,
    "hex": Hex,
    "uuid": Uuid,
    "counter": Counter,
    "optional": Optional,
}


def _kind(field: Any) -> str | None:
    return kind_of(KINDS, field)


Field = Annotated[
    Annotated[Choices, Tag("choices")]
    | Annotated[Pattern, Tag("pattern")]
    | Annotated[Integers, Tag("integers")]
    | Annotated[Network, Tag("network")]
    | Annotated[Mac, Tag("mac")]
    | Annotated[Columns, Tag("columns")]
    | Annotated[Records, Tag("rows")]
    | Annotated[Hex, Tag("hex")]
    | Annotated[Uuid, Tag("uuid")]
    | Annotated[Counter, Tag("counter")]
    | Annotated[Optional, Tag("optional")],
    Discriminator(_kind),
]
