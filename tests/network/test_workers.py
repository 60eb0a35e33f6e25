"""Workers that share a core, and what they may claim of the machine."""

import os
import re
from pathlib import Path

import pytest

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from tests.network import programs

CORE = max(os.sched_getaffinity(0))


def test_workers_that_share_a_core_keep_their_pace(tmp_path: Path, capture: Capture):
    ports = programs.free_ports(8)
    with programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(ports)) as end_sink:
        shared = ("--workers", 8, "--cpus", CORE, "--eps", "20k", "--events", "40k")
        run = programs.call(*programs.run_of(capture, "127.0.0.1", ports, *shared))
        received = {lane["port"]: lane["received_events"] for lane in end_sink()["lanes"]}
    programs.assert_ran(run)
    assert {worker["core"] for worker in run.report["workers"]} == {CORE}
    assert {lane["port"]: lane["sent_events"] for lane in run.report["lanes"]} == received
    assert [lane["sent_events"] for lane in run.report["lanes"]] == [5000] * 8
    assert run.report["duration_s"] > 1.99  # none of them hurries; how late they are is the machine's matter


def locked_bytes(process: int, path: Path) -> int:
    """What of a mapped file is locked (proc(5), smaps)."""
    areas = re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", Path(f"/proc/{process}/smaps").read_text())
    own = [area for area in areas if str(path) in area and " lo" in area.partition("VmFlags:")[2]]
    return sum(1024 * int(area.partition("Size:")[2].split()[0]) for area in own)


def test_real_time_priority_and_locked_memory(tmp_path: Path, log: Path, control: Path, capture: Capture):
    if os.geteuid() != 0:
        pytest.skip("needs root for real-time priority")
    port = programs.free_ports(1)
    claims = ("--realtime", 7, "--lock-memory", "--loops", 1000, "--eps", "5k", "--control", control)
    with (
        programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(port)) as end_sink,
        programs.running(
            list(programs.command(*programs.run_of(capture, "127.0.0.1", port, *claims))), log
        ) as process,  # a fork maps the capture
    ):
        programs.await_sending(control)
        worker = programs.workers_of(process)[0]
        assert os.sched_getscheduler(worker) == os.SCHED_FIFO
        assert os.sched_getparam(worker).sched_priority == 7
        assert os.sched_getscheduler(process.pid) == os.SCHED_OTHER
        status = dict(line.split(":", 1) for line in Path(f"/proc/{worker}/status").read_text().splitlines())
        assert int(status["VmLck"].split()[0]) > 1000
        assert locked_bytes(worker, capture.path) < len(capture.payload) / 10  # its header is in pages of its own
        process.terminate()
        ended = programs.finish(process, log)
        received = end_sink()["received_events"]
    assert ended.code == ExitCode.INTERRUPTED, ended.stderr
    assert ended.report["sent_events"] == received > 0


@pytest.mark.parametrize(
    ("claim", "capability"), [(("--realtime", 7), "CAP_SYS_NICE"), (("--lock-memory",), "CAP_IPC_LOCK")]
)
def test_a_claim_without_the_right_names_the_capability(capture: Capture, claim: tuple[object, ...], capability: str):
    if os.geteuid() != 0:
        pytest.skip("needs root to give rights up")
    name = capability.removeprefix("CAP_").lower()
    bare = (f"--bounding-set=-{name}", f"--inh-caps=-{name}", f"--ambient-caps=-{name}")
    limits = ("prlimit", "--memlock=65536", "--rtprio=0", "--")
    run = programs.call(*programs.run_of(capture, "127.0.0.1", [5514], *claim), through=(*limits, "setpriv", *bare))
    assert run.code == ExitCode.PREFLIGHT, run.stderr
    assert f"needs the capability {capability}" in run.stderr
    assert len(run.stderr.splitlines()) == 1
