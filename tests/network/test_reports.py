"""Once a run or a sink has begun, its report is written: whatever signals come, fails, or becomes of its streams."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from tests.network import programs

STREAMS = [
    *("<&- >&- 2>&-", ">/dev/full 2>/dev/full", "2>&1 | true"),
    # Some streams of these; tests/captures/console/test_standard_streams.py breaks each of them in each run.
    *(pytest.param(one, marks=pytest.mark.deep) for one in (">&-", "2>&-", ">&- 2>&-", "2>/dev/full")),
]


def short_run(capture: Capture, ports: tuple[int, ...], *options: object) -> tuple[object, ...]:
    return (*programs.run_of(capture, "127.0.0.1", ports, "--events", 1000, "--eps", "10k", "--workers", 1), *options)


def storm(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    """Send the whole group that signal every 5 ms, from now to its end; how often that was."""
    sent = 0
    while process.poll() is None and sent < programs.PATIENCE_S * 200:
        os.killpg(process.pid, number)
        sent += 1
        time.sleep(0.005)
    return sent


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_storm_of_signals_loses_no_report_of_a_run(
    tmp_path: Path, log: Path, control: Path, capture: Capture, number: signal.Signals
):
    ports, path = programs.free_ports(2), tmp_path / "sent.json"
    endless = ("--loops", 1_000_000, "--eps", "5k", "--workers", 2, "--report", path, "--control", control)
    with programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(ports)) as end_sink:
        with programs.running(
            programs.command(*programs.run_of(capture, "127.0.0.1", ports), *endless), log
        ) as process:
            programs.await_sending(control)
            assert storm(process, number) > 1
            assert process.returncode == ExitCode.INTERRUPTED
        received = [lane["received_events"] for lane in end_sink()["lanes"]]

    report = json.loads(path.read_text())
    assert report["verdict"] == "interrupted"
    assert [lane["sent_events"] for lane in report["lanes"]] == received
    assert "Traceback" not in log.read_text()
    assert "Exception ignored" not in log.read_text()
    assert not control.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_storm_of_signals_loses_no_report_of_a_sink(tmp_path: Path, number: signal.Signals):
    log, path = tmp_path / "sink.log", tmp_path / "received.json"
    sink = programs.command(
        "replay", "sink", "--ports", programs.listed(programs.free_ports(2)), "--workers", 2, "--report", path
    )
    with programs.running(sink, log) as process:
        programs.await_line(log, "listening on", process)
        assert storm(process, number) > 0
    assert json.loads(path.read_text())["ended_by"] in ("signal", "second signal")  # as it met the workers
    assert "Traceback" not in log.read_text()
    assert process.returncode in (ExitCode.MET, ExitCode.INTERRUPTED)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_command_is_loaded_is_no_traceback(tmp_path: Path, capture: Capture, number: signal.Signals):
    """From the first line of ours on; what the interpreter does before it is the interpreter's."""
    log = tmp_path / "run.log"
    begin = "import sys; sys.stderr.write('begun\\n'); from replay.entry import main; main()"
    line = [sys.executable, "-c", begin, *programs.command(*short_run(capture, programs.free_ports(1)))[3:]]
    for _ in range(3):
        with programs.running(line, log) as process:
            programs.await_line(log, "begun", process)
            time.sleep(random.uniform(0.03, 0.4))  # noqa: S311 - an instant
            process.send_signal(number)
            process.wait(programs.PATIENCE_S)
        said = log.read_text()
        assert "Traceback" not in said
        assert process.returncode in (ExitCode.INTERRUPTED, ExitCode.MET, ExitCode.MISSED), said


def test_under_nohup_a_hang_up_ends_nothing(tmp_path: Path, log: Path, control: Path, capture: Capture):
    path = tmp_path / "sent.json"
    options = ("--loops", 1_000_000, "--eps", "5k", "--workers", 1, "--report", path, "--control", control)
    line = programs.command(*programs.run_of(capture, "127.0.0.1", programs.free_ports(1)), *options)
    with programs.running(["nohup", *line], log) as process:
        programs.await_sending(control)
        os.killpg(process.pid, signal.SIGHUP)
        time.sleep(0.3)
        assert process.poll() is None
        process.terminate()
        programs.finish(process, log)
    assert json.loads(path.read_text())["reason"].startswith("SIGTERM")


