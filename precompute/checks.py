"""What no single value of a profile shows: whether its templates hold together.

Each part of a line has its alphabet, so that no value can end the part early, and its limit (RFC 5424,
section 6; RFC 3164, section 4.1; the message's is 1,000 characters).
"""

import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import compress
from typing import Final

from captures.errors import InputError
from captures.format import STAMP_WIDTHS
from captures.tags import SD_ID
from precompute.fields import MAX_TEXTS, Pooled
from precompute.generated import Generated
from precompute.kinds import Field, Optional
from precompute.profile import Profile, Template
from precompute.syslog import Format, Line, Style, escaped
from precompute.template import Placeholder, Segment, parse_template
from precompute.variants import MAX_OPTIONALS, expanded, optional_fields, variants

MAX_FRAMES: Final = 1 << 14
"""Templates of a profile, with and without each of their optional parts."""
_MAX_EVENT_BYTES: Final = {Format.ISO3164: 2048, Format.RFC3164: 1024, Format.RFC5424: 2048}
"""RFC 3164, section 4.1; what a receiver of syslog over UDP should accept (RFC 5426, section 3.2)."""


class ProfileError(InputError):
    """What is wrong with a profile, and at which place in it."""

    def __init__(self, place: str, complaint: str) -> None:
        """`place` is a path of keys, like `groups.sshd.templates[0].tag`."""
        super().__init__(f"{place}: {complaint}" if place else complaint)
        self.others: list[ProfileError] = []
        """What else is wrong, for who mends it all at once."""

    def with_others(self, others: "list[ProfileError]") -> "ProfileError":
        """The same complaint, which knows the others."""
        self.others = others
        return self


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
    "msgid": _Part(32, "-._:/"),
    "message": _Part(1000, None),
}
_RFC3164_TAG: Final = _Part(32, "-._/@")
_ALPHANUMERIC: Final = frozenset(string.ascii_letters + string.digits)


@dataclass(frozen=True)
class _Facts:
    """What a placeholder can bring into a line."""

    shortest: int
    """Characters."""
    longest: int
    """Characters."""
    longest_bytes: int
    alphabet: frozenset[str]

    @classmethod
    def of_texts(cls, texts: Iterable[str]) -> "_Facts":
        """Of a column's texts."""
        held = list(texts)
        together, longest = "".join(held), max(map(len, held))
        longest_bytes = longest if together.isascii() else max(map(len, map(str.encode, held)))
        return cls(min(map(len, held)), longest, longest_bytes, frozenset(together))

    @classmethod
    def of_all(cls, parts: Iterable["_Facts"]) -> "_Facts":
        """Of parts that follow each other."""
        held = list(parts)
        return cls(
            sum(part.shortest for part in held),
            sum(part.longest for part in held),
            sum(part.longest_bytes for part in held),
            frozenset[str]().union(*(part.alphabet for part in held)),
        )


class _Texts:
    """What the placeholders of a profile can bring."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._fields = fields
        self._known: dict[Placeholder, _Facts] = {}
        self._columns: dict[tuple[str, bool], list[_Facts]] = {}
        """By field, and whether its texts are escaped: what each column can bring. To make them takes a while."""

    def facts(self, place: str, segments: Iterable[Segment]) -> _Facts:
        """What a template string can become. Raises ProfileError on a placeholder that stands for nothing."""
        return _Facts.of_all(
            self._placeholder(place, part) if isinstance(part, Placeholder) else _Facts.of_texts([part])
            for part in segments
        )

    def _placeholder(self, place: str, placeholder: Placeholder) -> _Facts:
        if placeholder not in self._known:
            self._known[placeholder] = self._look_up(place, placeholder)
        return self._known[placeholder]

    def _look_up(self, place: str, placeholder: Placeholder) -> _Facts:
        name, column = placeholder.field, placeholder.column
        field = self._fields.get(name)
        if field is None:
            defined = ", ".join(self._fields) or "none"
            raise ProfileError(place, f"field {name!r} is not defined; defined are {defined}")
        columns = field.column_names if isinstance(field, Pooled) else ("",)
        if column not in columns:
            named = ", ".join(f"{{{name}.{known}}}" for known in columns) if columns != ("",) else f"{{{name}}}"
            raise ProfileError(place, f"{placeholder} is no column of field {name!r}; write {named}")
        if isinstance(field, Optional):
            return self._optional(placeholder, field)
        if isinstance(field, Generated):
            return _Facts(field.length, field.length, field.length, frozenset(field.alphabet))
        return self._of_columns(name, field, escape=placeholder.escaped)[columns.index(column)]

    def _of_columns(self, name: str, field: Pooled, *, escape: bool) -> list[_Facts]:
        """What each column of a field of values can bring."""
        if (name, escape) not in self._columns:
            weights = field.weights()
            likely = (compress(texts, weights) for texts in field.column_texts())
            self._columns[name, escape] = [_Facts.of_texts(map(escaped, own) if escape else own) for own in likely]
        return self._columns[name, escape]

    def _optional(self, placeholder: Placeholder, field: Optional) -> _Facts:
        place = f"fields.{placeholder.field}.optional"
        segments = tuple(expanded((placeholder,), {placeholder.field: field.optional}))
        for part in segments:
            if isinstance(part, Placeholder) and isinstance(self._fields.get(part.field), Optional):
                raise ProfileError(place, f"{part} is optional itself; name a field of values")
        return replace(self.facts(place, segments), shortest=0)


def check_profile(profile: Profile) -> None:
    """Raise ProfileError when a template can't be rendered: the first complaint, which knows the others."""
    found = list(_complaints(profile))
    if found:
        raise found[0].with_others(found[1:])


