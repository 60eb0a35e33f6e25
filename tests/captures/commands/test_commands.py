"""`captures` as a user calls it: what is shown, on which stream, and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from captures.format.reader import open_capture
from tests import forks
from tests.captures.share.carried import mangled, small

ROOT = Path(__file__).parents[3]
TIMEOUT_S = 60


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAMPEDE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder with a capture, lab.rcap."""
    small(tmp_path / "lab.rcap")
    return tmp_path


def call(folder: Path, *words: object, program: str = "captures") -> subprocess.CompletedProcess[str]:
    return forks.call(program, *words, folder=folder, timeout_s=TIMEOUT_S)


def fails(code: int, folder: Path, *words: object) -> str:
    """The one line of a command that must fail."""
    done = call(folder, *words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
    return done.stderr


def test_a_capture_goes_there_and_back(lab):
    digest = open_capture(lab / "lab.rcap").digest
    packed = call(lab, "pack", "lab.rcap", "-o", "lab.rcapz", "--json")
    assert (packed.returncode, packed.stderr.count(digest)) == (0, 1)
    figures = json.loads(packed.stdout)
    assert (figures["schema"], figures["digest"]) == (1, digest)
    assert figures["packed_bytes"] == (lab / "lab.rcapz").stat().st_size
    unpacked = call(lab, "unpack", "lab.rcapz", "-o", "again.rcap", "--jobs", "1")
    assert (unpacked.returncode, unpacked.stdout) == (0, "")
    assert (lab / "again.rcap").read_bytes() == (lab / "lab.rcap").read_bytes()
    pushed = call(lab, "push", "lab.rcapz", "store", "--licence", "internal", "--json")
    assert json.loads(pushed.stdout)["manifest"] == "store/lab.rcap.json"
    pulled = call(lab, "pull", "store/lab.rcap.json", "-o", "pulled.rcap", "--json")
    assert "licence internal" in pulled.stderr
    assert json.loads(pulled.stdout)["facts"]["events"] == 80
    assert (lab / "pulled.rcap").read_bytes() == (lab / "lab.rcap").read_bytes()


def test_a_packed_capture_is_sent_inspected_and_verified_like_another(lab):
    call(lab, "pack", "lab.rcap", "-o", "lab.rcapz")
    # It is no fork, since those have the compiled loops loaded, which would be compiled into the cache of this test.
    words = ("run", "lab.rcapz", "-t", "127.0.0.1", "-p", "5514", "-e", "1k", "-d", "1s", "--dry-run", "--json")
    command = [sys.executable, "-c", "from replay.entry import main; main()", *words]
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    for unpacked in (1, 0):
        planned = subprocess.run(
            command, cwd=lab, env=surroundings, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        assert (planned.returncode, planned.stderr.count("is unpacked into")) == (0, unpacked), planned.stderr
        assert json.loads(planned.stdout)["events"] == 1000
    for program in ("captures", "precompute"):
        done = call(lab, "verify", "lab.rcapz", program=program)
        assert (done.returncode, done.stdout.count("sound; 80 events")) == (0, 1)


def test_a_verdict_has_its_exit_code(lab):
    digest = open_capture(lab / "lab.rcap").digest
    call(lab, "pack", "lab.rcap", "-o", "lab.rcapz")
    for name in ("lab.rcap", "lab.rcapz"):
        sound = call(lab, "verify", name, "--json", "--expect", digest)
        figures = {"schema": 1, "path": name, "events": 80, "digest": digest, "sound": True, "damaged": []}
        assert json.loads(sound.stdout) == figures | {"expected": digest}
        assert call(lab, "verify", name, "--expect", "0" * 64).returncode == 1
        data = (lab / name).read_bytes()
        (lab / name).write_bytes(mangled(data, -1 if name == "lab.rcap" else 100))
        damaged = call(lab, "verify", name, "--json")
        assert (damaged.returncode, json.loads(damaged.stdout)["sound"]) == (1, False)
        assert "damaged" in fails(1, lab, "verify", name)
    assert "can't be opened" in fails(2, lab, "verify", "none.rcap")
    (lab / "text").write_text("text")
    assert "this is not an .rcap capture" in fails(2, lab, "verify", "text")


def test_the_cache_is_listed_and_cleared(lab):
    digest = open_capture(lab / "lab.rcap").digest
    assert "0 captures, 0 B of 32.0 GiB" in call(lab, "cache").stdout
    call(lab, "pack", "lab.rcap", "-o", "lab.rcapz")
    call(lab, "inspect", "lab.rcapz", program="precompute")
    assert call(lab, "cache").stdout.startswith(digest)
    listed = json.loads(call(lab, "cache", "--json").stdout)
    assert (listed["schema"], listed["total_bytes"]) == (1, (lab / "lab.rcap").stat().st_size)
    assert [each["digest"] for each in listed["captures"]] == [digest]
    assert "1 capture removed; 0 captures" in call(lab, "cache", "--clear").stdout
    assert json.loads(call(lab, "cache", "--json").stdout)["captures"] == []


def test_what_can_not_be_done_ends_in_a_line(lab):
    assert "is no packed capture" in fails(2, lab, "unpack", "lab.rcap", "-o", "out.rcap")
    assert "this is the file that is read" in fails(2, lab, "pack", "lab.rcap", "-o", "lab.rcap")
    assert "there is no such manifest" in fails(2, lab, "pull", "store/lab.rcap.json", "-o", "out.rcap")
    assert "pip install 'stampede[sftp]'" in fails(3, lab, "push", "lab.rcap", "sftp://host/folder")
    os.mkfifo(lab / "pipe")
    assert "not a regular file" in fails(2, lab, "pack", "pipe", "-o", "out.rcapz")


def test_no_page_replaces_the_packed_capture(lab):
    call(lab, "pack", "lab.rcap", "-o", "lab.rcapz")
    done = call(lab, "inspect", "lab.rcapz", "--html", "lab.rcapz", "--force", program="precompute")
    assert (done.returncode, "this is the file that is read" in done.stderr) == (2, True)


def test_a_pull_replaces_nothing_of_the_store_that_it_reads(lab):
    call(lab, "push", "lab.rcap", "store")
    for path in (lab / "store" / "lab.rcap.json", *(lab / "store").rglob("*.zst")):
        before = path.read_bytes()
        assert "this is the file that is read" in fails(2, lab, "pull", "store/lab.rcap.json", "-o", path, "--force")
        assert path.read_bytes() == before
        assert not path.with_name(f"{path.name}.part").exists()
