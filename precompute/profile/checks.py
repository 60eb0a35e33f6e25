"""What no single value of a profile shows: whether its templates hold together.

Each part of a line keeps to its alphabet, so that no value can end the part early, and to its greatest length
(`precompute.profile.line_limits`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from captures.format.layout import STAMP_WIDTHS
from captures.format.tags import SD_ID
from precompute.fields.kinds import Field, Optional
from precompute.fields.plain import MAX_TEXTS, Pooled
from precompute.notation.findings import Findings
from precompute.notation.template import Placeholder, Segment, parse_template
from precompute.profile.extents import ALPHANUMERIC, Extents
from precompute.profile.line_limits import MAX_EVENT_BYTES, MAX_FRAMES, PARTS, RFC3164_TAG, Part
from precompute.profile.lines import Format, Line, Style
from precompute.profile.model import Profile, Template
from precompute.profile.variants import MAX_OPTIONALS, expanded, optional_fields

_STYLE: Final = ("format", "zone", "bom")
_LINE: Final = (*PARTS, "data", "severity", "facility")
"""The keys of a template that its line is made of."""


def check_profile(profile: Profile) -> None:
    """Raise ProfileError, which has all complaints, when a template can't be rendered."""
    found = Findings()
    look_into(profile, found)
    found.end()


def look_into(profile: Profile, found: Findings) -> None:
    """Collect all that is wrong, in the order of the profile. What is unsound in itself is among `found.unsound`."""
    fields = _held(profile, found)
    extents = Extents(fields, found)
    _check_frames(profile, fields, found)
    _check_source(profile, fields, found)
    for name, field in fields.items():
        if isinstance(field, Optional):
            extents.check_optional(name, field)
    for place, style, template in profile.templates():
        if place not in found.unsound:
            _Checked(place, style, template, profile, fields, extents, found).check()


def _held(profile: Profile, found: Findings) -> dict[str, Field]:
    """The fields that memory has room for, however short the file is that asks for them."""
    held: dict[str, Field] = {}
    texts = 0
    for name, field in profile.fields.items():
        more = field.possible * len(field.column_names) if isinstance(field, Pooled) else 0
        if texts + more > MAX_TEXTS:
            complaint = f"with it the fields hold more than {MAX_TEXTS} texts; make some of them smaller"
            found.complain(f"fields.{name}", complaint)
            found.unsound.add(f"fields.{name}")
            continue
        texts += more
        held[name] = field
    lost = any(place == "include" or place.startswith("fields") for place in found.unsound)
    if lost and len(held) == len(profile.fields):
        found.skip("fields", f"whether they all hold at most {MAX_TEXTS} texts together, since some are unsound")
    return held


def _check_frames(profile: Profile, fields: dict[str, Field], found: Findings) -> None:
    """Complain of too many templates and variants of them, since each takes memory in a build."""
    frames = sum(
        1 << min(len(optional_fields(template.line(style), fields)), MAX_OPTIONALS)
        for _, style, template in profile.templates()
    )
    if frames > MAX_FRAMES:
        complaint = f"there are {frames} templates, each optional part counted twice; at most {MAX_FRAMES} are allowed"
        found.complain("groups", complaint)


def _check_source(profile: Profile, fields: dict[str, Field], found: Findings) -> None:
    """Complain if the field that says which host an event comes from is not a field of values."""
    source = profile.source
    if "source" in found.unsound:
        found.skip("groups", "whether each template names the source, which is unsound")
    if source is None or isinstance(fields.get(source), Pooled):
        return
    if f"fields.{source}" in found.unsound:
        found.skip("source", f"whether {source!r}, which is unsound, is a field of values")
        return
    found.skip("groups", "whether each template names the source, which is unsound")
    found.unsound.add("source")
    if source not in fields and {"include", "fields"} & found.unsound:
        found.skip("source", f"whether {source!r} is a field of values, since not all fields are known")
        return
    pooled = [name for name, field in fields.items() if isinstance(field, Pooled)]
    found.complain("source", f"{source!r} is no field of values; those are {', '.join(pooled) or 'none'}")


