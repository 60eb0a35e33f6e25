"""Addresses that only the kernel's tables tell from a host's, and others that no frame may bear: refused in a line."""

from pathlib import Path

import pytest
from pyroute2 import netns

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from replay.linux.network.routes import group_addresses, route_kind
from tests.network.programs import call, run_of
from tools.lab import DEVICE, PORTS, V4, V6, Lab

BROADCAST = "198.18.0.255"


@pytest.mark.parametrize("backend", ["udp", "packet", "auto"])
@pytest.mark.parametrize("program", ["run", "calibrate", "doctor"])
def test_a_broadcast_address_is_no_target(tmp_path: Path, lab: Lab, capture: Capture, backend: str, program: str):
    line = ("replay", program, capture.path, "--target", BROADCAST, "--backend", backend)
    line += ("--calibration", tmp_path / "calibration.json") if program == "calibrate" else ("--eps", "10k")
    ended = call(*line, host=lab.sender)
    assert (ended.code, ended.stderr.count("\n")) == (ExitCode.USAGE, 1), ended.stderr
    assert f"{BROADCAST} is a broadcast address here" in ended.stderr


def test_a_broadcast_address_is_none_elsewhere(lab: Lab):
    """The same text is a host's where the network is a larger one: the kernel knows which."""
    netns.pushns(lab.sender)
    try:
        assert route_kind(2, BROADCAST) == "broadcast"
        assert route_kind(2, V4) == route_kind(10, V6) == "unicast"
        assert route_kind(2, "198.18.0.1") == "local"
        lab.run_at(lab.sender, "ip", "route", "del", "local", "198.18.0.1", "dev", DEVICE, "table", "local")
        lab.run_at(lab.sender, "ip", "route", "del", "broadcast", BROADCAST, "dev", DEVICE, "table", "local")
        assert route_kind(2, BROADCAST) == "unicast"
        assert BROADCAST not in [address for address, _, _ in group_addresses(2)]
    finally:
        lab.run_at(lab.sender, "ip", "address", "del", "198.18.0.1/24", "dev", DEVICE)
        lab.run_at(lab.sender, "ip", "address", "add", "198.18.0.1/24", "brd", "+", "dev", DEVICE)
        netns.popns()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--dst-mac", "ff:ff:ff:ff:ff:ff"), "ff:ff:ff:ff:ff:ff is the address of a group"),
        (("--dst-mac", "01:00:5e:00:00:01"), "is the address of a group"),
        (("--source-ips", "8.8.8.0/24"), "if they are yours, say --allow-public"),
        (("--source-ips", "0.0.0.0/0"), "choose a network of hosts"),
        (("--source-ips", "198.18.0.0/24"), f"it holds the target {V4}"),
        (("--source-ips", "127.0.0.0/28"), "loopback"),
    ],
)
def test_what_no_frame_may_bear(lab: Lab, capture: Capture, options: tuple[str, ...], said: str):
    for program in ("run", "doctor"):
        line = ("replay", program, capture.path, "--target", V4, "--eps", "10k", "--backend", "packet", *options)
        ended = call(*line, host=lab.sender)
        assert (ended.code, ended.stderr.count("\n")) == (ExitCode.USAGE, 1), ended.stderr
        assert said in ended.stderr


def test_a_broadcast_address_among_the_sources(lab: Lab, capture: Capture):
    far = ("198.19.0.0/24", "via", V4, "dev", DEVICE)
    lab.run_at(lab.sender, "ip", "route", "add", *far)
    try:
        line = run_of(capture, "198.19.0.9", PORTS, "--dry-run", "--source-ips")
        held = call(*line, "198.18.0.0/23", host=lab.sender)
        none = call(*line, "198.18.0.0/24", host=lab.sender)
    finally:
        lab.run_at(lab.sender, "ip", "route", "del", *far)
    assert (held.code, held.stderr.count("\n")) == (ExitCode.USAGE, 1), held.stderr
    assert f"it holds {BROADCAST}, a broadcast address of {DEVICE}" in held.stderr
    assert none.code == ExitCode.MET, none.stderr


def test_a_multicast_group_in_ipv6_clothes_is_no_target(capture: Capture):
    for text, said in (("::ffff:224.0.0.1", "a multicast group"), ("::ffff:8.8.8.8", "outside the private")):
        ended = call("replay", "run", capture.path, "--target", text, "--eps", "10k", "--dry-run")
        assert ended.code == ExitCode.USAGE
        assert said in ended.stderr
