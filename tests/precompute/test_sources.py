"""A profile with a `source`: the events of a train come from one host, and the train has that host's number."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.inspection.figures import inspect_capture
from precompute.profile.loading import load_profile
from precompute.profile.model import Profile
from precompute.profile.recipe import Recipe
from precompute.rendering import plan
from precompute.rendering.frames import make_frames
from tests.precompute.profiles import build, built_in, complaint, profile, sourced, template
from tests.precompute.rendering.test_render import ASKED

FARM = "name: farm\ninclude: {system: 1}\nsource: system_host\n"


@pytest.fixture
def farm(tmp_path) -> Profile:
    (tmp_path / "farm.yaml").write_text(FARM)
    return load_profile(str(tmp_path / "farm.yaml"))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "CHUNK_BYTES", 4_000_000)


def numbered(made: Profile) -> list[tuple[str, ...]]:
    """What there is to see of each source, in the order of their numbers; a column that is never shown is empty."""
    texts = json.dumps([group.model_dump(mode="json") for group in made.groups.values()])
    texts += " ".join(made.fields[name].optional for name in "op" if f"{{{name}}}" in texts)
    field = made.fields[made.source]
    shown = [f"{{{made.source}{'.' * bool(column)}{column}}}" in texts for column in field.column_names]
    rows = (row for row, weight in field.rows() if weight)
    return list(dict.fromkeys(tuple(text * seen for text, seen in zip(row, shown, strict=True)) for row in rows))


@given(sourced(), ASKED, st.integers(1, 128))
def test_all_events_of_a_train_come_from_the_source_it_names(tmp_path_factory, made, asked, train):
    capture = build(tmp_path_factory.mktemp("drawn") / "drawn.rcap", made, train=train, **asked)
    sources = numbered(made)
    assert capture.sources == len(sources)
    for number, row in enumerate(capture.trains):
        for event in capture.matrix(number):
            shown = event.tobytes().decode().rpartition("|")[2].split("=")
            assert all(text in ("", held) for text, held in zip(shown, sources[row["source"]], strict=True))


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("asked", [{"events": 150_000}, {"duration_ns": 30 * 10**9, "rate_eps": 5000}])
def test_hosts_and_numbers_are_one_to_one_whatever_the_jobs(tmp_path, farm, asked):
    capture = build(tmp_path / "one.rcap", farm, **asked)
    host_of: dict[int, bytes] = {}
    for number, source in enumerate(capture.trains["source"].tolist()):
        (host,) = {line.tobytes().split(b" ")[1] for line in capture.matrix(number)}
        assert host_of.setdefault(source, host) == host
    assert host_of == {number: b"server%03d" % (number + 1) for number in host_of}
    assert (capture.sources, len(host_of) > 600) == (1000, True)
    two = build(tmp_path / "two.rcap", farm, jobs=2, **asked)
    assert two.path.read_bytes() == capture.path.read_bytes()


@pytest.mark.usefixtures("small_chunks")
def test_hosts_have_trains_by_their_weights(tmp_path):
    """Of each chunk and each length within one train, so of the whole capture within one for each chunk."""
    fields = {"host": {"pattern": "web{:02d}", "range": [1, 40], "zipf": 1}, "n": {"integers": [1, 9]}}
    made = profile(fields, template("{n} is up", host="{host}"), source="host")
    capture = build(tmp_path / "zipf.rcap", made, events=300_000, train=16)
    chunks = -(-capture.events // plan.chunk_events(make_frames(made)))
    found = np.bincount(capture.trains["source"], minlength=40)
    weights = np.array([weight for _, weight in made.fields["host"].rows()], float)
    assert chunks > 1
    assert (abs(found - len(capture.trains) * weights / weights.sum()) < chunks * 1.001).all()


def test_hosts_of_every_length_have_events_by_their_weights(tmp_path):
    hosts = {f"{name}{'-' * (number % 5)}": 1 + number % 3 for number, name in enumerate("abcdefghijklmno")}
    made = profile({"host": {"choices": hosts}}, template("up", host="{host}"), source="host")
    capture = build(tmp_path / "many.rcap", made, events=200_000)
    found = Counter(line.split(b" ")[1].decode() for line in capture.lines())
    exact = {host: weight * capture.events / sum(hosts.values()) for host, weight in hosts.items()}
    # Lengths are dealt in cells of 512 rows, values in trains of 128.
    assert all(abs(found[host] - exact[host]) < 600 for host in hosts)


def test_trains_of_a_host_mix_templates_and_values(tmp_path, farm):
    capture = build(tmp_path / "mixed.rcap", farm, events=50_000)
    full = [capture.matrix(number) for number in np.flatnonzero(capture.trains["count"] == 128)]
    tags = [{line.tobytes().split(b" ")[2].split(b"[")[0] for line in lines} for lines in full]
    bodies = [{line.tobytes().split(b": ", 1)[1] for line in lines} for lines in full]
    assert np.mean([len(found) for found in tags]) > 2
    assert np.mean([len(found) for found in bodies]) > 100
    neighbours = capture.trains["source"]
    assert (neighbours[1:] == neighbours[:-1]).mean() < 0.02


def test_every_event_of_a_host_can_be_a_train(tmp_path, farm):
    capture = build(tmp_path / "ones.rcap", farm, events=3000, train=1)
    assert len(capture.trains) == 3000
    assert set(capture.trains["source"].tolist()) == set(range(1000))


SERVERS = {
    "columns": {"name": {"pattern": "n{}", "range": [8, 12]}, "address": {"network": "198.18.0.0/29"}},
    "zipf": 1,
}


def test_correlated_columns_stay_together_whichever_a_template_shows(tmp_path):
    templates = [
        template("from {s.address}", host="{s.name}"),
        template("by name", host="{s.name}", weight=3),
        template("{s.name} by address", host="{s.address}"),
    ]
    made = profile({"s": SERVERS}, *templates, source="s")
    capture = build(tmp_path / "columns.rcap", made, events=20_000)
    rows = [row for row, _ in made.fields["s"].rows()]
    assert capture.sources == len(rows) == 6
    for number, source in enumerate(capture.trains["source"].tolist()):
        address, name = rows[source]
        for line in capture.matrix(number):
            host, _, message = line.tobytes().decode().split(" ", 1)[1].partition(" t: ")
            assert (host, message) in {(name, f"from {address}"), (name, "by name"), (address, f"{name} by address")}
    found = inspect_capture(capture)
    assert found.unrecognised == 0
    assert {field.field for field in found.fields} == {"s.name", "s.address"}


def test_values_that_look_alike_are_one_source(tmp_path):
    rows = [{"n": "b", "x": "1"}, {"n": "none", "x": "0", "weight": 0}, {"n": "a", "x": "2"}, {"n": "b", "x": "3"}]
    for text, expected in (("m", {0: "b", 1: "a"}), ("m{s.x}", {0: "b", 1: "a", 2: "b"})):
        made = profile({"s": {"rows": rows}}, template(text, host="{s.n}"), source="s")
        capture = build(tmp_path / f"{text}.rcap", made, events=3000, train=8)
        firsts = zip(capture.trains["source"].tolist(), capture.trains["offset"].tolist(), strict=True)
        hosts = {source: capture.payload[start:].tobytes()[28:29].decode() for source, start in firsts}
        assert (capture.sources, hosts) == (len(expected), expected)


# Same seed, same bytes, for good: a change here is a new `precompute.profile.recipe.RENDERER`.
@pytest.mark.parametrize(
    ("asked", "digest"),
    [
        ({"events": 50_000}, "fece5509fc073cbeec98434aff95abe4a6aa03101da4d5dd35028280972d7a0d"),
        (
            {"duration_ns": 60 * 10**9, "rate_eps": 1000},
            "a31c97def8e6407f303db87585e31b93d035b6cac288213276437ee42128033f",
        ),
    ],
)
def test_a_source_gives_the_same_bytes_for_good(tmp_path, asked, digest):
    fields = {"s": SERVERS, "k": {"counter": 1, "width": 7}, "u": {"uuid": 4}, "p": {"integers": [1, 1000]}}
    fields["o"] = {"optional": " at {s.address}", "share": 0.5}
    texts = ["{s.name}{o} {k}", "{u} {p} {s.address}", '{p}"{s.name}"']
    groups = {
        style: {"weight": 1, "format": style, "templates": [template(text, host="{s.name}") for text in texts]}
        for style in ("iso3164", "rfc3164", "rfc5424")
    }
    capture = build(tmp_path / "golden.rcap", profile(fields, groups=groups, source="s"), jobs=2, **asked)
    assert capture.digest == digest


def test_the_source_is_in_the_recipe_and_absent_without(tmp_path, farm):
    capture = build(tmp_path / "a.rcap", farm, events=100)
    assert Recipe.model_validate(capture.recipe).profile.source == "system_host"
    plain = build(tmp_path / "b.rcap", built_in("system"), events=100)
    assert "source" not in plain.recipe["profile"]
    assert (plain.sources, plain.trains["source"].any()) == (0, False)


def test_the_source_of_an_included_profile_is_left_out(tmp_path):
    text = "groups: {g: {weight: 1, templates: [{weight: 1, severity: info, tag: t, message: m}]}}\n"
    (tmp_path / "own.yaml").write_text("name: own\nsource: host\nfields: {host: {choices: [a, b]}}\n" + text)
    (tmp_path / "all.yaml").write_text("name: all\ninclude: {own.yaml: 1, system: 1}\n")
    assert load_profile(str(tmp_path / "own.yaml")).source == "host"
    assert load_profile(str(tmp_path / "all.yaml")).source is None


REFUSED = """
name: web
source: host
fields:
  host: {pattern: "web{:02d}", range: [1, 40]}
  trace: {hex: 8}
  maybe: {optional: " on {host}", share: 0.5}
