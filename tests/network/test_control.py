"""A run that is told what to do while it goes on; on loopback, with a sink that counts."""

import os
import re
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import ExitCode, PreflightError
from captures.format.capture import Capture
from replay.control.run_socket import ask
from tests.network import programs

RATE_EPS = 1_000
"""Twice and five times as much is little, too, on a slow machine."""
ENDLESS = ("--loops", 1_000_000, "--eps", RATE_EPS)


@dataclass
class Run:
    """One under way."""

    pid: int
    control: Path
    log: Path

    def tell(self, *words: object) -> programs.Ended:
        """By the command."""
        return programs.call("replay", "ctl", *words, "--control", self.control, "--json")

    def status(self) -> dict[str, Any]:
        return programs.status_of(self.control)

    def stop(self) -> None:
        ask(self.control, ["stop"])


@contextmanager
def run_under_way(
    folder: Path, capture: Capture, *options: object
) -> Iterator[tuple[Run, Callable[[], tuple[programs.Ended, dict[str, Any]]]]]:
    """A run to a sink, and what awaits the ends of both."""
    ports, log, control = programs.free_ports(4), folder / "run.log", folder / "control"
    with programs.listening_sink(folder / "sink.log", "--ports", programs.listed(ports)) as end_sink:
        line = programs.command(
            *programs.run_of(capture, "127.0.0.1", ports, "--workers", 2, "--control", control, *options)
        )
        with programs.running(line, log) as process:
            programs.await_sending(control)
            run = Run(process.pid, control, log)

            def end() -> tuple[programs.Ended, dict[str, Any]]:
                return programs.finish(process, log), end_sink()

            yield run, end


def assert_all_arrived(ended: programs.Ended, sink: dict[str, Any]) -> None:
    sent = [lane["sent_events"] for lane in ended.report["lanes"]]
    assert sent == [lane["received_events"] for lane in sink["lanes"]]
    assert sum(sent) > 0


PAUSED_RUN_S = 3600
"""It is stopped long before; what it asks for says when it would have ended."""


def test_rate_pause_and_resume(tmp_path: Path, capture: Capture):
    with run_under_way(tmp_path, capture, "--duration", f"{PAUSED_RUN_S}s", "--eps", RATE_EPS) as (run, end):
        assert stat.S_IMODE(run.control.stat().st_mode) == 0o600
        faster = run.tell("rate", 2 * RATE_EPS)
        assert (faster.code, faster.report["target_eps"]) == (0, 2 * RATE_EPS)
        asked = run.status()["asked_events"]
        assert RATE_EPS * PAUSED_RUN_S < asked < 2 * RATE_EPS * PAUSED_RUN_S

        assert run.tell("pause").report["state"] == "paused"
        programs.eventually(lambda: run.status()["eps"] == 0, "silence")
        silent = run.status()["sent_events"]
        time.sleep(0.5)
        assert run.status()["sent_events"] == silent

        resumed = run.tell("resume").report
        assert (resumed["state"], resumed["target_eps"]) == ("running", 2 * RATE_EPS)
        programs.eventually(lambda: run.status()["sent_events"] > silent, "more")
        # The pause does not make the run longer: half a second of it at least is not asked for any more.
        assert 0 < run.status()["asked_events"] <= asked - 2 * RATE_EPS * 0.5
        run.stop()
        ended, sink = end()

    assert ended.code in (ExitCode.MET, ExitCode.MISSED), ended.stderr  # its rate is not judged
    assert_all_arrived(ended, sink)
    assert not tmp_path.joinpath("control").exists()


def test_a_run_of_so_many_events_sends_them_all_at_any_rate(tmp_path: Path, capture: Capture):
    with run_under_way(tmp_path, capture, "--loops", 1, "--eps", RATE_EPS) as (run, end):
        run.tell("rate", 5 * RATE_EPS)
        ended, sink = end()

    programs.assert_ran(ended)
    assert_all_arrived(ended, sink)
    assert ended.report["sent_events"] == ended.report["asked_events"] == capture.events
    assert RATE_EPS < ended.report["target_eps"] < 5 * RATE_EPS  # of both, for as long as each was asked for


@pytest.mark.parametrize("before", ["status", "pause"])
def test_stop_ends_it_with_a_verdict_on_what_was_due_until_then(tmp_path: Path, capture: Capture, before: str):
    with run_under_way(tmp_path, capture, *ENDLESS) as (run, end):
        run.tell(before)
        asked = ask(run.control, ["stop"])
        assert asked["state"] == "stopping"
        with suppress(PreflightError):  # it may be over by now
            assert "the run is ending" in ask(run.control, ["rate", "2k"])["error"]
        ended, sink = end()

    programs.assert_ran(ended)
    assert ended.report["sent_events"] == ended.report["asked_events"] == asked["asked_events"]
    assert "stopped by replay ctl stop" in ended.report["reason"]
    assert_all_arrived(ended, sink)