@pytest.mark.parametrize("streams", STREAMS)
def test_streams_that_are_closed_or_full_change_nothing_of_a_run(tmp_path: Path, capture: Capture, streams: str):
    ports, path = programs.free_ports(1), tmp_path / "sent.json"
    line = [part for part in programs.command(*short_run(capture, ports, "--report", path)) if part != "--json"]
    with programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(ports)):
        script = f'set -o pipefail; "$@" {streams}'
        done = subprocess.run(
            ["bash", "-c", script, "bash", *line],
            cwd=programs.ROOT,
            capture_output=True,
            timeout=programs.PATIENCE_S,
            check=False,
        )
    report = json.loads(path.read_text())
    assert report["sent_events"] == 1000
    assert (report["verdict"], done.returncode) in (("met", ExitCode.MET), ("missed", ExitCode.MISSED))
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (">&-", b"replay: stdout can't be written: Bad file descriptor\n"),
        (">/dev/full", b"replay: stdout can't be written: No space left on device\n"),
        ("| true", b""),
    ],
)
def test_data_that_could_not_be_written_is_said_by_the_exit_code(
    tmp_path: Path, capture: Capture, stream: str, said: bytes
):
    ports, path = programs.free_ports(1), tmp_path / "sent.json"
    script = f'set -o pipefail; "$@" {stream}'
    line = ["bash", "-c", script, "bash", *programs.command(*short_run(capture, ports, "--report", path))]
    with programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(ports)):
        done = subprocess.run(line, cwd=programs.ROOT, capture_output=True, timeout=programs.PATIENCE_S, check=False)
    assert json.loads(path.read_text())["sent_events"] == 1000
    assert done.returncode == ExitCode.FAILED
    assert done.stderr.endswith(said)
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("where", ["look", "settle"])
def test_a_failure_that_nobody_foresaw_loses_no_report(tmp_path: Path, capture: Capture, where: str):
    """What was sent until then is counted to the event, and the failure is told after."""
    ports, path = programs.free_ports(1), tmp_path / "sent.json"
    fail = f"""
from replay.supervision import abort_on_loss
def fail(*_):
    raise ZeroDivisionError("unforeseen")
abort_on_loss.AbortOnLoss.{where} = fail
from replay.cli import main
main()
"""
    line = [sys.executable, "-c", fail, *programs.command(*short_run(capture, ports, "--report", path))[3:]]
    with programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(ports)) as end_sink:
        done = subprocess.run(
            line, cwd=programs.ROOT, capture_output=True, text=True, timeout=programs.PATIENCE_S, check=False
        )
        received = end_sink()["received_events"]
    report = json.loads(path.read_text())
    assert (report["verdict"], report["reason"]) == ("failed", "unforeseen")
    assert report["sent_events"] == received
    assert done.returncode == ExitCode.FAILED
    assert done.stderr.endswith("ZeroDivisionError: unforeseen\n")


def test_a_sink_that_fails_unforeseen_leaves_its_report(tmp_path: Path):
    path = tmp_path / "received.json"
    fail = """
from replay.sink import stopping
def fail(*_, **__):
    raise ZeroDivisionError("unforeseen")
stopping.Watch.ended_by = fail
from replay.cli import main
main()
"""
    sink = programs.command("replay", "sink", "--ports", programs.listed(programs.free_ports(1)), "--report", path)
    done = subprocess.run(
        [sys.executable, "-c", fail, *sink[3:]],
        cwd=programs.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert json.loads(path.read_text())["ended_by"] == "failure"
    assert done.returncode == ExitCode.FAILED
    assert done.stderr.endswith("ZeroDivisionError: unforeseen\n")


@pytest.mark.parametrize("mode", [0o777, 0o000])
def test_a_folder_that_can_not_have_the_control_socket_ends_no_run(tmp_path: Path, capture: Capture, mode: int):
    ports, path = programs.free_ports(1), tmp_path / "sent.json"
    folder = tmp_path / "stampede"
    folder.mkdir()
    folder.chmod(mode)
    if not mode:
        folder.rmdir()
        folder.touch()
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    line = programs.command(*short_run(capture, ports, "--report", path))
    with programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(ports)):
        done = subprocess.run(
            line,
            cwd=programs.ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=programs.PATIENCE_S,
            check=False,
        )
    assert done.returncode in (ExitCode.MET, ExitCode.MISSED)
    assert json.loads(path.read_text())["sent_events"] == 1000
    assert done.stderr.startswith("`replay ctl` can't reach this run: ")
