"""What is wrong is told in one line, with the place as the YAML has it."""

import pytest

from tests.precompute.profiles import complaint

TEXT = """
name: web
format: rfc5424
timeline:
  curve: [[0s, 0.5], [1h, 1]]
  bursts:
    - {at: [30m, 1h], length: 5s, factor: 2}
    - {every: 10m, length: 5s, factor: 2}
fields:
  host: {pattern: "web{:02d}", range: [1, 40]}
  client:
    columns:
      name: {choices: [a]}
      address: {network: 198.18.0.0/24}
  alarm:
    rows:
      - {id: "1", weight: 2}
      - {id: "2"}
groups:
  sshd:
    weight: 20
    templates:
      - {weight: 15, severity: info, tag: sshd, message: "hello {host}"}
      - weight: 5
        severity: err
        tag: sshd
        data:
          meta: {user: "{client.name}"}
        message: "failed"
"""
TIMELINE, FIELDS = (
    TEXT[TEXT.index("timeline:") : TEXT.index("fields:")],
    TEXT[TEXT.index("fields:") : TEXT.index("groups:")],
)
GROUPS = TEXT[TEXT.index("groups:") :]
DIURNAL = "timeline: {diurnal: {low: 0.1, peak: 14:00, %s}}\n"


def after(*changes: tuple[str, str]) -> str:
    text = TEXT
    for before, changed in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, changed)
    return text


GROUP = "weight, format, zone, bom, templates"
TEMPLATE = "weight, severity, facility, host, tag, pid, msgid, data, message"
PROFILE = "name, format, zone, bom, start, timeline, source, tagged, fields, groups"


@pytest.mark.parametrize(
    ("before", "changed", "place", "known"),
    [
        ("name: web", "nom: web", "nom", f"{PROFILE}, include"),
        ("weight: 20", "weigth: 20", "groups.sshd.weigth", GROUP),
        ("severity: err", "severety: err", "groups.sshd.templates[1].severety", TEMPLATE),
        ("range: [1, 40]", "ranges: [1, 40]", "fields.host.ranges", "zipf, pattern, range"),
        ("{choices: [a]}", "{choices: [a], x: 1}", "fields.client.columns.name.x", "choices"),
        ("198.18.0.0/24", "198.18.0.0/24, x: 1", "fields.client.columns.address.x", "network, count, zipf"),
        ("    columns:", "    column: 1\n    columns:", "fields.client.column", "columns, zipf"),
        ("    rows:", "    zipf: 1\n    rows:", "fields.alarm.zipf", "rows"),
        ("  curve:", "  curves:", "timeline.curves", "curve, diurnal, bursts"),
        ("every: 10m,", "each: 10m,", "timeline.bursts[1].each", "at, every, length, factor"),
        (TIMELINE, DIURNAL % "x: 1", "timeline.diurnal.x", "low, peak"),
    ],
)
def test_an_unknown_key_names_those_that_are_known_there(tmp_path, before, changed, place, known):
    assert complaint(tmp_path, after((before, changed))) == f"{place}: is not known; known are {known}"


def test_an_unknown_key_goes_before_what_is_missing_for_it(tmp_path):
    text = after(("name: web", "nam: 7"), ("weight: 20", "weight: heavy"))
    assert complaint(tmp_path, text).startswith("nam: is not known")


def test_of_several_errors_the_first_is_told(tmp_path):
    text = after(("name: web", "name: 7"), ("weight: 20", "weight: heavy"))
    assert complaint(tmp_path, text) == "name: must be text; put quotes around it"


