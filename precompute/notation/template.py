"""Template strings: text with `{field}` and `{field.column}` placeholders, where `{{` and `}}` are braces."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"(?P<brace>\{\{|\}\})"
    r"|\{(?P<field>[A-Za-z_][A-Za-z0-9_]*)(?:\.(?P<column>[A-Za-z_][A-Za-z0-9_]*))?\}"
    r"|(?P<stray>[{}])"
)


@dataclass(frozen=True)
class Placeholder:
    """Where a field's value goes."""

    field: str
    column: str = ""
    """The name of the column; empty for a field without columns."""
    escaped: bool = False
    """Whether the value stands in structured data, with escapes."""

    def __str__(self) -> str:
        """As it is written in a template string."""
        return f"{{{self.field}{'.' * bool(self.column)}{self.column}}}"


Segment = str | Placeholder


def parse_template(text: str) -> tuple[Segment, ...]:
    """The literals and placeholders of `text`, in order; literals are not empty.

    Values are put in as they are and never parsed again. Raises ValueError on a brace that stands alone.
    """
    segments: list[Segment] = []
    literal, end = "", 0
    for match in _TOKEN.finditer(text):
        literal, end = literal + text[end : match.start()], match.end()
        if match["stray"]:
            raise ValueError(
                f"the {match['stray']!r} at character {match.start() + 1} belongs to no {{field}}; "
                f"write {match['stray'] * 2} for a brace"
            )
        if match["brace"]:
            literal += match["brace"][0]
            continue
        if literal:
            segments.append(literal)
        segments.append(Placeholder(match["field"], match["column"] or ""))
        literal = ""
    literal += text[end:]
    return (*segments, literal) if literal else tuple(segments)


def rename_fields(text: str, rename: Callable[[str], str]) -> str:
    """`text` with each placeholder's field renamed."""
    return _TOKEN.sub(
        lambda match: str(Placeholder(rename(match["field"]), match["column"] or "")) if match["field"] else match[0],
        text,
    )
