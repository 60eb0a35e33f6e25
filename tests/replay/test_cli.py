"""`replay run` as a user calls it: what is refused, what is shown, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from captures.console.errors import ExitCode
from replay.clock import SECOND_NS
from replay.control.run_socket import ask
from tests import forks
from tests.captures.content import content, noise, write
from tests.network.programs import eventually, status_of

COMMAND = [sys.executable, "-c", "from replay.entry import main; main()", "run"]
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
    """A run to its end; at 10k EPS, where no argument says more."""
    pace = [] if {"--eps", "-e", "--speed"} & set(arguments) else ["--eps", "10k"]
    return forks.call("replay", "run", *arguments, *pace, "--target", to, timeout_s=TIMEOUT_S)


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
    # A machine that does not get to it in time leaves the rest unsent, and the run is missed.
    assert report["asked_events"] == 1500
    assert report["sent_events"] == 1500 or done.returncode == ExitCode.MISSED
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


def test_a_rate_out_of_reach_is_missed_and_ends_in_time(capture: Path, ports: str) -> None:
    done = run(
        capture, "--ports", ports, "--eps", "500M", "--eps-limit", "500M", "--duration", "1s", "--no-gso", "--json"
    )

    report = report_of(done)
    assert (done.returncode, report["verdict"]) == (ExitCode.MISSED, "missed")
    assert report["sent_events"] < report["asked_events"]
    assert report["offered"]["below_95_percent"] > 0


def test_a_dry_run_sends_nothing_and_shows_the_plan(capture: Path, ports: str) -> None:
    done = run(capture, "-p", ports, "-e", "4m", "-d", "3sec", "--dry-run", "-j", "--workers", 2)

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


def test_nothing_is_sent_at_a_rate_that_nobody_asked_for(capture: Path, ports: str) -> None:
    line = [*COMMAND, str(capture), "-t", "127.0.0.1", "-p", ports]
    done = subprocess.run(line, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (ExitCode.USAGE, 1, "")
    assert all(way in done.stderr for way in ("--eps 10k", "--speed 1", "--eps max"))


def test_so_many_events_at_a_rate_are_all_sent(capture: Path, ports: str) -> None:
    """However long it takes: a duration ends a run, a number of events does not."""
    report = report_of(run(capture, "-p", ports, "--events", "2k", "-e", "4K", "-j"))

    assert report["sent_events"] == report["asked_events"] == 2000
    assert report["target_eps"] == 4000


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--run-id", "00000007"], "has no tags for --run-id; build it with --tagged, or leave --run-id out"),
        (["--keep-tags"], "has no tags for --keep-tags; build it with --tagged"),
    ],
)
def test_what_is_said_of_tags_that_are_not_there_is_refused(
    flags: list[str], said: str, capture: Path, ports: str
) -> None:
    done = run(capture, "--ports", ports, *flags)

    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (ExitCode.USAGE, 1, "")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("instant", "complaint"),
    [
        ("soon", "'soon' is not an instant; write it like"),
        ("2026-01-01T00:00:00", "does not say its zone"),
        ("2020-01-01T00:00:00Z", "is over by"),
        ("+25h", "is more than 1d away"),
        ("+1x", "is not a duration"),
    ],
)
def test_an_instant_that_is_none_is_refused(instant: str, complaint: str, capture: Path, ports: str) -> None:
    done = run(capture, "--ports", ports, "--start-at", instant)

    assert (done.returncode, done.stderr.count("\n")) == (ExitCode.USAGE, 1)
    assert complaint in done.stderr


def test_a_run_starts_at_the_instant_that_was_asked_for(capture: Path, ports: str) -> None:
    """The report has it to the millisecond; a machine that gets ready too late says so and sends nothing."""
    at = (datetime.now(UTC) + timedelta(seconds=20)).replace(microsecond=250_000)
    line = ("--ports", ports, "--events", 10, "--start-at", at.isoformat(), "--json")
    done = run(capture, *line)
    report = report_of(done)

    assert datetime.fromisoformat(report["started"]) == at
    assert report["sent_events"] == 10
    assert f"it starts at {report['started']}" in done.stderr
    plan = report_of(run(capture, *line[:4], "--start-at", "+1h", "--dry-run", "--json"))
    assert datetime.fromisoformat(plan["start_at"]) - datetime.now(UTC) < timedelta(hours=1)


def test_who_interrupts_the_wait_has_a_report(capture: Path, ports: str, tmp_path: Path) -> None:
    path, control = tmp_path / "sent.json", tmp_path / "control"
    line = [*COMMAND, str(capture), "-t", "127.0.0.1", "-p", ports, "-e", "10k", "-o", str(path)]
    with subprocess.Popen([*line, "--start-at", "+1h", "--control", str(control)], stderr=subprocess.PIPE) as process:
        eventually(lambda: status_of(control).get("state") == "waiting", "a run that waits")
        status = ask(control, ["rate", "20k"])
        assert (status["elapsed_s"], status["sent_events"], status["target_eps"]) == (0, 0, 20_000)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == ExitCode.INTERRUPTED, said
    report = json.loads(path.read_text())
    assert (report["verdict"], report["reason"], report["started"]) == ("interrupted", "SIGINT after 0 events", None)


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


@pytest.mark.parametrize("rate", ["1k", "max"])
def test_a_run_has_one_pace(axis: Path, ports: str, rate: str) -> None:
    done = run(axis, "--ports", ports, "--speed", "2", "--eps", rate, "--dry-run")

    assert done.returncode == ExitCode.USAGE
    assert "--eps and --speed: a run has one pace; give one of the two" in done.stderr


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
