"""A sender that asks its sink while it runs: no loss that is none, and an end when there is too much."""

import itertools
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pyroute2 import netns

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from replay.exchange.token import VARIABLE
from tests.network import programs
from tools.lab import PORTS, V4, Lab

PLACE = f"{V4}:5600"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sinks and runs of this test share a secret."""
    monkeypatch.setenv(VARIABLE, "0123456789abcdef")


@contextmanager
def sink_at(folder: Path, lab: Lab, *options: object) -> Iterator[Callable[[], dict[str, Any]]]:
    """A sink in the lab that publishes its counters."""
    listening = ("--bind", V4, "--ports", programs.listed(PORTS), "--publish", PLACE, *options)
    with programs.listening_sink(folder / "sink.log", *listening, host=lab.receiver) as end:
        yield end


def asking(lab: Lab, capture: Capture, *options: object) -> programs.Ended:
    return programs.call(
        *programs.run_of(capture, V4, PORTS, "--eps", "20k", "--sink", PLACE, *options), host=lab.sender
    )


@pytest.mark.parametrize("which", ["capture", "tagged"])
def test_nothing_is_lost_though_events_are_always_on_their_way(
    tmp_path: Path, lab: Lab, which: str, request: pytest.FixtureRequest
):
    capture = request.getfixturevalue(which)
    limits = ("--abort-loss", "0%", "--max-loss", "0%", "--min-eps", 1, "--max-latency-p99", "1h")
    with sink_at(tmp_path, lab) as end:
        ended = asking(lab, capture, "--events", "80k", *limits)
        report = end()
    assert ended.code == ExitCode.MET, ended.stderr
    sink = ended.report["sink"]
    assert sink["lost_events"] == 0
    assert sink["received_events"] == ended.report["sent_events"] == report["received_events"]
    assert (sink["tagged"], sink["silent"]) == (which == "tagged", False)
    assert sink["answers"] >= 1
    assert [row["met"] for row in ended.report["criteria"]] == [True, True, True]
    assert report["run_id"] == ended.report["run_id"]


@pytest.mark.parametrize("which", ["capture", "tagged"])
def test_too_much_loss_ends_the_run(tmp_path: Path, lab: Lab, which: str, request: pytest.FixtureRequest):
    capture = request.getfixturevalue(which)
    with sink_at(tmp_path, lab) as end, lab.dropping(f"udp dport {PORTS[1]}"):
        ended = asking(lab, capture, "--duration", "60s", "--abort-loss", "10%")
        end()
    assert ended.code == ExitCode.MISSED
    assert ended.report["verdict"] == "missed"
    assert "stopped after" in ended.report["reason"]
    assert ended.report["sent_events"] < ended.report["asked_events"]
    lost = {lane["port"]: lane["sent_events"] for lane in ended.report["lanes"]}[PORTS[1]]
    assert ended.report["sink"]["lost_events"] == lost


def test_a_limit_that_is_not_kept_is_missed_and_told(tmp_path: Path, lab: Lab, tagged: Capture):
    with sink_at(tmp_path, lab), lab.dropping(f"udp dport {PORTS[0]}"):
        ended = asking(lab, tagged, "--events", "8k", "--max-loss", "24.9%", "--min-eps", 1)
    assert ended.code == ExitCode.MISSED
    assert [row["met"] for row in ended.report["criteria"]] == [False, True]
    assert ended.report["sink"]["loss_percent"] == 25
    assert "criterion max_loss_percent 24.9: 25, missed" in ended.stderr


def test_a_sink_that_is_gone_measured_nothing(tmp_path: Path, log: Path, control: Path, lab: Lab, tagged: Capture):
    """It ends in mid-run; frames of our own do not hear that nobody listens any more."""
    options = ("--eps", "2k", "--events", "20k", "--max-loss", "100%", "--backend", "packet", "--control", control)
    line = programs.command(*programs.run_of(tagged, V4, PORTS, "--sink", PLACE, *options), host=lab.sender)
    with sink_at(tmp_path, lab) as end, programs.running(line, log) as process:
        programs.await_sending(control)
        end()
        ended = programs.finish(process, log)
    assert ended.code == ExitCode.MISSED, ended.stderr
    assert ended.report["sink"]["silent"]
    assert ended.report["criteria"] == [{"name": "max_loss_percent", "limit": 100, "measured": None, "met": False}]
    assert ended.stderr.count("does not answer: loss is not measured meanwhile") == 1


@pytest.mark.parametrize("which", ["capture", "tagged"])
def test_what_waits_at_a_sink_is_neither_lost_nor_measured(tmp_path: Path, which: str, request: pytest.FixtureRequest):
    """Its workers are stopped, and its parent goes on answering."""
    capture, ports, log = request.getfixturevalue(which), programs.free_ports(2), tmp_path / "sink.log"
    (tcp,) = programs.free_ports(1)
    place = f"127.0.0.1:{tcp}"
    with programs.running(
        programs.command("replay", "sink", "--ports", programs.listed(ports), "--publish", place, "--json"), log
    ) as sink:
        programs.await_line(log, "listening on", sink)
        workers = programs.workers_of(sink)
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        limits = ("--abort-loss", "0%", "--max-loss", "0%", "--min-eps", 1)
        options = ("--events", "10k", "--eps", "2k", "--sink", place, *limits)
        ended = programs.call(*programs.run_of(capture, "127.0.0.1", ports, *options))
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        sink.terminate()
        received = programs.finish(sink, log).report
    assert ended.code == ExitCode.MISSED
    assert ended.report["reason"] == "max_loss_percent 0: not measured, missed"
    assert (ended.report["sink"]["silent"], ended.report["sink"]["lost_events"]) == (False, None)
    assert ended.report["sink"]["answers"] >= 1
    assert "had not read all of it at the end" in ended.stderr
    assert received["received_events"] == ended.report["sent_events"] == 10_000


def test_a_second_run_of_one_id_is_refused(tmp_path: Path, lab: Lab, tagged: Capture):
    """The sink would take its events for duplicates, and miss none."""
    with sink_at(tmp_path, lab):
        once = ("--events", "2k", "--run-id", "00000007")
        programs.assert_ran(asking(lab, tagged, *once))
        ended = asking(lab, tagged, *once)
    assert (ended.code, ended.report) == (ExitCode.PREFLIGHT, {})
    assert "the sink has heard a run 00000007 before" in ended.stderr


def test_one_without_the_token_is_refused_and_binds_nothing(
    tmp_path: Path, lab: Lab, tagged: Capture, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "token"
    with sink_at(tmp_path, lab, "--sink-token-file", path) as end:
        for wrong in ("", "fedcba9876543210"):
            monkeypatch.setenv(VARIABLE, wrong)
            ended = asking(lab, tagged)
            assert (ended.code, ended.stderr.count("\n")) == (ExitCode.PREFLIGHT, 1)
            assert "token" in ended.stderr
        programs.assert_ran(asking(lab, tagged, "--events", "2k", "--sink-token-file", path))
        assert end()["received_events"] == 2000


def test_silent_clients_of_a_sink_are_in_nobodys_way(tmp_path: Path, lab: Lab, tagged: Capture):
    netns.pushns(lab.sender)
    try:
        with sink_at(tmp_path, lab), ExitStack() as stack:
            for _ in range(4):
                stack.enter_context(socket.create_connection((V4, 5600), 5))
            ended = asking(lab, tagged, "--duration", "3s", "--max-loss", "0%", "--min-eps", 1)
    finally:
        netns.popns()
    assert ended.code == ExitCode.MET, ended.stderr
    assert ended.report["sink"]["answers"] >= 2


def hostile(place: tuple[str, int], answers: Sequence[bytes]) -> Callable[[], None]:
    """A server in a thread that answers each request with the next of these, the last one again and again."""
    listener = socket.create_server(place)

    def serve() -> None:
        for number in itertools.count():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, suppress(OSError):
                client.recv(4096)
                client.sendall(answers[min(number, len(answers) - 1)])

    threading.Thread(target=serve, daemon=True).start()

    def end() -> None:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()

    return end


@pytest.mark.parametrize(
    "nonsense",
    [
        b"[" * 60_000 + b"\n",
        b'{"since_ns": 1, "latency_p99_ms": "1.5", "ports": {}}\n',
        b'{"since_ns": 1, "latency_p99_ms": Infinity, "ports": {}}\n',
        b'{"error": "\\u001b[2Jno"}\n',
    ],
)
def test_a_sink_that_talks_nonsense_measured_nothing_and_the_run_goes_on(
    tmp_path: Path, tagged: Capture, nonsense: bytes
):
    (port,) = programs.free_ports(1)
    counts = {"received_events": 0, "verified_events": 0, "lost_events": 0, "waiting_bytes": 0}
    sound = {"since_ns": 1, "run_id": "1f3a9c07", "latency_p99_ms": None, "ports": {str(port): counts}}
    with socket.create_server(("127.0.0.1", 0)) as probe:
        place = probe.getsockname()
    end = hostile(place, [json.dumps(sound).encode() + b"\n", nonsense])
    with programs.listening_sink(tmp_path / "sink.log", "--ports", port):
        limits = ("--eps", "2k", "--events", "6k", "--max-loss", "0%", "--run-id", "1f3a9c07")
        ended = programs.call(
            *programs.run_of(tagged, "127.0.0.1", (port,), "--sink", f"127.0.0.1:{place[1]}", *limits)
        )
    end()
    assert ended.code == ExitCode.MISSED, ended.stderr
    assert ended.report["sent_events"] == 6000
    assert (ended.report["sink"]["silent"], ended.report["sink"]["lost_events"]) == (True, None)
    assert ended.stderr.count("loss is not measured meanwhile") == 1
    assert "\x1b" not in ended.stderr


def test_another_run_is_refused(tmp_path: Path, lab: Lab, tagged: Capture):
    with sink_at(tmp_path, lab, "--run-id", "00000001"):
        ended = asking(lab, tagged)
    assert ended.code == ExitCode.PREFLIGHT
    assert "the sink counts run 00000001 alone, as its --run-id says; end it, and start one for run" in ended.stderr


@pytest.mark.parametrize("option", ["--max-loss", "--abort-loss", "--max-latency-p99"])
def test_without_a_sink_nothing_can_be_said_of_loss_or_latency(tagged: Capture, option: str):
    value = "5ms" if option == "--max-latency-p99" else "1%"
    ended = programs.call(*programs.run_of(tagged, "127.0.0.1", programs.free_ports(1), option, value))
    assert (ended.code, ended.stderr.count("\n")) == (ExitCode.USAGE, 1)
    assert f"{option}: only a sink can measure that" in ended.stderr


def test_a_sink_that_nobody_published_is_a_line(tagged: Capture):
    (port,) = programs.free_ports(1)
    ended = programs.call(*programs.run_of(tagged, "127.0.0.1", programs.free_ports(1), "--sink", f"127.0.0.1:{port}"))
    assert (ended.code, ended.stderr.count("\n")) == (ExitCode.PREFLIGHT, 1)
    assert "no sink answers there (Connection refused); start one with --publish" in ended.stderr
