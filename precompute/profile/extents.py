"""How long the text of a template string can become in an event, and which characters it can have."""

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import compress
from typing import Final

from precompute.fields.generated import Generated
from precompute.fields.kinds import Field, Optional
from precompute.fields.plain import Pooled
from precompute.notation.findings import Findings
from precompute.notation.template import Placeholder, Segment, parse_template
from precompute.profile.lines import escaped
from precompute.profile.variants import expanded

ALPHANUMERIC: Final = frozenset(string.ascii_letters + string.digits)


@dataclass(frozen=True)
class Extent:
    """The lengths and the characters that a text can have."""

    shortest: int
    """How many characters the shortest text has."""
    longest: int
    """How many characters the longest text has."""
    longest_bytes: int
    """How many bytes of UTF-8 a text has at most."""
    alphabet: frozenset[str]
    """The characters that stand in a text."""
    unknown: frozenset[str] = frozenset()
    """Placeholders that are left out of all this, because nobody knows what they stand for."""

    @classmethod
    def of_texts(cls, texts: Iterable[str]) -> "Extent":
        """The extent of something that is one of these texts."""
        held = list(texts)
        together, longest = "".join(held), max(map(len, held))
        longest_bytes = longest if together.isascii() else max(map(len, map(str.encode, held)))
        return cls(min(map(len, held)), longest, longest_bytes, frozenset(together))

    @classmethod
    def of_all(cls, parts: Iterable["Extent"]) -> "Extent":
        """The extent of parts that follow each other."""
        held = list(parts)
        return cls(
            sum(part.shortest for part in held),
            sum(part.longest for part in held),
            sum(part.longest_bytes for part in held),
            frozenset[str]().union(*(part.alphabet for part in held)),
            frozenset[str]().union(*(part.unknown for part in held)),
        )


class Extents:
    """Knows what each placeholder of a profile can become."""

    def __init__(self, fields: Mapping[str, Field], found: Findings) -> None:
        """`fields` are the sound ones; the places of the others are among `found.unsound`."""
        self._fields = fields
        self._found = found
        self._known: dict[Placeholder, Extent] = {}
        self._columns: dict[tuple[str, bool], list[Extent]] = {}
        """The extents of a field's columns, by its name and by whether they are escaped. To find them takes a while."""

    def of(self, segments: Iterable[Segment]) -> Extent:
        """The extent of a template string."""
        return Extent.of_all(
            self._placeholder(part) if isinstance(part, Placeholder) else Extent.of_texts([part]) for part in segments
        )

    def check_references(self, place: str, segments: Iterable[Segment]) -> None:
        """Complain of each placeholder in a template string that stands for nothing."""
        for part in segments:
            if isinstance(part, Placeholder):
                self._check_reference(place, part)

    def check_optional(self, name: str, field: Optional) -> None:
        """Complain of what can't stand in an optional part."""
        place = f"fields.{name}.optional"
        segments = parse_template(field.optional)
        self.check_references(place, segments)
        for part in segments:
            if isinstance(part, Placeholder) and isinstance(self._fields.get(part.field), Optional):
                self._found.complain(place, f"{part} is optional itself; name a field of values")

    def _check_reference(self, place: str, placeholder: Placeholder) -> None:
        name, column = placeholder.field, placeholder.column
        field = self._fields.get(name)
        if field is not None:
            columns = _columns(field)
            if column not in columns:
                named = ", ".join(f"{{{name}.{known}}}" for known in columns) if columns != ("",) else f"{{{name}}}"
                self._found.complain(place, f"{placeholder} is no column of field {name!r}; write {named}")
        elif f"fields.{name}" in self._found.unsound:
            if column:
                self._found.skip(place, f"whether field {name!r}, which is unsound, has the column {column!r}")
        elif unsound := self._found.unsound & {"include", "fields"}:
            self._found.skip(place, f"whether field {name!r} is defined, since {min(unsound)} is unsound")
        else:
            defined = ", ".join(self._fields) or "none"
            self._found.complain(place, f"field {name!r} is not defined; defined are {defined}")

    def _placeholder(self, placeholder: Placeholder) -> Extent:
        if placeholder not in self._known:
            self._known[placeholder] = self._look_up(placeholder)
        return self._known[placeholder]

    def _look_up(self, placeholder: Placeholder) -> Extent:
        name, column = placeholder.field, placeholder.column
        field = self._fields.get(name)
        if field is None or column not in _columns(field):
            return Extent(0, 0, 0, frozenset(), frozenset([str(placeholder)]))
        if isinstance(field, Optional):
            segments = tuple(expanded((placeholder,), {name: field.optional}))
            nested = [part for part in segments if self._is_optional(part)]
            known = self.of(part for part in segments if part not in nested)
            return replace(known, shortest=0, unknown=known.unknown.union(map(str, nested)))
        if isinstance(field, Generated):
            return Extent(field.length, field.length, field.length, frozenset(field.alphabet))
        return self._of_columns(name, field, escape=placeholder.escaped)[_columns(field).index(column)]

    def _is_optional(self, part: Segment) -> bool:
        return isinstance(part, Placeholder) and isinstance(self._fields.get(part.field), Optional)

    def _of_columns(self, name: str, field: Pooled, *, escape: bool) -> list[Extent]:
        """The extent of each column of a field of values."""
        if (name, escape) not in self._columns:
            weights = field.weights()
            likely = (compress(texts, weights) for texts in field.column_texts())
            self._columns[name, escape] = [Extent.of_texts(map(escaped, own) if escape else own) for own in likely]
        return self._columns[name, escape]


def _columns(field: Field) -> tuple[str, ...]:
    """The columns that a placeholder may name; a field without columns has one without a name."""
    return field.column_names if isinstance(field, Pooled) else ("",)
