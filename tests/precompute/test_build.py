"""Building: the same bytes from any number of jobs, and nothing left behind when it fails."""

import errno

import pytest

from captures.errors import InputError, PreflightError
from captures.writer import PartWriter
from precompute import plan
from precompute.loading import load_profile
from precompute.profile import Profile
from tests.precompute.profiles import build, names, nasty

# Same seed, same bytes, for good: a change here is a new `precompute.recipe.RENDERER`.
GOLDEN = [
    ({"events": 1000}, "42a17e18e37743044dbe8ef93dfe6d4f5236e34f1d68fb2db262ee73e7fc1c7a"),
    (
        {"events": 100_000, "seed": 2**64 - 1, "train": 64},
        "761824c1b39608c6a4931c79f3c76ce806cb67cc3fac659dcf26a0cd9603396a",
    ),
    ({"size": 150_000_000}, "3dcd5fa3828e3496d1eafadd681689c894c5e9cd9fc89446d10e2fcdf35a5b5f"),
]


@pytest.mark.parametrize(("options", "digest"), GOLDEN)
def test_the_same_seed_gives_the_same_bytes_for_good(tmp_path, options, digest):
    capture = build(tmp_path / "golden.rcap", load_profile("system"), jobs=2, **options)
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
    first = build(tmp_path / "first.rcap", load_profile("system"), size=1_000_000, seed=9, train=40)
    recipe = first.recipe
    assert (recipe["format"], recipe["renderer"]) == (1, 1)
    again = build(
        tmp_path / "again.rcap",
        Profile.model_validate(recipe["profile"]),
        events=recipe["events"],
        seed=recipe["seed"],
        train=recipe["train"],
    )
    assert again.path.read_bytes() == first.path.read_bytes()


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
    for options in ({"events": 10**16}, {"size": 10**18}):
        with pytest.raises(PreflightError, match="the disk has"):
            build(tmp_path / "huge.rcap", load_profile("system"), **options)
    with pytest.raises(InputError, match="60 bytes are too few for a single event; ask for a larger size"):
        build(tmp_path / "tiny.rcap", load_profile("system"), size=60)
    with pytest.raises(InputError, match="can't be written: No such file or directory"):
        build(tmp_path / "no" / "folder.rcap", load_profile("system"), events=1)
    assert names(tmp_path) == []
