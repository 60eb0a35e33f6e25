"""The recipe: whatever a profile holds, it is written and read back as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.share.recipe_text import recipe_yaml
from precompute.draws.streams import MAX_SEED
from precompute.profile.loading import load
from precompute.profile.recipe import FORMAT, MAX_EVENTS, MAX_RATE_EPS, RENDERER, Recipe
from precompute.timeline.model import MAX_DURATION_NS, Timeline
from tests.precompute.profiles import complaint, profile, profiles, template

TIMELINES = st.none() | st.sampled_from(
    [
        {"curve": [["0s", 0.000001], ["2h", 1], ["8h30m", 0.4]]},
        {"diurnal": {"low": 0.1, "peak": "10:20"}, "bursts": [{"at": "30", "length": "5s", "factor": 1000}]},
        {
            "bursts": [
                {"every": "10m", "length": "5s", "factor": 0},
                {"at": ["1s", "1d"], "length": "1ms", "factor": 2.5},
            ]
        },
    ]
)
EXTENTS = st.integers(1, MAX_EVENTS).map(lambda events: {"events": events}) | st.builds(
    lambda duration_ns, rate_eps: {"duration_ns": duration_ns, "rate_eps": rate_eps},
    st.integers(1, MAX_DURATION_NS),
    st.integers(1, MAX_RATE_EPS),
)


@given(profiles(), TIMELINES, EXTENTS, st.integers(0, MAX_SEED), st.integers(1, 128))
def test_a_recipe_is_read_back_as_it_was(tmp_path_factory, made, timeline, extent, seed, train):
    made = made.model_copy(update={"timeline": timeline and Timeline.model_validate(timeline)})
    recipe = Recipe(profile=made, seed=seed, train=train, **extent)
    path = tmp_path_factory.mktemp("drawn") / "recipe.yaml"
    path.write_text(recipe_yaml(recipe.as_json()))
    assert load(str(path)) == recipe
    # And so it is from a capture, which keeps canonical JSON.
    path.write_text(recipe_yaml(json.loads(json.dumps(recipe.as_json(), sort_keys=True))))
    assert load(str(path)) == recipe


@pytest.mark.parametrize(
    "text", ["yes", "10:20", "1e3", "null", "~", "true", "1.50", "007", " ", "a: b", "#", "{{}}", "é"]
)
def test_texts_that_yaml_could_take_for_something_else(tmp_path, text):
    fields = {"f": {"choices": {text: 1e-05, "other": 0.1}}, "g": {"rows": [{"null": text, "yes": text}]}}
    made = profile(fields, template(text, weight=0.1), name="yes")
    recipe = Recipe(profile=made, seed=0, train=1, events=1)
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe_yaml(recipe.as_json()))
    assert load(str(path)) == recipe


def test_a_recipe_has_neither_defaults_nor_paths_of_this_machine():
    recipe = Recipe(profile=profile({}, template("m")), seed=1, train=128, events=9).as_json()
    assert list(recipe) == ["format", "renderer", "profile", "seed", "train", "events"]
    assert (recipe["format"], recipe["renderer"]) == (FORMAT, RENDERER)


WRITTEN = """
format: 2
renderer: 3
profile:
  name: web
  groups: {g: {weight: 1, templates: [{weight: 1, severity: info, host: h, tag: t, message: m}]}}
seed: 1
train: 128
"""


def test_the_written_recipe_is_sound(tmp_path):
    (tmp_path / "r.yaml").write_text(WRITTEN + "events: 9\n")
    assert isinstance(load(str(tmp_path / "r.yaml")), Recipe)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (WRITTEN.replace("format: 2", "format: 1") + "events: 9", "format 1 is that of another version; this tool has"),
        (WRITTEN.replace("renderer: 3", "renderer: 2") + "events: 9", "renderer 2 is that of another version; this to"),
        (WRITTEN.replace("renderer: 3", "renderer: 2\nnew: 1"), "renderer 2 is that of another version; this tool "),
        (WRITTEN.replace("format: 2", "format: two") + "events: 9", "format: must be a whole number"),
        (WRITTEN, "needs either events, or duration_ns and rate_eps"),
        (WRITTEN + "duration_ns: 9", "needs either events, or duration_ns and rate_eps"),
        (WRITTEN + "rate_eps: 9", "needs either events, or duration_ns and rate_eps"),
        (WRITTEN + "events: 9\nrate_eps: 9", "needs either events, or duration_ns and rate_eps"),
        (WRITTEN + "events: 9\nduration_ns: 9\nrate_eps: 9", "needs either events, or duration_ns and rate_eps"),
        (WRITTEN + f"events: {MAX_EVENTS + 1}", f"events: must be {MAX_EVENTS:,} or less"),
        (WRITTEN + "events: 0", "events: must be 1 or more"),
        (WRITTEN + "duration_ns: 0\nrate_eps: 9", "duration_ns: must be 1 or more"),
        (WRITTEN + f"duration_ns: {MAX_DURATION_NS + 1}\nrate_eps: 9", f"duration_ns: must be {MAX_DURATION_NS:,} "),
        (WRITTEN + f"duration_ns: 9\nrate_eps: {MAX_RATE_EPS + 1}", f"rate_eps: must be {MAX_RATE_EPS:,} or less"),
        (WRITTEN.replace("seed: 1", f"seed: {MAX_SEED + 1}") + "events: 9", f"seed: must be {MAX_SEED:,} or less"),
        (WRITTEN.replace("train: 128", "train: 0") + "events: 9", "train: must be 1 or more"),
        (WRITTEN.replace("name: web", "include: {system: 1}") + "events: 9", "profile.include: is not known; known ar"),
        ("renderer: 3", "profile: is missing"),
    ],
)  # fmt: skip
def test_what_is_no_recipe_of_this_tool_is_refused(tmp_path, text, line):
    assert complaint(tmp_path, text).startswith(line)
