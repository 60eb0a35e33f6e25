"""Profiles from files: what is right is read, what is wrong ends in one line that names the place."""

import json
from pathlib import Path

import pytest

from captures.errors import InputError
from precompute import fields
from precompute.loading import MAX_FILE_BYTES, built_in_names, load_profile
from precompute.profile import Profile

GOOD = """
name: web
fields:
  host: {pattern: "web{:02d}", range: [1, 40]}
  service: {choices: [nginx, redis]}
  pid: {integers: [100, 999]}
groups:
  systemd:
    weight: 20
    templates:
      - weight: 15
        severity: info
        tag: systemd
        message: "Starting {service}"
      - weight: 5
        severity: err
        tag: systemd
        pid: "{pid}"
        message: "Failed {service}"
"""
TEMPLATE = "groups.systemd.templates[1]"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def complaint(text: str | bytes) -> str:
    """What is said of a profile, without its file's name."""
    Path("web.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError) as caught:
        load_profile("web.yaml")
    line = str(caught.value)
    assert "\n" not in line
    assert line.isprintable()
    file, _, rest = line.partition(": ")
    assert file == "web.yaml"
    return rest


def changed(before: str, after: str) -> str:
    assert GOOD.count(before) == 1
    return GOOD.replace(before, after)


def test_a_good_profile_is_read(folder):
    (folder / "web.yaml").write_text(GOOD)
    profile = load_profile("web.yaml")
    assert [place for place, _ in profile.templates()] == ["groups.systemd.templates[0]", TEMPLATE]
    assert [float(share) for share in profile.shares()] == [0.75, 0.25]
    assert (profile.start, profile.groups["systemd"].templates[0].host) == ("2026-01-01T00:00:00.000Z", "{host}")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("name: web", "nom: web", "nom: is not known; known are name, start, fields, groups"),
        ("name: web\n", "", "name: is missing"),
        ("weight: 20", "weigth: 20", "groups.systemd.weigth: is not known; known are weight, templates"),
        (
            "weight: 5\n",
            "weight: 5\n        colour: red\n",
            f"{TEMPLATE}.colour: is not known; known are weight, severity, facility, host, tag, pid, message",
        ),
        ("name: web", "name: a-b", "name: string should match pattern '^[A-Za-z_][A-Za-z0-9_]*$'"),
        ("name: web", "name: web\nstart: 2026-02-30T00:00:00.000Z", "start: '2026-02-30T00:00:00.000Z' is"),
        ("name: web", "name: web\nstart: 2026-01-01", "start: '2026-01-01' is not an instant; write it like 2026-"),
        ("        severity: err\n", "", f"{TEMPLATE}.severity: is missing"),
        ("severity: err", "severity: error", f"{TEMPLATE}.severity: 'error' is none of emerg, alert, crit, err, "),
        ("severity: err", "severity: err\n        facility: x", f"{TEMPLATE}.facility: 'x' is none of kern, user, "),
        ("weight: 5\n", "weight: -5\n", f"{TEMPLATE}.weight: must be a number from 0 to "),
        ("weight: 5\n", "weight: heavy\n", f"{TEMPLATE}.weight: must be a number from 0 to "),
        ("weight: 5\n", "weight: true\n", f"{TEMPLATE}.weight: must be a number from 0 to "),
        ("weight: 5\n", "weight: !!float .nan\n", f"{TEMPLATE}.weight: must be a number from 0 to "),
        (
            GOOD[GOOD.index("      - weight: 15") : GOOD.index("5\n        severity: err")],
            "      - weight: 0 #",
            "groups.systemd.templates: needs at least one template whose weight is above 0",
        ),
        ("weight: 20", "weight: 0", "groups: needs at least one group whose weight is above 0"),
        ("[nginx, redis]", "[]", "fields.service.choices: needs at least one value whose weight is above 0"),
        ("[nginx, redis]", "{nginx: 0}", "fields.service.choices: needs at least one value whose weight is above 0"),
        ("[nginx, redis]", "{nginx: -1}", "fields.service.choices.nginx: must be a number from 0 to "),
        ("[nginx, redis]", "[nginx, 8]", "fields.service.choices: [1] must be text; put quotes around it"),
        ("[nginx, redis]", "[nginx, nginx]", "fields.service.choices: [1] repeats 'nginx'; to make it likelier, "),
        ("[nginx, redis]", '[""]', "fields.service.choices.: must not be empty"),
        ("[nginx, redis]", "nginx", "fields.service.choices: must be a mapping of keys"),
        ("{choices: [nginx, redis]}", "[nginx]", "fields.service: must have one of the keys choices, "),
        ("{choices: [nginx, redis]}", "{choice: [nginx]}", "fields.service: must have one of the keys choices, "),
        ("{choices: [nginx, redis]}", "{choices: [a], range: [1, 2]}", "fields.service.range: is not known; "),
        ("[1, 40]", "[40, 1]", "fields.host.range: [40, 1] is not a range; write the smallest number first"),
        ("[1, 40]", "[-1, 1]", "fields.host.range: [-1, 1] is not a range"),
        ("[1, 40]", "[1.5, 2]", "fields.host.range[0]: must be a whole number"),
        ("[1, 40]", "[1]", "fields.host.range[1]: is missing"),
        ("[1, 40]", "40", "fields.host.range: must be a list"),
        (", range: [1, 40]", "", "fields.host.range: is missing"),
        ("web{:02d}", "web", "fields.host.pattern: needs one place for a number, written {} or, with leading zeros, "),
        ("web{:02d}", "web{}{}", "fields.host.pattern: needs one place for a number"),
        ("web{:02d}", "{web{}", "fields.host.pattern: needs one place for a number"),
        ("[100, 999]", "[0, 2000000]", "fields.pid.integers: holds 2000001 values; a field may have 1048576"),
        ("{integers: [100, 999]}", "{network: 10.0.0.1/8}", "fields.pid.network: 10.0.0.1/8 has host bits set; "),
        ("{integers: [100, 999]}", "{network: 10.0.0.0/8}", "fields.pid.network: 10.0.0.0/8 has 16777216 addresses"),
        ("{integers: [100, 999]}", "{network: ten}", "fields.pid.network: "),
        ("Failed {service}", "Failed {svc}", f"{TEMPLATE}.message: field 'svc' is not defined; defined are host"),
        ("Failed {service}", "Failed {service", f"{TEMPLATE}.message: the '{{' at character 8 belongs to no {{field"),
        ("Failed {service}", r"Failed \e[2J", f"{TEMPLATE}.message: character 8 is U+001B, which is not printable"),
        ("Failed {service}", "Failed \u202e", f"{TEMPLATE}.message: character 8 is U+202E, which is not printable"),
        ("Failed {service}", "", f"{TEMPLATE}.message: must not be empty"),
        ("Failed {service}", "x" * 996 + "{service}", f"{TEMPLATE}.message: can have 1001 characters; at most 1000 "),
        ("Failed {service}", "\U0001f600" * 999, f"{TEMPLATE}: an event can have 4044 bytes; at most 2048 are allowed"),
        ('pid: "{pid}"', "pid: 7", f"{TEMPLATE}.pid: must be text; put quotes around it"),
        ('pid: "{pid}"', "pid: '[7'", f"{TEMPLATE}.pid: '[' is not allowed here; allowed are letters, digits and -._"),
        ('pid: "{pid}"', "host: a b", f"{TEMPLATE}.host: ' ' is not allowed here; allowed are letters, digits "),
        ('pid: "{pid}"', "host: é", f"{TEMPLATE}.host: 'é' is not allowed here"),
        ('pid: "{pid}"', "host: " + "x" * 256, f"{TEMPLATE}.host: can have 256 characters; at most 255 are allowed"),
        (GOOD[GOOD.index("fields:") : GOOD.index("groups:")], "fields: 7\n", "fields: must be a mapping of keys"),
        (GOOD[GOOD.index("groups:") :], "groups: []\n", "groups: must be a mapping of keys"),
        ("  pid: {integers", "  host: {integers", "line 6, column 3: 'host' is given twice"),
        ("{choices: [nginx, redis]}", "&x {choices: [a]}\n  other: *x", "line 6, column 10: aliases (*name) are not "),
        ("{choices: [nginx, redis]}", "{choices: [nginx", "line 6, column 6: expected ',' or ']'"),
        ("{choices: [nginx, redis]}", "!!python/object:os.x {}", "line 5, column 12: could not determine "),
        ("{choices: [nginx, redis]}", "!!int x", "is not YAML that a profile can be made of: "),
        ("nginx", "\x00", "character 89 is U+0000: special characters are not allowed"),
        ("{choices: [nginx, redis]}", "{file: ../x}", "fields.service.file: '../x' must be the name of "),
        ("{choices: [nginx, redis]}", "{file: 7}", "fields.service.file: 7 must be the name of a file beside "),
        ("{choices: [nginx, redis]}", "{file: x, range: 1}", "fields.service.file: stands alone; the field's "),
        ("{choices: [nginx, redis]}", "{file: x.txt}", "fields.service.file: x.txt: can't be read: No such file or "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(before, after, line):
    assert complaint(changed(before, after)).startswith(line)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "must be a mapping of keys"),
        ("- a\n", "must be a mapping of keys"),
        ("[" * 5000, "is not YAML that a profile can be made of: "),
        (b"name: \xff", "byte 6 is not UTF-8; save the file as UTF-8"),
        (b" " * (MAX_FILE_BYTES + 1), "is larger than 16 MiB; make its pools smaller"),
        ("a: 1\n---\nb: 1\n", "line 2, column 1: "),
    ],
)
def test_what_is_no_profile_at_all_is_said_in_one_line(text, line):
    assert complaint(text).startswith(line)


