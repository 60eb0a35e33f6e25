"""Profiles that ask for tags: each event has room for one, in the column that its train says."""

import re
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError
from captures.format.capture import Capture
from captures.format.reader import open_capture
from precompute.cli import precompute
from precompute.inspection.as_text import summary
from precompute.inspection.figures import inspect_capture
from precompute.inspection.payload import sample
from precompute.inspection.recognition import Recogniser
from precompute.profile.lines import TagPlace
from precompute.profile.loading import load_profile, with_tags
from precompute.profile.model import Profile
from precompute.profile.recipe import Recipe
from precompute.rendering import plan
from precompute.rendering.build import build_capture
from precompute.rendering.frames import make_frames
from precompute.rendering.samples import sample_events
from tests.precompute.profile.test_lines import LINES, structured_data
from tests.precompute.profiles import EACH_BUILT_IN, Reader, build, built_in, complaint, profile, tagged, template
from tests.precompute.rendering.test_build import EVERYTHING, TIMELINE
from tests.precompute.rendering.test_render import ASKED

BLANK = b"00000000-0000-0000000000"
TAG = rb"(?P<tag>0{8}-0{4}-0{10})"
SUFFIXED = re.compile(rb"<\d+>(?!1 ).* stampede=" + TAG, re.DOTALL)
# The header's five parts have no space in them, and what follows the tag is other data or the message.
STRUCTURED = re.compile(rb"<\d+>1 \S+ \S+ \S+ \S+ \S+ \[stampede@32473 tag=\"" + TAG + rb"\"\](?:\[| ).*", re.DOTALL)
FRONT = re.compile(rb"<\d+>(?!1 )(?:\w{3} [ \d]\d )?\S+ \S+ \S+: stampede=" + TAG + rb" .*", re.DOTALL)
ELEMENT = b'[stampede@32473 tag="' + BLANK + b'"]'


def without_tag(line: bytes) -> bytes:
    """The event as it would be in an untagged capture."""
    if SUFFIXED.fullmatch(line):
        return line.removesuffix(b" stampede=" + BLANK)
    if FRONT.fullmatch(line):
        return line.replace(b"stampede=" + BLANK + b" ", b"", 1)
    before, _, behind = line.partition(ELEMENT)
    return before + (b"-" if behind.startswith(b" ") else b"") + behind


def assert_tagged(capture: Capture) -> None:
    """Every event has one blank tag, found by the letter of its format, where its train says."""
    assert capture.tagged
    assert (capture.trains["tag_kind"] == 1).all()
    for number, column in enumerate(capture.trains["tag_column"].tolist()):
        for row in capture.matrix(number):
            line = row.tobytes()
            found = STRUCTURED.fullmatch(line) or SUFFIXED.fullmatch(line) or FRONT.fullmatch(line)
            assert found, line
            assert found.start("tag") == column
            assert line.count(BLANK) == 1


@pytest.mark.parametrize("place", TagPlace)
@pytest.mark.parametrize("name", EACH_BUILT_IN)
def test_every_event_of_a_built_in_profile_has_its_tag_where_its_train_says(tmp_path, captured, name, place):
    made = built_in(name).with_tags(place)
    capture = build(tmp_path / "a.rcap", made, events=20_000)
    assert_tagged(capture)
    plain = captured(name)
    assert not plain.tagged
    assert not plain.trains["tag_column"].any()
    assert capture.mix.tolist() == plain.mix.tolist()
    lengths = Counter(len(without_tag(line)) for line in capture.lines())
    assert lengths == Counter(map(len, plain.lines()))
    assert None not in Recogniser(make_frames(made)).read(sample(capture)[::8])  # without tags, it is tested with all


@given(tagged(), ASKED, st.integers(1, 128))
def test_a_plain_reader_reads_every_event_of_any_profile(tmp_path_factory, made, asked, train):
    capture = build(tmp_path_factory.mktemp("drawn") / "drawn.rcap", made, train=train, **asked)
    reader = Reader(made)
    assert (capture.trains["tag_kind"] == 1).all()
    for number, column in enumerate(capture.trains["tag_column"].tolist()):
        tags = capture.matrix(number)[:, column : column + len(BLANK)]
        assert (tags == np.frombuffer(BLANK, np.uint8)).all()
    found = Counter(reader.read(line.decode()).template for line in capture.lines())
    assert [found[number] for number in range(len(capture.mix))] == capture.mix.tolist()


