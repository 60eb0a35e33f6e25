"""Building: the same bytes from any number of jobs, and nothing left behind when it fails."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from captures.errors import InputError, PreflightError, RunError
from captures.writer import PartWriter
from precompute import jobs, plan
from precompute.loading import load_profile
from precompute.profile import Profile
from tests.precompute.profiles import build, nasty

# Same seed, same bytes, for good: a change here is a new `precompute.recipe.RENDERER`.
GOLDEN = [
    ({"events": 1000}, "?"),
    ({"events": 100_000, "seed": 2**64 - 1, "train": 64}, "?"),
    ({"size": 150_000_000}, "?"),
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
    assert sorted(os.listdir(tmp_path)) == ["1.rcap", "2.rcap", "3.rcap"]


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
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("small_chunks")
def test_a_job_that_fails_is_reported_and_leaves_nothing(tmp_path, monkeypatch):
    """A limit on the size of files (setrlimit(2)) fails every job as a full disk would."""
    script = (
        "import resource, signal, sys\n"
        "from precompute.cli import main\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    main()\n"
    )
    assert script
