"""What happens to a run when its surroundings turn on it: every event is accounted for, or it says what is lost."""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from captures.format.layout import STAMP_WIDTHS, StampKind
from captures.format.reader import open_capture
from tests.captures.content import content, noise, write
from tests.network import programs
from tests.network.conftest import fresh_lab
from tests.network.expected import port_lines
from tests.network.mailboxes import Mailboxes, mailboxes
from tools.lab import DEVICE, PORTS, V4, Lab

BACKENDS = ("udp", "packet")
GSO = ("--gso", "--no-gso")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A wire of their own: a device that was off, or too narrow for IPv6, comes back without its IPv6 addresses."""
    with fresh_lab() as built:
        yield built


def set_link(lab: Lab, host: str, state: str) -> None:
    """Switch one end of the wire; at the sender's the neighbour must be told again, as `Lab.build` did."""
    lab.run_at(host, "ip", "link", "set", DEVICE, state)
    if host == lab.sender:
        far_end = json.loads(lab.run_at(lab.receiver, "ip", "-j", "link", "show", DEVICE))[0]["address"]
        lab.run_at(host, "ip", "neigh", "replace", V4, "lladdr", far_end, "dev", DEVICE, "nud", "permanent")


def disturbed(
    folder: Path, lab: Lab, capture: Capture, disturb: Callable[[], None], *options: object
) -> tuple[programs.Ended, list[list[bytes]]]:
    """A run over the wire, disturbed when it is under way, and what came to each port."""
    log = folder / "run.log"
    line = programs.command(*programs.run_of(capture, V4, PORTS, "--stamp", "keep", *options), host=lab.sender)
    with mailboxes(lab, V4) as boxes, programs.running(line, log) as process:
        boxes.await_first()
        time.sleep(0.3)
        disturb()
        ended = programs.finish(process, log)
        return ended, settled(boxes)


def settled(boxes: Mailboxes) -> list[list[bytes]]:
    """What came, once the last of it is out of the sender's queues."""
    came = boxes.take()
    for _ in range(100):
        time.sleep(0.3)
        more = boxes.take()
        if not any(more):
            return came
        came = [[*lane, *later] for lane, later in zip(came, more, strict=True)]
    raise TimeoutError("events keep coming")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_device_switched_off_and_on_is_waited_for(
    tmp_path: Path, lab: Lab, capture: Capture, lines: Sequence[bytes], backend: str
):
    def off_and_on() -> None:
        set_link(lab, lab.sender, "down")
        time.sleep(0.7)
        set_link(lab, lab.sender, "up")

    try:
        ended, came = disturbed(tmp_path, lab, capture, off_and_on, "--backend", backend, "--eps", "5k", "--loops", 1)
    finally:
        set_link(lab, lab.sender, "up")

    assert ended.code == ExitCode.MISSED, ended.stderr
    assert came == port_lines(lines, len(PORTS))
    assert set(ended.report["errors"]) & {"ENETUNREACH", "ENETDOWN"}
    assert ended.report["sent_events"] == len(lines)
    assert ended.report["nic"]["carrier_losses"] == 1


def wire_state(lab: Lab) -> str:
    """What the sender's kernel thinks of its end of the wire."""
    return lab.run_at(lab.sender, "cat", f"/sys/class/net/{DEVICE}/operstate")


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_sent_while_the_far_end_is_off_is_lost_and_that_is_said(
    tmp_path: Path, lab: Lab, capture: Capture, backend: str
):
    """The kernel takes what it then drops, as with a cable that is pulled; only the card knows."""

    def off_and_on() -> None:
        # The kernel looks at links once a second at most (net/core/link_watch.c); until it has seen that this one is
        # down, it refuses what is sent, and the sender repeats it.
        time.sleep(1.2)
        set_link(lab, lab.receiver, "down")
        programs.eventually(lambda: "up" not in wire_state(lab), "the sender's device has no carrier")
        time.sleep(0.7)
        set_link(lab, lab.receiver, "up")

    try:
        options = ("--backend", backend, "--eps", "2k", "--loops", 1, "--no-gso")
        ended, came = disturbed(tmp_path, lab, capture, off_and_on, *options)
    finally:
        set_link(lab, lab.receiver, "up")

    nic = ended.report["nic"]
    assert ended.code == ExitCode.MISSED, ended.stderr
    assert "the network card's link was down once" in ended.report["reason"]
    assert (nic["name"], nic["carrier_losses"]) == (DEVICE, 1)
    arrived = sum(map(len, came))
    assert arrived < ended.report["sent_events"]
    # Until the kernel sees that the link is down, the far end's device refuses each datagram, and counts it as dropped.
    refused = ended.report["waits"].get("ENOBUFS", 0)
    # Neighbour discovery and the like may be among what the card dropped.
    assert 0 <= nic["tx_dropped"] - refused - (ended.report["sent_events"] - arrived) < 20


