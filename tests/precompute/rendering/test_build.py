"""Building: the same bytes from any number of jobs, and nothing left behind when it fails."""

import errno

import numpy as np
import pytest

from captures.console.errors import DifferenceError, InputError, PreflightError
from captures.format.reader import open_capture
from captures.format.writing.writer import PartWriter
from precompute.profile.recipe import Recipe
from precompute.rendering import plan
from precompute.rendering.build import build_capture
from tests.precompute.profiles import build, built_in, names, nasty, profile, template

# Same seed, same bytes, for good: a change here is a new `precompute.profile.recipe.RENDERER`.
GOLDEN = [
    ({"events": 1000}, "bbe31d17df0552effaf19ddf14c23fbf2249722035df3ab1823e9a5582ea114f"),
    (
        {"events": 100_000, "seed": 2**64 - 1, "train": 64},
        "8fb131a8720efc55dc7e97042d994f76a64706ade911573cc5a0e7e55dde1778",
    ),
    ({"size": 150_000_000}, "9fcec6b050d75354fde2291611c91fdd4d0997ee02cca21d609e71c4aed67905"),
    ({"duration_ns": 60 * 10**9, "rate_eps": 5000}, "97122a6d5c6c12e1da6a234b246e46159f49b044e92691590f1a48c1d21a5d82"),
]


@pytest.mark.parametrize(("options", "digest"), GOLDEN)
def test_the_same_seed_gives_the_same_bytes_for_good(tmp_path, options, digest):
    capture = build(tmp_path / "golden.rcap", built_in("system"), jobs=2, **options)
    assert capture.digest == digest


def test_a_build_from_python_needs_a_path_and_a_recipe(tmp_path):
    recipe = Recipe(profile=built_in("system"), seed=1, train=128, events=1000)
    built = build_capture(str(tmp_path / "a.rcap"), recipe)
    assert (built.events, built.digest) == (1000, open_capture(tmp_path / "a.rcap").digest)


EVERYTHING = {
    "choice": {"choices": ["a", "bb", 'c"]\\'], "zipf": 1.1},
    "name": {"pattern": "n{:03d}", "range": [1, 300], "zipf": 0.5},
    "number": {"integers": [1, 70_000], "zipf": 2},
    "address": {"network": {"198.18.0.0/16": 2, "2001:db8::/64": 1}, "count": 400, "zipf": 1},
    "device": {"mac": "00:00:5e", "count": 99},
    "pair": {"columns": {"x": {"integers": [5, 12]}, "y": {"choices": ["p", "qq"]}}, "zipf": 1},
    "row": {"rows": [{"x": "1", "y": "one", "weight": 3}, {"x": "2", "y": "two"}]},
    "digits": {"hex": 7},
    "id": {"uuid": 4},
    "count": {"counter": 7, "width": 9},
    "part": {"optional": " {name}", "share": 0.3},
}
TIMELINE = {"diurnal": {"low": 0.3, "peak": "03:00"}, "bursts": [{"every": "20s", "length": "2s", "factor": 4}]}


@pytest.mark.parametrize(
    ("asked", "digest"),
    [
        ({"events": 50_000}, "8dce2d22f93829f02e739b6ae9689f0d423405e42f1076a6a129806f9a8c21ca"),
        (
            {"duration_ns": 120 * 10**9, "rate_eps": 1000},
            "c26731c787f8146a6b1277e5d86f812a9ef9769c54b25730391cb161be473120",
        ),
    ],
)
def test_every_kind_of_field_gives_the_same_bytes_for_good(tmp_path, asked, digest):
    data = {"a@32473": {"c": "{choice}", "d": "{digits}"}}
    texts = [
        "{choice} {address} {device}{part}",
        "{number} {pair.x}-{pair.y} {row.x}/{row.y}",
        "{id} {count}{part} {digits}",
    ]
    groups = {
        style: {"weight": 1, "format": style, "templates": [template(text, **others) for text in texts]}
        for style, others in {"iso3164": {}, "rfc3164": {"pid": "{number}"}, "rfc5424": {"data": data}}.items()
    }
    capture = build(tmp_path / "all.rcap", profile(EVERYTHING, groups=groups, timeline=TIMELINE), jobs=2, **asked)
    assert capture.digest == digest


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "CHUNK_BYTES", 4_000_000)


