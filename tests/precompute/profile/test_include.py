"""Profiles made of others: every part keeps its share, its fields and its lines."""

import re
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from precompute.notation.findings import Findings
from precompute.profile.include import composed
from precompute.profile.loading import load_profile
from precompute.profile.model import Profile
from tests.precompute.profiles import Reader, build, complaint, profiles, template

WEB = """
name: my-web
format: rfc5424
zone: "+02:00"
bom: true
fields:
  host: {pattern: "web{}", range: [1, 3]}
  user: {rows: [{name: ann, id: "1"}, {name: bob, id: "2"}]}
  maybe: {optional: " by {user.name}", share: 0.5}
groups:
  nginx:
    weight: 3
    templates:
      - weight: 1
        severity: info
        tag: nginx
        pid: "{user.id}"
        msgid: "ID{user.id}"
        data: {meta: {user: "{user.name}", host: "{host}"}}
        message: "{{braces}} {host}{maybe}"
  app:
    weight: 1
    format: rfc3164
    bom: false
    templates: [{weight: 1, severity: err, tag: app, message: "failed"}]
"""
DB = """
name: db
fields: {host: {choices: [db1, db2]}}
groups:
  sql: {weight: 0.5, templates: [{weight: 1, severity: info, tag: sql, message: "on {host}"}]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web.yaml").write_text(WEB)
    (tmp_path / "db.yaml").write_text(DB)
    return tmp_path


def loaded(folder: Path, text: str) -> Profile:
    (folder / "all.yaml").write_text(text)
    return load_profile(str(folder / "all.yaml"))


def shares(made: Profile) -> dict[str, Fraction]:
    return {place: share for (place, _, _), share in zip(made.templates(), made.shares(), strict=True)}


def test_the_weights_share_out_all_events(folder):
    made = loaded(folder, "name: all\ninclude: {web.yaml: 60, ./db.yaml: 20}\n")
    assert shares(made) == {
        "groups.db_sql.templates[0]": Fraction(1, 4),
        "groups.my_web_app.templates[0]": Fraction(3, 4) / 4,
        "groups.my_web_nginx.templates[0]": Fraction(3, 4) * 3 / 4,
    }


def test_own_groups_are_weighed_against_the_included_profiles(folder):
    own = "{weight: 40, templates: [{weight: 1, severity: info, host: h, tag: own, message: '{word}'}]}"
    made = loaded(
        folder,
        "name: all\ninclude: {web.yaml: 40, db.yaml: 80}\nfields: {word: {choices: [x]}}\n"
        f"groups: {{own: {own}}}\n",
    )
    assert shares(made)["groups.own.templates[0]"] == Fraction(1, 4)
    assert shares(made)["groups.db_sql.templates[0]"] == Fraction(1, 2)
    assert list(made.fields) == ["db_host", "my_web_host", "my_web_maybe", "my_web_user", "word"]


def test_start_and_timeline_are_those_of_the_whole(folder):
    made = loaded(
        folder, "name: all\nstart: 2027-01-01T00:00:00.000Z\ntimeline: {curve: [[0s, 1]]}\ninclude: {db.yaml: 1}\n"
    )
    assert made.start == "2027-01-01T00:00:00.000Z"
    assert made.timeline is not None


def test_every_event_is_one_of_the_included_profile(folder):
    made = loaded(folder, "name: all\ninclude: {web.yaml: 1, db.yaml: 1}\n")
    found = Counter[str]()
    for line in build(folder / "a.rcap", made, events=400).lines():
        text = line.decode()
        nginx = re.fullmatch(
            r'<6>1 2026-01-01T02:00:00\.000000\+02:00 (web\d) nginx (\d) ID(\d) \[meta host="(web\d)" user="(\w+)"\] '
            r"\ufeff\{braces\} (web\d)( by (\w+))?",
            text,
        )
        if nginx:
            assert nginx[1] == nginx[4] == nginx[6]
            assert (nginx[2], nginx[5]) in {("1", "ann"), ("2", "bob")}
            assert nginx[2] == nginx[3]
            assert nginx[8] in (None, nginx[5])
            found["nginx"] += 1
        else:
            assert re.fullmatch(
                r"<3>Jan  1 02:00:00 web\d app: failed|<6>2026-01-01T00:00:00.000Z (db\d) sql: on \1", text
            )
    assert found["nginx"] == pytest.approx(150, abs=1)


@given(profiles(), st.integers(1, 9) | st.floats(0.001, 9), st.integers(1, 9) | st.floats(0.001, 9))
def test_a_part_renders_what_it_does_alone(tmp_path_factory, made, weight, other):
    """Whatever its fields and formats are; a sound profile stays sound."""
    plain = Profile.model_validate(
        {"name": "plain", "groups": {"g": {"weight": 1, "templates": [template("m", tag="p")]}}}
    )
    whole = Profile.model_validate(composed({"name": "all"}, {"a": (made, weight), "b": (plain, other)}, Findings()))
    part = Fraction(weight) / (Fraction(weight) + Fraction(other))
    assert [float(share / part) for share in whole.shares()[:-1]] == pytest.approx([float(s) for s in made.shares()])
    alone, reader = Reader(made), Reader(whole)
    for line in build(tmp_path_factory.mktemp("drawn") / "a.rcap", whole, events=100).lines():
        number = reader.read(line.decode()).template
        if number < len(made.shares()):
            assert alone.read(line.decode().replace("\n", "")).template == number


def test_weights_that_have_no_small_common_measure_are_rounded(folder):
    """To 10^-12 of the largest; none that is above 0 vanishes."""
    (folder / "web.yaml").write_text(WEB.replace("weight: 3", "weight: 0.0000000000001"))
    made = loaded(folder, "name: all\ninclude: {web.yaml: 0.1, db.yaml: 0.7}\n")
    found = {name: group.weight for name, group in made.groups.items()}
    assert found["my_web_nginx"] == 1
    assert found["db_sql"] == 10**12
    assert found["my_web_app"] == pytest.approx(10**12 / 7, rel=1e-11)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("include: 7", "include: must be a mapping of profiles to weights, like {system: 40, web: 60}"),
        ("include: [system]", "include: must be a mapping of profiles to weights, like {system: 40, web: 60}"),
        ("include: {}", "include: must be a mapping of profiles to weights, like {system: 40, web: 60}"),
        ("include: {db.yaml: 0}", "include.db.yaml: must be a weight above 0, and up to 1000000000000"),
        ("include: {db.yaml: -1}", "include.db.yaml: must be a weight above 0, and up to 1000000000000"),
        ("include: {db.yaml: many}", "include.db.yaml: must be a weight above 0, and up to 1000000000000"),
        ("include: {db.yaml: true}", "include.db.yaml: must be a weight above 0, and up to 1000000000000"),
        ("include: {nobody.yaml: 1}", "include.nobody.yaml: nobody.yaml: no such file beside the profile"),
        ("include: {nobody: 1}", "include.nobody: no such profile; name one that is built in ("),
        ("include: {../db.yaml: 1}", "include.../db.yaml: '../db.yaml' must be the name of a file beside the profile"),
        ("include: {7: 1}", "include.7: no such profile; name one that is built in ("),
        ("include: {nested.yaml: 1}", "include.nested.yaml: include: a profile that is included includes no other"),
        ("include: {broken.yaml: 1}", "include.broken.yaml: groups.sql.weigt: is not known; known are weight, format,"),
        ("include: {recipe.yaml: 1}", "include.recipe.yaml: "),
        ("include: {db.yaml: 1, again.yaml: 1}", "include.again.yaml: brings the field db_host, which is there alread"),
        ("include: {db.yaml: 1}\nfields: {db_host: {choices: [a]}}", "include.db.yaml: brings the field db_host, whic"),
        ("include: {db.yaml: 1}\nfields: 7", "fields: must be a mapping of keys"),
        ("include: {db.yaml: 1}\ngroups: [7]", "groups: must be a mapping of keys"),
        ("include: {db.yaml: 1}\ngroups: {g: 7}", "groups.g: must be a mapping of keys"),
        ("include: {db.yaml: 1}\ngroups: {g: {templates: []}}", "groups.g.weight: is missing"),
        ("include: {db.yaml: 1}\ngroups: {g: {weight: -1, templates: []}}", "groups.g.weight: must be a number from 0"),
        ("include: {db.yaml: 1}\ncolour: red", "colour: is not known; known are name, format, "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(folder, text, line):
    (folder / "nested.yaml").write_text("name: nested\ninclude: {db.yaml: 1}\n")
    (folder / "broken.yaml").write_text(DB.replace("weight: 0.5", "weigt: 0.5"))
    (folder / "again.yaml").write_text(DB)
    (folder / "recipe.yaml").write_text(yaml.dump({"renderer": 3, "profile": yaml.safe_load(DB)}))
    (folder / "web.yaml").unlink()
    assert complaint(folder, f"name: all\n{text}\n").startswith(line)


@pytest.mark.parametrize("weight", ["-5", "1000000000001", "'3'", "true", "[1]"])
def test_an_own_group_s_weight_is_checked_beside_an_include(tmp_path, weight):
    own = f"g: {{weight: {weight}, templates: [{{weight: 1, severity: info, host: h, tag: t, message: m}}]}}"
    line = complaint(tmp_path, f"name: all\ninclude: {{system: 0.1}}\ngroups: {{{own}}}")
    assert line == "groups.g.weight: must be a number from 0 to 1000000000000"


@pytest.mark.parametrize("weight", ["0", "-1", "true", "1000000000001", "'1'"])
def test_an_included_profile_s_weight_is_checked(tmp_path, weight):
    line = complaint(tmp_path, f"name: all\ninclude: {{system: {weight}}}")
    assert line == "include.system: must be a weight above 0, and up to 1000000000000"
