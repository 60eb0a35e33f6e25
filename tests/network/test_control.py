"""A run that is told what to do while it goes on; on loopback, with a sink that counts."""

import os
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from captures.errors import ExitCode
from captures.reader import Capture
from tests.network.programs import (
    Ended,
    call,
    command,
    eventually,
    finish,
    free_ports,
    listed,
    listening_sink,
    run_of,
    running,
)

RATE_EPS = 4_000


@dataclass
class Run:
    """One under way."""

    pid: int
    control: Path
    log: Path

    def tell(self, *words: object) -> Ended:
        return call("replay", "ctl", *words, "--control", self.control, "--json")

    def status(self) -> dict[str, Any]:
        return self.tell("status").report


@contextmanager
def run_under_way(
    folder: Path, capture: Capture, *options: object
) -> Iterator[tuple[Run, Callable[[], tuple[Ended, dict[str, Any]]]]]:
    """A run to a sink, and what awaits the ends of both."""
    ports, log, control = free_ports(4), folder / "run.log", folder / "control"
    with listening_sink(folder / "sink.log", "--ports", listed(ports)) as end_sink:
        line = command(*run_of(capture, "127.0.0.1", ports, "--workers", 2, "--control", control, *options))
        with running(line, log) as process:
            eventually(control.is_socket, "the control socket")
            run = Run(process.pid, control, log)
            eventually(lambda: run.status().get("sent_events", 0) > 0, "a run under way")

            def end() -> tuple[Ended, dict[str, Any]]:
                return finish(process, log), end_sink()

            yield run, end


def assert_all_arrived(ended: Ended, sink: dict[str, Any]) -> None:
    sent = [lane["sent_events"] for lane in ended.report["lanes"]]
    assert sent == [lane["received_events"] for lane in sink["lanes"]]
    assert sum(sent) > 0


def test_rate_pause_and_resume(tmp_path: Path, capture: Capture):
    with run_under_way(tmp_path, capture, "--duration", "9s", "--eps", RATE_EPS) as (run, end):
        assert stat.S_IMODE(run.control.stat().st_mode) == 0o600
        faster = run.tell("rate", 2 * RATE_EPS)
        assert (faster.code, faster.report["target_eps"]) == (0, 2 * RATE_EPS)
        eventually(lambda: run.status()["eps"] > 1.5 * RATE_EPS, "the new rate")

        assert run.tell("pause").report["state"] == "paused"
        eventually(lambda: run.status()["eps"] == 0, "silence")
        silent = run.status()["sent_events"]
        time.sleep(0.5)
        assert run.status()["sent_events"] == silent

        resumed = run.tell("resume").report
        assert (resumed["state"], resumed["target_eps"]) == ("running", 2 * RATE_EPS)
        ended, sink = end()

    assert ended.code == ExitCode.MET, ended.stderr
    assert_all_arrived(ended, sink)
    assert ended.report["sent_events"] == ended.report["asked_events"]
    assert 8.5 < ended.report["duration_s"] < 9.5
    assert ended.report["target_eps"] == pytest.approx(ended.report["achieved_eps"], rel=0.05)
    assert not tmp_path.joinpath("control").exists()


def test_a_run_of_so_many_events_sends_them_all_at_any_rate(tmp_path: Path, capture: Capture):
    with run_under_way(tmp_path, capture, "--loops", 1, "--eps", RATE_EPS) as (run, end):
        run.tell("rate", 5 * RATE_EPS)
        ended, sink = end()

    assert ended.code == ExitCode.MET, ended.stderr
    assert_all_arrived(ended, sink)
    assert ended.report["sent_events"] == capture.events
    assert ended.report["duration_s"] < capture.events / RATE_EPS - 0.5


def test_stop_ends_it_with_a_report(tmp_path: Path, capture: Capture):
    with run_under_way(tmp_path, capture, "--loops", 1000, "--eps", RATE_EPS) as (run, end):
        assert run.tell("stop").report["state"] == "stopping"
        ended, sink = end()

    assert ended.code == ExitCode.INTERRUPTED
    assert ended.report["reason"].startswith("replay ctl stop after")
    assert_all_arrived(ended, sink)


def test_a_signal_has_the_rate_read_from_a_file(tmp_path: Path, capture: Capture):
    rate = tmp_path / "rate"
    rate.write_text("8k\n")
    with run_under_way(tmp_path, capture, "--duration", "8s", "--eps", RATE_EPS, "--rate-file", rate) as (run, end):
        os.kill(run.pid, signal.SIGUSR1)
        eventually(lambda: run.status()["target_eps"] == 8000, "the file's rate")
        rate.write_text("fast, please")
        os.kill(run.pid, signal.SIGUSR1)
        eventually(lambda: "the rate stays as it is" in run.log.read_text(), "a refusal")
        assert run.status()["target_eps"] == 8000
        ended, sink = end()

    assert ended.code == ExitCode.MET, ended.stderr
    assert_all_arrived(ended, sink)


def test_status_says_what_each_worker_does(tmp_path: Path, capture: Capture):
    with run_under_way(tmp_path, capture, "--duration", "3s", "--eps", RATE_EPS) as (run, end):
        status = run.status()
        assert [worker["id"] for worker in status["workers"]] == [0, 1]
        assert {worker["state"] for worker in status["workers"]} == {"running"}
        assert sum(worker["sent_events"] for worker in status["workers"]) <= run.status()["sent_events"]
        assert status["asked_events"] == 3 * RATE_EPS
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
def test_what_makes_no_sense_is_refused_in_a_line(tmp_path: Path, capture: Capture, words: tuple[str, ...], said: str):
    with run_under_way(tmp_path, capture, "--duration", "2s", "--eps", RATE_EPS) as (run, end):
        refused = run.tell(*words)
        assert refused.code == ExitCode.USAGE
        assert said in refused.stderr
        assert refused.stderr.count("\n") == 1
        assert run.status()["target_eps"] == RATE_EPS
        end()


def test_a_run_without_a_rate_can_be_paused(tmp_path: Path, capture: Capture):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        line = run_of(capture, "127.0.0.1", [receiver.getsockname()[1]], "--eps", "max", "--duration", "12s")
        control = tmp_path / "control"
        with running(command(*line, "--control", control), tmp_path / "log") as process:
            eventually(control.is_socket, "the control socket")
            run = Run(process.pid, control, tmp_path / "log")
            eventually(lambda: run.status().get("sent_events", 0) > 0, "a run under way")
            assert "has no rate" in run.tell("rate", "1M").stderr
            run.tell("pause")
            eventually(lambda: run.status()["eps"] == 0, "silence")
            assert run.tell("resume").report["target_eps"] is None
            eventually(lambda: run.status()["eps"] > 0, "more")
            finish(process, tmp_path / "log")
