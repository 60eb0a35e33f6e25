"""Routes and neighbours over a wire: found, asked for, and not to be had."""

import errno
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pyroute2 import netns

from replay.clock import monotonic_ns, sleep_ns
from replay.linux.network.links import features, link
from replay.linux.network.routes import NO_MAC, Route, next_hop_mac, route_to
from tools.lab import DEVICE, V4, V6, Lab

MTU = 1500
WAYS = [
    pytest.param(socket.AF_INET, V4, "198.18.0.1", id="IPv4"),
    pytest.param(socket.AF_INET6, V6, "2001:2::1", id="IPv6"),
]
HOSTS = [pytest.param(*way.values[:2], id=way.id) for way in WAYS]
BEYOND = {socket.AF_INET: ("198.19.0.0/24", "198.19.0.9"), socket.AF_INET6: ("2001:2:0:7::/64", "2001:2:0:7::9")}
NOBODY = {socket.AF_INET: "198.18.0.77", socket.AF_INET6: "2001:2::77"}
SHORT_NS = 300_000_000
UNPRIVILEGED = """
import socket
from replay.clock import monotonic_ns, sleep_ns
from replay.linux.network.routes import next_hop_mac, route_to
found = route_to(socket.{family.name}, "{host}")
print(next_hop_mac(found, socket.{family.name}, "{host}", sleep_ns=sleep_ns, monotonic_ns=monotonic_ns).hex())
"""


@pytest.fixture
def sender(lab: Lab) -> Iterator[Lab]:
    """The test runs as the sender's host."""
    netns.pushns(lab.sender)
    yield lab
    netns.popns()


def far_mac(lab: Lab) -> bytes:
    (shown,) = json.loads(lab.run_at(lab.receiver, "ip", "-j", "link", "show", "dev", DEVICE))
    return bytes.fromhex(shown["address"].replace(":", ""))


@contextmanager
def stranger(lab: Lab, host: str) -> Iterator[None]:
    """The sender does not know the receiver's address; afterwards it does, once and for all."""
    lab.run_at(lab.sender, "ip", "neigh", "del", host, "dev", DEVICE)
    try:
        yield
    finally:
        known = far_mac(lab).hex(":")
        lab.run_at(lab.sender, "ip", "neigh", "replace", host, "lladdr", known, "dev", DEVICE, "nud", "permanent")


@contextmanager
def routed(lab: Lab, *route: str) -> Iterator[None]:
    lab.run_at(lab.sender, "ip", "route", "add", *route)
    try:
        yield
    finally:
        lab.run_at(lab.sender, "ip", "route", "del", *route)


def mac_of(found: Route, family: int, host: str, patience_ns: int = 5_000_000_000) -> bytes | None:
    return next_hop_mac(found, family, host, sleep_ns=sleep_ns, monotonic_ns=monotonic_ns, patience_ns=patience_ns)


@pytest.mark.parametrize("interface", [None, DEVICE])
@pytest.mark.parametrize(("family", "host", "source"), WAYS)
def test_a_neighbour_that_is_known(sender: Lab, family: int, host: str, source: str, interface: str | None):
    found = route_to(family, host, interface=interface)
    assert found == Route(DEVICE, link(DEVICE).index, None, source, MTU)
    assert mac_of(found, family, host, patience_ns=0) == far_mac(sender)


@pytest.mark.usefixtures("sender")
@pytest.mark.parametrize(("family", "own"), [(socket.AF_INET, "198.18.0.1"), (socket.AF_INET6, "2001:2::1")])
def test_ones_own_address_is_reached_over_loopback(family: int, own: str):
    found = route_to(family, own)
    assert (found.interface, found.gateway, found.source) == ("lo", None, own)
    assert mac_of(found, family, own, patience_ns=0) == NO_MAC


@pytest.mark.parametrize(("family", "host", "source"), WAYS)
def test_beyond_a_gateway(sender: Lab, family: int, host: str, source: str):
    network, far = BEYOND[family]
    with routed(sender, network, "via", host, "dev", DEVICE, "mtu", "1300"):
        found = route_to(family, far)
        assert found == Route(DEVICE, link(DEVICE).index, host, source, 1300)
        assert mac_of(found, family, far, patience_ns=0) == far_mac(sender)