@pytest.mark.usefixtures("folder")
def test_a_missing_profile_is_told_what_there_is():
    with pytest.raises(InputError, match="sistem: no such profile; name a .yaml file, or .* built in: system$"):
        load_profile("sistem")
    with pytest.raises(InputError, match="sistem.yaml: can't be read: No such file or directory"):
        load_profile("sistem.yaml")


def test_scalars_are_read_as_the_core_schema_has_them(folder):
    (folder / "web.yaml").write_text(changed("[nginx, redis]", "[yes, 10:20, 2026-01-01, 007, 0x1f, 1e3, '5']"))
    choices = dict(load_profile("web.yaml").fields["service"].values())
    assert list(choices) == ["007", "0x1f", "10:20", "1e3", "2026-01-01", "5", "yes"]


def test_a_list_file_becomes_choices(folder):
    (folder / "list.txt").write_bytes("\ufeffone\r\nzwei é\r\n\r\n".encode())
    (folder / "web.yaml").write_text(changed("{choices: [nginx, redis]}", "{file: list.txt}"))
    profile = load_profile("web.yaml")
    assert list(profile.fields["service"].values()) == [("one", 1), ("zwei é", 1)]
    again = json.loads(json.dumps(profile.model_dump(mode="json"), sort_keys=True))
    assert Profile.model_validate(again) == profile