def test_a_run_whose_time_is_over_while_it_is_paused_has_sent_what_was_due_before(tmp_path: Path, capture: Capture):
    """A worker of 50k EPS always has something due that it has not sent yet: the pause holds that back."""
    with run_under_way(tmp_path, capture, "--duration", "4s", "--eps", "50k") as (run, end):
        assert ask(run.control, ["pause"])["state"] == "paused"
        ended, sink = end()

    report = ended.report
    assert report["sent_events"] == report["asked_events"] < 4 * 50_000
    assert report["target_eps"] < 50_000 * 0.9  # over the whole time, the pause included
    programs.assert_ran(ended)
    assert report["sent_events"] == sink["received_events"]


def test_what_ctl_says_is_data(tmp_path: Path, capture: Capture):
    with run_under_way(tmp_path, capture, *ENDLESS) as (run, end):
        line = programs.command("replay", "ctl", "status", "--control", run.control)
        said = subprocess.run(
            line, cwd=programs.ROOT, capture_output=True, text=True, timeout=programs.PATIENCE_S, check=True
        )
        run.stop()
        end()

    assert said.stderr == ""
    assert re.match(r"running; [0-9.]+ s since the start: [0-9,]+ EPS, target 1.0k EPS; ", said.stdout)


def test_a_signal_has_the_rate_read_from_a_file(tmp_path: Path, capture: Capture):
    rate = tmp_path / "rate"
    rate.write_text("8k\n")
    with run_under_way(tmp_path, capture, *ENDLESS, "--rate-file", rate) as (run, end):
        os.kill(run.pid, signal.SIGUSR1)
        programs.eventually(lambda: run.status()["target_eps"] == 8000, "the file's rate")
        rate.write_text("fast, please")
        os.kill(run.pid, signal.SIGUSR1)
        programs.eventually(lambda: "the rate stays as it is" in run.log.read_text(), "a refusal")
        assert run.status()["target_eps"] == 8000
        run.stop()
        ended, sink = end()

    programs.assert_ran(ended)
    assert_all_arrived(ended, sink)


def test_status_says_what_each_worker_does(tmp_path: Path, capture: Capture):
    with run_under_way(tmp_path, capture, "--duration", "60s", "--eps", RATE_EPS) as (run, end):
        status = run.status()
        assert status["eps"] > 0  # in its first second, too
        status = run.tell("status").report
        assert [worker["id"] for worker in status["workers"]] == [0, 1]
        assert {worker["state"] for worker in status["workers"]} == {"running"}
        assert sum(worker["sent_events"] for worker in status["workers"]) <= run.status()["sent_events"]
        assert status["asked_events"] == 60 * RATE_EPS
        run.stop()
        end()


@pytest.fixture(scope="module")
def endless_run(tmp_path_factory: pytest.TempPathFactory, capture: Capture) -> Iterator[Run]:
    """One for all that makes no sense."""
    with run_under_way(tmp_path_factory.mktemp("endless"), capture, *ENDLESS) as (run, end):
        yield run
        run.stop()
        end()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rate", "9G"), "1 to 5,000,000 EPS are allowed"),
        (("rate", "0"), "1 to 5,000,000 EPS are allowed"),
        (("rate", "many"), "many"),
        (("rate",), "takes one value"),
        (("pause", "now"), "takes nothing"),
        (("speed", "2"), "does not follow the capture's time axis"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(endless_run: Run, words: tuple[str, ...], said: str):
    refused = endless_run.tell(*words)
    assert refused.code == ExitCode.USAGE
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert endless_run.status()["target_eps"] == RATE_EPS


def test_a_run_without_a_rate_can_be_paused(tmp_path: Path, capture: Capture):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        line = programs.run_of(capture, "127.0.0.1", [receiver.getsockname()[1]], "--eps", "max", "--duration", "60s")
        control = tmp_path / "control"
        with programs.running(programs.command(*line, "--control", control), tmp_path / "log") as process:
            programs.await_sending(control)
            run = Run(process.pid, control, tmp_path / "log")
            assert "has no rate" in run.tell("rate", "1M").stderr
            run.tell("pause")
            programs.eventually(lambda: run.status()["eps"] == 0, "silence")
            assert run.tell("resume").report["target_eps"] is None
            programs.eventually(lambda: run.status()["eps"] > 0, "more")
            run.stop()
            programs.finish(process, tmp_path / "log")