groups:
  g:
    weight: 1
    templates:
      - {weight: 1, severity: info, tag: t, message: "m"}
      - {weight: 1, severity: info, tag: t, message: "m{maybe}"}
"""


@pytest.mark.parametrize(
    ("before", "changed", "line"),
    [
        ("source: host", "source: hosts", "source: 'hosts' is no field of values; those are host"),
        ("source: host", "source: trace", "source: 'trace' is no field of values; those are host"),
        ("source: host", "source: maybe", "source: 'maybe' is no field of values; those are host"),
        (
            'message: "m"',
            'message: "m", host: h',
            "groups.g.templates[0]: does not name 'host', the source, from which every event must come",
        ),
        (
            't, message: "m{maybe}',
            't, host: h, message: "m{maybe}',
            "groups.g.templates[1]: names 'host', the source, only in optional parts; put it where it is always there",
        ),
    ],
)
def test_what_is_refused(tmp_path, before, changed, line):
    assert REFUSED.count(before) == 1
    assert complaint(tmp_path, REFUSED.replace(before, changed)) == line


def test_a_profile_without_fields_has_no_source(tmp_path):
    text = "name: web\nsource: host\ngroups: {g: {weight: 1, templates: [%s]}}\n"
    told = complaint(tmp_path, text % "{weight: 1, severity: info, host: h, tag: t, message: m}")
    assert told == "source: 'host' is no field of values; those are none"
