"""How a run ends before its time: by a signal, or since somebody was killed. None of this needs a privilege."""

import json
import os
import pty
import select
import signal
import socket
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from replay.control.run_socket import ask
from replay.exchange.json_request import Clients
from tests.network import programs

SOON_S = 5.0
"""How long a worker may outlive its supervisor, on a machine that is busy; the kernel kills it at once."""

RATE_EPS = 8_000  # an ordinary user's receive buffers are small: 200 kB by default


@contextmanager
def endless_run(
    log: Path, capture: Capture, ports: Sequence[int], *options: object
) -> Iterator[subprocess.Popen[bytes]]:
    """A run of two workers to `ports` of loopback, in full swing when it is yielded.

    The last port is the test's own, to see that the run is under way.
    """
    forever = ("--loops", 1_000_000, "--eps", RATE_EPS, "--workers", 2)
    run = programs.command(*programs.run_of(capture, "127.0.0.1", ports, *forever, *options))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own, programs.running(run, log) as process:
        own.bind(("127.0.0.1", ports[-1]))
        own.settimeout(programs.PATIENCE_S)
        for _ in range(500):
            own.recv(2048)
        yield process


def ends_within(pid: int, seconds: float) -> bool:
    """Whether a process ends in that time."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], seconds)[0])
    finally:
        os.close(process)


@pytest.mark.parametrize("state", ["sending", "paused", "stopped", "replaced"])
def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path, capture: Capture, state: str):
    control = tmp_path / "control"
    with endless_run(tmp_path / "run.log", capture, programs.free_ports(2), "--control", control) as supervisor:
        if state == "paused":
            ask(control, ["pause"])
        elif state == "stopped":
            os.kill(programs.workers_of(supervisor)[0], signal.SIGSTOP)
        elif state == "replaced":
            os.kill(programs.workers_of(supervisor)[0], signal.SIGKILL)
            programs.eventually(lambda: programs.status_of(control)["recoveries"] == 1, "another in its place")
        workers = programs.workers_of(supervisor)
        supervisor.kill()
        assert [ends_within(worker, SOON_S) for worker in workers] == [True, True]


def test_a_supervisor_that_was_stopped_ends_nothing(tmp_path: Path, log: Path, control: Path, capture: Capture):
    """Its workers go on without it, and it counts all that they did."""
    ports = programs.free_ports(4)
    length = ("--events", 12_000, "--eps", 2_000, "--workers", 2, "--control", control)
    with programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(ports)) as end_sink:
        with programs.running(
            programs.command(*programs.run_of(capture, "127.0.0.1", ports, *length)), log
        ) as supervisor:
            programs.await_sending(control)
            os.kill(supervisor.pid, signal.SIGSTOP)
            time.sleep(3)
            os.kill(supervisor.pid, signal.SIGCONT)
            assert programs.status_of(control)["sent_events"] > 2_000  # in a second they would have been without it
            ended = programs.finish(supervisor, log)
        received = [lane["received_events"] for lane in end_sink()["lanes"]]

    programs.assert_ran(ended)
    assert ended.report["sent_events"] == 12_000
    assert [lane["sent_events"] for lane in ended.report["lanes"]] == received
    assert ended.report["offered"]["intervals"] >= 60
    assert ended.report["recoveries"] == []


def test_a_terminal_that_was_stopped_ends_nothing(tmp_path: Path, capture: Capture):
    """Ctrl-S, with the live line on it: the run goes on, and is told of when the terminal does."""
    port, control, file = programs.free_ports(1), tmp_path / "control", tmp_path / "run.json"
    length = ("--events", 8_000, "--eps", 2_000, "--control", control, "--report", file)
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    with (
        programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(port)) as end_sink,
        os.fdopen(ours, "rb") as shown,
    ):
        line = programs.command(*programs.run_of(capture, "127.0.0.1", port, *length))
        with subprocess.Popen(line, cwd=programs.ROOT, stdout=subprocess.DEVNULL, stderr=theirs) as supervisor:
            try:
                programs.eventually(lambda: b"target 2.0k EPS" in (shown.read1(4096) or b""), "the live line")
                termios.tcflow(theirs, termios.TCOOFF)
                programs.eventually(lambda: not control.exists(), "the end of the run")
                termios.tcflow(theirs, termios.TCOON)
                code = supervisor.wait(programs.PATIENCE_S)
            finally:
                supervisor.kill()
        said = shown.read1(1 << 16)
        os.close(theirs)
        received = end_sink()["received_events"]

    report = json.loads(file.read_text())
    programs.assert_ran(programs.Ended(code, report, str(said)))
    assert report["sent_events"] == received == 8_000
    assert f"{report['verdict']}: ".encode() in said


def test_a_signal_while_the_sink_is_waited_for_ends_a_complete_run_by_its_figures(tmp_path: Path, capture: Capture):
    """The sink, made up, never says that it has all; so the run would wait for 5 s."""
    ports, log, asked = programs.free_ports(2), tmp_path / "run.log", list[list[str]]()
    counts = {
        str(port): {"received_events": 0, "verified_events": 0, "lost_events": 0, "waiting_bytes": 1 << 40}
        for port in ports
    }

    def answer(words: Sequence[str]) -> dict[str, Any]:
        asked.append(list(words))
        counts[str(ports[0])]["received_events"] += 1  # so it is worth waiting for
        return {"since_ns": 1, "latency_p99_ms": None, "ports": counts}

    final = ",".join(f"{port}:500" for port in ports)
    with (
        programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(ports)),
        answering(answer) as place,
        programs.running(
            programs.command(
                *programs.run_of(capture, "127.0.0.1", ports, "--eps", "1k", "--events", 1000, "--sink", place)
            ),
            log,
        ) as supervisor,
    ):
        programs.eventually(lambda: ["counters", final] in asked, "the end of the run")
        supervisor.send_signal(signal.SIGINT)
        ended = programs.finish(supervisor, log)

    programs.assert_ran(ended)
    assert ended.report["sent_events"] == ended.report["asked_events"] == 1000
    assert ended.report["sink"]["lost_events"] is None
    assert ended.report["sink"]["settling_cut_by"] == "SIGINT"
    assert "was not waited for, since SIGINT came: loss was not measured" in " ".join(ended.stderr.split())


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_before_anything_is_sent_ends_the_run_with_its_report(tmp_path: Path, capture: Capture, name: str):
    """The sink, made up, is asked before the run begins; then the signal comes."""
    port, log, file = programs.free_ports(1), tmp_path / "run.log", tmp_path / "run.json"
    counts = {"received_events": 0, "verified_events": 0, "lost_events": 0, "waiting_bytes": 0}
    supervisors: list[subprocess.Popen[bytes]] = []

    def answer(_words: Sequence[str]) -> dict[str, Any]:
        programs.eventually(lambda: bool(supervisors), "the run to be known")
        supervisors[0].send_signal(signal.Signals[name])
        return {"since_ns": 1, "latency_p99_ms": None, "ports": {str(port[0]): counts}}

    with (
        answering(answer) as place,
        programs.running(
            programs.command(*programs.run_of(capture, "127.0.0.1", port, "--sink", place, "--report", file)), log
        ) as supervisor,
    ):
        supervisors.append(supervisor)
        ended = programs.finish(supervisor, log)
    assert ended.code == ExitCode.INTERRUPTED, ended.stderr
    assert json.loads(file.read_text()) == ended.report
    assert (ended.report["verdict"], ended.report["sent_events"]) == ("interrupted", 0)
    assert ended.report["reason"] == f"{name} after 0 events"


@contextmanager
def answering(answer: Callable[[Sequence[str]], dict[str, Any]]) -> Iterator[str]:
    """Where a thread answers those who ask, as a sink does."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        clients = Clients(listener)

        def serve() -> None:
            while not over.wait(0.01):
                clients.poll(answer)
            clients.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield "{}:{}".format(*listener.getsockname())
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_run_with_a_report_that_is_exact(tmp_path: Path, capture: Capture, name: str):
    ports = programs.free_ports(4)
    log, file = tmp_path / "run.log", tmp_path / "run.json"
    with programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(ports[:-1])) as end_sink:
        with endless_run(log, capture, ports, "--report", file) as supervisor:
            workers = programs.workers_of(supervisor)
            # To the whole group, as a terminal's Ctrl-C: workers must leave it to their supervisor.
            os.killpg(supervisor.pid, signal.Signals[name])
            ended = programs.finish(supervisor, log)
            assert all(ends_within(worker, 0) for worker in workers)
        received = [lane["received_events"] for lane in end_sink()["lanes"]]

    assert ended.code == ExitCode.INTERRUPTED
    assert json.loads(file.read_text()) == ended.report
    assert ended.report["verdict"] == "interrupted"
    assert ended.report["reason"].startswith(name)
    assert [lane["sent_events"] for lane in ended.report["lanes"]][:-1] == received
