"""The golden captures: each later tool reads them as they are, and writes the same bytes of the same content."""

import json
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest

from captures.format.digests import damaged_parts
from captures.format.reader import open_capture
from captures.format.sections import SECTIONS
from captures.format.writing.writer import CaptureShape
from precompute.profile.recipe import RENDERER
from tests.captures.content import Content, write
from tests.captures.samples import FOLDER, MANIFEST, SAMPLES, described, main, written_again

FOR_EVER = {
    "1-plain.rcap": "0856106142d6bfe6bf9200b5e96115edf0890acb98b16b0171a8c86abf38ccbe",
    "1-tagged.rcap": "aee44e1d157e43a9683f1783a23d939e793670178e9fc7861f79181d14b4564b",
}
"""SHA-256 of those of version 1. Who must change these has broken every capture that there is."""
FIRST, SECOND = [name for name in SAMPLES if name[0] == "1"], [name for name in SAMPLES if name[0] == "2"]


def test_the_files_are_those_of_the_list():
    subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"], cwd=FOLDER, check=True)
    listed = dict(line.split()[::-1] for line in (FOLDER / "SHA256SUMS").read_text().splitlines())
    assert sorted(listed) == sorted(path.name for path in FOLDER.glob("*.rcap")) == sorted(SAMPLES)
    assert {name: listed[name] for name in FIRST} == FOR_EVER


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_holds_what_the_manifest_says(name):
    assert json.loads(json.dumps(described(FOLDER / name))) == json.loads(MANIFEST.read_text())[name]
    assert damaged_parts(open_capture(FOLDER / name), 1, lambda _: None) == []


def test_the_samples_have_each_section():
    found = {part.name for name in SECOND for part in open_capture(FOLDER / name).parts}
    assert found == {*SECTIONS, "'zzlg'"}


@pytest.mark.parametrize("name", FIRST)
def test_the_content_of_version_1_is_the_same_bytes_again(name, tmp_path):
    capture = open_capture(FOLDER / name)
    shape = CaptureShape(
        recipe=capture.recipe,
        seed=capture.seed,
        windows=capture.windows,
        templates=len(capture.mix),
        trains=len(capture.trains),
        payload_bytes=len(capture.payload),
        shortest=capture.shortest,
        longest=capture.longest,
        start_ns=capture.start_ns,
        sources=capture.sources,
    )
    write(tmp_path / name, Content(shape, capture.trains, capture.payload, np.array(capture.mix)))
    assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("name", [name for name in SECOND if name != "2-foreign.rcap"])
def test_the_content_of_version_2_is_the_same_bytes_again(name, tmp_path):
    written_again(open_capture(FOLDER / name), tmp_path / name)
    assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_can_be_made_again(name, tmp_path):
    SAMPLES[name](tmp_path / name)
    renderer = (open_capture(FOLDER / name).recipe or {}).get("renderer", RENDERER)
    same = (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
    assert (
        same or renderer != RENDERER
    )  # a newer renderer makes other bytes of a recipe; the old ones are read all the same


def test_what_is_there_is_not_written_again(tmp_path, monkeypatch):
    for name in ("FOLDER", "MANIFEST", "SUMS"):
        monkeypatch.setattr(f"tests.captures.samples.{name}", tmp_path / {"FOLDER": "."}.get(name, name))
    main()
    kept = (tmp_path / "1-plain.rcap").stat()
    (tmp_path / "2-order.rcap").unlink()
    main()
    assert (tmp_path / "1-plain.rcap").stat() == kept
    assert {path.name for path in tmp_path.glob("*.rcap")} == set(SAMPLES)
    assert (tmp_path / "MANIFEST").read_text() == MANIFEST.read_text()


def test_the_samples_are_installed_with_the_package():
    held = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    installed = {path for pattern in held["captures"] for path in FOLDER.parent.glob(pattern)}
    assert installed >= {*FOLDER.iterdir()}
    assert Path(FOLDER / "manifest.json") in installed