@pytest.mark.parametrize(
    ("before", "changed", "line"),
    [
        ("name: web\n", "", "name: is missing"),
        ("    weight: 20\n", "", "groups.sshd.weight: is missing"),
        ("        severity: err\n", "", "groups.sshd.templates[1].severity: is missing"),
        ("format: rfc5424", "format: rfc5425", "format: 'rfc5425' is none of iso3164, rfc3164, rfc5424"),
        ("format: rfc5424", "format: 5424", "format: must be text; put quotes around it"),
        ("format: rfc5424", "zone: utc", "zone: 'utc' is not a zone; write Z, local, or an offset like +02:00"),
        ("format: rfc5424", "bom: yes", "bom: must be true or false"),
        ("format: rfc5424", "bom: 1", "bom: must be true or false"),
        ("format: rfc5424", "source: 7", "source: must be text; put quotes around it"),
        ("format: rfc5424", "source: a b", "source: is no name here; use up to 64 letters, digits and _, and no digit"),
        ("weight: 20", "weight: 20\n    zone: +1:00", "groups.sshd.zone: '+1:00' is not a zone; write Z, local, or an"),
        ("weight: 20", "weight: 20\n    format: x", "groups.sshd.format: 'x' is none of iso3164, rfc3164, rfc5424"),
        ("weight: 20", "weight: -1", "groups.sshd.weight: must be a number from 0 to 1000000000000"),
        ("weight: 20", "weight: 0", "groups: needs at least one group whose weight is above 0"),
        ("weight: 15", "weight: 1e3", "groups.sshd.templates[0].weight: must be a number from 0 to 1000000000000"),
        ("severity: err", "severity: error", "groups.sshd.templates[1].severity: 'error' is none of emerg, alert, cri"),
        ("severity: err", "severity: err\n        facility: x", "groups.sshd.templates[1].facility: 'x' is none of ke"),
        ("severity: err", "severity: err\n        pid: 7", "groups.sshd.templates[1].pid: must be text; put quotes ar"),
        ('"failed"', '"fai}led"', "groups.sshd.templates[1].message: the '}' at character 4 belongs to no {field}; w"),
        ('"failed"', '""', "groups.sshd.templates[1].message: must not be empty"),
        ('"failed"', '"fai\\nled"', "groups.sshd.templates[1].message: character 4 is U+000A, which is not printable"),
        ('"failed"', '"fai\\u202eled"', "groups.sshd.templates[1].message: character 4 is U+202E, which is not print"),
        ("meta: {user", "me ta: {user", "groups.sshd.templates[1].data.me ta: is no name here; use up to 32 character"),
        ("meta: {user", "meta: {u=ser", "groups.sshd.templates[1].data.meta.u=ser: is no name here; use up to 32 char"),
        ('{user: "{client.name}"}', "7", "groups.sshd.templates[1].data.meta: must be a mapping of keys"),
        ('"{client.name}"', "7", "groups.sshd.templates[1].data.meta.user: must be text; put quotes around it"),
        ('"{client.name}"', '"{client"', "groups.sshd.templates[1].data.meta.user: the '{' at character 1 belongs to"),
        ('"{client.name}"', '"{client}"', "groups.sshd.templates[1].data.meta.user: {client} is no column of field '"),
        ('"2"', "2", "fields.alarm.rows[1].id: must be text; put quotes around it"),
        ("[1h, 1]", "[1h, -1]", "timeline.curve[1][1]: must be a number from 0 to 1000"),
        ("[1h, 1]", "[1 h, 1]", "timeline.curve[1][0]: '1 h' is not a duration; write it like 10s, 500ms or 8h30m"),
        ("[1h, 1]", "[1h, 1, 1]", "timeline.curve[1]: has a length of 3; at most 2 is allowed"),
        ("[30m, 1h]", "[30m, 7]", "timeline.bursts[0].at[1]: must be text; put quotes around it"),
        ("every: 10m, length: 5s", "every: 10m", "timeline.bursts[1].length: is missing"),
        ("every: 10m, length: 5s", "every: 10m, length: 0s", "timeline.bursts[1].length: must be longer than 0"),
        ("every: 10m,", "every: 10m, at: 5s,", "timeline.bursts[1]: needs one of the keys at and every, like at: 30m "),
        (TIMELINE, DIURNAL % "low_: 1", "timeline.diurnal.low_: is not known"),
        (TIMELINE, "timeline: 7\n", "timeline: must be a mapping of keys"),
        (FIELDS, "fields: 7\n", "fields: must be a mapping of keys"),
        (FIELDS, "fields:\n", "fields: must be a mapping of keys"),
        (GROUPS, "groups: []\n", "groups: must be a mapping of keys"),
        (GROUPS, "groups: {}\n", "groups: needs at least one group whose weight is above 0"),
        (GROUPS, "groups: {g: {weight: 1, templates: {}}}\n", "groups.g.templates: must be a list"),
        (GROUPS, "groups: {g: {weight: 1, templates: []}}\n", "groups.g.templates: needs at least one "),
        (GROUPS, "groups: {g: {weight: 1, templates: [7]}}\n", "groups.g.templates[0]: must be a mapping "),
        (GROUPS, "", "groups: is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path, before, changed, line):
    assert complaint(tmp_path, after((before, changed))).startswith(line)


@pytest.mark.parametrize("text", ["", "7", "- a\n", "~"])
def test_what_is_no_mapping_at_all(tmp_path, text):
    assert complaint(tmp_path, text) == "must be a mapping of keys"


RECIPE = """
format: 2
renderer: 3
seed: 1
train: 128
events: 1000
profile:
  name: web
  groups:
    g: {weight: 1, templates: [{weight: 1, severity: info, host: h, tag: t, message: m}]}
"""


@pytest.mark.parametrize(
    ("before", "changed", "line"),
    [
        ("seed: 1\n", "", "seed: is missing"),
        ("seed: 1\n", "seed: -1\n", "seed: must be 0 or more"),
        ("seed: 1\n", "seed: one\n", "seed: must be a whole number"),
        ("train: 128", "train: 129", "train: must be 128 or less"),
        ("events: 1000", "events: 0", "events: must be 1 or more"),
        ("events: 1000", "event: 1", "event: is not known; known are format, renderer, profile, seed, train, events, "),
        ("  name: web", "  nam: web", "profile.nam: is not known; known are name, format, zone, bom, start, timeline,"),
        ("tag: t", "tog: t", "profile.groups.g.templates[0].tog: is not known; known are weight, severity, "),
        ("message: m", 'message: "{x}"', "profile.groups.g.templates[0].message: field 'x' is not defined; defined ar"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_recipe_has_its_place_too(tmp_path, before, changed, line):
    assert RECIPE.count(before) == 1
    assert complaint(tmp_path, RECIPE.replace(before, changed)).startswith(line)
