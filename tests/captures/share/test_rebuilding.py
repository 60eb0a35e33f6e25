"""What was rendered is rendered again instead of fetched, and nothing else comes of it than the same capture."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from captures.console.errors import InputError, PreflightError, RunError
from captures.share import rebuilding
from captures.share.pulling import fetch_manifest
from captures.share.pushing import PushRequest, push
from captures.share.rebuilding import rebuild
from tests.captures.share.test_packing import second_version
from tests.precompute.profiles import build, built_in

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store(tmp_path):
    """A store with a capture that was rendered; the URL of its manifest, and the capture's file."""
    capture = build(tmp_path / "built.rcap", built_in("web"), events=3000)
    url = push(PushRequest(capture.path, str(tmp_path / "store"))).manifest
    return url, capture.path


def test_a_rendered_capture_is_rendered_again(store, tmp_path):
    url, built = store
    for path in (tmp_path / "store").rglob("*.zst"):
        path.unlink()
    _, manifest = fetch_manifest(url)
    rebuild(manifest, tmp_path / "again.rcap", jobs=1)
    assert (tmp_path / "again.rcap").read_bytes() == built.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        rebuild(manifest, tmp_path / "again.rcap", jobs=1)
    rebuild(manifest, tmp_path / "again.rcap", jobs=2, force=True)


def test_another_capture_is_not_kept(store, tmp_path, capfd):
    url, _ = store
    _, manifest = fetch_manifest(url)
    lying = manifest.model_copy(update={"digest": "0" * 64})
    with pytest.raises(RunError, match="was not rebuilt, as said above"):
        rebuild(lying, tmp_path / "again.rcap", jobs=1)
    assert "digest" in capfd.readouterr().err
    assert not (tmp_path / "again.rcap").exists()


def test_a_recipe_of_more_than_the_manifest_says_fills_no_disk(store, tmp_path, monkeypatch, capfd):
    url, _ = store
    _, manifest = fetch_manifest(url)
    monkeypatch.setattr(rebuilding, "_LEAST_LIMIT_BYTES", 0)
    larger = manifest.model_copy(update={"recipe": manifest.recipe | {"events": 300_000}})
    with pytest.raises(RunError, match="was not rebuilt"):
        rebuild(larger, tmp_path / "again.rcap", jobs=1)
    assert capfd.readouterr().err.count("\n") == 1
    assert not (tmp_path / "again.rcap").exists()


def test_a_recipe_that_is_none_ends_in_a_line(store, tmp_path, capfd):
    url, _ = store
    _, manifest = fetch_manifest(url)
    with pytest.raises(RunError, match="was not rebuilt"):
        rebuild(manifest.model_copy(update={"recipe": {"x": 1e-7}}), tmp_path / "again.rcap", jobs=1)
    assert capfd.readouterr().err.count("\n") == 1


def test_what_was_not_rendered_is_fetched(tmp_path):
    url = push(PushRequest(second_version(tmp_path / "lab.rcap"), str(tmp_path / "store"))).manifest
    _, manifest = fetch_manifest(url)
    with pytest.raises(InputError, match="was not rendered from a recipe; leave --rebuild out"):
        rebuild(manifest, tmp_path / "again.rcap", jobs=1)


def test_no_room_is_said_before(store, tmp_path):
    url, _ = store
    _, manifest = fetch_manifest(url)
    with pytest.raises(PreflightError, match="and the disk has"):
        rebuild(manifest.model_copy(update={"size": 1 << 60}), tmp_path / "again.rcap", jobs=1)


def test_the_command_does_not_outlive_an_interrupt(store, tmp_path):
    url, _ = store
    path = Path(url)
    tree = json.loads(path.read_text())
    tree["recipe"]["events"] = 50_000_000
    path.write_text(json.dumps(tree | {"size": tree["size"]}))
    asked = "from captures.entry import main; main()"
    command = [sys.executable, "-c", asked, "pull", url, "-o", str(tmp_path / "again.rcap"), "--rebuild"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        for _ in range(600):
            if child := children.read_text(encoding="utf-8").split():
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.endswith("captures: interrupted\n")
    assert not Path(f"/proc/{child[0]}").exists()
    assert not (tmp_path / "again.rcap").exists()
