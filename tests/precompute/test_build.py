"""Building: the same bytes from any number of jobs, and nothing left behind when it fails."""

import errno

import pytest

from captures.errors import InputError, PreflightError
from captures.reader import open_capture
from captures.writer import PartWriter
from precompute import plan
from precompute.build import build_capture
from precompute.loading import load_profile
from precompute.recipe import Recipe
from tests.precompute.profiles import build, names, nasty, profile, template

# Same seed, same bytes, for good: a change here is a new `precompute.recipe.RENDERER`.
GOLDEN = [
    ({"events": 1000}, "18a4d6da7c3be1f834c68a5ca04cac3b14cf63a8936050e51674dbb93f7650ac"),
    (
        {"events": 100_000, "seed": 2**64 - 1, "train": 64},
        "7f93a68eba19133060432de235382ce02c68fdc849537b6b431a331b50977642",
    ),
    ({"size": 150_000_000}, "57563d2d8978a43eaa6622b5245a794c9f676c85a005392f409fa9eaa4a4edc3"),
    ({"duration_ns": 60 * 10**9, "rate_eps": 5000}, "b7b2fb0f70fa15ae6efcea3f116f1c268cc9bd422bc41adf779918b34fb24d79"),
]


@pytest.mark.parametrize(("options", "digest"), GOLDEN)
def test_the_same_seed_gives_the_same_bytes_for_good(tmp_path, options, digest):
    capture = build(tmp_path / "golden.rcap", load_profile("system"), jobs=2, **options)
    assert capture.digest == digest


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
        ({"events": 50_000}, "5ef9d75a98d1e73be5d02290f54acc7a33ffdc81f158a9761f4348bc2f365c44"),
        (
            {"duration_ns": 120 * 10**9, "rate_eps": 1000},
            "dfababd5be962f04f95bef4efdf7be0b11e995f2b4cfb18acd6beec723f65c58",
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
        build(path, load_profile("system"), events=200_000, jobs=count)
        whole.append(path.read_bytes())
    assert whole[0] == whole[1] == whole[2]
    assert names(tmp_path) == ["1.rcap", "2.rcap", "3.rcap"]


def test_a_recipe_rebuilds_the_same_bytes(tmp_path):
    for asked in ({"size": 1_000_000}, {"duration_ns": 10**10, "rate_eps": 300}):
        first = build(tmp_path / "first.rcap", load_profile("system"), seed=9, train=40, force=True, **asked)
        recipe = Recipe.model_validate(first.recipe)
        build_capture(tmp_path / "again.rcap", recipe, jobs=1, force=True, progress=lambda *_: None)
        assert (tmp_path / "again.rcap").read_bytes() == first.path.read_bytes()


def test_another_digest_than_the_expected_leaves_nothing(tmp_path):
    recipe = Recipe(profile=load_profile("system"), seed=1, train=128, events=100)
    with pytest.raises(InputError, match="not written: its digest is [0-9a-f]{64}, not 00"):
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
        build(tmp_path / "full.rcap", load_profile("system"), events=1000)
    assert names(tmp_path) == []


def test_an_error_of_the_disk_stays_what_it_is(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(PartWriter, "write", fail)
    with pytest.raises(OSError, match="Input/output error"):
        build(tmp_path / "broken.rcap", load_profile("system"), events=1000)
    assert names(tmp_path) == []


def test_what_can_not_fit_is_refused_before_it_is_planned(tmp_path):
    for options in ({"events": 10**15}, {"size": 10**18}):
        with pytest.raises(PreflightError, match="the disk has"):
            build(tmp_path / "huge.rcap", load_profile("system"), **options)
    with pytest.raises(InputError, match="60 bytes are too few for a single event; ask for a larger size"):
        build(tmp_path / "tiny.rcap", load_profile("system"), size=60)
    with pytest.raises(InputError, match="can't be written: No such file or directory"):
        build(tmp_path / "no" / "folder.rcap", load_profile("system"), events=1)
    assert names(tmp_path) == []
