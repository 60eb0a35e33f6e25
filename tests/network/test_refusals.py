"""What the kernel refuses: trains it won't cut, ports where nobody listens, packets above the MTU."""

import ctypes
import os
import re
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from captures.errors import ExitCode
from captures.reader import Capture
from tests.network.expected import port_lines
from tests.network.lab import PORTS, V4, Lab, mailboxes
from tests.network.programs import (
    call,
    command,
    finish,
    free_ports,
    listed,
    listening_sink,
    running,
    workers_of,
)

SYS_PIDFD_GETFD = 438  # pidfd_getfd(2), the same number on every machine
SO_NO_CHECK = 11


def sockets_of(pid: int) -> Iterator[socket.socket]:
    """The sockets of another process, shared with it."""
    system_call = ctypes.CDLL(None, use_errno=True).syscall
    process = os.pidfd_open(pid)
    for link in Path(f"/proc/{pid}/fd").iterdir():
        if link.readlink().name.startswith("socket:"):
            fd = system_call(SYS_PIDFD_GETFD, process, int(link.name), 0)
            assert fd >= 0, os.strerror(ctypes.get_errno())
            yield socket.socket(fileno=fd)
    os.close(process)


def test_a_train_refused_in_mid_run_goes_out_event_by_event(
    tmp_path: Path, lab: Lab, capture: Capture, lines: Sequence[bytes]
):
    log = tmp_path / "run.log"
    run = command(
        *("replay", "run", capture.path, "--target", V4, "--ports", listed(PORTS), "--loops", 1, "--eps", "20k"),
        *("--workers", 2, "--stamp", "keep", "--json"),
        host=lab.sender,
    )
    with mailboxes(lab, V4) as boxes, running(run, log) as process:
        boxes.await_first()
        # The kernel won't cut trains for a socket without checksums: udp_send_skb in net/ipv4/udp.c.
        for sender in sockets_of(workers_of(process)[0]):
            with sender:
                sender.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        ended = finish(process, log)
        came = boxes.take()

    assert [worker["gso_refused"] for worker in ended.report["workers"]] == ["EINVAL", None]
    assert ended.report["gso_segments"] == 1
    assert "GSO was refused (EINVAL)" in ended.stderr
    assert came == port_lines(lines, len(PORTS))


@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
def test_a_port_without_listener_is_named_over_a_wire(tmp_path: Path, lab: Lab, capture: Capture, gso: str):
    check_deaf_port(tmp_path / "sink.log", capture, V4, PORTS, gso, sender=lab.sender, receiver=lab.receiver)


@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_without_listener_is_named_on_loopback(tmp_path: Path, capture: Capture, gso: str, address: str):
    check_deaf_port(tmp_path / "sink.log", capture, address, free_ports(4), gso)


def check_deaf_port(
    log: Path,
    capture: Capture,
    address: str,
    ports: Sequence[int],
    gso: str,
    sender: str | None = None,
    receiver: str | None = None,
):
    """Nobody listens at the second of the ports: the report says so of this one alone, and misses no event."""
    deaf = ports[1]
    heard = [port for port in ports if port != deaf]
    with listening_sink(log, "--bind", address, "--ports", listed(heard), host=receiver) as end_sink:
        run = call(
            *("replay", "run", capture.path, "--target", address, "--ports", listed(ports), "--events", 5000),
            *("--eps", "10k", gso, "--json"),
            host=sender,
        )
        received = {lane["port"]: lane["received_events"] for lane in end_sink()["lanes"]}

    lanes = {lane["port"]: lane for lane in run.report["lanes"]}
    assert {port: set(lane["errors"]) for port, lane in lanes.items() if lane["errors"]} == {deaf: {"ECONNREFUSED"}}
    assert re.search(rf"port {deaf} .*nobody listens there", run.stderr)
    assert {port: lanes[port]["sent_events"] for port in heard} == received
    assert run.report["sent_events"] == sum(lane["sent_events"] for lane in lanes.values()) == 5000


def test_an_event_above_the_mtu_is_refused_before_the_first_packet(lab: Lab, capture: Capture):
    with lab.mtu(capture.longest + 27), mailboxes(lab, V4) as boxes:
        run = call("replay", "run", capture.path, "--target", V4, "--ports", listed(PORTS), host=lab.sender)
        assert boxes.take() == [[] for _ in PORTS]

    assert run.code == ExitCode.PREFLIGHT
    assert f"{capture.longest} bytes" in run.stderr


@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
def test_an_mtu_lowered_in_mid_run_ends_it_with_true_counts(tmp_path: Path, lab: Lab, capture: Capture, gso: str):
    log = tmp_path / "run.log"
    run = command(
        *("replay", "run", capture.path, "--target", V4, "--ports", listed(PORTS), "--loops", 1, "--eps", "20k"),
        *(gso, "--json"),
        host=lab.sender,
    )
    with mailboxes(lab, V4) as boxes, running(run, log) as process:
        boxes.await_first()
        with lab.mtu(capture.longest + 27):
            ended = finish(process, log)
        came = boxes.take()

    assert ended.code == ExitCode.FAILED
    assert "EMSGSIZE" in ended.report["reason"]
    assert [lane["sent_events"] for lane in ended.report["lanes"]] == [len(lane) for lane in came]
