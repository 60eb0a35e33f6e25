"""`replay run` as a user calls it: what is refused, what is shown, and how it ends."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from captures.errors import ExitCode
from replay.clock import SECOND_NS
from tests.captures.content import content, noise, write
from tests.network.programs import eventually

COMMAND = [sys.executable, "-c", "from replay.cli import main; main()", "run"]
TIMEOUT_S = 60


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "noise.rcap"
    write(path, content(noise([(128, 100)] * 50 + [(77, 140)] * 10)))
    return path


@pytest.fixture(scope="module")
def ports() -> Iterator[str]:
    """Two neighbouring ports of loopback where somebody listens."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first, socket.socket(type=socket.SOCK_DGRAM) as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            yield f"{port}-{port + 1}"
            return
    pytest.fail("no two neighbouring ports are free")


@pytest.fixture(scope="module")
def untimed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "untimed.rcap"
    write(path, content(noise([(128, 100)]), window_ns=0))
    return path


@pytest.fixture(scope="module")
def axis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 events in a second, none in the next, 4,000 in the third."""
    path = tmp_path_factory.mktemp("cli") / "axis.rcap"
    write(path, content(noise([(100, 60)] * 60), [20, 0], window_ns=SECOND_NS))
    return path


def run(*arguments: object, to: str = "127.0.0.1") -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments), "--target", to]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def report_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize(
    "extra", [[], ["--no-gso"], ["--workers", 2], ["--stamp", "keep"], ["--stamp", "shift"], ["--train-max", 3]]
)
def test_exact_totals(extra: list[object], capture: Path, ports: str) -> None:
    done = run(capture, "--ports", ports, "--events", "20001", "--eps", "50k", "--json", *extra)

    # Other work shares the cores: whether the rate was met is not this test's matter, but the verdict says so.
    report = report_of(done)
    assert (report["verdict"], done.returncode) in (("met", ExitCode.MET), ("missed", ExitCode.MISSED))
    assert report["sent_events"] == report["asked_events"] == 20001
    assert [lane["sent_events"] for lane in report["lanes"]] == [10001, 10000]
    assert sum(worker["sent_events"] for worker in report["workers"]) == 20001
    assert report["errors"] == {}
    assert done.stderr.startswith(f"{report['verdict']}: ")


def test_a_duration_at_a_rate_and_a_report_in_a_file(capture: Path, ports: str, tmp_path: Path) -> None:
    path = tmp_path / "sent.json"
    done = run(capture, "--ports", ports, "--duration", "1500ms", "--eps", 1000, "--report", path)

    assert done.returncode in (ExitCode.MET, ExitCode.MISSED), done.stderr
    assert done.stdout == ""
    report = json.loads(path.read_text())
    assert report["sent_events"] == 1500
    assert report["lag_ms"]["p50"] >= 0
    assert report["memory_bytes_peak"] > 0


def test_as_fast_as_it_goes(capture: Path, ports: str) -> None:
    report = report_of(run(capture, "--ports", ports, "--loops", 30, "--eps", "max", "--json"))

    assert report["verdict"] == "measured"
    assert report["sent_events"] == 30 * (128 * 50 + 77 * 10)
    assert report["offered"] is None


def test_as_fast_as_it_goes_for_a_while(capture: Path, ports: str) -> None:
    report = report_of(run(capture, "--ports", ports, "--duration", "1500ms", "--eps", "max", "--json"))

    assert report["verdict"] == "measured"
    assert (report["asked_events"], report["workers"][0]["gso_refused"]) == (None, None)
    assert report["sent_events"] > 0
    assert 1.4 < report["duration_s"] < 30


def test_a_rate_out_of_reach_is_missed_and_ends_in_time(capture: Path, ports: str) -> None:
    done = run(
        capture, "--ports", ports, "--eps", "500M", "--eps-limit", "500M", "--duration", "1s", "--no-gso", "--json"
    )

    report = report_of(done)
    assert (done.returncode, report["verdict"]) == (ExitCode.MISSED, "missed")
    assert report["duration_s"] < 2
    assert report["offered"]["below_95_percent"] > 0


def test_a_dry_run_sends_nothing_and_shows_the_plan(capture: Path, ports: str) -> None:
    done = run(capture, "--ports", ports, "--dry-run", "--json", "--workers", 2, "--duration", "3s")

    assert done.returncode == ExitCode.MET
    assert "nothing was sent" in done.stderr
    plan = json.loads(done.stdout)
    assert (plan["events"], plan["target_eps"], plan["ports"]) == (12_000_000, 4_000_000, ports)
    assert (plan["speed"], plan["target_peak_eps"]) == (None, 4_000_000)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--eps", "0"], "a rate is 1 at least"),
        (["--eps", "fast"], "'fast' is not a count; write it like"),
        (["--eps", "5000001"], "--eps 5,000,001 is over the limit of 5,000,000; if you mean it, say --eps-limit"),
        (["--ports", "513"], "port 513 is outside 514-65535"),
        (["--ports", "20000-20100"], "more than 100 ports"),
        (["--workers", "3"], "--workers 3: there are 2 ports"),
        (["--cpus", "4095"], "core 4095 is not there"),
        (["--cpus", "x"], "is not a list of cores"),
        (["--loops", "2", "--duration", "1s"], "give one of --duration, --loops and --events"),
        (["--events", "0"], "of 1 at least"),
        (["--duration", "1x"], "is not a duration; write it like"),
        (["--train-max", "129"], "129"),
        (["--duration", "1ms", "--eps", "10"], "no event falls due"),
        (["--nonsense"], "--nonsense"),
        (["--speed", "0"], "'0' is not a speed; write it like 1, 10 or 0.5, or max"),
        (["--speed", "-1"], "is not a speed"),
        (["--speed", "1e3"], "is not a speed"),
        (
            ["--speed", "1000000"],
            "EPS in the busiest window, which is over the limit of 5,000,000; if you mean it, say",
        ),
        (["--speed", "1", "--duration", "1ms"], "no event falls due"),
        (["--speed", "0.000000001"], "over 100 years"),
        (["--stamp", "then"], "'then'"),
    ],
)
def test_bad_flags_are_one_line_and_exit_code_2(
    arguments: list[str], complaint: str, capture: Path, ports: str
) -> None:
    done = run(capture, "--ports", ports, *arguments)

    assert done.returncode == ExitCode.USAGE
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "way"),
    [(["--speed", "1"], "--speed"), (["--speed", "max"], "--speed"), (["--stamp", "shift"], "--stamp shift")],
)
def test_what_needs_a_time_axis_says_so(arguments: list[str], way: str, untimed: Path, ports: str) -> None:
    done = run(untimed, "--ports", ports, "--dry-run", *arguments)

    assert (done.returncode, done.stderr.count("\n")) == (ExitCode.USAGE, 1)
    assert f"has no time axis for {way} to follow; build it with one, like precompute build" in done.stderr


def test_along_the_time_axis_the_whole_capture_is_sent_once(axis: Path, ports: str) -> None:
    report = report_of(run(axis, "--ports", ports, "--speed", "4", "--stamp", "shift", "--json"))

    assert report["verdict"] in ("met", "missed")
    assert report["sent_events"] == report["asked_events"] == 6000
    assert (report["speed"], report["stamp"]) == (4, "shift")
    assert (report["target_eps"], report["target_peak_eps"]) == (8000, 16000)
    # No earlier than the axis has it, and the machine may be late.
    assert report["duration_s"] >= 0.75


def test_the_time_axis_as_fast_as_it_goes(axis: Path, ports: str) -> None:
    report = report_of(run(axis, "--ports", ports, "--speed", "max", "--json"))

    assert (report["verdict"], report["speed"], report["target_eps"]) == ("measured", "max", None)
    assert report["sent_events"] == 6000


def test_a_duration_along_the_time_axis_begins_it_anew(axis: Path, ports: str) -> None:
    done = run(axis, "--ports", ports, "--speed", "2", "--duration", "2s", "--dry-run", "--json")

    assert json.loads(done.stdout)["events"] == 6000 + 2000


def test_a_rate_overrides_the_speed_and_says_so(axis: Path, ports: str) -> None:
    done = run(axis, "--ports", ports, "--speed", "2", "--eps", "1k", "--dry-run", "--json")

    plan = json.loads(done.stdout)
    assert (plan["speed"], plan["target_eps"], plan["events"]) == (None, 1000, 10_000)
    assert "--eps overrides --speed" in done.stderr


def test_a_public_target_is_refused(capture: Path) -> None:
    done = run(capture, "--dry-run", to="192.0.2.1")

    assert done.returncode == ExitCode.USAGE
    assert "--allow-public" in done.stderr


def test_a_file_that_is_no_capture(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("<6>not a capture\n" * 1000)

    for path, complaint in ((tmp_path / "text", "not an .rcap capture"), (tmp_path / "none", "can't be opened")):
        done = run(path)
        assert (done.returncode, done.stderr.count("\n")) == (ExitCode.USAGE, 1)
        assert complaint in done.stderr


def test_a_report_that_can_not_be_written_is_known_before_the_first_packet(capture: Path, ports: str) -> None:
    done = run(capture, "--ports", ports, "--events", 10, "--report", "/no/such/folder/sent.json")

    assert done.returncode == ExitCode.USAGE
    assert done.stderr.count("\n") == 1
    assert "sent" not in done.stderr.replace("sent.json", "")


def test_a_capture_cut_short_meanwhile_is_named(capture: Path, ports: str, tmp_path: Path) -> None:
    shrinking = tmp_path / "shrinking.rcap"
    shrinking.write_bytes(capture.read_bytes())
    command = [*COMMAND, str(shrinking), "--target", "127.0.0.1", "--ports", ports, "--eps", "10k"]
    with subprocess.Popen([*command, "--duration", "1m"], stderr=subprocess.PIPE, text=True) as process:
        eventually(lambda: len(psutil.Process(process.pid).children()) == 1, "a worker at work")
        os.truncate(shrinking, 4096)
        _, said = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == ExitCode.FAILED
    assert "the capture was changed while it was read" in said
