"""The commands that rework captures: what they take, print, and exit with."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from captures.format.reader import open_capture
from tests.captures.content import timed, write

START = "2025-08-30T10:15:30"


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from captures.entry import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if not line.startswith("compiling")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """64 events in two seconds."""
    write(tmp_path / "a.rcap", timed([2, 2], [10**9, 10**9]))
    return tmp_path / "a.rcap"


def test_a_slice_is_told_of(path: Path) -> None:
    output = path.with_name("b.rcap")
    done = run("slice", path, "-o", output, "--from", f"{START}.5Z", "--to", "1s", "--match", "app: 0000001", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["schema"], figures["events"], figures["of_events"], figures["copied"]) == (1, 4, 64, False)
    made = open_capture(output)
    assert [line[-8:] for line in made.lines()] == [b"00000016", b"00000017", b"00000018", b"00000019"]
    assert f"{output}: 4 events of 64, " in " ".join(done.stderr.split())
    asked = made.note["history"][0]["asked"]
    assert asked == {
        "from": {"instant_ns": 1_756_548_930_500_000_000},
        "to": {"offset_ns": 10**9},
        "match": "app: 0000001",
    }


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--from", "soon"), "'soon' is no instant; write it like 5m, from the start, or 2025-08-30T10:15:30Z"),
        (("--from", "2025-08-30T10:15:30"), "is no instant with its date and zone"),
        (("--range", "9-3"), "'9-3' is no range of events; write it like 0-999"),
        (("--match", "("), "--match: is no regular expression"),
        (("--port", "514"), "has no addresses"),
        (("--hostname", "x"), "names no hosts"),
        (("--template", "0"), "does not tell of which template"),
        (("--range", "64"), "no event is as asked; nothing was written"),
    ],
)
def test_what_can_not_be_sliced_is_one_line(path: Path, flags: tuple[str, ...], complaint: str) -> None:
    output = path.with_name("b.rcap")
    done = run("slice", path, "-o", output, *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in said(done)[-1]
    assert len(said(done)) == 1
    assert not output.exists()


def test_a_merge_is_told_of(path: Path) -> None:
    output = path.with_name("b.rcap")
    done = run("merge", path, path, "-o", output, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["events"] == 128
    assert f"{output}: 128 events of 2 captures in 1.96875s; " in " ".join(done.stderr.split())
    again = run("merge", path, path, "-o", output)
    assert (again.returncode, said(again)) == (
        2,
        [f"captures: {output}: exists already; choose another name, or --force to replace it"],
    )


def test_a_difference_is_an_exit_code(path: Path) -> None:
    output = path.with_name("b.rcap")
    assert run("slice", path, "-o", output, "--not-match", "00000007").returncode == 0
    same, other = run("diff", path, path), run("diff", path, output, "--json")
    assert (same.returncode, same.stdout.splitlines()[0]) == (0, "alike but for stamps and tags")
    figures = json.loads(other.stdout)
    assert other.returncode == 1
    assert (figures["schema"], figures["alike"], figures["lost"], figures["same"]) == (1, False, 1, 63)
    assert figures["shown"][0] | {"text": ""} == {"fate": "lost", "first": 7, "second": None, "text": "", "columns": []}


@pytest.mark.parametrize("command", ["print", "slice", "merge", "diff"])
def test_a_file_that_is_no_capture_is_refused(tmp_path: Path, command: str) -> None:
    (tmp_path / "a").write_bytes(b"no capture")
    flags = {"print": [], "slice": ["-o", tmp_path / "b"], "merge": ["-o", tmp_path / "b"], "diff": [tmp_path / "a"]}
    done = run(command, tmp_path / "a", *flags[command])
    assert (done.returncode, done.stdout) == (2, "")
    assert said(done) == [f"captures: {tmp_path / 'a'}: this is not an .rcap capture (its first bytes differ)"]
