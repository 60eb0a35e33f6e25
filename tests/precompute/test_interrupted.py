"""Builds that are cut short: one line, an exit code, and nothing half-written."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from captures.console.errors import ExitCode
from captures.format.reader import open_capture
from tests.disks import disk_of
from tests.precompute.profiles import names
from tests.precompute.program import ENVIRONMENT, PROGRAM, precompute

LONG = ("build", "system", "-o", "long.rcap", "--events", "12M")
"""Takes seconds: long enough to be hit in the middle."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wait_for(condition, process: subprocess.Popen[str]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def start(*arguments: str) -> subprocess.Popen[str]:
    """A build to be interrupted or killed. Coverage is not measured there: a Ctrl-C that meets it at work hangs it."""
    unmeasured = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("COVERAGE_")}
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=unmeasured,
    )


def jobs_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that render: they hold a chunk."""
    return [child for child in psutil.Process(process.pid).children() if child.memory_info().rss > 150 << 20]


def is_writing(process: subprocess.Popen[str], folder: Path) -> bool:
    """Whether it has a file in that folder, which has no name yet."""
    with suppress(FileNotFoundError):
        return any(
            str(entry.readlink()).startswith(f"{folder}/#") for entry in Path(f"/proc/{process.pid}/fd").iterdir()
        )
    return False


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_signal_leaves_nothing(folder, jobs, name):
    process = start(*LONG, "--jobs", jobs)
    wait_for(lambda: is_writing(process, folder), process)
    if jobs == "2":
        wait_for(lambda: len(jobs_of(process)) == 2, process)
    os.killpg(process.pid, signal.Signals[name])  # as a terminal does: to the whole group
    output, complaint = process.communicate(timeout=60)
    assert (process.returncode, output) == (ExitCode.INTERRUPTED, "")
    assert complaint == "precompute: interrupted\n"
    assert names(folder) == []


def test_a_job_that_dies_is_reported_and_leaves_nothing(folder):
    process = start(*LONG, "--jobs", "2")
    wait_for(lambda: len(jobs_of(process)) == 2, process)
    jobs_of(process)[0].kill()
    output, complaint = process.communicate(timeout=60)
    assert (process.returncode, output) == (ExitCode.FAILED, "")
    assert complaint == (
        "precompute: a rendering job died before its time; if the machine ran out of memory, use fewer --jobs\n"
    )
    assert names(folder) == []


def test_jobs_end_with_a_killed_build_and_nothing_is_left(folder):
    process = start(*LONG, "--jobs", "2")
    wait_for(lambda: len(jobs_of(process)) == 2, process)
    jobs = jobs_of(process)
    process.kill()
    process.communicate(timeout=60)
    assert psutil.wait_procs(jobs, timeout=60)[1] == []
    assert names(folder) == []


def test_of_two_builds_of_a_name_the_first_to_finish_has_it(folder):
    process = start(*LONG[:-1], "4M", "--jobs", "1")
    wait_for(lambda: is_writing(process, folder), process)
    os.killpg(process.pid, signal.SIGSTOP)
    assert precompute(*LONG[:-1], "1000").returncode == 0
    os.killpg(process.pid, signal.SIGCONT)
    output, complaint = process.communicate(timeout=60)
    assert (process.returncode, output) == (ExitCode.USAGE, "")
    assert complaint == "precompute: long.rcap: exists already; choose another name, or --force to replace it\n"
    assert open_capture(folder / "long.rcap").events == 1000
    assert names(folder) == ["long.rcap"]


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    with disk_of("200m", folder) as disk:
        yield disk


def fill(folder: Path) -> None:
    """Take all room of a disk."""
    with (folder / "other").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(1 << 20))


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_disk_that_fills_up_is_one_line_and_leaves_nothing(small_disk, jobs):
    """There is room when the build starts, and somebody else takes it."""
    process = start("build", "system", "-o", "disk/a.rcap", "--size", "180MB", "--jobs", jobs)
    wait_for(lambda: is_writing(process, small_disk), process)
    os.killpg(process.pid, signal.SIGSTOP)
    fill(small_disk)
    os.killpg(process.pid, signal.SIGCONT)
    output, complaint = process.communicate(timeout=60)
    assert (process.returncode, output) == (ExitCode.PREFLIGHT, "")
    assert complaint == "precompute: disk/a.rcap: the disk is full; free some, or build fewer events\n"
    assert names(small_disk) == ["other"]