def _complaints(profile: Profile) -> Iterator[ProfileError]:
    """All that is wrong, in the order of the profile, and each fault once."""
    try:
        _check_size(profile)
    except ProfileError as error:  # to go on would take what is too much
        yield error
        return
    texts, told = _Texts(profile.fields), set[str]()
    for checks in _checks(profile, texts):
        for check in checks:
            try:
                check()
            except ProfileError as error:
                if str(error) not in told:
                    told.add(str(error))
                    yield error
                break


def _checks(profile: Profile, texts: _Texts) -> Iterator[list[Callable[[], object]]]:
    """The checks of a profile; where one of a list fails, the later ones of that list mean nothing."""
    yield [partial(_check_source, profile)]
    for name, field in profile.fields.items():
        if isinstance(field, Optional):
            yield [partial(texts.facts, "", [Placeholder(name)])]
    for place, style, template in profile.templates():
        yield [partial(_check_style, place, style, template)]
        parts: list[Callable[[], object]] = [
            partial(_check_part, f"{place}.{part}", text, texts, _limits(part, style))
            for part in ("host", "tag", "pid", "msgid", "message")
            if (text := getattr(template, part)) is not None
        ]
        values: list[Callable[[], object]] = [
            partial(texts.facts, path, parse_template(text)) for path, text in _values(place, template)
        ]
        for check in (*parts, *values):
            yield [check]
        yield [*parts, *values, partial(_check_line, place, profile, style, template, texts)]


def _check_line(place: str, profile: Profile, style: Style, template: Template, texts: _Texts) -> None:
    """A template's line as a whole; its parts are sound."""
    line = template.line(style)
    optionals = optional_fields(line, profile.fields)
    if len(optionals) > MAX_OPTIONALS:
        raise ProfileError(place, f"has {len(optionals)} optional parts; at most {MAX_OPTIONALS} are allowed")
    _check_host(place, profile, line)
    longest = len(line.head) + STAMP_WIDTHS[style.stamp_kind] + texts.facts(place, line.tail).longest_bytes
    allowed = _MAX_EVENT_BYTES[style.format]
    if longest > allowed:
        raise ProfileError(place, f"an event can have {longest} bytes; at most {allowed} are allowed")


def _check_size(profile: Profile) -> None:
    """What is held in memory has its limit, however short the file is that asks for it."""
    texts = 0
    for name, field in profile.fields.items():
        if isinstance(field, Pooled):
            texts += field.possible * len(field.column_names)
            if texts > MAX_TEXTS:
                raise ProfileError(
                    f"fields.{name}", f"with it the fields hold more than {MAX_TEXTS} texts; make some of them smaller"
                )
    frames = sum(
        1 << min(len(optional_fields(template.line(style), profile.fields)), MAX_OPTIONALS)
        for _, style, template in profile.templates()
    )
    if frames > MAX_FRAMES:
        raise ProfileError(
            "groups",
            f"there are {frames} templates, each optional part counted twice; at most {MAX_FRAMES} are allowed",
        )


def _check_source(profile: Profile) -> None:
    """The field that says which host an event comes from is one of values."""
    if profile.source is not None and not isinstance(profile.fields.get(profile.source), Pooled):
        pooled = [name for name, field in profile.fields.items() if isinstance(field, Pooled)]
        raise ProfileError(
            "source", f"{profile.source!r} is no field of values; those are {', '.join(pooled) or 'none'}"
        )


def _check_host(place: str, profile: Profile, line: Line) -> None:
    """Each event says which host it comes from, if the profile's `source` asks for that."""
    if profile.source is None:
        return
    named = [
        any(isinstance(part, Placeholder) and part.field == profile.source for part in tail)
        for tail, _ in variants(line, profile.fields)
    ]
    if not any(named):
        raise ProfileError(place, f"does not name {profile.source!r}, the source, from which every event must come")
    if not all(named):
        raise ProfileError(
            place, f"names {profile.source!r}, the source, only in optional parts; put it where it is always there"
        )


def _check_style(place: str, style: Style, template: Template) -> None:
    """What only some formats have."""
    if style.format != Format.RFC5424:
        given = {"msgid": template.msgid is not None, "data": bool(template.data), "bom": style.bom}
        for name in (name for name, there in given.items() if there):
            raise ProfileError(f"{place}.{name}" if name != "bom" else place, f"{name} is of format rfc5424 only")
    if style.format == Format.ISO3164 and style.zone != "Z":
        raise ProfileError(place, f"format iso3164 is in UTC; leave out the zone {style.zone}")
    if style.tag_place and SD_ID in template.data:  # RFC 5424, section 6.3.2: no SD-ID twice
        raise ProfileError(f"{place}.data.{SD_ID}", "is where tags stand; take another SD-ID, or leave out tagged")


def _values(place: str, template: Template) -> Iterator[tuple[str, str]]:
    """The values of structured data, with their places."""
    for name, params in template.data.items():
        for param, text in params.items():
            yield f"{place}.data.{name}.{param}", text


def _limits(part: str, style: Style) -> _Part:
    return _RFC3164_TAG if part == "tag" and style.format == Format.RFC3164 else _PARTS[part]


def _check_part(place: str, text: str, texts: _Texts, part: _Part) -> None:
    """Whether a part of a line can only become what it may."""
    facts = texts.facts(place, parse_template(text))
    if facts.longest > part.longest:
        raise ProfileError(place, f"can have {facts.longest} characters; at most {part.longest} are allowed")
    if part.punctuation is not None:
        if not facts.shortest:
            raise ProfileError(place, "can be empty, as its optional parts can; add something that is always there")
        foreign = facts.alphabet - _ALPHANUMERIC - frozenset(part.punctuation)
        if foreign:
            allowed = f"letters, digits and {part.punctuation}"
            raise ProfileError(place, f"{min(foreign)!r} is not allowed here; allowed are {allowed}")
