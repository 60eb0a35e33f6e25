"""Whether a profile's templates hold together: what no single value shows."""

import pytest
from hypothesis import given

from captures.console.errors import InputError
from precompute.notation.findings import ProfileError
from precompute.profile.checks import check_profile
from precompute.profile.lines import Format
from tests.precompute.profiles import build, profile, profiles, template

FIELDS = {
    "host": {"choices": ["h", "long-host"]},
    "spaced": {"choices": ["a b"]},
    "never": {"choices": {"a": 1, "b c": 0}},
    "quotes": {"choices": ['"' * 500]},
    "server": {"columns": {"name": {"choices": ["a"]}, "note": {"choices": ["a b"]}}},
    "trace": {"hex": 64},
    "maybe": {"optional": " {spaced}", "share": 0.5},
    "mark": {"optional": "-{host}", "share": 0.5},
    "many": {"optional": "{quotes}", "share": 0.5},
    **{f"o{number}": {"optional": "x", "share": 0.5} for number in range(5)},
}


def said(style=None, **parts) -> str:
    """What is said of the one template of a profile, without its place up to the part; empty if it is sound."""
    made = profile(FIELDS, template(parts.pop("message", "m"), **parts), **(style or {}))
    try:
        check_profile(made)
    except ProfileError as error:
        return str(error).removeprefix("groups.group.templates[0]")
    return ""


RFC3164, RFC5424 = {"format": "rfc3164"}, {"format": "rfc5424"}
TAGGED = {"tagged": True}


@pytest.mark.parametrize(
    ("style", "parts"),
    [
        ({}, {"host": "{host}", "tag": "a-._/@{mark}", "pid": "{host}-{trace}", "message": "{maybe}"}),
        ({}, {"host": "x" * 255, "tag": "x" * 48, "pid": "x" * 128, "message": "é" * 790 + "x"}),
        ({}, {"tag": "{never}", "pid": "{server.name}"}),
        (RFC3164, {"tag": "x" * 32, "message": "x" * 969}),
        (RFC3164 | TAGGED, {"tag": "x" * 32, "message": "x" * 935}),
        (TAGGED, {"message": "x" * 1000}),
        (RFC5424 | TAGGED, {"data": {"stampede": {"tag": "x"}, "a@32473": {"tag": "x"}}}),
        (RFC5424, {"data": {"stampede@32473": {"tag": "x"}}}),
        (RFC3164 | {"zone": "local"}, {}),
        (RFC5424 | {"zone": "-11:00", "bom": True}, {"host": "-", "tag": "-", "msgid": "a:/._-" + "x" * 26}),
        (RFC5424, {"data": {"a": {"b": "{spaced} {maybe}]"}}, "message": "{o0}{o1}{o2}{o0}"}),
    ],
)
def test_what_is_sound(style, parts):
    assert said(style, **parts) == ""


