"""Profiles for tests, and a plain reading of their events that shares nothing with the renderer but the models."""

import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from pydantic import TypeAdapter

from captures.console.errors import InputError
from captures.format.capture import Capture
from captures.format.reader import open_capture
from precompute.fields.generated import Counter, Hex, Uuid
from precompute.fields.kinds import Field, Optional
from precompute.fields.plain import Pooled
from precompute.profile.checks import check_profile
from precompute.profile.lines import FACILITIES, SEVERITIES, Style, TagPlace
from precompute.profile.loading import built_in_names, load, load_profile
from precompute.profile.model import Profile, Template
from precompute.profile.recipe import Recipe
from precompute.rendering.build import build_capture, events_that_fit

built_in = functools.cache(load_profile)
"""A built-in profile by its name, loaded once for all tests of a process: they only read it."""

EACH_BUILT_IN = [pytest.param(name, marks=pytest.mark.deep) if name == "mixed" else name for name in built_in_names()]
"""The names of the built-in profiles. `mixed` is made of the templates of the others, which are read in each run: where
each event is looked at by itself, it comes with `--deep`."""


def template(message: str, **others: Any) -> dict[str, Any]:
    return {"weight": 1, "severity": "info", "host": "h", "tag": "t", "message": message} | others


def profile(fields: dict[str, Any], *templates: dict[str, Any], **others: Any) -> Profile:
    groups = {"group": {"weight": 1, "templates": list(templates)}}
    return Profile.model_validate({"name": "test", "fields": fields, "groups": groups} | others)


def build(path: Path, made: Profile, **options: Any) -> Capture:
    """A capture of so many `events`, of a `size`, or of `duration_ns` at `rate_eps`; other options have defaults."""
    asked: dict[str, Any] = {"seed": 1, "train": 128, "jobs": 1, "force": False, "expect": None} | options
    building = {name: asked.pop(name) for name in ("jobs", "force", "expect")}
    if "size" in asked:
        asked["events"] = events_that_fit(path, made, size=asked.pop("size"), seed=asked["seed"])
    recipe = Recipe(profile=made, **asked)
    build_capture(path, recipe, **building, progress=lambda *_: None)
    return open_capture(path)


def field(tree: Any) -> Any:
    """The model of a field's tree."""
    return TypeAdapter(Field).validate_python(tree)


def complaint(folder: Path, text: str | bytes) -> str:
    """What is said of a file that is no profile or recipe, without its name."""
    path = folder / "web.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError) as caught:
        load(str(path))
    line = str(caught.value)
    assert line.isprintable()
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


def complaint_of_field(folder: Path, written: str) -> str:
    """What is said of a profile whose field `f` is wrong."""
    line = complaint(folder, FIELD.format(written))
    assert line.startswith("fields.f"), line
    return line.removeprefix("fields.f")


FIELD = """
name: web
groups:
  all: {{weight: 1, templates: [{{weight: 1, severity: info, host: h, tag: t, message: "{{f}}"}}]}}
fields:
  f: {}
"""


def names(folder: Path) -> list[str]:
    """The files of a folder."""
    return sorted(path.name for path in folder.iterdir())


class Reading(NamedTuple):
    """What an event says."""

    template: int
    """In the order of `Profile.templates`."""
    stamp: str
    values: dict[str, Any]
    """By field: the rows of a pooled one that it may be, the text of a generated one, whether an optional part is
    there.
    """


@dataclass(frozen=True)
class Hole:
    """Where a field's value goes; quoted: in structured data."""

    field: str
    column: str
    quoted: bool