@contextmanager
def shaped(lab: Lab, *qdisc: str) -> Iterator[None]:
    lab.run_at(lab.sender, "tc", "qdisc", "add", "dev", DEVICE, "root", *qdisc)
    try:
        yield
    finally:
        lab.run_at(lab.sender, "tc", "qdisc", "del", "dev", DEVICE, "root")


@pytest.mark.parametrize("rate", ["20k", "400k"])  # trains of a few events, and of many
@pytest.mark.parametrize("gso", GSO)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_full_queue_is_waited_for(
    tmp_path: Path, lab: Lab, capture: Capture, lines: Sequence[bytes], backend: str, gso: str, rate: str
):
    """2 Mbit/s take some 1,500 events a second, less than a busy machine sends; what the queue refuses is sent again.

    Behind the queue both cores send, and the kernel lets one overtake the other: the order is not looked at.
    """
    options = ("--backend", backend, gso, "--eps", rate, "--duration", "1s")
    with shaped(lab, "tbf", "rate", "2mbit", "burst", "32kb", "latency", "50ms"):
        ended, came = disturbed(tmp_path, lab, capture, lambda: None, *options)

    assert ended.code == ExitCode.MISSED, ended.stderr
    assert ended.report["waits"]["ENOBUFS"] > 0
    assert ended.report["errors"] == {}
    assert [lane["sent_events"] for lane in ended.report["lanes"]] == [len(lane) for lane in came]
    whole = port_lines(lines, len(PORTS), loops=ended.report["asked_events"] // len(lines))
    assert all(sorted(lane) == sorted(expected[: len(lane)]) for lane, expected in zip(came, whole, strict=True))
    assert ended.report["nic"]["tx_dropped"] == 0


@pytest.mark.parametrize("gso", GSO)
def test_an_mtu_lowered_under_frames_ends_the_run_with_true_counts(
    tmp_path: Path, lab: Lab, capture: Capture, gso: str
):
    def narrow() -> None:
        lab.run_at(lab.sender, "ip", "link", "set", DEVICE, "mtu", "100")

    try:
        options = ("--backend", "packet", gso, "--eps", "20k", "--loops", 4)
        ended, came = disturbed(tmp_path, lab, capture, narrow, *options)
    finally:
        lab.run_at(lab.sender, "ip", "link", "set", DEVICE, "mtu", "1500")

    arrived = [len(lane) for lane in came]
    assert [lane["sent_events"] for lane in ended.report["lanes"]] == arrived
    if gso == "--no-gso":
        assert ended.code == ExitCode.FAILED
        assert "EMSGSIZE" in ended.report["reason"]


def test_a_receiver_that_dies_in_mid_run_is_named_by_its_ports(
    tmp_path: Path, log: Path, control: Path, capture: Capture
):
    ports = programs.free_ports(4)
    options = ("--eps", "4k", "--events", "24k", "--control", control)
    gone, stays = ports[:2], ports[2:]
    with (
        programs.listening_sink(tmp_path / "stays.log", "--ports", programs.listed(stays)) as end_stays,
        programs.listening_sink(tmp_path / "gone.log", "--ports", programs.listed(gone)) as end_gone,
        programs.running(programs.command(*programs.run_of(capture, "127.0.0.1", ports, *options)), log) as process,
    ):
        programs.await_sending(control)
        before = end_gone()
        ended = programs.finish(process, log)
        after = end_stays()

    assert ended.code == ExitCode.MISSED
    lanes = {lane["port"]: lane for lane in ended.report["lanes"]}
    assert {port for port, lane in lanes.items() if lane["errors"].get("ECONNREFUSED", 0) > 0} == set(gone)
    assert ended.report["sent_events"] == 24_000
    assert [lane["received_events"] for lane in after["lanes"]] == [lanes[port]["sent_events"] for port in stays]
    assert 0 < before["received_events"] < sum(lanes[port]["sent_events"] for port in gone)


@pytest.fixture
def large(tmp_path: Path) -> Capture:
    """A capture of 8 MB, of which each page is read at its own time."""
    path = tmp_path / "large.rcap"
    write(path, content(noise([(80, 800)] * 125)))
    return open_capture(path)


def test_a_capture_cut_short_in_mid_run_is_the_reason_that_is_given(
    tmp_path: Path, log: Path, control: Path, large: Capture
):
    port = programs.free_ports(1)
    with programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(port)) as end_sink:
        options = ("--eps", "5k", "--loops", 3, "--stamp", "keep", "--control", control)
        with programs.running(programs.command(*programs.run_of(large, "127.0.0.1", port, *options)), log) as process:
            programs.await_sending(control)
            os.truncate(large.path, 4096)
            ended = programs.finish(process, log)
        received = end_sink()

    assert ended.code == ExitCode.FAILED
    assert "the capture was changed while it was read" in ended.report["reason"]
    assert "Traceback" not in ended.stderr
    assert ended.report["sent_events"] == received["received_events"] > 0


