"""What a profile says: the models behind its YAML.

    name: web
    format: rfc5424
    fields:                      # what placeholders stand for: see `precompute.fields.kinds`
      host: {pattern: "web{:02d}", range: [1, 40]}
      user: {choices: {root: 1, deploy: 9}}
      page: {file: pages.txt}    # one value a line, in a file beside the profile
    source: host                 # each train has the events of one host; if left out, trains mix hosts
    tagged: true                 # each event has room for a tag; if left out, none has
    groups:
      sshd:
        weight: 20               # against the other groups
        templates:
          - weight: 15           # against the group's other templates
            severity: info
            tag: sshd
            message: "session opened for user {user}"

A field has one value in an event; naming it twice repeats that value. A list keeps its order. The order of a mapping
(`fields`, `groups`, `choices` with weights, `data`) has no meaning: it is sorted, so that a recipe renders the same
bytes as its profile.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from captures.notation.models import Model, Text, Weight, in_order
from precompute.fields.kinds import Field, TemplateString
from precompute.profile.lines import (
    FACILITIES,
    SEVERITIES,
    Format,
    Line,
    Parts,
    Style,
    TagPlace,
    syslog_line,
    zone_minutes,
)
from precompute.timeline.model import Timeline

_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_NAME: Final = "[A-Za-z_][A-Za-z0-9_]{0,63}"
_PROFILE_NAME: Final = "[A-Za-z_][A-Za-z0-9_-]{0,63}"
_SD_NAME: Final = r"[!#-<>-\\^-~]{1,32}"
"""SD-NAME of RFC 5424, section 6."""


def _named(pattern: str, said: str) -> AfterValidator:
    """A check that a name has this pattern; `said` tells people what it is made of."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"is no name here; use {said}")
        return text

    return AfterValidator(check)


def _schema(pattern: str) -> WithJsonSchema:
    """The JSON Schema of a text that the pattern describes."""
    # A pattern that stands alone would become patternProperties of a mapping, which refuse no key.
    return WithJsonSchema({"type": "string", "allOf": [{"pattern": f"^{pattern}$"}]})


def _checked_start(text: str) -> str:
    try:
        if _STAMP.fullmatch(text) and 1970 <= datetime.fromisoformat(text).year < 2200:
            return text
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not an instant from 1970 to 2199; write it like 2026-01-01T00:00:00.000Z")


@dataclass(frozen=True)
class _OneOf:
    """Text that is one of some names, and the same said in the JSON Schema."""

    names: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"enum": list(self.names)}

    def _check(self, name: str) -> str:
        if name not in self.names:
            raise ValueError(f"{name!r} is none of {', '.join(self.names)}")
        return name


def _checked_tagged(value: object) -> object:
    if value is True or value == "front":
        return value
    if value is False or value is None:
        return None
    raise ValueError("must be true, false or front")


def _checked_zone(text: str) -> str:
    zone_minutes(text)
    return text


Name = Annotated[Text, _named(_NAME, "up to 64 letters, digits and _, and no digit first"), _schema(_NAME)]
ProfileName = Annotated[
    Text, _named(_PROFILE_NAME, "up to 64 letters, digits, _ and -, and a letter or _ first"), _schema(_PROFILE_NAME)
]
SdName = Annotated[Text, _named(_SD_NAME, 'up to 32 characters of ASCII, and no space, =, ] or "'), _schema(_SD_NAME)]
FormatName = Annotated[Text, _OneOf(tuple(map(str, Format))), AfterValidator(Format)]
Zone = Annotated[Text, AfterValidator(_checked_zone)]
Flag = Annotated[bool, Strict()]
Tagged = Annotated[
    Literal[True, "front"] | None,
    BeforeValidator(_checked_tagged),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"const": "front"}, {"type": "null"}]}),
]
"""False is kept as None, so that a recipe does not mention it."""
Severity = Annotated[Text, _OneOf(SEVERITIES)]
Facility = Annotated[Text, _OneOf(FACILITIES)]
Params = Annotated[dict[SdName, TemplateString], AfterValidator(in_order)]