@dataclass(frozen=True)
class _Checked:
    """Checks one template, with all that it is judged by."""

    place: str
    style: Style
    template: Template
    profile: Profile
    fields: dict[str, Field]
    extents: Extents
    found: Findings

    def check(self) -> None:
        """Complain of what is wrong with its parts, and with the line that they make."""
        styled = self._has_style()
        if styled:
            self._check_style()
        for name, limits in PARTS.items():
            text = getattr(self.template, name)
            if text is not None and f"{self.place}.{name}" not in self.found.unsound:
                if name == "tag" and (self.style.format == Format.RFC3164 and styled):
                    limits = RFC3164_TAG  # noqa: PLW2901 - the limits of this one format
                self._check_part(f"{self.place}.{name}", text, limits)
        for place, text in _values(self.place, self.template):
            self.extents.check_references(place, parse_template(text))
        self._check_line(styled=styled)

    def _has_style(self) -> bool:
        """Whether the style of its group is known; if not, note what can't be checked."""
        group = self.place.partition(".templates[")[0]
        own = self.profile.groups[group.removeprefix("groups.")]
        unsound = ["tagged"] if "tagged" in self.found.unsound else []
        for key in _STYLE:
            unsound += {f"{group}.{key}"} & self.found.unsound
            if getattr(own, key) is None:
                unsound += {key} & self.found.unsound
        if unsound:
            key = unsound[0].removeprefix(f"{group}.")
            self.found.skip(group, f"the length of its lines, and what its format allows, since {key} is unsound")
        return not unsound

    def _check_style(self) -> None:
        """Complain of what its format does not allow."""
        style, template, place = self.style, self.template, self.place
        if style.format != Format.RFC5424:
            given = {"msgid": template.msgid is not None, "data": bool(template.data), "bom": style.bom}
            for name in (name for name, there in given.items() if there):
                self.found.complain(f"{place}.{name}" if name != "bom" else place, f"{name} is of format rfc5424 only")
        if style.format == Format.ISO3164 and style.zone != "Z":
            self.found.complain(place, f"format iso3164 is in UTC; leave out the zone {style.zone}")
        if style.tag_place and SD_ID in template.data:  # RFC 5424, section 6.3.2, allows no SD-ID twice
            complaint = "is where tags stand; take another SD-ID, or leave out tagged"
            self.found.complain(f"{place}.data.{SD_ID}", complaint)

    def _check_part(self, place: str, text: str, part: Part) -> None:
        """Complain if a part of a line can become something that it may not be."""
        segments = parse_template(text)
        self.extents.check_references(place, segments)
        extent = self.extents.of(segments)
        if extent.longest > part.longest:
            self.found.complain(place, f"can have {extent.longest} characters; at most {part.longest} are allowed")
        if part.punctuation is not None:
            if not extent.shortest and not extent.unknown:
                self.found.complain(
                    place, "can be empty, as its optional parts can; add something that is always there"
                )
            foreign = extent.alphabet - ALPHANUMERIC - frozenset(part.punctuation)
            if foreign:
                allowed = f"letters, digits and {part.punctuation}"
                self.found.complain(place, f"{min(foreign)!r} is not allowed here; allowed are {allowed}")
        if extent.unknown:
            self.found.skip(
                place, f"the length and the characters that {', '.join(sorted(extent.unknown))} can give it"
            )

    def _check_line(self, *, styled: bool) -> None:
        """Complain if the whole line can become too long, or does not say where it comes from."""
        line = self.template.line(self.style)
        lost = [name for name in _LINE if f"{self.place}.{name}" in self.found.unsound]
        optionals = optional_fields(line, self.fields)
        if len(optionals) > MAX_OPTIONALS:
            complaint = f"has {len(optionals)} optional parts; at most {MAX_OPTIONALS} are allowed"
            self.found.complain(self.place, complaint)
        extent = self.extents.of(line.tail)
        self._check_host(line, whole=not lost and not extent.unknown)
        if not styled:
            return
        # What is lost or unknown is counted as short as it can be, so a line that is too long here is too long anyway.
        longest = len(line.head) + STAMP_WIDTHS[self.style.stamp_kind] + extent.longest_bytes
        allowed = MAX_EVENT_BYTES[self.style.format]
        if longest > allowed:
            self.found.complain(self.place, f"an event can have {longest} bytes; at most {allowed} are allowed")
        elif lost or extent.unknown:
            unknown = ", ".join([*lost, *sorted(extent.unknown)])
            self.found.skip(self.place, f"how long an event can be, which depends on {unknown}")

    def _check_host(self, line: Line, *, whole: bool) -> None:
        """Complain if an event may not say which host it comes from, where the profile's `source` asks for that."""
        source = self.profile.source
        if source is None or "source" in self.found.unsound or source in _named(line.tail):
            return
        texts = {name: field.optional for name, field in self.fields.items() if isinstance(field, Optional)}
        if not whole:
            self.found.skip(self.place, f"whether each event names {source!r}, the source, since a part is unsound")
        elif source in _named(expanded(line.tail, texts)):
            complaint = f"names {source!r}, the source, only in optional parts; put it where it is always there"
            self.found.complain(self.place, complaint)
        else:
            complaint = f"does not name {source!r}, the source, from which every event must come"
            self.found.complain(self.place, complaint)


def _named(segments: Iterable[Segment]) -> set[str]:
    """The fields that a template string names."""
    return {part.field for part in segments if isinstance(part, Placeholder)}


def _values(place: str, template: Template) -> Iterator[tuple[str, str]]:
    """The values of structured data, with their places."""
    for name, params in template.data.items():
        for param, text in params.items():
            yield f"{place}.data.{name}.{param}", text