@pytest.mark.parametrize("name", ["system", "rfc3164-servers"])
def test_with_a_suffix_the_events_are_otherwise_the_same(tmp_path, name):
    """While a block holds all rows of a length: their number in a block depends on the length."""
    capture = build(tmp_path / "tagged.rcap", built_in(name).with_tags(), events=3000)
    plain = build(tmp_path / "plain.rcap", built_in(name), events=3000)
    assert [without_tag(line) for line in capture.lines()] == list(plain.lines())
    for column in ("count", "first_event", "stamp_column", "stamp_kind", "source"):
        assert capture.trains[column].tolist() == plain.trains[column].tolist()
    assert (capture.trains["length"] - capture.trains["tag_column"] == len(BLANK)).all()


def test_a_tag_is_sound_structured_data_before_that_of_the_template(tmp_path):
    templates = [
        template("with", data={"a@32473": {"tag": "x"}, "stampede": {"tag": "y"}}),
        template("without"),
    ]
    made = profile({}, *templates, format="rfc5424", bom=True, tagged=True)
    lines = {LINES["rfc5424"].fullmatch(line.decode()) for line in build(tmp_path / "a.rcap", made, events=40).lines()}
    data = {found["message"].removeprefix("\ufeff"): found["data"] for found in lines}
    own = {"stampede@32473": {"tag": BLANK.decode()}}
    assert data["without"] == ELEMENT.decode()
    assert structured_data(data["with"]) == own | {"a@32473": {"tag": "x"}, "stampede": {"tag": "y"}}
    assert data["with"].startswith(ELEMENT.decode())
    assert all(found["message"].startswith("\ufeff") for found in lines)


def test_the_column_follows_the_lengths_before_it(tmp_path):
    fields = {"h": {"choices": ["a", "bbb"]}, "p": {"choices": ["1", "22"]}, "t": {"choices": ["xx", "y"]}}
    made = profile(fields, template("{t}", host="{h}", pid="{p}"), format="rfc5424", tagged=True)
    capture = build(tmp_path / "a.rcap", made, events=2000)
    assert_tagged(capture)
    head = len('<6>1 2026-01-01T00:00:00.000000Z a t 1 - [stampede@32473 tag="')
    columns = set(capture.trains["tag_column"].tolist())
    assert columns == {head, head + 1, head + 2, head + 3}
    # Events of one length may differ in the column: then they are in different trains.
    by_length: dict[int, set[int]] = {}
    for length, column in zip(*(capture.trains[name].tolist() for name in ("length", "tag_column")), strict=True):
        by_length.setdefault(length, set()).add(column)
    assert max(map(len, by_length.values())) > 1


def test_text_that_looks_like_a_tag_is_no_tag(tmp_path):
    texts = [f" stampede={BLANK.decode()}", ELEMENT.decode(), f'[stampede@32473 tag="{BLANK.decode()}']
    for style in ("iso3164", "rfc3164", "rfc5424"):
        made = profile({}, *(template("m" + text) for text in texts), format=style, tagged=True)
        capture = build(tmp_path / f"{style}.rcap", made, events=30)
        for number, row in enumerate(capture.trains):
            for event in capture.matrix(number):
                line, column = event.tobytes(), int(row["tag_column"])
                expected = line.index(BLANK) if style == "rfc5424" else line.rindex(BLANK)
                assert (column, line.count(BLANK)) == (expected, 2)


@pytest.mark.parametrize("asked", [{"events": 20_000}, {"duration_ns": 10 * 10**9, "rate_eps": 2000}])
def test_the_number_of_jobs_changes_no_byte(tmp_path, monkeypatch, asked):
    monkeypatch.setattr(plan, "CHUNK_BYTES", 1_300_000)
    made = built_in("web").with_tags()
    one = build(tmp_path / "one.rcap", made, **asked)
    two = build(tmp_path / "two.rcap", made, jobs=2, **asked)
    assert one.path.read_bytes() == two.path.read_bytes()
    assert_tagged(two)


def test_sources_and_tags_go_together(tmp_path):
    (tmp_path / "farm.yaml").write_text("name: farm\ninclude: {system: 1}\nsource: system_host\ntagged: true\n")
    capture = build(tmp_path / "a.rcap", load_profile(str(tmp_path / "farm.yaml")), events=20_000)
    assert_tagged(capture)
    for number, source in enumerate(capture.trains["source"].tolist()):
        assert {line.tobytes().split(b" ")[1] for line in capture.matrix(number)} == {b"server%03d" % (source + 1)}


def test_a_tag_at_the_front_stands_before_the_message(tmp_path):
    fields = {"h": {"choices": ["a", "bbb"]}, "t": {"choices": ["xx", "y"]}}
    for style in ("iso3164", "rfc3164"):
        made = profile(fields, template("says {t}", host="{h}"), format=style, tagged="front")
        capture = build(tmp_path / f"{style}.rcap", made, events=200)
        assert_tagged(capture)
        for line in capture.lines():
            assert re.search(rb": stampede=0{8}-0{4}-0{10} says (xx|y)$", line)