@pytest.mark.parametrize(
    ("style", "parts", "line"),
    [
        ({}, {"message": "{nobody}"}, ".message: field 'nobody' is not defined; defined are host, many, mark, maybe, "),
        ({}, {"message": "{host.name}"}, ".message: {host.name} is no column of field 'host'; write {host}"),
        ({}, {"message": "{server}"}, ".message: {server} is no column of field 'server'; write {server.name}, "),
        ({}, {"message": "{server.x}"}, ".message: {server.x} is no column of field 'server'; write {server.name}, "),
        ({}, {"message": "{trace.x}"}, ".message: {trace.x} is no column of field 'trace'; write {trace}"),
        ({}, {"message": "{maybe.x}"}, ".message: {maybe.x} is no column of field 'maybe'; write {maybe}"),
        (RFC5424, {"data": {"a": {"b": "{nobody}"}}}, ".data.a.b: field 'nobody' is not defined"),
        ({}, {"message": "x" * 999 + "{host}"}, ".message: can have 1008 characters; at most 1000 are allowed"),
        ({}, {"message": "😀" * 999}, ": an event can have 4029 bytes; at most 2048 are allowed"),
        (RFC3164, {"tag": "t2", "message": "x" * 1000}, ": an event can have 1025 bytes; at most 1024 are allowed"),
        (RFC5424, {"data": {"a": {"b": "{quotes}{quotes}"}}}, ": an event can have 2051 bytes; at most 2048 are allo"),
        (RFC5424, {"data": {"a": {"b": "]" * 1024}}}, ": an event can have 2099 bytes; at most 2048 are allowed"),
        (RFC5424, {"data": {"a": {"b": "{many}{many}"}}}, ": an event can have 2051 bytes; at most 2048 are allowed"),
        ({}, {"host": "x" * 256}, ".host: can have 256 characters; at most 255 are allowed"),
        ({}, {"host": "a b"}, ".host: ' ' is not allowed here; allowed are letters, digits and -._:"),
        ({}, {"host": "é"}, ".host: 'é' is not allowed here"),
        ({}, {"tag": "x" * 49}, ".tag: can have 49 characters; at most 48 are allowed"),
        (RFC3164, {"tag": "x" * 33}, ".tag: can have 33 characters; at most 32 are allowed"),
        (RFC5424, {"tag": "a:"}, ".tag: ':' is not allowed here; allowed are letters, digits and -._/@"),
        ({}, {"tag": "a["}, ".tag: '[' is not allowed here"),
        ({}, {"tag": "{spaced}"}, ".tag: ' ' is not allowed here"),
        ({}, {"tag": "{server.note}"}, ".tag: ' ' is not allowed here"),
        ({}, {"tag": "t{maybe}"}, ".tag: ' ' is not allowed here"),
        ({}, {"pid": "7]"}, ".pid: ']' is not allowed here; allowed are letters, digits and -._"),
        ({}, {"pid": "{trace}{trace}x"}, ".pid: can have 129 characters; at most 128 are allowed"),
        ({}, {"pid": "{mark}"}, ".pid: can be empty, as its optional parts can; add something that is always there"),
        (RFC5424, {"tag": "{o1}{mark}"}, ".tag: can be empty, as its optional parts can; add something that is "),
        (RFC5424, {"msgid": "x" * 33}, ".msgid: can have 33 characters; at most 32 are allowed"),
        (RFC5424, {"msgid": "a b"}, ".msgid: ' ' is not allowed here; allowed are letters, digits and -._:/"),
        (RFC3164, {"msgid": "x"}, ".msgid: msgid is of format rfc5424 only"),
        ({}, {"data": {"a": {}}}, ".data: data is of format rfc5424 only"),
        ({"bom": True}, {}, ": bom is of format rfc5424 only"),
        ({"zone": "+01:00"}, {}, ": format iso3164 is in UTC; leave out the zone +01:00"),
        ({"zone": "local"}, {}, ": format iso3164 is in UTC; leave out the zone local"),
        ({}, {"message": "{o0}{o1}{o2}{o3}{o4}"}, ": has 5 optional parts; at most 4 are allowed"),
        (
            RFC5424,
            {"data": {"a": {"b": "{o0}{o1}{o2}"}}, "message": "{o3}{o4}"},
            ": has 5 optional parts; at most 4 are allowed",
        ),
    ],
)  # fmt: skip
def test_what_is_not_sound(style, parts, line):
    assert said(style, **parts).startswith(line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{nobody}", "fields.part.optional: field 'nobody' is not defined; defined are host, other, part"),
        ("{other}", "fields.part.optional: {other} is optional itself; name a field of values"),
        ("{part}", "fields.part.optional: {part} is optional itself; name a field of values"),
        ("{host.x}", "fields.part.optional: {host.x} is no column of field 'host'; write {host}"),
    ],
)
@pytest.mark.parametrize("message", ["m", "{part}"])
def test_an_optional_part_is_checked_even_if_no_template_names_it(text, line, message):
    fields = {"host": FIELDS["host"], "other": FIELDS["o1"], "part": {"optional": text, "share": 0.5}}
    with pytest.raises(ProfileError) as caught:
        check_profile(profile(fields, template(message)))
    assert str(caught.value) == line


@given(profiles())
def test_no_event_is_longer_than_the_check_allows(tmp_path_factory, made):
    capture = build(tmp_path_factory.mktemp("drawn") / "drawn.rcap", made, events=300)
    allowed = {Format.ISO3164: 2048, Format.RFC3164: 1024, Format.RFC5424: 2048}
    assert capture.longest <= max(allowed[style.format] for _, style, _ in made.templates())


def test_what_fields_hold_together_is_bounded_however_short_the_file():
    fields = {f"f{number}": {"integers": [0, 1048575]} for number in range(5)}
    with pytest.raises(InputError, match=r"fields.f4: with it the fields hold more than 4194304 texts"):
        check_profile(profile(fields, template("{f0}")))
    columns = {"r": {"columns": {f"c{number}": {"integers": [0, 99_999]} for number in range(50)}}}
    with pytest.raises(InputError, match=r"fields.r: with it the fields hold more than 4194304 texts"):
        check_profile(profile(columns, template("{r.c0}")))


def test_templates_are_bounded_with_their_optional_parts():
    fields = {name: {"optional": "x", "share": 0.5} for name in "abcd"}
    with pytest.raises(InputError, match="groups: there are 16400 templates, each optional part counted twice"):
        check_profile(profile(fields, *[template("x{a}{b}{c}{d}")] * 1025))
