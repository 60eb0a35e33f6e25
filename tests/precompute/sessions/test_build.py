"""What is asked of a build, from Python: the same recipe as by flags, and one line for what makes no sense."""

from pathlib import Path

import pytest

from captures.console.errors import InputError
from captures.share.recipe_text import recipe_yaml
from precompute.profile.lines import TagPlace
from precompute.profile.recipe import Recipe
from precompute.rendering.build import build_capture
from precompute.sessions.build import DEFAULT_SEED, BuildRequest, build, recipe_of
from precompute.timeline.model import MAX_DURATION_NS
from tests.precompute.profiles import built_in


def asked(tmp_path, profile="system", **more):
    return BuildRequest(profile, tmp_path / "a.rcap", **more)


def test_a_build_from_python_needs_a_request_alone(tmp_path):
    built = build(asked(tmp_path, events=1000))
    recipe = Recipe(profile=built_in("system"), seed=DEFAULT_SEED, train=128, events=1000)
    assert built == build_capture(tmp_path / "b.rcap", recipe)


def test_so_many_events_at_a_rate_are_a_duration(tmp_path):
    recipe = recipe_of(asked(tmp_path, events=100, rate_eps=3))
    assert (recipe.events, recipe.duration_ns, recipe.rate_eps) == (None, 33_333_333_334, 3)


def test_as_many_events_are_built_as_fit_a_size(tmp_path):
    built = build(asked(tmp_path, size_bytes=100_000))
    assert 98_000 < built.payload_bytes <= 100_000


def test_a_seed_of_zero_is_no_missing_seed(tmp_path):
    assert recipe_of(asked(tmp_path, events=1, seed=0)).seed == 0


def test_room_for_tags_is_asked_for(tmp_path):
    assert recipe_of(asked(tmp_path, events=1, tag_place=TagPlace.FRONT)).profile != built_in("system")


def test_the_profile_that_is_read_is_not_replaced(tmp_path):
    recipe = recipe_of(asked(tmp_path, events=1))
    path = tmp_path / "r.yaml"
    path.write_text(recipe_yaml(recipe.as_json()))
    with pytest.raises(InputError):
        build(BuildRequest(str(path), path, force=True))
    assert recipe_of(asked(tmp_path, str(path))) == recipe


def test_what_the_profile_names_is_not_replaced(tmp_path):
    fields = "{a: {file: values.txt}, b: {columns: {c: {file: rows.txt}}}}"
    templates = '[{weight: 1, severity: info, tag: t, host: h, message: "{a} {b.c}"}]'
    own = f"name: x\nfields: {fields}\ngroups: {{g: {{weight: 1, templates: {templates}}}}}\n"
    texts = {
        "values.txt": "one\ntwo\n",
        "rows.txt": "three\nfour\n",
        "part.yaml": own,
        "p.yaml": "name: y\ninclude: {part.yaml: 1, web: 1}\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    for name, text in texts.items():
        with pytest.raises(InputError, match="this is the file that is read"):
            build(BuildRequest(str(tmp_path / "p.yaml"), tmp_path / name, events=10, force=True))
        assert (tmp_path / name).read_text() == text
    assert build(BuildRequest(str(tmp_path / "p.yaml"), tmp_path / "out.rcap", events=10)).events == 10


def test_a_plain_text_stands_for_the_place_of_the_tag(tmp_path):
    by_text, by_value = (recipe_of(asked(tmp_path, events=1, tag_place=place)) for place in ("front", TagPlace.FRONT))
    assert by_text == by_value


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({}, "say how much"),
        ({"events": 1, "size_bytes": 1}, "say how much"),
        ({"rate_eps": 1}, "say how much"),
        ({"events": -1}, "--events is 1 at least"),
        ({"size_bytes": -1}, "--size is 1 at least"),
        ({"events": 1, "rate_eps": 0}, "--eps is 1 at least"),
        ({"duration_ns": MAX_DURATION_NS + 1, "rate_eps": 1}, "--duration is 366d at most"),
        ({"events": 1, "seed": -1}, "--seed -1 is outside 0 to 18446744073709551615"),
        ({"events": 1, "seed": 1 << 64}, "is outside 0 to"),
        ({"events": 1, "train": 0}, "--train 0 is outside 1 to 128"),
        ({"events": 1, "train": 129}, "--train 129 is outside 1 to 128"),
        ({"events": 1, "jobs": 0}, "--jobs 0 is outside 1 to 1024"),
        ({"events": 1, "expect": "A" * 64}, "a digest has 64 hexadecimal digits"),
        ({"events": 1.5}, "--events 1.5: a whole number is needed"),
        ({"events": "4M"}, "--events '4M': a whole number is needed"),
        ({"events": 1, "rate_eps": 2.5}, "--eps 2.5: a whole number is needed"),
        ({"events": 1, "seed": 1.0}, "--seed 1.0: a whole number is needed"),
        ({"events": 1, "jobs": "2"}, "--jobs '2': a whole number is needed"),
        ({"events": 1, "jobs": None}, "--jobs None: a whole number is needed"),
        ({"events": 1, "tag_place": "middle"}, "the tag_place 'middle' is none of end, front"),
        ({"events": 1, "tag_place": True}, "the tag_place True is none of end, front"),
        ({"events": 1, "expect": 7}, "a digest has 64 hexadecimal digits"),
        ({"events": 1, "profile": Path("system")}, "the profile is a text, and the output a Path"),
        ({"profile": "none", "events": 1}, "no such profile"),
    ],
)
def test_a_request_that_makes_no_sense_is_one_line(tmp_path, more, line):
    with pytest.raises(InputError) as caught:
        build(asked(tmp_path, **more))
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
