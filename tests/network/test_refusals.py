"""What the kernel refuses: trains it won't cut, ports where nobody listens, packets above the MTU."""

import ctypes
import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pyroute2 import netns

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from captures.format.reader import open_capture
from tests.captures.content import content, noise, write
from tests.network import programs
from tests.network.expected import port_lines
from tests.network.mailboxes import mailboxes
from tools.lab import PORTS, V4, V6, Lab

SYS_PIDFD_GETFD = 438  # pidfd_getfd(2), the same number on every machine
SO_NO_CHECK = 11

EVENTS = 5000

LONG_BYTES = 1300  # above what IPv6 must carry, 1280: a device with less has no IPv6 at all


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
    options = ("--loops", 1, "--eps", "5k", "--workers", 2, "--stamp", "keep")
    run = programs.command(*programs.run_of(capture, V4, PORTS, *options), host=lab.sender)
    with mailboxes(lab, V4) as boxes, programs.running(run, log) as process:
        boxes.await_first()
        # The kernel won't cut trains for a socket without checksums: udp_send_skb in net/ipv4/udp.c.
        for sender in sockets_of(programs.workers_of(process)[0]):
            with sender:
                sender.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        ended = programs.finish(process, log)
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
    check_deaf_port(tmp_path / "sink.log", capture, address, programs.free_ports(4), gso)


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
    with programs.listening_sink(log, "--bind", address, "--ports", programs.listed(heard), host=receiver) as end_sink:
        run = programs.call(
            *programs.run_of(capture, address, ports, "--events", EVENTS, "--eps", "10k", gso), host=sender
        )
        received = {lane["port"]: lane["received_events"] for lane in end_sink()["lanes"]}

    lanes = {lane["port"]: lane for lane in run.report["lanes"]}
    assert {port: set(lane["errors"]) for port, lane in lanes.items() if lane["errors"]} == {deaf: {"ECONNREFUSED"}}
    assert re.search(rf"port {deaf} .*nobody listens: ECONNREFUSED", run.stderr)
    assert {port: lanes[port]["sent_events"] for port in heard} == received
    assert run.report["sent_events"] == sum(lane["sent_events"] for lane in lanes.values()) == EVENTS


def test_a_fast_run_is_missed_by_one_port_without_listener_though_few_answers_come(
    tmp_path: Path, lab: Lab, capture: Capture
):
    """The receiver's kernel answers once a second (icmp_ratelimit): a few answers for tens of thousands of events."""
    deaf, heard = PORTS[-1], PORTS[:-1]
    options = ("--eps", "200k", "--duration", "4s")
    with programs.listening_sink(
        tmp_path / "sink.log", "--bind", V4, "--ports", programs.listed(heard), host=lab.receiver
    ):
        run = programs.call(*programs.run_of(capture, V4, PORTS, *options), host=lab.sender)

    answers = run.report["errors"]["ECONNREFUSED"]
    assert answers <= 0.0001 * run.report["sent_events"]
    assert run.code == ExitCode.MISSED
    there = next(lane["sent_events"] for lane in run.report["lanes"] if lane["port"] == deaf)
    assert run.report["reason"].startswith(f"nobody listens at {deaf}: ")
    assert f"{there:,} of them sent there" in run.report["reason"]


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    """Trains of short and of long events in turn."""
    path = tmp_path_factory.mktemp("captures") / "mixed.rcap"
    write(path, content(noise([(60, 100), (40, LONG_BYTES)] * 50)))
    return open_capture(path)


@pytest.mark.parametrize("address", [V4, V6])
def test_an_event_above_the_mtu_is_refused_before_the_first_packet(lab: Lab, mixed: Capture, address: str):
    with lab.mtu(LONG_BYTES), mailboxes(lab, address) as boxes:
        run = programs.call(*programs.run_of(mixed, address, PORTS), host=lab.sender)
        assert boxes.take() == [[] for _ in PORTS]

    assert run.code == ExitCode.PREFLIGHT
    assert f"{LONG_BYTES} bytes" in run.stderr


@pytest.mark.parametrize("address", [V4, V6])
@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
def test_an_mtu_lowered_in_mid_run_ends_it_with_true_counts(
    tmp_path: Path, lab: Lab, mixed: Capture, gso: str, address: str
):
    log, ports = tmp_path / "run.log", range(5514, 5546)  # so many that a batch holds trains of several
    run = programs.command(
        *programs.run_of(mixed, address, ports, "--loops", 100, "--eps", "160k", gso), host=lab.sender
    )
    with mailboxes(lab, address, ports) as boxes, programs.running(run, log) as process:
        boxes.await_first()
        with lab.mtu(LONG_BYTES):
            ended = programs.finish(process, log)
        came = boxes.take()

    assert ended.code == ExitCode.FAILED
    assert "EMSGSIZE" in ended.report["reason"]
    assert [lane["sent_events"] for lane in ended.report["lanes"]] == [len(lane) for lane in came]


def test_icmp_about_an_earlier_datagram_is_no_refusal_of_gso(tmp_path: Path, lab: Lab, capture: Capture):
    """A router says "fragmentation needed" of one datagram; all others fit, and go on in trains."""
    from scapy.layers.inet import ICMP, IP, UDP  # noqa: PLC0415 - it takes a while to load

    log = tmp_path / "run.log"
    run = programs.command(*programs.run_of(capture, V4, PORTS, "--events", "20k", "--eps", "10k"), host=lab.sender)
    with mailboxes(lab, V4) as boxes, programs.running(run, log) as process:
        boxes.await_first()
        _, (source, port) = boxes._sockets[0].recvfrom(0, socket.MSG_PEEK)
        quoted = IP(src=source, dst=V4, flags="DF") / UDP(sport=port, dport=PORTS[0], len=1000)
        netns.pushns(lab.receiver)
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as router:
                said = bytes(ICMP(type=3, code=4, nexthopmtu=1300) / quoted)
                for _ in range(3):
                    router.sendto(said, (source, 0))
                    time.sleep(0.1)
        finally:
            netns.popns()
        ended = programs.finish(process, log)
        came = boxes.take()
    lab.run_at(lab.sender, "ip", "route", "flush", "cache")

    assert [worker["gso_refused"] for worker in ended.report["workers"]] == [None] * len(ended.report["workers"])
    assert ended.report["lanes"][0]["errors"] == {"EMSGSIZE": 3}
    assert "too long for the way: EMSGSIZE 3" in ended.stderr
    assert [lane["sent_events"] for lane in ended.report["lanes"]] == [len(lane) for lane in came]
    assert ended.report["sent_events"] == 20_000
