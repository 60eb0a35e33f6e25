"""The command as people meet it: exit codes, one line for each failure, and nothing half-written."""

import json
import os
import re
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from captures.format.layout import DIGEST_BLOCK_BYTES
from captures.format.reader import open_capture
from precompute.cli import main
from precompute.notation.findings import ProfileError
from precompute.profile.loading import built_in_names, built_in_text, load_profile
from precompute.profile.schema import profile_schema
from tests.precompute.profiles import names
from tests.precompute.program import fails, precompute

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The command in this process: exit code, stdout and stderr."""

    def called(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["precompute", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), *capsys.readouterr()

    return called


@pytest.mark.usefixtures("folder")
def test_build_and_verify():
    built = precompute("build", "system", "-o", "a.rcap", "--events", "20k", "--jobs", "2")
    assert (built.returncode, built.stdout) == (0, "")
    digest = open_capture("a.rcap").digest
    told = " ".join(built.stderr.split())  # which is folded to 80 columns
    assert told.startswith("a.rcap: 20,000 events, 2.8 MiB, mean 14")
    assert told.endswith(f"digest {digest}")

    verified = precompute("verify", "a.rcap")
    assert (verified.returncode, verified.stderr) == (0, "")
    assert verified.stdout == f"a.rcap: sound; 20,000 events, digest {digest}\n"
    found = json.loads(precompute("verify", "a.rcap", "--json").stdout)
    assert found == {"schema": 1, "digest": digest, "sound": True, "damaged": []}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("extent", "events", "told"),
    [
        (("--events", "1.5k"), 1500, "a.rcap: 1,500 events, "),
        (("--duration", "1m30s", "--eps", "20"), 1800, "a.rcap: 1,800 events in 1m30s of traffic, "),
        (("--duration", "2", "--eps", "1k"), 2000, "a.rcap: 2,000 events in 2s of traffic, "),
        (("-d", "2sec", "-e", "1K"), 2000, "a.rcap: 2,000 events in 2s of traffic, "),
        (("--events", "3k", "--eps", "1k"), 3000, "a.rcap: 3,000 events in 3s of traffic, "),
    ],
)
def test_an_extent_is_a_number_or_a_time(call, extent, events, told):
    code, output, error = call("build", "system", "-o", "a.rcap", *extent, "--jobs", "1")
    assert (code, output) == (0, "")
    assert error.startswith(told)
    capture = open_capture("a.rcap")
    assert capture.events == events
    assert "events" in capture.recipe or capture.recipe["rate_eps"] * capture.recipe["duration_ns"] == events * 10**9


@pytest.mark.usefixtures("folder")
def test_a_size_is_that_of_the_payload(call):
    assert call("build", "system", "-o", "a.rcap", "--size", "100KiB", "--jobs", "1")[0] == 0
    assert 100 * 1024 - 260 < len(open_capture("a.rcap").payload) <= 100 * 1024


def test_an_existing_capture_is_kept_unless_forced(folder):
    (folder / "a.rcap").write_bytes(b"mine")
    arguments = ("build", "system", "-o", "a.rcap", "--events", "1")
    assert "a.rcap: exists already; choose another name, or --force" in fails(ExitCode.USAGE, *arguments)
    assert (folder / "a.rcap").read_bytes() == b"mine"
    assert precompute(*arguments, "--force").returncode == 0
    assert open_capture("a.rcap").events == 1


SAY = "precompute: say how much: --events 4M, --size 2GiB, or --duration 8h or --events 4M with --eps 50k"
AT_LEAST = "is 1 at least; a capture holds at least one event"
EXTENTS = {"--events": "1", "--size": "1MB", "--duration": "1s", "--eps": "1"}
ALLOWED = ({"--events"}, {"--events", "--eps"}, {"--size"}, {"--duration", "--eps"})


@pytest.mark.parametrize(
    "flags",
    [
        flags
        for count in range(5)
        for flags in combinations(EXTENTS, count)
        if set(flags) not in ALLOWED
    ],
)  # fmt: skip
def test_an_extent_that_says_too_little_or_too_much_is_one_line(folder, call, flags):
    arguments = [word for flag in flags for word in (flag, EXTENTS[flag])]
    code, output, error = call("build", "system", "-o", "a.rcap", *arguments)
    assert (code, output, error.count("\n")) == (ExitCode.USAGE, "", 1)
    assert error.startswith(SAY)
    assert names(folder) == []


@pytest.mark.parametrize(("events", "rate_eps"), [(100, 3), (1, 7), (999, 1000), (1000, 999)])
def test_so_many_events_at_a_rate_have_the_time_they_take(folder, call, events, rate_eps):
    assert call("build", "system", "-o", "a.rcap", "--events", str(events), "--eps", str(rate_eps))[0] == 0
    capture = open_capture(folder / "a.rcap")
    assert (capture.events, capture.duration_ns) == (events, -(-events * 10**9 // rate_eps))


def test_a_timeline_says_itself_how_many_events_there_are(folder, call):
    code, output, error = call("build", "web", "-o", "a.rcap", "--events", "100", "--eps", "3")
    assert (code, output, error.count("\n")) == (ExitCode.USAGE, "", 1)
    assert "web has a timeline, which says how many events fall due: say --duration in place of --events" in error
    assert names(folder) == []


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("--events", "0"), ExitCode.USAGE, f"--events {AT_LEAST}"),
        (("--size", "0"), ExitCode.USAGE, f"--size {AT_LEAST}"),
        (("--duration", "0s", "--eps", "1"), ExitCode.USAGE, f"--duration {AT_LEAST}"),
        (("--duration", "1s", "--eps", "0"), ExitCode.USAGE, f"--eps {AT_LEAST}"),
        (("--size", "60"), ExitCode.USAGE, "60 bytes are too few for a single event; ask for a larger size"),
        (("--duration", "1ms", "--eps", "1"), ExitCode.USAGE, "not a single event falls into the duration; "),
        (("--duration", "367d", "--eps", "1"), ExitCode.USAGE, "precompute: --duration is 366d at most"),
        (("--duration", "1s", "--eps", "1.1G"), ExitCode.USAGE, "precompute: --eps is 1G at most"),
        (("--events", "1000001G"), ExitCode.USAGE, "precompute: --events is 1000000G at most"),
        (("--events", "1G", "--eps", "1"), ExitCode.USAGE, "so many events at --eps 1 take longer than 366d"),
        (("--events", "1e3"), ExitCode.USAGE, "'--events': '1e3' is not a count; write it like 500, 250k, 4M or 1.5G"),
        (("--events", "-1"), ExitCode.USAGE, "'--events': '-1' is not a count"),
        (("--events", "1.5"), ExitCode.USAGE, "'--events': '1.5' is not a whole number"),
        (("--size", "4gib"), ExitCode.USAGE, "'--size': '4gib' is not a size; write it like 700MB or 2GiB"),
        (("--duration", "5y", "--eps", "1"), ExitCode.USAGE, "'--duration': '5y' is not a duration; write "),
        (("--duration", "5s", "--eps", "fast"), ExitCode.USAGE, "'--eps': 'fast' is not a count"),
        (("--size", "900TiB"), ExitCode.PREFLIGHT, "needs 900.0 TiB and the disk has "),
        (("--events", "900000G"), ExitCode.PREFLIGHT, "and the disk has "),
        (("--duration", "10d", "--eps", "1G"), ExitCode.PREFLIGHT, "and the disk has "),
        (("--events", "1", "--train", "129"), ExitCode.USAGE, "129 is not in the range 1<=x<=128"),
        (("--events", "1", "--jobs", "0"), ExitCode.USAGE, "0 is not in the range 1<=x<=1024"),
        (("--events", "1", "--seed", "18446744073709551616"), ExitCode.USAGE, "is not in the range"),
        (("--events", "1", "--expect", "abc"), ExitCode.USAGE, "'--expect': 'abc' is not a digest; it has 64 "),
        (("--events", "1", "--expect", "g" * 64), ExitCode.USAGE, "is not a digest"),
        (
            ("--events", "1", "-o", "no/a.rcap"),
            ExitCode.USAGE,
            "no/a.rcap: can't be written: No such file or directory",
        ),
    ],
)  # fmt: skip
def test_what_can_not_be_built_is_one_line(folder, call, arguments, code, line):
    left, output, error = call("build", "system", "-o", "a.rcap", *arguments)
    assert (left, output, error.count("\n")) == (code, "", 1)
    assert line in error
    assert names(folder) == []


@pytest.fixture
def capture(folder: Path, call: Call) -> Capture:
    """A small capture with a time axis, of a profile of its own."""
    (folder / "shop.yaml").write_text(SHOP)
    arguments = ("--duration", "20s", "--eps", "200", "--seed", "7", "--train", "50", "--jobs", "1")
    assert call("build", "shop.yaml", "-o", "a.rcap", *arguments)[0] == 0
    return open_capture("a.rcap")


SHOP = """
name: shop
format: rfc5424
bom: true
timeline: {curve: [[0s, 0.5], [10s, 1]], bursts: [{every: 5s, length: 1s, factor: 3}]}
fields:
  host: {pattern: "web{:02d}", range: [1, 40], zipf: 1.1}
  odd: {choices: {"yes": 0.00001, "10:20": 0.1, "null": 2, "~": 1, "1e3": 1}}
  maybe: {optional: ' odd="{odd}"', share: 0.3}
  trace: {hex: 16}