def test_a_gateway_of_the_other_family(sender: Lab):
    network, far = BEYOND[socket.AF_INET]
    with routed(sender, network, "via", "inet6", V6, "dev", DEVICE):
        found = route_to(socket.AF_INET, far)
        assert found.gateway == V6
        assert mac_of(found, socket.AF_INET, far, patience_ns=0) == far_mac(sender)


@pytest.mark.parametrize(("family", "host"), HOSTS)
def test_the_mtu_of_the_device(sender: Lab, family: int, host: str):
    with sender.mtu(1400):
        assert route_to(family, host).mtu == link(DEVICE).mtu == 1400


def test_routers_may_lower_the_mtu_of_ipv6(sender: Lab):
    knob = f"net.ipv6.conf.{DEVICE}.mtu"
    sender.run_at(sender.sender, "sysctl", "-q", "-w", f"{knob}=1280")
    try:
        assert route_to(socket.AF_INET6, V6).mtu == 1280
        assert route_to(socket.AF_INET, V4).mtu == MTU
    finally:
        sender.run_at(sender.sender, "sysctl", "-q", "-w", f"{knob}={MTU}")


@pytest.mark.parametrize(("family", "host"), HOSTS)
def test_a_neighbour_is_asked_for(sender: Lab, family: int, host: str):
    with stranger(sender, host):
        assert mac_of(route_to(family, host), family, host) == far_mac(sender)


@pytest.mark.parametrize(("family", "host"), HOSTS)
def test_and_without_the_right_to_by_a_datagram(sender: Lab, family: int, host: str):
    ordinary = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
    program = UNPRIVILEGED.format(family=socket.AddressFamily(family), host=host)
    with stranger(sender, host):
        refused = ("ip", "neigh", "replace", host, "dev", DEVICE, "use")
        assert "permitted" in sender.run_at(sender.sender, *ordinary, "sh", "-c", f"{' '.join(refused)} 2>&1 || true")
        printed = sender.run_at(sender.sender, *ordinary, sys.executable, "-c", program)
    assert bytes.fromhex(printed) == far_mac(sender)


@pytest.mark.parametrize("family", BEYOND)
def test_nobody_answers(sender: Lab, family: int):
    host = NOBODY[family]
    found = route_to(family, host)
    for _ in range(2):  # the second time the neighbour stands in the table, without an address
        began_ns = monotonic_ns()
        assert mac_of(found, family, host, patience_ns=SHORT_NS) is None
        assert monotonic_ns() - began_ns >= SHORT_NS
    sender.run_at(sender.sender, "ip", "neigh", "flush", "to", host, "dev", DEVICE)


@pytest.mark.usefixtures("sender")
@pytest.mark.parametrize(("interface", "code"), [(None, errno.ENETUNREACH), ("nosuch", errno.ENODEV)])
@pytest.mark.parametrize("family", BEYOND)
def test_no_route_and_no_interface(family: int, interface: str | None, code: int):
    with pytest.raises(OSError, match=f"Errno {code}]"):
        route_to(family, BEYOND[family][1], interface=interface)


@pytest.mark.usefixtures("sender")
def test_a_link_local_address_needs_its_scope():
    index = link(DEVICE).index
    found = route_to(socket.AF_INET6, "fe80::77", scope=index)
    assert (found.interface, found.gateway) == (DEVICE, None)
    assert found.source.startswith("fe80:")


def test_the_wire(sender: Lab):
    found = link(DEVICE)
    (shown,) = json.loads(sender.run_at(sender.sender, "ip", "-j", "link", "show", "dev", DEVICE))
    assert (found.index, found.mtu, found.kind, found.qdisc) == (shown["ifindex"], MTU, "veth", shown["qdisc"])
    assert found.mac.hex(":") == shown["address"]
    assert found.ethernet
    assert not found.loopback
    assert found.up
    assert found.carrier
    assert found.irq_cpus == frozenset()


def test_features_that_are_switched(sender: Lab):
    assert features(DEVICE)["tx-udp-segmentation"]
    with sender.without("tx-udp-segmentation", "tx-checksum-ip-generic"):
        switched = features(DEVICE)
        assert not switched["tx-udp-segmentation"]
        assert not switched["tx-checksum-ip-generic"]
    assert features(DEVICE)["tx-udp-segmentation"]
