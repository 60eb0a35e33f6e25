"""Frames of our own: the same events in the same order as by UDP sockets, with checksums that the receiver accepts."""

import json
import subprocess
from collections.abc import Sequence
from contextlib import nullcontext

import pytest
from pyroute2 import netns

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from replay.linux.sockets.udp_receive import open_receiver
from tests.network.expected import port_lines
from tests.network.mailboxes import mailboxes
from tests.network.programs import ROOT, Ended, assert_ran, call, command, run_of
from tools.lab import DEVICE, PORTS, V4, V6, Lab

PACED = ("--loops", 1, "--eps", "100k", "--stamp", "keep", "--backend", "packet")


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("address", [V4, V6])
@pytest.mark.parametrize(("gso", "workers"), [("--gso", 1), ("--gso", 4), ("--no-gso", 2)])
def test_every_port_gets_its_events_in_order(
    lab: Lab, capture: Capture, lines: Sequence[bytes], gso: str, workers: int, address: str, cut: bool
):
    """Cut at the sender, each datagram has a checksum that the receiving kernel verifies (udp(7))."""
    with lab.cut_at_sender() if cut else nullcontext(), mailboxes(lab, address) as boxes:
        run = call(*run_of(capture, address, PORTS, *PACED, gso, "--workers", workers), host=lab.sender)
        came = boxes.take()

    assert_ran(run)
    assert run.report["backend"] == "packet"
    assert came == port_lines(lines, len(PORTS))
    assert [lane["sent_events"] for lane in run.report["lanes"]] == [len(lane) for lane in came]


def test_datagrams_come_from_all_addresses_and_ports_alike(lab: Lab, capture: Capture):
    netns.pushns(lab.receiver)
    try:
        receiver = open_receiver(V4, 5514, 64 << 20)
    finally:
        netns.popns()
    with receiver:
        receiver.setblocking(False)
        sources = ("--source-ips", "198.18.0.64/28", "--source-ports", "50000-50004")
        line = run_of(capture, V4, [5514], "--events", 7000, "--eps", "10k", "--train-max", 1, *sources)
        run = call(*line, host=lab.sender)
        assert_ran(run)
        came = [receiver.recvfrom(2048)[1] for _ in range(7000)]

    assert run.report["wire"]["source_addresses"] == 14
    counts = [came.count((f"198.18.0.{host}", port)) for host in range(65, 79) for port in range(50000, 50005)]
    assert counts == [100] * 70


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--interface", "nosuch"), ExitCode.PREFLIGHT, "no such device"),
        (("--backend", "udp", "--vlan", "100"), ExitCode.USAGE, "--vlan needs frames of our own"),
        (("--source-mix", "capture"), ExitCode.USAGE, "its trains have no hosts"),
        (("--source-ips", "2001:2::/120"), ExitCode.USAGE, "is of IPv6"),
        (("--vlan", "5000"), ExitCode.USAGE, "1-4094"),
        (("--dst-mac", "xx"), ExitCode.USAGE, "02:00:00:00:00:01"),
    ],
)
def test_what_can_not_be_is_refused_in_a_line(
    lab: Lab, capture: Capture, options: tuple[str, ...], code: ExitCode, said: str
):
    run = call(*run_of(capture, V4, PORTS, "--events", 10, *options), host=lab.sender)

    assert run.code == code, run.stderr
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_where_nobody_answers_nothing_is_sent(lab: Lab, capture: Capture):
    run = call(*run_of(capture, "198.18.0.99", PORTS, "--events", 10, "--backend", "packet"), host=lab.sender)

    assert run.code == ExitCode.PREFLIGHT
    assert f"nobody at 198.18.0.99 answers on {DEVICE}" in run.stderr


def test_without_the_right_to_it_says_which_is_missing(lab: Lab, capture: Capture):
    line = run_of(capture, V4, PORTS, "--events", 10, "--backend", "packet")
    done = lab_call_without_capabilities(lab, line)

    assert done.code == ExitCode.PREFLIGHT
    assert "CAP_NET_RAW" in done.stderr


def lab_call_without_capabilities(lab: Lab, line: tuple[object, ...]) -> Ended:
    """The command as root without any capability."""
    bare = ["ip", "netns", "exec", lab.sender, "setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    done = subprocess.run([*bare, *command(*line)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return Ended(done.returncode, json.loads(done.stdout or "{}"), done.stderr)