def test_rfc5424_has_the_same_bytes_wherever_tags_are_asked_for(tmp_path):
    ends, fronts = (
        build(tmp_path / f"{place}.rcap", built_in("rfc5424-services").with_tags(place), events=2000)
        for place in TagPlace
    )
    assert ends.payload.tobytes() == fronts.payload.tobytes()
    assert ends.trains.tolist() == fronts.trains.tolist()


# Same seed, same bytes, for good: a change here is a new `precompute.profile.recipe.RENDERER`.
def test_a_tagged_suffix_gives_the_same_bytes_for_good(tmp_path):
    capture = build(tmp_path / "golden.rcap", built_in("system").with_tags(), jobs=2, events=50_000)
    assert capture.digest == "76fdf6fdf9794cb091aa20292a47c17c3e42b845c03774f6a644cc4bce37d9b4"


def test_tags_at_the_front_give_the_same_bytes_for_good(tmp_path):
    made = built_in("mixed").with_tags(TagPlace.FRONT)
    capture = build(tmp_path / "golden.rcap", made, jobs=2, events=50_000)
    assert capture.digest == "e1522b7ed26a4ca9f379f9b8d1550e2ee230bfe0e5f0ab3e1fd46cebe4e8be65"


@pytest.mark.parametrize(
    ("asked", "digest"),
    [
        ({"events": 50_000}, "a26ce929f056c50f74ca30cffc145483096a752c1093bc81be53371a0553afa2"),
        (
            {"duration_ns": 60 * 10**9, "rate_eps": 1000},
            "6c23f86c4a6f5af0e36463b70fd118eff048abb1313d606dda4f8424a34c2442",
        ),
    ],
)
def test_tagged_structured_data_gives_the_same_bytes_for_good(tmp_path, asked, digest):
    texts = ["{choice} {address}{part}", "{id} {count} {digits}"]
    templates = [template(texts[0], host="{name}", data={"a@32473": {"c": "{choice}"}}), template(texts[1])]
    templates += [template("m", pid="{number}", msgid="{row.y}")]
    made = profile(EVERYTHING, *templates, format="rfc5424", timeline=TIMELINE, tagged=True)
    capture = build(tmp_path / "golden.rcap", made, jobs=2, **asked)
    assert capture.digest == digest


def test_no_tags_are_as_good_as_none_asked_for(tmp_path):
    made = profile({}, template("m"))
    assert profile({}, template("m"), tagged=False) == made
    recipe = build(tmp_path / "a.rcap", made, events=10).recipe
    assert "tagged" not in recipe["profile"]
    assert Recipe.model_validate(recipe).profile == made


def test_a_recipe_rebuilds_the_same_bytes(tmp_path):
    first = build(tmp_path / "first.rcap", built_in("firewall").with_tags(), seed=9, train=40, size=1_000_000)
    recipe = Recipe.model_validate(first.recipe)
    assert recipe.profile.tagged
    build_capture(tmp_path / "again.rcap", recipe, jobs=1, force=False, progress=lambda *_: None)
    assert (tmp_path / "again.rcap").read_bytes() == first.path.read_bytes()


def test_a_composed_profile_says_itself_whether_it_is_tagged(tmp_path):
    (tmp_path / "own.yaml").write_text(OWN)
    (tmp_path / "plain.yaml").write_text("name: plain\ninclude: {own.yaml: 1, system: 1}\n")
    (tmp_path / "all.yaml").write_text("name: all\ntagged: true\ninclude: {rfc5424-services: 1, system: 1}\n")
    assert load_profile(str(tmp_path / "own.yaml")).tagged
    assert load_profile(str(tmp_path / "plain.yaml")).tagged is None
    capture = build(tmp_path / "a.rcap", load_profile(str(tmp_path / "all.yaml")), events=5000)
    assert_tagged(capture)
    assert {bool(STRUCTURED.fullmatch(line)) for line in capture.lines()} == {True, False}


AROUND = f'<6>1 2026-01-01T00:00:00.000000Z h t - - {ELEMENT.decode()}[a@1 tag=""] m'
"""An event of the profile below, but for the parameter's value."""
OWN = """
name: own
format: rfc5424
tagged: true
groups:
  g:
    weight: 1
    templates:
      - {weight: 1, severity: info, host: h, tag: t, message: "m", data: {a@1: {tag: x}}}
"""