groups:
  all: {weight: 1, templates: [{weight: 1, severity: info, tag: shop, message: "{trace} from {host}{maybe}"}]}
"""


@pytest.mark.usefixtures("capture")
def test_a_recipe_builds_the_same_capture_again(folder, call):
    digest = open_capture("a.rcap").digest
    code, recipe, error = call("recipe", "a.rcap")
    assert (code, error) == (0, "")
    (folder / "r.yaml").write_text(recipe)
    (folder / "shop.yaml").unlink()
    assert precompute("build", "r.yaml", "-o", "copy.rcap", "--jobs", "2", "--expect", digest.upper()).returncode == 0
    assert (folder / "copy.rcap").read_bytes() == (folder / "a.rcap").read_bytes()


def test_another_digest_than_the_expected_one_leaves_nothing(folder, call, capture):
    (folder / "r.yaml").write_text(call("recipe", "a.rcap")[1])
    held = names(folder)
    wrong = "0" * 64
    code, output, error = call("build", "r.yaml", "-o", "b.rcap", "--expect", wrong)
    assert (code, output, error.count("\n")) == (ExitCode.MISSED, "", 1)
    assert wrong in error
    assert capture.digest in error
    assert names(folder) == held
    # Nor is a capture replaced by one that is not as expected.
    code, _, _ = call("build", "system", "-o", "a.rcap", "--events", "1", "--force", "--expect", wrong)
    assert code == ExitCode.MISSED
    assert open_capture("a.rcap").digest == capture.digest


@pytest.mark.usefixtures("capture")
@pytest.mark.parametrize("flag", ["--events", "--size", "--duration", "--eps", "--seed", "--train"])
def test_a_recipe_says_all_itself(folder, call, flag):
    (folder / "r.yaml").write_text(call("recipe", "a.rcap")[1])
    code, output, error = call("build", "r.yaml", "-o", "b.rcap", flag, "1")
    assert (code, output, error.count("\n")) == (ExitCode.USAGE, "", 1)
    assert f"r.yaml is a recipe and says all itself; leave out {flag}\n" in error


@pytest.mark.usefixtures("capture")
def test_a_recipe_of_another_version_is_refused(folder, call):
    recipe = call("recipe", "a.rcap")[1]
    for written, line in (
        ("format: 2", "format 9 is that of another version; this tool has 2"),
        ("renderer: 3", "renderer 9 is that of another version; this tool has 3"),
    ):
        (folder / "r.yaml").write_text(recipe.replace(written, f"{written[:-1]}9"))
        code, _, error = call("build", "r.yaml", "-o", "b.rcap")
        assert (code, error) == (ExitCode.USAGE, f"precompute: r.yaml: {line}\n")


def test_the_built_in_profiles_are_listed(call):
    code, output, error = call("profiles")
    assert (code, error) == (0, "")
    assert [line.split()[0] for line in output.splitlines() if line[0] != " "] == built_in_names()


def test_a_profile_is_shown_as_a_table_or_as_its_file(call):
    code, output, error = call("profiles", "system")
    assert (code, error) == (0, "")
    assert output.startswith("profile   system\n")
    code, output, error = call("profiles", "system", "--yaml")
    assert (code, error) == (0, "")
    assert output == built_in_text("system")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("profiles", "sistem"), "precompute: sistem: no such profile; built in are "),
        (("profiles", "sistem", "--yaml"), "precompute: sistem: no such profile; built in are "),
        (("profiles", "--yaml"), "precompute profiles: name the profile whose YAML to print, like "),
        (("build", "sistem", "-o", "a.rcap", "--events", "1"), "precompute: sistem: no such profile; name "),
        (("build", "sistem.yaml", "-o", "a.rcap", "--events", "1"), "precompute: sistem.yaml: can't be read: "),
        (("build", "system", "--events", "1"), "precompute build: Missing option '-o' / '--output'."),
        (("check", "sistem"), "precompute: sistem: no such profile; name a .yaml file, "),
        (("check", "."), "precompute: .: can't be read: Is a directory"),
        (("rebuild",), "precompute: No such command 'rebuild'."),
    ],
)  # fmt: skip
def test_what_is_not_there_is_one_line(call, arguments, line):
    code, output, error = call(*arguments)
    assert (code, output, error.count("\n")) == (ExitCode.USAGE, "", 1)
    assert error.startswith(line)


def test_a_checked_profile_shows_ten_events(folder, call):
    (folder / "shop.yaml").write_text(SHOP)
    code, output, error = call("check", "shop.yaml")
    assert (code, error) == (0, "shop.yaml: sound; ten of its events:\n")
    events = output.splitlines()
    assert len(events) == 10
    assert all(
        re.fullmatch(r"<6>1 \S+ web\d\d shop - - - \\ufeff[0-9a-f]{16} from web\d\d.*", event) for event in events
    )


def test_a_profile_that_is_not_sound_shows_none(folder, call):
    (folder / "shop.yaml").write_text(SHOP.replace("{trace} from", "{trce} from"))
    code, output, error = call("check", "shop.yaml")
    assert (code, output) == (ExitCode.USAGE, "")
    assert error == (
        "precompute: shop.yaml: groups.all.templates[0].message: field 'trce' is not\n"
        "    defined; defined are host, maybe, odd, trace\n"
        "precompute: shop.yaml: not checked: 2 other things, which depend on what is\n"
        "    unsound\n"
    )


def test_a_recipe_is_no_profile_to_check(folder, call, capture):
    (folder / "r.yaml").write_text(call("recipe", "a.rcap")[1])
    line = "precompute: r.yaml: is a recipe; its profile stands in it under the key profile\n"
    assert call("check", "r.yaml") == (ExitCode.USAGE, "", line)
    assert capture.events


def test_the_schema_is_json(call):
    code, output, error = call("schema")
    assert (code, error) == (0, "")
    assert json.loads(output) == profile_schema()


def test_a_bad_profile_is_one_line(folder):
    (folder / "web.yaml").write_text("name: web\ngroups: {}\n")
    line = fails(ExitCode.USAGE, "build", "web.yaml", "-o", "a.rcap", "--events", "1")
    assert line == "precompute: web.yaml: groups: needs at least one group whose weight is above 0\n"
    assert names(folder) == ["web.yaml"]


def test_damage_is_named(folder):
    assert precompute("build", "system", "-o", "a.rcap", "--size", "40MB").returncode == 0
    capture = open_capture("a.rcap")
    with (folder / "a.rcap").open("r+b") as file:
        file.seek(capture.payload_offset + DIGEST_BLOCK_BYTES + 5)
        file.write(b"\xff")
    line = fails(ExitCode.MISSED, "verify", "a.rcap")
    assert "a.rcap: damaged: payload chunk 1 (bytes 16777216-33554431 of the payload); copy or build the c" in line
    as_json = precompute("verify", "a.rcap", "--json")
    assert as_json.returncode == ExitCode.MISSED
    assert json.loads(as_json.stdout)["damaged"] == ["payload chunk 1 (bytes 16777216-33554431 of the payload)"]


def test_a_capture_that_was_cut_short_is_damaged_and_of_no_use(folder, call, capture):
    (folder / "a.rcap").write_bytes(capture.path.read_bytes()[:-1])
    code, _, error = call("verify", "a.rcap")
    assert (code, error.count("\n")) == (ExitCode.MISSED, 1)
    assert "a.rcap: damaged: section payload ends at" in error
    code, output, _ = call("verify", "a.rcap", "--json")
    found = json.loads(output)
    assert (code, found["digest"], found["sound"], len(found["damaged"])) == (ExitCode.MISSED, None, False, 1)
    assert call("inspect", "a.rcap")[0] == ExitCode.USAGE


def test_a_capture_is_compared_with_the_digest_that_its_recipe_names(call, capture):
    recipe = call("recipe", "a.rcap")[1]
    assert recipe.splitlines()[0].endswith(f"--expect {capture.digest}")
    assert call("verify", "a.rcap", "--expect", capture.digest)[0] == ExitCode.MET
    code, output, error = call("verify", "a.rcap", "--expect", "0" * 64)
    assert (code, output.count("\n"), error.count("\n")) == (ExitCode.MISSED, 1, 1)
    assert f"a.rcap: sound, but another capture: its digest is {capture.digest}, not {'0' * 64}" in error
    assert json.loads(call("verify", "a.rcap", "--json", "--expect", "0" * 64)[1])["expected"] == "0" * 64


@pytest.mark.parametrize("extent", [("--events", "5k"), ("--size", "1MB"), ("--duration", "1m", "--eps", "100")])
def test_a_dry_run_says_what_a_build_makes_and_writes_nothing(folder, call, extent):
    code, output, error = call("build", "system", "-o", "a.rcap", *extent, "--dry-run")
    output = " ".join(output.split())
    assert (code, error, names(folder)) == (0, "", [])
    assert call("build", "system", "-o", "a.rcap", *extent)[0] == 0
    capture = open_capture("a.rcap")
    assert f"a.rcap: would hold {capture.events:,} events" in output
    assert f"({len(capture.payload):,} bytes, and some " in output
    for word in ("the disk has", "to render at"):
        assert word in output
    assert re.search(r"free; at least [1-9]\d*(ms|s|m|h) to", output)


FAULTY = """
name: 7
colour: red
format: rfc3164
source: host
include: {nobody: 1, part.yaml: 0}
fields:
  host: {choices: [a, b]}
  user: {chices: [x]}
  spaced: {choices: ["a b"]}
  list: {file: none.txt}
  maybe: {optional: "{spaced.x}", share: 0.5}
