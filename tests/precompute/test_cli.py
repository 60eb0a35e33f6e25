"""The command as people meet it: exit codes, one line for each failure, and nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from captures.errors import ExitCode
from captures.format import DIGEST_BLOCK_BYTES
from captures.reader import open_capture
from tests.precompute.profiles import names

PROGRAM = (sys.executable, "-c", "from precompute.cli import main; main()")
ROOT = Path(__file__).parents[2]
LONG = ("build", "system", "-o", "long.rcap", "--events", "12M")
"""Takes seconds: long enough to be hit in the middle."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def precompute(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=120)


def fails(code: ExitCode, *arguments: str) -> str:
    """The one line of a command that must fail."""
    done = precompute(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


def wait_for(condition, process: subprocess.Popen[str]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def start(*arguments: str) -> subprocess.Popen[str]:
    """A build to be interrupted or killed. Coverage is not measured there: a Ctrl-C that meets it at work hangs it."""
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
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


@pytest.mark.usefixtures("folder")
def test_build_inspect_and_verify():
    built = precompute("build", "system", "-o", "a.rcap", "--events", "20k", "--jobs", "2")
    assert (built.returncode, built.stdout) == (0, "")
    digest = open_capture("a.rcap").digest
    assert built.stderr.startswith("a.rcap: 20,000 events, 2.9 MiB, mean 14")
    assert built.stderr.endswith(f"digest {digest}\n")
    assert built.stderr.count("\n") == 1

    inspected = precompute("inspect", "a.rcap", "--events", "2")
    assert (inspected.returncode, inspected.stderr) == (0, "")
    first = [line.decode() for line, _ in zip(open_capture("a.rcap").lines(), range(2), strict=False)]
    assert inspected.stdout.splitlines()[-2:] == first
    found = json.loads(precompute("inspect", "a.rcap", "--json", "--events", "2").stdout)
    assert (found["events"], found["digest"], found["first_events"]) == (20_000, digest, first)

    verified = precompute("verify", "a.rcap")
    assert (verified.returncode, verified.stderr) == (0, "")
    assert verified.stdout == f"a.rcap: sound; 20,000 events, digest {digest}\n"
    found = json.loads(precompute("verify", "a.rcap", "--json").stdout)
    assert found == {"digest": digest, "sound": True, "damaged": []}


def test_an_existing_capture_is_kept_unless_forced(folder):
    (folder / "a.rcap").write_bytes(b"mine")
    arguments = ("build", "system", "-o", "a.rcap", "--events", "1")
    assert "a.rcap: exists already; choose another name, or --force" in fails(ExitCode.USAGE, *arguments)
    assert (folder / "a.rcap").read_bytes() == b"mine"
    assert precompute(*arguments, "--force").returncode == 0
    assert open_capture("a.rcap").events == 1


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        ((), ExitCode.USAGE, "give either --events or --size"),
        (("--events", "1", "--size", "1GB"), ExitCode.USAGE, "give either --events or --size"),
        (("--events", "0"), ExitCode.USAGE, "a capture holds at least one event"),
        (("--size", "0"), ExitCode.USAGE, "0 bytes are too few for a single event"),
        (("--size", "900TiB"), ExitCode.PREFLIGHT, "needs 900.0 TiB and the disk has "),
        (("--events", "900000G"), ExitCode.PREFLIGHT, "and the disk has "),
        (("--events", "1", "--train", "129"), ExitCode.USAGE, "129 is not in the range 1<=x<=128"),
        (("--events", "1", "--seed", "18446744073709551616"), ExitCode.USAGE, "is not in the range"),
        (
            ("--events", "1", "-o", "no/a.rcap"),
            ExitCode.USAGE,
            "no/a.rcap: can't be written: No such file or directory",
        ),
    ],
)
def test_what_can_not_be_built_is_one_line(folder, arguments, code, line):
    assert line in fails(code, "build", "system", "-o", "a.rcap", *arguments)
    assert names(folder) == []


def test_a_bad_profile_is_one_line(folder):
    (folder / "web.yaml").write_text("name: web\ngroups: {}\n")
    line = fails(ExitCode.USAGE, "build", "web.yaml", "-o", "a.rcap", "--events", "1")
    assert line == "precompute: web.yaml: groups: needs at least one group whose weight is above 0\n"
    assert names(folder) == ["web.yaml"]


def test_damage_is_named(folder):
    assert precompute("build", "system", "-o", "a.rcap", "--size", "40MB").returncode == 0
    capture = open_capture("a.rcap")
    with (folder / "a.rcap").open("r+b") as file:
        file.seek(capture.payload_offset + DIGEST_BLOCK_BYTES + 5)
        file.write(b"\xff")
    line = fails(ExitCode.USAGE, "verify", "a.rcap")
    assert "a.rcap: damaged: payload chunk 1 (bytes 16777216-33554431 of the payload); copy or build it again" in line
    as_json = precompute("verify", "a.rcap", "--json")
    assert as_json.returncode == ExitCode.USAGE
    assert json.loads(as_json.stdout)["damaged"] == ["payload chunk 1 (bytes 16777216-33554431 of the payload)"]


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_what_is_no_capture_is_one_line(folder, command):
    assert "a.rcap: can't be opened: No such file" in fails(ExitCode.USAGE, command, "a.rcap")
    (folder / "a.rcap").write_bytes(b"x" * 9999)
    assert "a.rcap: this is not an .rcap capture" in fails(ExitCode.USAGE, command, "a.rcap")
    os.mkfifo("fifo")
    assert "fifo: can't be opened: not a regular file" in fails(ExitCode.USAGE, command, "fifo")


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


@pytest.mark.usefixtures("folder")
def test_help_and_version():
    assert precompute("--version").stdout.startswith("precompute, version ")
    shown = precompute("build", "--help").stdout
    assert "Built-in profiles: system." in shown
