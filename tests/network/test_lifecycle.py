"""How a run ends before its time: by a signal, or since somebody was killed. None of this needs a privilege."""

import json
import os
import select
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from captures.errors import ExitCode
from captures.reader import Capture
from tests.network.programs import (
    PATIENCE_S,
    command,
    finish,
    free_ports,
    listed,
    listening_sink,
    run_of,
    running,
    workers_of,
)

RATE_EPS = 8_000  # an ordinary user's receive buffers are small: 200 kB by default


@contextmanager
def endless_run(
    log: Path, capture: Capture, ports: Sequence[int], *options: object
) -> Iterator[subprocess.Popen[bytes]]:
    """A run of two workers to `ports` of loopback, in full swing when it is yielded.

    The last port is the test's own, to see that the run is under way.
    """
    forever = ("--loops", 1_000_000, "--eps", RATE_EPS, "--workers", 2)
    run = command(*run_of(capture, "127.0.0.1", ports, *forever, *options))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own, running(run, log) as process:
        own.bind(("127.0.0.1", ports[-1]))
        own.settimeout(PATIENCE_S)
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


def test_workers_stop_when_their_supervisor_is_killed(tmp_path: Path, capture: Capture):
    with endless_run(tmp_path / "run.log", capture, free_ports(2)) as supervisor:
        workers = workers_of(supervisor)
        supervisor.kill()
        assert [ends_within(worker, PATIENCE_S) for worker in workers] == [True, True]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_run_with_a_report_that_is_exact(tmp_path: Path, capture: Capture, name: str):
    ports = free_ports(4)
    log, file = tmp_path / "run.log", tmp_path / "run.json"
    with listening_sink(tmp_path / "sink.log", "--ports", listed(ports[:-1])) as end_sink:
        with endless_run(log, capture, ports, "--report", file) as supervisor:
            workers = workers_of(supervisor)
            # To the whole group, as a terminal's Ctrl-C: workers must leave it to their supervisor.
            os.killpg(supervisor.pid, signal.Signals[name])
            ended = finish(supervisor, log)
            assert all(ends_within(worker, 0) for worker in workers)
        received = [lane["received_events"] for lane in end_sink()["lanes"]]

    assert ended.code == ExitCode.INTERRUPTED
    assert json.loads(file.read_text()) == ended.report
    assert ended.report["verdict"] == "interrupted"
    assert ended.report["reason"].startswith(name)
    assert [lane["sent_events"] for lane in ended.report["lanes"]][:-1] == received