groups:
  sshd:
    weight: 1
    templates:
      - {weight: 1, severity: inf, tag: "{spaced}", message: "{user} {user.x} {other}", msgid: x}
      - {weight: 1, severity: info, tag: "sh{", host: "{list} ", message: "{maybe}"}
      - 7
  my-app:
    weight: 1
    zone: utc
    templates:
      - {weight: 0, severity: info, tag: "x y", host: h, message: fine}
"""
PART = "name: part\ngroups: {g: {weight: 1, templates: [{weight: 1, severity: info, tag: t, message: '{f}'}]}}\n"
COMPLAINTS = """
colour: is not known; known are name, format, zone, bom, start, timeline, source, tagged, fields, groups, include
fields.list.file: none.txt: no such file beside the profile
fields.maybe.optional: {spaced.x} is no column of field 'spaced'; write {spaced}
fields.user: must have one of the keys choices, pattern, integers, network, mac, columns, rows, hex, uuid, \
counter, optional, file, list
groups.my-app.templates: needs at least one template whose weight is above 0
groups.my-app.templates[0].tag: ' ' is not allowed here; allowed are letters, digits and -._/@
groups.my-app.templates[0]: does not name 'host', the source, from which every event must come
groups.my-app.zone: 'utc' is not a zone; write Z, local, or an offset like +02:00
groups.my-app: is no name here; use up to 64 letters, digits and _, and no digit first
groups.sshd.templates[0].msgid: msgid is of format rfc5424 only
groups.sshd.templates[0].severity: 'inf' is none of emerg, alert, crit, err, warning, notice, info, debug
groups.sshd.templates[0].tag: ' ' is not allowed here; allowed are letters, digits and -._/@
groups.sshd.templates[1].host: ' ' is not allowed here; allowed are letters, digits and -._:
groups.sshd.templates[1].tag: the '{' at character 3 belongs to no {field}; write {{ for a brace
groups.sshd.templates[2]: must be a mapping of keys
include.nobody: no such profile; name one that is built in
include.part.yaml: groups.g.templates[0].host: field 'host' is not defined; defined are none
include.part.yaml: groups.g.templates[0].message: field 'f' is not defined; defined are none
include.part.yaml: must be a weight above 0, and up to 1000000000000
name: must be text; put quotes around it
"""
UNCHECKED = """
fields: whether they all hold at most 4194304 texts together, since some are unsound
groups.my-app: the length of its lines, and what its format allows, since zone is unsound
groups.sshd.templates[0].message: the length and the characters that {other}, {user.x}, {user} can give it
groups.sshd.templates[0].message: whether field 'other' is defined, since include is unsound
groups.sshd.templates[0].message: whether field 'user', which is unsound, has the column 'x'
groups.sshd.templates[0]: how long an event can be, which depends on severity, {other}, {user.x}, {user}
groups.sshd.templates[1].host: the length and the characters that {list} can give it
groups.sshd.templates[1].message: the length and the characters that {spaced.x} can give it
groups.sshd.templates[1]: how long an event can be, which depends on tag, {list}, {spaced.x}
groups.sshd.templates[1]: whether each event names 'host', the source, since a part is unsound
include.part.yaml: groups.g.templates[0].host: the length and the characters that {host} can give it
include.part.yaml: groups.g.templates[0].message: the length and the characters that {f} can give it
include.part.yaml: groups.g.templates[0]: how long an event can be, which depends on {f}, {host}
include: whether two fields or two groups have one name, since not all of it is sound
"""


def told_lines(error):
    """What is told, each in one line that was folded to 80 columns."""
    return error.replace("\n    ", " ").splitlines()


def test_check_tells_all_that_is_wrong_at_once_and_what_it_could_not_judge(folder, call):
    (folder / "web.yaml").write_text(FAULTY)
    (folder / "part.yaml").write_text(PART)
    code, output, error = call("check", "web.yaml")
    assert (code, output) == (ExitCode.USAGE, "")
    assert max(map(len, error.splitlines())) <= 80
    lines = [line.removeprefix("precompute: web.yaml: ") for line in told_lines(error)]
    assert sorted(line.partition(" (firewall")[0] for line in lines[:-1]) == COMPLAINTS.strip().splitlines()
    assert lines[-1] == "not checked: 14 other things, which depend on what is unsound"
    with pytest.raises(ProfileError) as unsound:
        load_profile("web.yaml")
    left = [line.removeprefix("web.yaml: ").replace("not checked: ", "") for line in unsound.value.unchecked]
    assert sorted(left) == UNCHECKED.strip().splitlines()


def test_check_says_that_a_file_that_is_no_yaml_could_not_be_judged(folder, call):
    (folder / "web.yaml").write_text("a: 1\na: 2\n")
    assert told_lines(call("check", "web.yaml")[2]) == [
        "precompute: web.yaml: line 2, column 1: 'a' is given twice",
        "precompute: web.yaml: not checked: all else, since the file can't be read as YAML",
    ]


def test_check_says_how_much_it_leaves_out(folder, call):
    fields = "".join(f"  f{number}: 7\n" for number in range(150))
    (folder / "web.yaml").write_text(f"name: w\nfields:\n{fields}groups: {{}}\n")
    lines = [line for line in told_lines(call("check", "web.yaml")[2]) if "not checked" not in line]
    assert len(lines) == 101
    assert lines[-1] == "precompute: web.yaml: and 51 lines more of this kind"


@pytest.mark.usefixtures("folder")
def test_one_is_one(call):
    assert "a.rcap: 1 event, " in call("build", "system", "-o", "a.rcap", "--events", "1")[2]
    assert "a.rcap: sound; 1 event, digest" in call("verify", "a.rcap")[1]


@pytest.mark.parametrize("command", ["inspect", "verify", "recipe"])
def test_what_is_no_capture_is_one_line(folder, command):
    assert "a.rcap: can't be opened: No such file" in fails(ExitCode.USAGE, command, "a.rcap")
    (folder / "a.rcap").write_bytes(b"x" * 9999)
    assert "a.rcap: this is not an .rcap capture" in fails(ExitCode.USAGE, command, "a.rcap")
    os.mkfifo("fifo")
    assert "fifo: can't be opened: not a regular file" in fails(ExitCode.USAGE, command, "fifo")


@pytest.mark.usefixtures("folder")
def test_help_and_version():
    assert precompute("--version").stdout.startswith("precompute, version ")
    shown = precompute("build", "--help").stdout
    assert f"Built-in profiles: {', '.join(built_in_names())}." in " ".join(shown.split())
