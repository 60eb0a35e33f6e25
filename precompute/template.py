"""Template strings: text with `{field}` placeholders, where `{{` and `}}` are braces."""

import re
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<field>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<stray>[{}])")


@dataclass(frozen=True)
class Placeholder:
    """Where a field's value goes."""

    field: str


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
        segments.append(Placeholder(match["field"]))
        literal = ""
    literal += text[end:]
    return (*segments, literal) if literal else tuple(segments)
