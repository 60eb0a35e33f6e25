"""Profiles and recipes from names and files."""

import json
import os
import stat
from pathlib import Path

import pytest

from captures.console.errors import InputError
from captures.notation.strict_yaml import MAX_FILE_BYTES
from captures.share.recipe_text import recipe_yaml
from precompute.profile import loading
from precompute.profile.loading import built_in_names, built_in_text, load, load_profile
from precompute.profile.model import Profile
from precompute.profile.recipe import Recipe
from tests.precompute.profiles import complaint, profile, template

GOOD = """
name: web
fields:
  service: {choices: [nginx, redis]}
groups:
  systemd:
    weight: 20
    templates:
      - {weight: 15, severity: info, host: h, tag: systemd, message: "Starting {service}"}
      - {weight: 5, severity: err, host: h, tag: systemd, message: "Failed {service}"}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def with_service(field: str) -> str:
    return GOOD.replace("{choices: [nginx, redis]}", field)


def service(field: str) -> dict[str, int]:
    """The values and weights of a field in a profile in the current folder."""
    Path("web.yaml").write_text(with_service(field))
    return {texts[0]: weight for texts, weight in load_profile("web.yaml").fields["service"].rows()}


def said(name: str) -> str:
    with pytest.raises(InputError) as caught:
        load(name)
    return str(caught.value)


def test_a_good_profile_is_read(folder):
    (folder / "web.yaml").write_text(GOOD)
    made = load_profile("web.yaml")
    assert load("web.yaml") == made
    assert [place for place, _, _ in made.templates()] == [f"groups.systemd.templates[{number}]" for number in (0, 1)]
    assert [float(share) for share in made.shares()] == [0.75, 0.25]


@pytest.mark.parametrize("name", built_in_names())
def test_every_built_in_profile_is_sound(name):
    assert load_profile(name).name == name
    assert built_in_text(name).startswith("#")


@pytest.mark.usefixtures("folder")
def test_a_name_that_is_none_is_answered_with_those_that_are():
    known = ", ".join(built_in_names())
    assert said("sistem") == f"sistem: no such profile; name a .yaml file, or one that is built in: {known}"
    assert said("sistem.yaml") == "sistem.yaml: can't be read: No such file or directory"
    assert said(".") == ".: can't be read: Is a directory"
    with pytest.raises(InputError, match=f"sistem: no such profile; built in are {known}$"):
        built_in_text("sistem")


def test_a_file_s_name_can_not_drive_the_terminal(folder):
    (folder / "a\x1b[2J.yaml").write_text("")
    assert said("a\x1b[2J.yaml") == "a\\x1b[2J.yaml: must be a mapping of keys"


def test_what_is_too_large_or_no_text_is_one_line(tmp_path):
    assert complaint(tmp_path, b"name: \xff") == "byte 6 is not UTF-8; save the file as UTF-8"
    assert complaint(tmp_path, b" " * (MAX_FILE_BYTES + 1)) == "is larger than 16 MiB; make it smaller"
    assert complaint(tmp_path, "a: 1\n---\nb: 1\n").startswith("line 2, column 1: ")


def test_the_lines_of_a_file_become_choices(folder):
    (folder / "list.txt").write_bytes("\ufeffzwei é\r\none\r\n\r\n".encode())
    assert service("{file: list.txt}") == service("{file: ./list.txt}") == {"one": 1, "zwei é": 1}
    assert service("{file: list.txt, zipf: 1}") == {"one": 5 * 10**11, "zwei é": 10**12}
    made = load_profile("web.yaml")
    (folder / "list.txt").unlink()
    assert Profile.model_validate(json.loads(json.dumps(made.model_dump(mode="json"), sort_keys=True))) == made


def test_columns_may_be_files_and_go_by_line(folder):
    (folder / "hosts.txt").write_text("zeta\nalpha\nmike\n")
    (folder / "sites.txt").write_bytes(b"fra\r\nams\r\nfra")
    text = with_service("{columns: {y: {file: sites.txt}, x: {file: hosts.txt}}}").replace("{service}", "{service.x}")
    (folder / "web.yaml").write_text(text)
    rows = [texts for texts, _ in load_profile("web.yaml").fields["service"].rows()]
    assert rows == [("zeta", "fra"), ("alpha", "ams"), ("mike", "fra")]
    (folder / "sites.txt").write_text("fra\n\nams\n")
    assert complaint(folder, text) == "fields.service.columns.y.file: sites.txt, line 2: must not be empty"


def test_a_list_file_is_as_clean_as_a_profile(folder):
    bad = with_service("{file: list.txt}")
    (folder / "list.txt").write_bytes(b"one\ntw\x07o\n")
    assert complaint(folder, bad) == (
        "fields.service.file: list.txt, line 2: character 3 is U+0007, which is not printable"
    )
    (folder / "list.txt").write_bytes(b"one\ntwo\none\n")
    assert complaint(folder, bad) == (
        "fields.service.file: list.txt, line 3: repeats 'one' of line 1; keep one of them"
    )
    (folder / "list.txt").write_bytes(b"\n\n")
    assert complaint(folder, bad) == "fields.service.choices: needs at least one value"
    (folder / "list.txt").write_bytes(b"\xff")
    assert complaint(folder, bad) == "fields.service.file: byte 0 is not UTF-8; save the file as UTF-8"
    (folder / "list.txt").unlink()
    (folder / "list.txt").symlink_to("/etc/hostname")
    assert complaint(folder, bad) == "fields.service.file: 'list.txt' must be the name of a file beside the profile"


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("{file: ../x}", "file: '../x' must be the name of a file beside the profile"),
        ("{file: /etc/hostname}", "file: '/etc/hostname' must be the name of a file beside the profile"),
        ("{file: .}", "file: '.' must be the name of a file beside the profile"),
        ("{file: ..}", "file: '..' must be the name of a file beside the profile"),
        ("{file: ''}", "file: '' must be the name of a file beside the profile"),
        ("{file: 7}", "file: 7 must be the name of a file beside the profile"),
        ("{file: [a]}", "file: ['a'] must be the name of a file beside the profile"),
        ('{file: "a\\0b"}', "file: 'a\\x00b' must be the name of a file beside the profile"),
        ("{file: x.txt}", "file: x.txt: no such file beside the profile"),
        (f"{{file: {'9' * 300}x}}", f"file: {'9' * 300}x: no such file beside the profile"),
        ("{file: web.yaml, range: 1}", "file: stands alone or with zipf; range has no meaning here"),
        ("{file: web.yaml, choices: [a]}", "file: stands alone or with zipf; choices has no meaning here"),
        ("{file: web.yaml, zipf: 0}", "zipf: must be a number above 0 and up to 4; write it like 1.1"),
        ("{columns: {x: {file: x.txt}}}", "columns.x.file: x.txt: no such file beside the profile"),
        ("{columns: {x: {list: x}}}", "columns.x.list: 'x' is no list of this tool; there are "),
        ("{list: nobody}", "list: 'nobody' is no list of this tool; there are "),
        ("{list: ../profiles/texts}", "list: '../profiles/texts' is no list of this tool; there are "),
        ("{list: 7}", "list: 7 is no list of this tool; there are "),
        ("{list: [a]}", "list: ['a'] is no list of this tool; there are "),
    ],
)
def test_what_is_no_file_or_list_is_named(tmp_path, field, line):
    assert complaint(tmp_path, with_service(field)).startswith(f"fields.service.{line}")


@pytest.mark.usefixtures("folder")
def test_a_list_that_comes_with_the_tool(monkeypatch):
    monkeypatch.setattr(loading, "_LISTS", Path("lists"))
    Path("lists").mkdir()
    Path("lists", "agents.txt").write_text("curl\nwget\n")
    assert service("{list: agents, zipf: 1}") == {"curl": 10**12, "wget": 5 * 10**11}
    assert (
        said_of("{list: agent}") == "web.yaml: fields.service.list: 'agent' is no list of this tool; there are agents"
    )


def said_of(field: str) -> str:
    Path("web.yaml").write_text(with_service(field))
    return said("web.yaml")


def test_a_recipe_is_told_from_a_profile_by_its_keys(folder):
    recipe = Recipe(profile=profile({}, template("m")), seed=7, train=9, events=3)
    (folder / "recipe.yaml").write_text(recipe_yaml(recipe.as_json()))
    assert load("recipe.yaml") == recipe
    with pytest.raises(InputError, match="^recipe.yaml: is a recipe; its profile stands in it under the key profile$"):
        load_profile("recipe.yaml")


@pytest.mark.parametrize("make", ["fifo", "loop", "device", "folder"])
def test_what_is_no_regular_file_is_refused_at_once(folder, make):
    bad, path = with_service("{file: list.txt}"), folder / "list.txt"
    match make:
        case "fifo":
            os.mkfifo(path)
        case "loop":
            path.symlink_to("other.txt")
            (folder / "other.txt").symlink_to("list.txt")
        case "device":
            os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
        case "folder":
            path.mkdir()
    assert complaint(folder, bad).startswith("fields.service.file: ")
