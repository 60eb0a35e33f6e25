"""The line of an event in each format, put together from the parts of a template.

iso3164  <PRI>2026-01-01T08:00:00.000Z HOST TAG[PID]: MESSAGE
rfc3164  <PRI>Jan  1 08:00:00 HOST TAG[PID]: MESSAGE
rfc5424  <PRI>1 2026-01-01T08:00:00.000000Z HOST APP-NAME PROCID MSGID STRUCTURED-DATA MESSAGE

Where lines are tagged, ` stampede=` and a tag end the message, or `stampede=`, a tag and a space begin it: the profile
says which. In rfc5424 `[stampede@32473 tag="..."]` begins the structured data in both cases, and that stands before the
message.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from captures.format.layout import LOCAL_ZONE, StampKind
from captures.format.tags import BLANK, MARK, SD_ID, SD_PARAM, SUFFIX
from precompute.notation.template import Placeholder, Segment, parse_template

SEVERITIES: Final = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
"""RFC 5424, table 2; the index is the code."""

FACILITIES: Final = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock"),
    *(f"local{number}" for number in range(8)),
)
"""RFC 5424, table 1; the index is the code."""

_ZONE: Final = re.compile(r"([+-])([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_NIL: Final = "-"
_BOM: Final = "\ufeff"


class Format(StrEnum):
    """The formats that a line can have."""

    ISO3164 = "iso3164"
    """RFC 3164, but with a stamp of ISO 8601 in UTC with milliseconds, as many a relay writes it."""
    RFC3164 = "rfc3164"
    RFC5424 = "rfc5424"


class TagPlace(StrEnum):
    """Where in a message a tag stands; in RFC 5424 it stands in structured data, before the message, in any case."""

    END = "end"
    FRONT = "front"
    """The tag stands before the message, where a program that cuts long messages leaves it whole."""


def zone_minutes(zone: str) -> int:
    """Minutes east of UTC of `Z` or `+02:00`; LOCAL_ZONE for `local`. Raises ValueError with an example."""
    if zone in ("Z", "local"):
        return 0 if zone == "Z" else LOCAL_ZONE
    match = _ZONE.fullmatch(zone)
    if match is None:
        raise ValueError(f"{zone!r} is not a zone; write Z, local, or an offset like +02:00")
    minutes = int(match[2]) * 60 + int(match[3])
    return -minutes if match[1] == "-" else minutes


@dataclass(frozen=True)
class Style:
    """How the lines of a group are written."""

    format: Format = Format.ISO3164
    zone: str = "Z"
    bom: bool = False
    """Whether a byte order mark says that the message is UTF-8 (RFC 5424, section 6.4)."""
    tag_place: TagPlace | None = None
    """The place of the tag; None if the lines have no tags."""

    @property
    def stamp_kind(self) -> StampKind:
        """How the stamp is written."""
        match self.format:
            case Format.ISO3164:
                return StampKind.ISO_MS
            case Format.RFC3164:
                return StampKind.RFC3164
            case Format.RFC5424:
                return StampKind.RFC3339_US if self.zone == "Z" else StampKind.RFC3339_US_OFFSET


@dataclass(frozen=True)
class Parts:
    """The parts of a line as template strings; a part that is missing is None."""

    facility: str
    severity: str
    host: str
    app_name: str
    """APP-NAME of RFC 5424, TAG of RFC 3164; it has nothing to do with the tags that number events."""
    pid: str | None
    msgid: str | None
    data: Mapping[str, Mapping[str, str]]
    """Structured data: by SD-ID, the values by name."""
    message: str


class BlankTag(str):
    """The literal that stands where a tag goes. It is not joined with its neighbours, to tell its column."""

    __slots__ = ()


@dataclass(frozen=True)
class Line:
    """A line, cut where its stamp goes."""

    head: str
    """The text before the stamp."""
    tail: tuple[Segment, ...]
    """The segments behind the stamp; in a tagged line one of them is a `BlankTag`."""


def syslog_line(style: Style, parts: Parts) -> Line:
    """The line of an event.

    Facility and severity make `<PRI>` (RFC 5424, section 6.2.1; RFC 3164, section 4.1.1).
    """
    priority = f"<{FACILITIES.index(parts.facility) * 8 + SEVERITIES.index(parts.severity)}>"
    if style.format != Format.RFC5424:
        process = parts.app_name if parts.pid is None else f"{parts.app_name}[{parts.pid}]"
        front = (MARK, BlankTag(BLANK), " ") if style.tag_place == TagPlace.FRONT else ()
        end = (SUFFIX, BlankTag(BLANK)) if style.tag_place == TagPlace.END else ()
        before = parse_template(f" {parts.host} {process}: ")
        return Line(priority, _joined((*before, *front, *parse_template(parts.message), *end)))
    header = " ".join((parts.host, parts.app_name, parts.pid or _NIL, parts.msgid or _NIL))
    message = (_BOM if style.bom else "") + parts.message
    data = _structured_data(parts.data, tagged=style.tag_place is not None)
    return Line(f"{priority}1 ", _joined((*parse_template(f" {header} "), *data, *parse_template(f" {message}"))))


def escaped(text: str) -> str:
    r"""`text` as a value of structured data: `"`, `\` and `]` get a backslash (RFC 5424, section 6.3.3)."""
    return re.sub(r'["\\\]]', r"\\\g<0>", text)


def unescaped(text: str) -> str:
    """The value from which `escaped` made `text`."""
    return re.sub(r'\\(["\\\]])', r"\1", text)


def _structured_data(data: Mapping[str, Mapping[str, str]], *, tagged: bool) -> Iterator[Segment]:
    """STRUCTURED-DATA of RFC 5424, section 6.3."""
    if tagged:
        yield f'[{SD_ID} {SD_PARAM}="'
        yield BlankTag(BLANK)
        yield '"]'
    elif not data:
        yield _NIL
    for name, params in data.items():
        yield f"[{name}"
        for param, value in params.items():
            yield f' {param}="'
            for segment in parse_template(value):
                yield replace(segment, escaped=True) if isinstance(segment, Placeholder) else escaped(segment)
            yield '"'
        yield "]"


def _joined(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """The segments with neighbouring literals joined to one; a tag stays alone."""
    joined: list[Segment] = []
    for segment in segments:
        if _plain(segment) and joined and _plain(joined[-1]):
            joined[-1] = f"{joined[-1]}{segment}"
        else:
            joined.append(segment)
    return tuple(joined)


def _plain(segment: Segment) -> bool:
    return isinstance(segment, str) and not isinstance(segment, BlankTag)
