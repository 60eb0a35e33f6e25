"""A template's variants: with each of its optional parts, and without it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Final

from precompute.fields.kinds import Field, Optional
from precompute.notation.template import Placeholder, Segment, parse_template
from precompute.profile.lines import Line, escaped

MAX_OPTIONALS: Final = 4
"""A template has so many optional parts at most: each doubles its variants, and each variant needs its own layouts."""


def optional_fields(line: Line, fields: Mapping[str, Field]) -> list[str]:
    """The optional parts that a line names, each once."""
    named = [segment.field for segment in line.tail if isinstance(segment, Placeholder)]
    return [name for name in dict.fromkeys(named) if isinstance(fields.get(name), Optional)]


def variants(line: Line, fields: Mapping[str, Field]) -> Iterator[tuple[tuple[Segment, ...], Fraction]]:
    """What stands behind the stamp in each variant of a line, and the variant's share of the line's events."""
    optionals = {name: field for name in optional_fields(line, fields) if isinstance(field := fields[name], Optional)}
    for present in product((False, True), repeat=len(optionals)):
        share = Fraction(1)
        texts: dict[str, str] = {}
        for (name, field), there in zip(optionals.items(), present, strict=True):
            share *= Fraction(field.share) if there else 1 - Fraction(field.share)
            texts[name] = field.optional if there else ""
        yield tuple(expanded(line.tail, texts)), share


def expanded(segments: tuple[Segment, ...], texts: Mapping[str, str]) -> Iterator[Segment]:
    """The segments with every optional part replaced by its text."""
    for segment in segments:
        if isinstance(segment, str) or segment.field not in texts:
            yield segment
            continue
        for part in parse_template(texts[segment.field]):
            if isinstance(part, Placeholder):
                yield replace(part, escaped=segment.escaped)
            else:
                yield escaped(part) if segment.escaped else part