class Template(Model):
    """One kind of event."""

    weight: Weight
    severity: Severity
    facility: Facility = "kern"
    host: TemplateString = "{host}"
    tag: TemplateString
    """The program's name: APP-NAME of RFC 5424, TAG of RFC 3164. It is no tag as in `Profile.tagged`."""
    pid: TemplateString | None = None
    msgid: TemplateString | None = None
    data: Annotated[dict[SdName, Params], AfterValidator(in_order)] = {}  # noqa: RUF012
    message: TemplateString

    def line(self, style: Style) -> Line:
        """The event's whole line."""
        parts = Parts(
            facility=self.facility,
            severity=self.severity,
            host=self.host,
            app_name=self.tag,
            pid=self.pid,
            msgid=self.msgid,
            data=self.data,
            message=self.message,
        )
        return syslog_line(style, parts)


def _checked_templates(templates: tuple[Template, ...]) -> tuple[Template, ...]:
    if not any(template.weight for template in templates):
        raise ValueError("needs at least one template whose weight is above 0")
    return templates


class Group(Model):
    """Templates that share a weight, as those of one program do."""

    weight: Weight
    format: FormatName | None = None
    zone: Zone | None = None
    bom: Flag | None = None
    templates: Annotated[tuple[Template, ...], AfterValidator(_checked_templates)]


def _checked_groups(groups: dict[str, Group]) -> dict[str, Group]:
    if not any(group.weight for group in groups.values()):
        raise ValueError("needs at least one group whose weight is above 0")
    return in_order(groups)


class Profile(Model):
    """The traffic of one capture."""

    name: ProfileName
    format: FormatName = Format.ISO3164
    zone: Zone = "Z"
    bom: Flag = False
    start: Annotated[Text, AfterValidator(_checked_start)] = "2026-01-01T00:00:00.000Z"
    """The capture's first instant. Without a time axis it is the stamp that every event has until it is sent."""
    timeline: Timeline | None = None
    source: Name | None = None
    """The field that says which host an event comes from: all events of a train then have one value of it."""
    tagged: Tagged = None
    """Whether each event has room for a tag, and whether that is at the front of its message."""
    fields: Annotated[dict[Name, Field], AfterValidator(in_order)] = {}  # noqa: RUF012
    groups: Annotated[dict[Name, Group], AfterValidator(_checked_groups)]

    @property
    def start_ns(self) -> int:
        """Nanoseconds of `start` since 1970."""
        instant = datetime.fromisoformat(self.start)
        return int(instant.replace(microsecond=0).timestamp()) * 10**9 + instant.microsecond * 1000

    def style(self, group: Group) -> Style:
        """How the lines of a group are written: as it says, or as the profile does."""
        return Style(
            Format(self.format if group.format is None else group.format),
            self.zone if group.zone is None else group.zone,
            self.bom if group.bom is None else group.bom,
            self.tag_place,
        )

    @property
    def tag_place(self) -> TagPlace | None:
        """Where the tag of each event stands; None where events have no tags."""
        if self.tagged is None:
            return None
        return TagPlace.END if self.tagged is True else TagPlace.FRONT

    def with_tags(self, place: TagPlace = TagPlace.END) -> "Profile":
        """The same profile with room for a tag in each event; `precompute.profile.checks` says whether the tags fit."""
        return self.model_copy(update={"tagged": place == TagPlace.END or "front"})

    def templates(self) -> Iterator[tuple[str, Style, Template]]:
        """Every template with its place in the profile and its style, in the order in which captures count them."""
        for name, group in self.groups.items():
            for position, template in enumerate(group.templates):
                yield f"groups.{name}.templates[{position}]", self.style(group), template

    def shares(self) -> list[Fraction]:
        """The share of each template in all events, in the order of `templates`; they sum to 1."""
        whole = sum(Fraction(group.weight) for group in self.groups.values())
        return [
            Fraction(group.weight) / whole * Fraction(template.weight) / within
            for group in self.groups.values()
            for within in (sum(Fraction(template.weight) for template in group.templates),)
            for template in group.templates
        ]
