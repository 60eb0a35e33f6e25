"""What no single value of a profile shows: whether its templates hold together.

Each part of a line has its alphabet, so that no value can end the part early, and its limit (RFC 5424,
section 6; the message's is 1,000 characters).
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from captures.errors import InputError
from precompute.fields import Field
from precompute.profile import Profile, Template
from precompute.syslog import MAX_EVENT_BYTES
from precompute.template import Placeholder, parse_template


class ProfileError(InputError):
    """What is wrong with a profile, and at which place in it."""

    def __init__(self, place: str, complaint: str) -> None:
        """`place` is a path of keys, like `groups.sshd.templates[0].tag`."""
        super().__init__(f"{place}: {complaint}" if place else complaint)


@dataclass(frozen=True)
class _Part:
    """What a part of a line may be made of."""

    longest: int
    """Characters."""
    punctuation: str | None
    """Allowed besides letters and digits; None: whatever is printable is allowed."""


_PARTS: Final = {
    "host": _Part(255, "-._:"),
    "tag": _Part(48, "-._/@"),
    "pid": _Part(128, "-._"),
    "message": _Part(1000, None),
}
_ALPHANUMERIC: Final = frozenset(string.ascii_letters + string.digits)


@dataclass(frozen=True)
class _Facts:
    """What a placeholder can bring into a line."""

    longest: int
    """Characters."""
    longest_bytes: int
    alphabet: frozenset[str]

    @classmethod
    def of_field(cls, field: Field) -> "_Facts":
        values = [value for value, weight in field.values() if weight]
        return cls(
            longest=max(map(len, values)),
            longest_bytes=max(len(value.encode()) for value in values),
            alphabet=frozenset().union(*values),
        )

    @classmethod
    def of_literal(cls, text: str) -> "_Facts":
        return cls(len(text), len(text.encode()), frozenset(text))


def check_profile(profile: Profile) -> None:
    """Raise ProfileError at the first template that can't be rendered."""
    facts = {name: _Facts.of_field(field) for name, field in profile.fields.items()}
    for place, template in profile.templates():
        _check_parts(place, template, facts)
        longest_bytes = sum(piece.longest_bytes for piece in _pieces(place, template.line(profile.start).text, facts))
        if longest_bytes > MAX_EVENT_BYTES:
            raise ProfileError(place, f"an event can have {longest_bytes} bytes; at most {MAX_EVENT_BYTES} are allowed")


def _check_parts(place: str, template: Template, facts: Mapping[str, _Facts]) -> None:
    parts = {"host": template.host, "tag": template.tag, "pid": template.pid, "message": template.message}
    for name, text in parts.items():
        if text is not None:
            _check_part(f"{place}.{name}", _pieces(f"{place}.{name}", text, facts), _PARTS[name])


def _pieces(place: str, text: str, facts: Mapping[str, _Facts]) -> list[_Facts]:
    pieces = []
    for segment in parse_template(text):
        if not isinstance(segment, Placeholder):
            pieces.append(_Facts.of_literal(segment))
        elif segment.field in facts:
            pieces.append(facts[segment.field])
        else:
            defined = ", ".join(facts) or "none"
            raise ProfileError(place, f"field {segment.field!r} is not defined; defined are {defined}")
    return pieces


def _check_part(place: str, pieces: list[_Facts], part: _Part) -> None:
    longest = sum(piece.longest for piece in pieces)
    if longest > part.longest:
        raise ProfileError(place, f"can have {longest} characters; at most {part.longest} are allowed")
    if part.punctuation is not None:
        found = frozenset[str]().union(*(piece.alphabet for piece in pieces))
        foreign = found - _ALPHANUMERIC - frozenset(part.punctuation)
        if foreign:
            allowed = f"letters, digits and {part.punctuation}"
            raise ProfileError(place, f"{min(foreign)!r} is not allowed here; allowed are {allowed}")
