"""The figures of a capture, against a plain count of its events."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.units import parse_duration_ns
from captures.format.reader import open_capture
from precompute.inspection.as_text import summary
from precompute.inspection.figures import first_events, inspect_capture
from precompute.timeline.model import Timeline
from tests.captures.imported import imported
from tests.precompute.foreign import foreign
from tests.precompute.profiles import build, built_in, profile, template

ONE = {"a": {"choices": ["x", "y"]}}
RAMP = {"curve": [["0s", 0.2], ["60s", 1]]}


def test_every_figure_is_that_of_the_events(tmp_path):
    capture = build(tmp_path / "a.rcap", built_in("system"), events=5000)
    lines = list(capture.lines())
    found = json.loads(json.dumps(inspect_capture(capture).as_json()))
    assert found["events"] == len(lines) == 5000
    assert found["payload_bytes"] == sum(map(len, lines))
    assert found["mean_bytes"] == sum(map(len, lines)) / 5000
    assert found["lengths"] == {str(length): count for length, count in sorted(Counter(map(len, lines)).items())}
    assert (found["shortest_bytes"], found["longest_bytes"]) == (min(map(len, lines)), max(map(len, lines)))
    assert found["trains"] == len(capture.trains)
    assert found["mean_train"] == 5000 / len(capture.trains)
    assert found["tagged"] is False
    assert found["digest"] == capture.digest
    assert found["recipe"] == capture.recipe

    assert found["rate"] is None
    assert found["mix_test"]["freedom"] == len(found["mix"]) - 1
    assert found["mix_test"]["p"] > 0.999

    sampled = found["sample"]
    assert sampled["events"] == 5000
    assert sampled["unrecognised"] == 0
    assert sampled["distinct_bodies"] == len({line[27 + line.index(b"2026") - 3 :] for line in lines}) / 5000
    assert len(sampled["events_shown"]) == 20
    assert set(sampled["events_shown"]) <= {line.decode() for line in lines}
    hosts = next(field for field in sampled["fields"] if field["field"] == "host")
    plain = Counter(line.split(b" ")[1].decode() for line in lines)
    assert (hosts["events"], hosts["distinct"], hosts["possible"]) == (5000, len(plain), 1000)
    assert hosts["top"][0]["share"] == max(plain.values()) / 5000
    assert hosts["top"][0]["expected"] == 0.001

    starting = next(share for share in found["mix"] if share["message"].startswith("Starting"))
    assert starting["place"] == "groups.systemd.templates[0]"
    assert starting["weight"] == 0.2
    assert starting["events"] == sum(b": Starting " in line for line in lines)
    assert starting["share"] == starting["events"] / 5000


def test_the_rate_is_that_of_the_windows(tmp_path, monkeypatch):
    made = built_in("system").model_copy(update={"timeline": Timeline.model_validate(RAMP)})
    capture = build(tmp_path / "a.rcap", made, duration_ns=60 * 10**9, rate_eps=100)
    rate = inspect_capture(capture).rate
    assert rate.duration_s == 60
    assert rate.windows == len(capture.windows) == len(rate.points)
    assert rate.mean_eps == pytest.approx(capture.events / 60)
    rates = [int(window["events"]) / int(window["duration_ns"]) * 1e9 for window in capture.windows]
    assert [eps for _, _, eps in rate.points] == pytest.approx(rates)
    assert (rate.lowest_eps, rate.peak_eps) == pytest.approx((min(rates), max(rates)))

    monkeypatch.setattr("precompute.inspection.figures._RATE_POINTS", 7)
    fewer = inspect_capture(capture).rate
    assert len(fewer.points) <= 7
    assert (fewer.lowest_eps, fewer.peak_eps) == (rate.lowest_eps, rate.peak_eps)
    assert sum(lasting for _, lasting, _ in fewer.points) == pytest.approx(60)
    assert sum(lasting * eps for _, lasting, eps in fewer.points) == pytest.approx(capture.events)


def test_the_summary_shows_the_time_axis(tmp_path):
    made = built_in("system").model_copy(update={"timeline": Timeline.model_validate(RAMP)})
    lines = summary(
        inspect_capture(build(tmp_path / "a.rcap", made, duration_ns=60 * 10**9, rate_eps=100))
    ).splitlines()
    (at,) = (number for number, line in enumerate(lines) if line.startswith("time     1m in "))
    bars = [line.count("#") for line in lines[at + 1 : at + 17]]
    assert bars == sorted(bars)
    assert bars[0] < bars[-1]


@pytest.mark.parametrize("duration_ns", [200_000, 7_000_001, 5 * 10**9, 16 * 10**9, 4000 * 10**9, 90_000 * 10**9])
def test_each_stretch_of_the_time_axis_has_a_label_and_a_rate(tmp_path, duration_ns):
    path = tmp_path / "a.rcap"
    imported(path, [b"<13>one", b"<13>two"], [0, duration_ns - 1])
    lines = summary(inspect_capture(open_capture(path))).splitlines()
    (at,) = (number for number, line in enumerate(lines) if line.startswith("time  "))
    rows = [line.split() for line in lines[at + 1 : lines.index("", at)]]
    labels, rates = [row[0] for row in rows], [float(row[1].replace(",", "")) for row in rows]
    assert len(set(labels)) == len(labels) == min(duration_ns, 16)
    assert [parse_duration_ns(label) for label in labels] == pytest.approx(
        [number * duration_ns / len(labels) for number in range(len(labels))], abs=max(duration_ns / 16, 1)
    )
    assert sum(rates) * duration_ns / len(labels) / 1e9 == pytest.approx(2, rel=0.1)
    assert max(rates) > 0


def test_the_summary_says_it_to_people(tmp_path):
    text = summary(inspect_capture(build(tmp_path / "a.rcap", built_in("system"), events=5000)))
    lines = text.splitlines()
    assert lines[0].startswith("events   5,000 of 10")
    assert "profile system, events 5000, format 2, renderer 3, seed 1, train 128" in " ".join(text.split())
    assert sum("#" in line for line in lines) <= 16
    assert "of a sample of 5,000 events:" in lines
    assert any(line.startswith("cpu ") and line.split()[1:3] == ["64", "64"] for line in lines)
    (starting,) = (line for line in lines if "  Starting {" in line and "20.000%" in line)
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
    assert (found.mix, found.mix_test, found.fields, found.unrecognised) == (None, None, None, None)
    text = summary(found)
    assert "mix unknown: the recipe holds no profile of this tool" in text
    assert text.replace("\n", "").isprintable()


def test_a_mix_of_other_templates_is_unknown(tmp_path):
    recipe = {"profile": built_in("system").model_dump(mode="json")}
    assert inspect_capture(foreign(tmp_path / "a.rcap", b"event", recipe, templates=3)).mix is None


MANY = {f"o{number}": {"optional": "x", "share": 0.5} for number in range(24)}


@pytest.mark.parametrize(
    ("fields", "message"), [({}, "{nowhere}"), (ONE, "{a.b}"), (MANY, "".join(f"{{{name}}}" for name in MANY))]
)
def test_a_profile_that_can_not_be_rendered_leaves_the_mix_unknown(tmp_path, fields, message):
    recipe = {"profile": profile(fields, template(message)).model_dump(mode="json", exclude_none=True)}
    found = inspect_capture(foreign(tmp_path / "a.rcap", b"event".ljust(40), recipe, templates=1))
    assert (found.mix, found.fields) == (None, None)


@given(line=st.binary(min_size=40, max_size=200))
def test_any_payload_has_figures(tmp_path_factory, line):
    recipe = {"profile": profile(ONE, template("{a}")).model_dump(mode="json", exclude_none=True)}
    found = inspect_capture(
        foreign(tmp_path_factory.mktemp("any") / "a.rcap", line, recipe, templates=1, stamp_column=3)
    )
    assert (found.unrecognised, found.fields) == (1, [])
    assert summary(found).replace("\n", "").isprintable()
    json.dumps(found.as_json())


def test_events_can_not_drive_the_terminal(tmp_path):
    capture = foreign(tmp_path / "a.rcap", "a\x1b[2J\r\n\u202e\x9b é \U0001f600".encode() + b"\xff\x00", {})
    assert list(first_events(capture, 9)) == [r"a\x1b[2J\r\n\u202e\x9b é " + "\U0001f600" + r"\xff\x00"]


def test_a_bin_of_one_length_is_told_by_it(tmp_path):
    capture = build(tmp_path / "a.rcap", profile({}, template("m")), events=10)
    (line,) = [line for line in summary(inspect_capture(capture)).splitlines() if line.endswith("#")]
    assert line.split()[:2] == [str(len(next(iter(capture.lines())))), "10"]