class Reader:
    """Reads events of a profile by trying every template, and every value of its fields."""

    def __init__(self, made: Profile) -> None:
        """The profile is sound."""
        self._fields = made.fields
        self._rows = {
            name: [dict(zip(field.column_names, texts, strict=True)) for texts, weight in field.rows() if weight]
            for name, field in made.fields.items()
            if isinstance(field, Pooled)
        }
        self._lines = [(_head(style, entry), _parts(style, entry)) for _, style, entry in made.templates()]

    def read(self, event: str) -> Reading:
        """The one template that an event can be of, and its first reading; raises ValueError if there is not one."""
        (found,) = self._readings(event)
        return found

    def _readings(self, event: str) -> Iterator[Reading]:
        for number, (head, parts) in enumerate(self._lines):
            begun = head.match(event)
            values = next(self._ways(event[begun.end() :], parts, {}), None) if begun else None
            if begun and values is not None:
                yield Reading(number, begun[1], values)

    def _ways(self, rest: str, parts: list[str | Hole], values: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Every way in which `rest` is made of `parts`, given what is known of the fields."""
        if not parts:
            yield from [values] * (not rest)
            return
        part, *others = parts
        if isinstance(part, str):
            if rest.startswith(part):
                yield from self._ways(rest[len(part) :], others, values)
            return
        for text, known in self._texts(rest, part, values.get(part.field)):
            # An optional part's text is still to be read; a value has been.
            inner = _cut(text, quoted=part.quoted) if isinstance(known, bool) else []
            behind = rest if isinstance(known, bool) else rest[len(text) :]
            yield from self._ways(behind, inner + others, values | {part.field: known})

    def _texts(self, rest: str, hole: Hole, known: Any) -> Iterator[tuple[str, Any]]:
        """What `rest` may begin with in the place of a hole, and what is known of the field then."""
        field = self._fields[hole.field]
        match field:
            case Optional():
                yield from ((field.optional * there, there) for there in (True, False) if known in (None, there))
            case Hex() | Uuid() | Counter():
                made = re.match(_GENERATED[type(field)].format(field), rest)
                if made and known in (None, made[0]):
                    yield made[0], made[0]
            case _:
                rows = self._rows[hole.field] if known is None else known
                for text in {row[hole.column] for row in rows}:
                    shown = _quoted(text) if hole.quoted else text
                    if rest.startswith(shown):
                        yield shown, [row for row in rows if row[hole.column] == text]


BLANK_TAG = "00000000-0000-0000000000"
_GENERATED = {
    Hex: "[0-9a-f]{{{0.hex}}}",
    Uuid: "[0-9a-f]{{8}}-[0-9a-f]{{4}}-4[0-9a-f]{{3}}-[89ab][0-9a-f]{{3}}-[0-9a-f]{{12}}",
    Counter: "[0-9]{{{0.width}}}",
}
_STAMPS = {
    "iso3164": r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)",
    "rfc3164": r"([A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d)",
    "rfc5424": r"1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}ZONE)",
}


def _head(style: Style, entry: Template) -> re.Pattern[str]:
    """What a line begins with, up to the space behind the stamp, which is a group."""
    zone = re.escape({"local": "+00:00"}.get(style.zone, style.zone))
    priority = FACILITIES.index(entry.facility) * 8 + SEVERITIES.index(entry.severity)
    return re.compile(f"<{priority}>{_STAMPS[style.format].replace('ZONE', zone)} ")


def _parts(style: Style, entry: Template) -> list[str | Hole]:
    """What stands behind that."""
    if style.format != "rfc5424":
        process = entry.tag if entry.pid is None else f"{entry.tag}[{entry.pid}]"
        header, message = _cut(f"{entry.host} {process}: "), _cut(entry.message)
        front, end = (style.tag_place == place for place in ("front", "end"))
        return [*header, f"stampede={BLANK_TAG} " * front, *message, f" stampede={BLANK_TAG}" * end]
    parts = _cut(f"{entry.host} {entry.tag} {entry.pid or '-'} {entry.msgid or '-'} ")
    tagged = style.tag_place is not None
    parts.append(f'[stampede@32473 tag="{BLANK_TAG}"]' * tagged)
    for name, params in entry.data.items():
        parts.append(f"[{name}")
        for param, text in params.items():
            parts += [f' {param}="', *_cut(text, quoted=True), '"']
        parts.append("]")
    return [*parts, "-" * (not entry.data and not tagged) + " " + "\ufeff" * style.bom, *_cut(entry.message)]


def _cut(text: str, *, quoted: bool = False) -> list[str | Hole]:
    """The literals and holes of a template string."""
    parts: list[str | Hole] = []
    for part in re.split(r"(\{\{|\}\}|\{[\w.]+\})", text):
        if part in ("{{", "}}"):
            parts.append(part[0])
        elif part.startswith("{"):
            name, _, column = part[1:-1].partition(".")
            parts.append(Hole(name, column, quoted))
        else:
            parts.append(_quoted(part) if quoted else part)
    return parts


def _quoted(text: str) -> str:
    return "".join(f"\\{character}" if character in '"\\]' else character for character in text)


VALUES = st.text('abcé"]\\', min_size=1, max_size=9)
WEIGHTS = st.integers(1, 9) | st.floats(1e-6, 9)
ZIPF = st.just({}) | st.sampled_from([0.5, 1, 1.1, 2]).map(lambda exponent: {"zipf": exponent})
LISTS = st.lists(VALUES, min_size=1, max_size=12, unique=True).map(lambda values: {"choices": values})
RANKED = st.one_of(
    LISTS,
    st.tuples(st.integers(0, 1200), st.integers(0, 300)).map(lambda ends: {"integers": [ends[0], sum(ends)]}),
    st.integers(0, 90).map(lambda low: {"pattern": "n{:02d}é", "range": [low, low + 30]}),
    st.just({"network": "198.18.0.240/28"}),
    st.integers(1, 9).map(lambda count: {"network": {"198.18.0.0/16": 2, "2001:db8::/64": 0.5}, "count": count}),
    st.integers(1, 40).map(lambda count: {"mac": "00:00:5e", "count": count}),
)
PLAIN = st.builds(lambda field, zipf: field | zipf, RANKED, ZIPF) | st.dictionaries(
    VALUES, WEIGHTS, min_size=1, max_size=12
).map(lambda weights: {"choices": weights})
COLUMN = RANKED.filter(lambda field: not isinstance(field.get("network"), dict)) | st.lists(
    VALUES, min_size=1, max_size=12
).map(lambda values: {"choices": values})
CORRELATED = st.builds(lambda x, y, zipf: {"columns": {"x": x, "y": y}} | zipf, COLUMN, COLUMN, ZIPF) | st.lists(
    st.fixed_dictionaries({"x": VALUES, "y": VALUES, "weight": WEIGHTS}), min_size=1, max_size=9
).map(lambda rows: {"rows": rows})
GENERATED = st.one_of(
    st.integers(1, 64).map(lambda digits: {"hex": digits}),
    st.just({"uuid": 4}),
    st.builds(lambda first, width: {"counter": first, "width": width}, st.integers(0, 10**18 - 1), st.integers(1, 18)),
)
HOLES = ["{a}", "{b}", "{d.x}", "{d.y}", "{e}"]
LITERALS = [" at ", "{{", "}}", "é ", "x", '"', "\\", "]"]
INNER = st.lists(st.sampled_from(HOLES + LITERALS), min_size=1, max_size=5).map("".join)
TEXTS = st.lists(st.sampled_from([*HOLES, *LITERALS, "{o}", "{p}"]), min_size=1, max_size=8).map("".join)
DATA = st.dictionaries(
    st.sampled_from(["meta", "request@32473"]),
    st.dictionaries(st.sampled_from(["id", "user"]), TEXTS, max_size=2),
    max_size=2,
)


@st.composite
def templates(draw: st.DrawFn, number: int, style_format: str, **others: Any) -> dict[str, Any]:
    """A template of a tag of its own."""
    drawn = {
        "weight": draw(st.integers(0, 5) | st.floats(0.25, 4)),
        "severity": draw(st.sampled_from(SEVERITIES)),
        "facility": draw(st.sampled_from(FACILITIES)),
        "pid": draw(st.sampled_from([None, "7", "{n}"])),
    }
    if style_format == "rfc5424":
        drawn |= {"msgid": draw(st.sampled_from([None, "ID{n}"])), "data": draw(DATA)}
    return template(draw(TEXTS), tag=f"t{number}", **(drawn | others))


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """Small sound profiles of every format and every kind of field."""
    share = st.floats(0.05, 0.95)
    fields = {"a": PLAIN, "b": PLAIN, "d": CORRELATED, "e": GENERATED, "n": st.just({"integers": [8, 12]})}
    fields |= {name: st.builds(lambda text, share: {"optional": text, "share": share}, INNER, share) for name in "op"}
    zones = st.sampled_from(["Z", "local", "+05:30", "-11:00"])
    formats = st.sampled_from(["iso3164", "rfc3164", "rfc5424"])
    numbers = itertools.count()
    groups = {}
    for name in draw(st.permutations("xyz")):
        style = {"format": draw(formats)}
        style["zone"] = "Z" if style["format"] == "iso3164" else draw(zones)
        style["bom"] = draw(st.booleans()) if style["format"] == "rfc5424" else False
        last = draw(templates(next(numbers), style["format"], weight=1))
        more = [draw(templates(next(numbers), style["format"])) for _ in range(draw(st.integers(0, 2)))]
        groups[name] = style | {"weight": 2 if name == "x" else draw(st.integers(0, 9)), "templates": [*more, last]}
    start = draw(st.sampled_from(["2026-01-01T00:00:00.000Z", "2027-02-28T23:59:58.999Z"]))
    made = Profile.model_validate(
        {"name": "drawn", "start": start, "fields": draw(st.fixed_dictionaries(fields)), "groups": groups}
    )
    check_profile(made)
    return made


@st.composite
def sourced(draw: st.DrawFn) -> Profile:
    """Small sound profiles with a source, of which each event shows something behind its last bar: `|x`, `|x=y`."""
    tree = draw(profiles()).model_dump(mode="json", by_alias=True, exclude_none=True)
    tree["source"] = draw(st.sampled_from("abd"))
    marks = ["{d.x}=", "={d.y}", "{d.x}={d.y}"] if tree["source"] == "d" else [f"{{{tree['source']}}}"]
    for group in tree["groups"].values():
        for entry in group["templates"]:
            entry["message"] += "|" + draw(st.sampled_from(marks))
    made = Profile.model_validate(tree)
    try:
        check_profile(made)
    except InputError as error:
        assume("at most" not in str(error))  # a few bytes too long now
        raise
    return made


@st.composite
def tagged(draw: st.DrawFn) -> Profile:
    """Small sound profiles with a tag in each event."""
    made = draw(profiles() | sourced()).with_tags(draw(st.sampled_from(TagPlace)))
    try:
        check_profile(made)
    except InputError as error:
        assume("at most" not in str(error))  # a few bytes too long now
        raise
    return made


def nasty() -> Profile:
    """Eight fields of twenty lengths each: 25,600,000,000 layouts."""
    fields = {f"f{i}": {"choices": ["x" * length for length in range(1, 21)]} for i in range(8)}
    return profile(fields, template("".join(f"{{f{i}}}" for i in range(8))))


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    """How far counts lie from what is expected, in standard deviations of the chi-square distribution."""
    freedom = len(counts) - 1
    return float((((counts - expected) ** 2 / expected).sum() - freedom) / (2 * freedom) ** 0.5)