def test_a_list_file_is_as_clean_as_a_profile(folder):
    bad = changed("{choices: [nginx, redis]}", "{file: list.txt}")
    (folder / "list.txt").write_bytes(b"one\ntw\x07o\n")
    assert "character 3 is U+0007, which is not printable" in complaint(bad)
    (folder / "list.txt").write_bytes(b"\n\n")
    assert complaint(bad).startswith("fields.service.choices: needs at least one value")
    (folder / "list.txt").write_bytes(b"\xff")
    assert complaint(bad) == "fields.service.file: list.txt: byte 0 is not UTF-8; save the file as UTF-8"
    (folder / "list.txt").unlink()
    (folder / "list.txt").symlink_to("/etc/hostname")
    assert complaint(bad).startswith("fields.service.file: 'list.txt' must be the name of a file beside the profile")


@pytest.mark.usefixtures("folder")
def test_a_field_has_so_many_values_and_no_more(monkeypatch):
    monkeypatch.setattr(fields, "MAX_VALUES", 1000)
    many = str([f"v{number}" for number in range(1001)])
    line = complaint(changed("[nginx, redis]", many))
    assert line == "fields.service.choices: holds 1001 values; a field may have 1000"


@pytest.mark.parametrize("name", built_in_names())
def test_every_built_in_profile_is_sound(name):
    assert load_profile(name).name == name