@pytest.mark.usefixtures("small_chunks")
def test_the_number_of_jobs_changes_no_byte(tmp_path):
    whole = []
    for count in (1, 2, 3):
        path = tmp_path / f"{count}.rcap"
        build(path, built_in("system"), events=200_000, jobs=count)
        whole.append(path.read_bytes())
    assert whole[0] == whole[1] == whole[2]
    assert names(tmp_path) == ["1.rcap", "2.rcap", "3.rcap"]


def test_a_recipe_rebuilds_the_same_bytes(tmp_path):
    for asked in ({"size": 1_000_000}, {"duration_ns": 10**10, "rate_eps": 300}):
        first = build(tmp_path / "first.rcap", built_in("system"), seed=9, train=40, force=True, **asked)
        recipe = Recipe.model_validate(first.recipe)
        build_capture(tmp_path / "again.rcap", recipe, jobs=1, force=True, progress=lambda *_: None)
        assert (tmp_path / "again.rcap").read_bytes() == first.path.read_bytes()


def test_another_digest_than_the_expected_leaves_nothing(tmp_path):
    recipe = Recipe(profile=built_in("system"), seed=1, train=128, events=100)
    with pytest.raises(DifferenceError, match="not written: its digest is [0-9a-f]{64}, not 00"):
        build_capture(tmp_path / "a.rcap", recipe, jobs=1, force=False, expect="00" * 32, progress=lambda *_: None)
    assert names(tmp_path) == []
    built = build_capture(tmp_path / "a.rcap", recipe, jobs=1, force=False, progress=lambda *_: None)
    again = build_capture(
        tmp_path / "b.rcap", recipe, jobs=1, force=False, expect=built.digest, progress=lambda *_: None
    )
    assert again == built
    assert open_capture(tmp_path / "b.rcap").digest == built.digest


def test_a_nasty_profile_is_rendered_in_bounded_memory(tmp_path):
    capture = build(tmp_path / "nasty.rcap", nasty(), events=300_000)
    assert capture.events == 300_000
    assert len(capture.trains) < 300_000 / 128 + 200


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(PartWriter, "write", fail)
    with pytest.raises(PreflightError, match="the disk is full; free some, or build fewer events"):
        build(tmp_path / "full.rcap", built_in("system"), events=1000)
    assert names(tmp_path) == []


def test_an_error_of_the_disk_stays_what_it_is(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(PartWriter, "write", fail)
    with pytest.raises(OSError, match="Input/output error"):
        build(tmp_path / "broken.rcap", built_in("system"), events=1000)
    assert names(tmp_path) == []


def test_what_can_not_fit_is_refused_before_it_is_planned(tmp_path):
    for options in ({"events": 10**15}, {"size": 10**18}):
        with pytest.raises(PreflightError, match="the disk has"):
            build(tmp_path / "huge.rcap", built_in("system"), **options)
    with pytest.raises(InputError, match="60 bytes are too few for a single event; ask for a larger size"):
        build(tmp_path / "tiny.rcap", built_in("system"), size=60)
    with pytest.raises(InputError, match="can't be written: No such file or directory"):
        build(tmp_path / "no" / "folder.rcap", built_in("system"), events=1)
    assert names(tmp_path) == []


@pytest.mark.parametrize("days", [5, 366])
def test_a_window_of_days_is_as_exact_as_one_of_seconds(tmp_path, days):
    """One rate of an event in ten minutes: few windows, of days each, whose products do not fit 64 bits."""
    duration_ns = days * 86_400 * 10**9
    timeline = {"curve": [["0s", 0.0017]]}
    made = profile({}, template("m"), timeline=timeline)
    capture = build(tmp_path / "a.rcap", made, duration_ns=duration_ns, rate_eps=1)
    stamps = [np.datetime64(line[3:26].decode(), "ms") for line in capture.lines()]
    start = np.datetime64("2026-01-01T00:00:00.000", "ms")
    assert stamps == sorted(stamps)
    assert stamps[0] == start
    expected = [
        int(window["start_ns"]) + j * int(window["duration_ns"]) // int(window["events"])
        for window in capture.windows
        for j in range(int(window["events"]))
    ]
    assert max(capture.windows["duration_ns"]) > 3 * 86_400 * 10**9
    assert [(stamp - start).astype(int) for stamp in stamps] == [ns // 10**6 for ns in expected]
