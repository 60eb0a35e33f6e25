"""Builds that are cut short: one line, an exit code, and nothing half-written."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from captures.errors import ExitCode
from tests.precompute.profiles import names
from tests.precompute.program import ENVIRONMENT, PROGRAM, fails, precompute

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


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_leaves_nothing(folder, jobs):
    process = start(*LONG, "--jobs", jobs)
    wait_for((folder / "long.rcap.partial").exists, process)
    if jobs == "2":
        wait_for(lambda: len(jobs_of(process)) == 2, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
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


def test_jobs_end_with_a_killed_build_and_the_next_takes_over_its_file(folder):
    process = start(*LONG, "--jobs", "2")
    wait_for(lambda: len(jobs_of(process)) == 2, process)
    jobs = jobs_of(process)
    process.kill()
    process.communicate(timeout=60)
    assert psutil.wait_procs(jobs, timeout=60)[1] == []
    assert names(folder) == ["long.rcap.partial"]
    assert precompute(*LONG[:-1], "1000").returncode == 0
    assert names(folder) == ["long.rcap"]


def test_two_builds_never_share_a_name(folder):
    process = start(*LONG, "--jobs", "1")
    wait_for((folder / "long.rcap.partial").exists, process)
    line = fails(ExitCode.PREFLIGHT, *LONG[:-1], "1000")
    assert "long.rcap: another build is writing it (long.rcap.partial is locked)" in line
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 200 MiB."""
    disk = folder / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root mounts a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def fill(folder: Path) -> None:
    """Take all room of a disk."""
    with (folder / "other").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(1 << 20))


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_disk_that_fills_up_is_one_line_and_leaves_nothing(small_disk, jobs):
    """There is room when the build starts, and somebody else takes it."""
    process = start("build", "system", "-o", "disk/a.rcap", "--size", "180MB", "--jobs", jobs)
    wait_for((small_disk / "a.rcap.partial").exists, process)
    os.killpg(process.pid, signal.SIGSTOP)
    fill(small_disk)
    os.killpg(process.pid, signal.SIGCONT)
    output, complaint = process.communicate(timeout=60)
    assert (process.returncode, output) == (ExitCode.PREFLIGHT, "")
    assert complaint == "precompute: disk/a.rcap: the disk is full; free some, or build fewer events\n"
    assert names(small_disk) == ["other"]
