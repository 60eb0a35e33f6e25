"""A profile as a model: what it takes over from itself, in which order, with which shares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.fields.plain import Pooled
from precompute.profile.lines import Format, Style
from precompute.profile.model import Profile
from tests.precompute.profiles import complaint, profile, profiles, template

TEXT = """
name: {name}
start: {start}
groups:
  {group}: {{weight: 1, templates: [{{weight: 1, severity: info, host: h, tag: t, message: m}}]}}
"""


def written(**parts: str) -> str:
    return TEXT.format(**({"name": "web", "start": "2026-01-01T00:00:00.000Z", "group": "g"} | parts))


def test_a_group_writes_its_lines_as_it_says_or_as_the_profile_does():
    group = {"weight": 1, "templates": [template("m")]}
    made = Profile.model_validate(
        {
            "name": "p",
            "format": "rfc5424",
            "zone": "+01:00",
            "bom": True,
            "groups": {"a": group, "b": group | {"format": "rfc3164", "zone": "local", "bom": False}},
        }
    )
    assert [style for _, style, _ in made.templates()] == [
        Style(Format.RFC5424, "+01:00", bom=True),
        Style(Format.RFC3164, "local", bom=False),
    ]


def test_the_defaults():
    made = profile({}, {key: value for key, value in template("m").items() if key != "host"})
    ((place, style, entry),) = made.templates()
    assert (place, style) == ("groups.group.templates[0]", Style(Format.ISO3164, "Z", bom=False))
    assert (entry.host, entry.facility, entry.pid, entry.msgid, entry.data) == ("{host}", "kern", None, None, {})
    assert (made.start, made.timeline, made.fields) == ("2026-01-01T00:00:00.000Z", None, {})


@given(profiles(), st.randoms(use_true_random=False))
def test_the_order_of_keys_has_no_meaning(made, random):
    def shuffled(value):
        if isinstance(value, dict):
            return {key: shuffled(value[key]) for key in random.sample(sorted(value), len(value))}
        return [shuffled(part) for part in value] if isinstance(value, list) else value

    again = Profile.model_validate(shuffled(made.model_dump(mode="json", by_alias=True, exclude_none=True)))
    assert again == made
    assert [entry.line(style) for _, style, entry in again.templates()] == [
        entry.line(style) for _, style, entry in made.templates()
    ]
    assert list(again.fields) == list(made.fields)
    for name, field in made.fields.items():
        if isinstance(field, Pooled):
            assert list(again.fields[name].rows()) == list(field.rows())


@given(profiles())
def test_a_template_has_its_part_of_its_group_s_part(made):
    plain = []
    for group in made.groups.values():
        for entry in group.templates:
            whole = sum(float(other.weight) for other in made.groups.values())
            plain.append(group.weight / whole * entry.weight / sum(float(other.weight) for other in group.templates))
    assert [float(share) for share in made.shares()] == pytest.approx(plain)
    assert sum(made.shares()) == 1
    assert len(plain) == len(list(made.templates()))


@pytest.mark.parametrize(
    ("start", "ns"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("2026-01-01T00:00:00.001Z", 1_767_225_600_001_000_000),
        ("2038-01-19T03:14:08.999Z", 2**31 * 10**9 + 999_000_000),
    ],
)
def test_the_first_instant_is_exact(start, ns):
    assert profile({}, template("m"), start=start).start_ns == ns


@pytest.mark.parametrize(
    "start",
    [
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.000",
        "2026-01-01T00:00:00.000000Z",
        "2026-01-01T00:00:00.000+00:00",
        "2026-02-30T00:00:00.000Z",
        "2026-01-01T24:00:00.000Z",
        "1969-12-31T23:59:59.999Z",
    ],
)
def test_what_is_no_instant_says_how_to_write_one(tmp_path, start):
    line = complaint(tmp_path, written(start=start))
    assert line.startswith(f"start: '{start}' is not an instant ")
    assert line.endswith("write it like 2026-01-01T00:00:00.000Z")


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({"name": "a b"}, "name: is no name here; use up to 64 letters, digits, _ and -, and a letter or _ first"),
        ({"name": "7a"}, "name: is no name here; use up to 64 letters, digits, _ and -, and a letter or _ first"),
        ({"name": "é"}, "name: is no name here; use up to 64 letters, digits, _ and -, and a letter or _ first"),
        ({"name": "7"}, "name: must be text; put quotes around it"),
        ({"name": "''"}, "name: must not be empty"),
        ({"name": "a" * 65}, "name: is no name here; use up to 64 letters, digits, _ and -, and a letter or _ first"),
        ({"group": "a-b"}, "groups.a-b: is no name here; use up to 64 letters, digits and _, and no digit first"),
        ({"group": "7"}, "groups.7: must be text; put quotes around it"),
    ],
)
def test_names_are_names(tmp_path, parts, line):
    assert complaint(tmp_path, written(**parts)) == line
