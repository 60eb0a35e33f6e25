"""Profiles for people."""

from precompute.commands.profile_table import profile_list, profile_table
from precompute.profile.loading import built_in_names
from tests.precompute.profiles import built_in, profile, template


def test_the_list_has_a_line_for_each_built_in_profile():
    lines = [line.split(maxsplit=1) for line in profile_list().splitlines() if line[0] != " "]
    assert [name for name, _ in lines] == built_in_names()
    assert all(len(told) > 10 and not told.startswith("#") for _, told in lines)


def test_a_profile_s_table():
    fields = {"host": {"choices": ["aa", "bbbb"]}, "trace": {"hex": 16}, "maybe": {"optional": "x" * 4, "share": 0.5}}
    made = profile(
        fields,
        template("{host}" + "-" * 60, weight=3, host="{host}"),
        template("{trace}{maybe}", severity="err"),
        name="shop",
        timeline={"curve": [["0s", 1]]},
    )
    assert profile_table(made).splitlines() == [
        "profile   shop",
        "format    iso3164 in Z",
        # <6>, stamp, " hhh t: ", hhh and 60; <3>, stamp, " h t: ", 16 and half of 4
        f"events    {0.75 * (27 + 8 + 63) + 0.25 * (27 + 6 + 16 + 2):.1f} bytes in the mean",
        "timeline  its own, in builds with --duration",
        "",
        "template                      share  severity  message",
        f"groups.group.templates[0]   75.000%  info      {{host}}{'-' * 24}...",
        "groups.group.templates[1]   25.000%  err       {trace}{maybe}",
        "",
        "field  kind",
        "host   choices",
        "maybe  optional",
        "trace  hex",
    ]


def test_styles_and_a_constant_rate():
    made = profile({}, template("m"), format="rfc5424", zone="local")
    lines = profile_table(made).splitlines()
    assert lines[1] == "format    rfc5424 in local"
    assert lines[3] == "timeline  a constant rate"


def test_a_source_is_told_with_its_values():
    fields = {"host": {"choices": {"aa": 1, "bbbb": 2, "c": 0}}}
    lines = profile_table(profile(fields, template("{host}"), source="host")).splitlines()
    assert lines[3:6] == ["timeline  a constant rate", "source    host, 2 values", ""]


def test_tags_are_told():
    lines = profile_table(profile({}, template("m"), tagged=True)).splitlines()
    assert lines[3:6] == ["timeline  a constant rate", "tags      room for one in each event", ""]
    lines = profile_table(profile({}, template("m"), tagged="front")).splitlines()
    assert lines[4] == "tags      room for one in each event before its message"


def test_a_built_in_profile_s_table_has_all_its_templates_and_fields():
    made = built_in("system")
    lines = profile_table(made).splitlines()
    assert lines[0] == "profile   system"
    assert len(lines) == 5 + 1 + len(list(made.templates())) + 1 + 1 + len(made.fields)
    assert max(map(len, lines)) < 160
