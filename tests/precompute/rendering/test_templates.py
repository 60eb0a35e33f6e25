"""A capture that says of which template each event is: version 2, the same events, and slices of a template."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from captures.format.capture import Capture
from captures.format.sections import VERSION_2
from captures.rework.choosing import Choice
from captures.rework.slicing import slice_capture
from captures.share.recipe_text import recipe_yaml
from captures.share.verification import verify
from precompute.profile.model import Profile
from precompute.profile.recipe import Recipe
from precompute.sessions.build import BuildRequest, recipe_of
from tests.precompute.profiles import build, built_in, profile, template

WEIGHTS = 5, 1, 3


def three() -> Profile:
    """Templates whose events say their number, of one length and of several: a train may hold several templates."""
    fields = {"word": {"choices": ["a", "bb", "cc", "ddd"]}}
    return profile(fields, *(template(f"of {i} {{word}}", weight=weight) for i, weight in enumerate(WEIGHTS)))


def texts(capture: Capture) -> list[bytes]:
    """The events in the order of replay."""
    payload = capture.payload.tobytes()
    return [
        payload[int(row["offset"]) + i * int(row["length"]) :][: int(row["length"])]
        for row in capture.trains
        for i in range(int(row["count"]))
    ]


@pytest.mark.parametrize("extent", [{"events": 9000}, {"duration_ns": 3 * 10**9, "rate_eps": 3000}])
def test_each_event_is_of_the_template_that_is_told(tmp_path: Path, extent: dict[str, int]) -> None:
    made = three()
    plain = build(tmp_path / "plain.rcap", made, **extent)
    told = build(tmp_path / "told.rcap", made, tells_templates=True, **extent)
    assert told.version == VERSION_2
    assert plain.version == 1
    assert told.payload.tobytes() == plain.payload.tobytes()
    assert told.trains.tobytes() == plain.trains.tobytes()
    assert all(f"of {number} ".encode() in text for number, text in zip(told.templates, texts(told), strict=True))
    assert np.bincount(told.templates).tolist() == told.mix.tolist() == plain.mix.tolist()
    assert verify(tmp_path / "told.rcap").sound


def test_jobs_change_no_byte_of_several_chunks(tmp_path: Path) -> None:
    one = build(tmp_path / "one.rcap", built_in("system"), size=260_000_000, tells_templates=True)
    two = build(tmp_path / "two.rcap", built_in("system"), size=260_000_000, tells_templates=True, jobs=2)
    assert one.digest == two.digest
    assert np.bincount(one.templates, minlength=len(one.mix)).tolist() == one.mix.tolist()


def test_a_slice_of_a_template_has_all_its_events(tmp_path: Path) -> None:
    told = build(tmp_path / "told.rcap", three(), events=900, tells_templates=True)
    part = slice_capture(told, tmp_path / "part.rcap", Choice(templates=[2]))
    assert part.events == told.mix[2] == 300


def test_the_recipe_builds_it_again(tmp_path: Path) -> None:
    told = build(tmp_path / "told.rcap", three(), events=900, tells_templates=True)
    assert told.recipe is not None
    (tmp_path / "r.yaml").write_text(recipe_yaml(dict(told.recipe)))
    recipe = recipe_of(BuildRequest(str(tmp_path / "r.yaml"), tmp_path / "again.rcap"))
    assert recipe == Recipe(profile=three(), seed=1, train=128, events=900, tells_templates=True)


def test_a_recipe_without_them_says_nothing_of_them() -> None:
    assert "tells_templates" not in Recipe(profile=three(), seed=1, train=128, events=9).as_json()


def test_more_templates_than_sixteen_bits_can_number_are_refused() -> None:
    many = profile({}, *(template(f"of {i}") for i in range(65_537)))
    Recipe(profile=many, seed=1, train=128, events=9)
    with pytest.raises(ValidationError, match="65,536 templates can be told"):
        Recipe(profile=many, seed=1, train=128, events=9, tells_templates=True)
