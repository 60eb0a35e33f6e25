"""The figures of a capture, against a plain count of its events."""

import json
from collections import Counter

import numpy as np
import pytest

from captures.format import TRAIN, WINDOW
from captures.reader import Capture, open_capture
from captures.writer import CaptureShape, CaptureWriter
from precompute.inspection import first_events, inspect_capture
from precompute.loading import load_profile
from precompute.summary import summary
from tests.precompute.profiles import build


def foreign(path, line: bytes, recipe: dict[str, object], templates: int = 0) -> Capture:
    """A capture of one event that this package did not make."""
    shape = CaptureShape(
        recipe=recipe,
        seed=0,
        windows=np.array([(0, 0, 0, 1, 1)], WINDOW),
        templates=templates,
        trains=1,
        payload_bytes=len(line),
        shortest=len(line),
        longest=len(line),
    )
    train = np.zeros(1, TRAIN)
    train["count"], train["length"] = 1, len(line)
    with CaptureWriter(path, shape) as writer:
        writer.part().write(0, train, 0, np.frombuffer(line, np.uint8))
        writer.finish(np.zeros(templates, np.uint64))
    return open_capture(path)


def test_every_figure_is_that_of_the_events(tmp_path):
    capture = build(tmp_path / "a.rcap", load_profile("system"), events=5000)
    lines = list(capture.lines())
    found = json.loads(json.dumps(inspect_capture(capture).as_json()))
    assert found["events"] == len(lines) == 5000
    assert found["payload_bytes"] == sum(map(len, lines))
    assert found["mean_bytes"] == sum(map(len, lines)) / 5000
    assert found["lengths"] == {str(length): count for length, count in sorted(Counter(map(len, lines)).items())}
    assert (found["shortest_bytes"], found["longest_bytes"]) == (min(map(len, lines)), max(map(len, lines)))
    assert found["trains"] == len(capture.trains)
    assert found["mean_train"] == 5000 / len(capture.trains)
    assert found["digest"] == capture.digest
    assert found["recipe"] == capture.recipe

    starting = next(share for share in found["mix"] if share["message"].startswith("Starting"))
    assert starting["place"] == "groups.systemd.templates[0]"
    assert starting["weight"] == 0.2
    assert starting["events"] == sum(b": Starting " in line for line in lines)
    assert starting["share"] == starting["events"] / 5000


def test_the_summary_says_it_to_people(tmp_path):
    text = summary(inspect_capture(build(tmp_path / "a.rcap", load_profile("system"), events=5000)))
    lines = text.splitlines()
    assert lines[0].startswith("events   5,000 of 10")
    assert "profile system, events 5000, format 1, renderer 1, seed 1, train 128" in lines[3]
    assert sum("#" in line for line in lines) <= 16
    (starting,) = (line for line in lines if "  Starting {service}" in line)
    assert starting.split()[:4] == ["groups.systemd.templates[0]", "1,000", "20.000%", "20.000%"]


@pytest.mark.parametrize(
    "recipe",
    [
        {},
        {"profile": None},
        {"profile": {"name": "x"}},
        {"profile": [1]},
        {"source": "a.pcap\x1b[2J", "deep": {"x": [1]}},
    ],
)
def test_the_recipe_of_another_tool_leaves_the_mix_unknown(tmp_path, recipe):
    found = inspect_capture(foreign(tmp_path / "a.rcap", b"event", recipe))
    assert found.as_json()["mix"] is None
    text = summary(found)
    assert "mix unknown: the recipe holds no profile of this tool" in text
    assert text.replace("\n", "").isprintable()


def test_a_mix_of_other_templates_is_unknown(tmp_path):
    recipe = {"profile": load_profile("system").model_dump(mode="json")}
    assert inspect_capture(foreign(tmp_path / "a.rcap", b"event", recipe, templates=3)).mix is None


def test_events_can_not_drive_the_terminal(tmp_path):
    capture = foreign(tmp_path / "a.rcap", "a\x1b[2J\r\n\u202e\x9b é \U0001f600".encode() + b"\xff\x00", {})
    assert list(first_events(capture, 9)) == [r"a\x1b[2J\r\n\u202e\x9b é " + "\U0001f600" + r"\xff\x00"]
