"""What a profile says: the models behind its YAML.

    name: web
    fields:                      # what placeholders stand for: see `precompute.fields`
      host: {pattern: "web{:02d}", range: [1, 40]}
      user: {choices: {root: 1, deploy: 9}}
      page: {file: pages.txt}    # one value a line, in a file beside the profile
    groups:
      sshd:
        weight: 20               # against the other groups
        templates:
          - weight: 15           # against the group's other templates
            severity: info
            tag: sshd
            message: "session opened for user {user}"

A field has one value in an event; naming it twice repeats that value. Order in `fields`, `groups` and
`choices` has no meaning: all three are sorted, so that a recipe renders the same bytes as its profile.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from fractions import Fraction
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator
from pydantic import Field as Constraint

from precompute.fields import Field, Model, Text, Weight
from precompute.syslog import FACILITIES, SEVERITIES, Line, iso_line
from precompute.template import parse_template

_Value = TypeVar("_Value")

_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"


def _template_string(text: str) -> str:
    parse_template(text)
    return text


def _stamp(text: str) -> str:
    try:
        if _STAMP.fullmatch(text):
            datetime.fromisoformat(text)
            return text
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not an instant; write it like 2026-01-01T00:00:00.000Z")


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"{name!r} is none of {', '.join(names)}")
        return name

    return check


def _in_order(mapping: dict[str, _Value]) -> dict[str, _Value]:
    return dict(sorted(mapping.items()))


TemplateString = Annotated[Text, AfterValidator(_template_string)]
Name = Annotated[Text, Constraint(pattern=_NAME, max_length=64)]


class Template(Model):
    """One kind of event."""

    weight: Weight
    severity: Annotated[Text, AfterValidator(_one_of(SEVERITIES))]
    facility: Annotated[Text, AfterValidator(_one_of(FACILITIES))] = "kern"
    host: TemplateString = "{host}"
    tag: TemplateString
    pid: TemplateString | None = None
    message: TemplateString

    def line(self, stamp: str) -> Line:
        """The event's whole line."""
        return iso_line(
            facility=self.facility,
            severity=self.severity,
            stamp=stamp,
            host=self.host,
            tag=self.tag,
            pid=self.pid,
            message=self.message,
        )


def _likely(templates: tuple[Template, ...]) -> tuple[Template, ...]:
    if not any(template.weight for template in templates):
        raise ValueError("needs at least one template whose weight is above 0")
    return templates


class Group(Model):
    """Templates that share a weight, as those of one program do."""

    weight: Weight
    templates: Annotated[tuple[Template, ...], AfterValidator(_likely)]


def _likely_groups(groups: dict[str, Group]) -> dict[str, Group]:
    if not any(group.weight for group in groups.values()):
        raise ValueError("needs at least one group whose weight is above 0")
    return _in_order(groups)


class Profile(Model):
    """The traffic of one capture."""

    name: Name
    start: Annotated[Text, AfterValidator(_stamp)] = "2026-01-01T00:00:00.000Z"
    """The stamp that every rendered event carries until it is sent."""
    fields: Annotated[dict[Name, Field], AfterValidator(_in_order)] = {}  # noqa: RUF012
    groups: Annotated[dict[Name, Group], AfterValidator(_likely_groups)]

    def templates(self) -> Iterator[tuple[str, Template]]:
        """Every template with its place in the profile, in the order in which captures count them."""
        for name, group in self.groups.items():
            for position, template in enumerate(group.templates):
                yield f"groups.{name}.templates[{position}]", template

    def shares(self) -> list[Fraction]:
        """The share of each template in all events, in the order of `templates`; they sum to 1."""
        whole = sum(Fraction(group.weight) for group in self.groups.values())
        return [
            Fraction(group.weight) / whole * Fraction(template.weight) / within
            for group in self.groups.values()
            for within in (sum(Fraction(template.weight) for template in group.templates),)
            for template in group.templates
        ]