@pytest.mark.parametrize(
    ("before", "changed", "line"),
    [
        (
            "a@1",
            "stampede@32473",
            "groups.g.templates[0].data.stampede@32473: is where tags stand; take another SD-ID, or leave out tagged",
        ),
        ("tagged: true", "tagged: 1", "tagged: must be true, false or front"),
        ("tagged: true", "tagged: yes", "tagged: must be true, false or front"),
        ("tagged: true", "tagged: end", "tagged: must be true, false or front"),
        ("tagged: true", "tagged: [front]", "tagged: must be true, false or front"),
        (
            "data: {a@1: {tag: x}}",
            "data: {a@1: {tag: %s}}" % ("x" * (2049 - len(AROUND))),
            "groups.g.templates[0]: an event can have 2049 bytes; at most 2048 are allowed",
        ),
    ],
)
def test_what_is_refused(tmp_path, before, changed, line):
    assert OWN.count(before) == 1
    assert complaint(tmp_path, OWN.replace(before, changed)) == line


def test_tags_count_for_the_event_and_not_for_the_message(tmp_path):
    text = "name: web\nformat: rfc3164\ntagged: %s\ngroups: {g: {weight: 1, templates: [%s]}}\n"
    entry = "{weight: 1, severity: info, host: h, tag: t, message: %s}"
    fits = 1024 - len("<6>Jan  1 00:00:00 h t: ") - len(" stampede=") - len(BLANK)
    (tmp_path / "a.yaml").write_text(text % ("true", entry % ("x" * fits)))
    (line,) = build(tmp_path / "a.rcap", load_profile(str(tmp_path / "a.yaml")), events=1).lines()
    assert len(line) == 1024
    told = complaint(tmp_path, text % ("true", entry % ("x" * (fits + 1))))
    assert told == "groups.g.templates[0]: an event can have 1025 bytes; at most 1024 are allowed"


def test_samples_show_the_tag():
    assert all(line.endswith(b" stampede=" + BLANK) for line in sample_events(built_in("web").with_tags(), 10))


def test_an_inspection_tells_of_tags(tmp_path):
    found = inspect_capture(build(tmp_path / "a.rcap", built_in("system").with_tags(), events=2000))
    assert found.as_json()["tagged"] is True
    assert found.as_json()["tag_place"] == "end"
    assert "\ntags     room for one in each event\n" in summary(found)
    front = inspect_capture(
        build(tmp_path / "f.rcap", built_in("system").with_tags(TagPlace.FRONT), events=2000)
    )  # fmt: skip
    assert (front.tagged, front.tag_place) == (True, "front")
    assert "\ntags     room for one in each event before its message\n" in summary(front)
    plain = inspect_capture(build(tmp_path / "b.rcap", built_in("system"), events=2000))
    assert "\ntags " not in summary(plain)
    assert plain.tag_place is None


def call(*arguments: str) -> Result:
    return CliRunner().invoke(precompute, arguments)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("flag", "value"), [("--tagged", True), ("--tagged-front", "front")])
def test_the_flag_is_as_good_as_the_key(folder, flag, value):
    asked = ("--events", "500", "--jobs", "1")
    assert call("build", flag, "system", "-o", "flag.rcap", *asked).exit_code == 0
    made = built_in("system").model_dump(mode="json", by_alias=True, exclude_none=True)
    key = build(folder / "key.rcap", Profile.model_validate(made | {"tagged": value}), events=500)
    assert key.recipe["profile"]["tagged"] == value
    assert (folder / "flag.rcap").read_bytes() == key.path.read_bytes()
    (folder / "r.yaml").write_text(call("recipe", "flag.rcap").stdout)
    assert call("build", "r.yaml", "-o", "again.rcap", "--expect", key.digest).exit_code == 0
    assert open_capture("again.rcap").tagged


def test_a_recipe_says_itself_whether_it_is_tagged(folder):
    assert call("build", "system", "-o", "a.rcap", "--events", "10", "--jobs", "1").exit_code == 0
    (folder / "r.yaml").write_text(call("recipe", "a.rcap").stdout)
    for flag in ("--tagged", "--tagged-front"):
        refused = call("build", "r.yaml", "-o", "b.rcap", flag)
        assert isinstance(refused.exception, InputError)
        assert str(refused.exception) == f"r.yaml is a recipe and says all itself; leave out {flag}"
    assert not (folder / "b.rcap").exists()


def test_tags_that_do_not_fit_are_one_line(tmp_path):
    (tmp_path / "own.yaml").write_text(OWN.replace("a@1", "stampede@32473").replace("tagged: true\n", ""))
    path = str(tmp_path / "own.yaml")
    with pytest.raises(InputError) as caught:
        with_tags(path, load_profile(path))
    place = "groups.g.templates[0].data.stampede@32473"
    assert str(caught.value) == (
        f"{path}: with tags: {place}: is where tags stand; take another SD-ID, or leave out tagged"
    )