def test_a_capture_overwritten_in_mid_run_ends_it_with_true_counts(
    tmp_path: Path, log: Path, control: Path, large: Capture
):
    """All at once, with bytes that would read as other trains."""
    ports = programs.free_ports(2)
    other = bytearray(large.path.read_bytes())
    other[8192:] = other[8192:][::-1]
    with programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(ports)) as end_sink:
        options = ("--eps", "5k", "--loops", 30, "--stamp", "keep", "--control", control)
        with programs.running(programs.command(*programs.run_of(large, "127.0.0.1", ports, *options)), log) as process:
            programs.await_sending(control)
            with large.path.open("r+b") as file:
                file.write(other)
            ended = programs.finish(process, log)
        received = end_sink()

    assert ended.code == ExitCode.FAILED
    assert ended.report["verdict"] == "failed"
    assert ended.report["reason"].startswith("the capture was changed while it was read")
    assert "Traceback" not in ended.stderr
    assert ended.report["sent_events"] == received["received_events"] > 0
    assert all(lane["sent_events"] > 0 for lane in ended.report["lanes"])


def test_a_capture_replaced_in_mid_run_goes_on_as_it_was(tmp_path: Path, lab: Lab, capture: Capture, lines: Any):
    path = tmp_path / "own.rcap"
    shutil.copy(capture.path, path)

    def replace() -> None:
        (tmp_path / "new.rcap").write_bytes(b"something else")
        (tmp_path / "new.rcap").replace(path)

    ended, came = disturbed(tmp_path, lab, open_capture(path), replace, "--eps", "20k", "--loops", 2)
    programs.assert_ran(ended)
    assert came == port_lines(lines, len(PORTS), loops=2)


STEPPED = """
import ctypes, os, time
from replay.linux import clocks
real_ns, real = time.time_ns, clocks.clock_gettime
def ahead_s():
    return os.path.exists("{flag}") * {step_s}
def stepped(clock, timespec):
    real(clock, timespec)
    if clock == clocks.CLOCK_REALTIME:
        ctypes.c_int64.from_address(timespec).value += ahead_s()
time.time_ns = lambda: real_ns() + ahead_s() * 1_000_000_000
clocks.clock_gettime = stepped
from replay.cli import main
main()
"""
"""Steps the wall's clock as soon as there is a file. Workers run uncompiled, so that theirs can be stepped."""


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_clock_that_is_stepped_moves_the_stamps_and_not_the_pace(
    tmp_path: Path, lab: Lab, capture: Capture, step_s: int
):
    log, flag, rate_eps = tmp_path / "run.log", tmp_path / "step", 10_000
    run = map(str, programs.run_of(capture, V4, PORTS, "--eps", rate_eps, "--loops", 1)[1:])
    program = (sys.executable, "-c", STEPPED.format(flag=flag, step_s=step_s), *run)
    line = ["ip", "netns", "exec", lab.sender, "env", "NUMBA_DISABLE_JIT=1", *program]
    with mailboxes(lab, V4) as boxes, programs.running(line, log) as process:
        boxes.await_first()
        flag.touch()
        ended = programs.finish(process, log)
        came = settled(boxes)

    programs.assert_ran(ended)
    events = capture.events
    assert ended.report["sent_events"] == sum(map(len, came)) == events
    assert ended.report["duration_s"] > 0.99 * events / rate_eps  # and it ended at all
    column = int(capture.trains["stamp_column"][0])
    width = STAMP_WIDTHS[StampKind(int(capture.trains["stamp_kind"][0]))]
    hours = [np.datetime64(event[column : column + width].rstrip(b"Z").decode()) for event in came[0]]
    stepped_s = float((hours[-1] - hours[0]) / np.timedelta64(1, "s"))
    assert -0.01 <= stepped_s - step_s <= ended.report["duration_s"] + 0.01  # the rest is the time it took to send


def test_stalls_of_the_process_delay_events_and_lose_none(tmp_path: Path, log: Path, control: Path, capture: Capture):
    """Stopped for 2 ms and more, some 30 times a second; the lag says how long it really was."""
    ports = programs.free_ports(4)
    with programs.listening_sink(tmp_path / "sink.log", "--ports", programs.listed(ports)) as end_sink:
        options = ("--eps", "4k", "--events", "24k", "--workers", 1, "--control", control)
        with programs.running(
            programs.command(*programs.run_of(capture, "127.0.0.1", ports, *options)), log
        ) as process:
            programs.await_sending(control)
            worker = programs.workers_of(process)[0]
            with suppress(ProcessLookupError):  # a machine that lets this wait has sent all meanwhile
                for _ in range(60):
                    os.kill(worker, signal.SIGSTOP)
                    time.sleep(0.002)
                    os.kill(worker, signal.SIGCONT)
                    time.sleep(0.03)
            ended = programs.finish(process, log)
        received = end_sink()

    programs.assert_ran(ended)
    assert [lane["sent_events"] for lane in ended.report["lanes"]] == [6000] * 4
    assert [lane["received_events"] for lane in received["lanes"]] == [6000] * 4
    assert ended.report["lag_ms"]["max"] >= 2
