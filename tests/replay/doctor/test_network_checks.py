"""Ways to a target that nobody here has, and what is found about them."""

import socket
from dataclasses import replace

import pytest

from replay.doctor import network_checks as checks
from replay.doctor.network_checks import network_findings, wire_bits
from replay.doctor.network_facts import NetworkFacts
from replay.linux.network.links import Link
from replay.linux.network.routes import NO_MAC, Route
from replay.path.request import BackendChoice, PathRequest, SourceMix
from replay.path.target import Target
from tests.replay.doctor.examples import CAPTURE, LOAD, MACHINE, PACKET

V4 = Target(socket.AF_INET, "198.18.0.2")
V6 = Target(socket.AF_INET6, "2001:2::2")
CARD = Link(
    index=2,
    name="eth0",
    mtu=1500,
    mac=bytes.fromhex("020000000001"),
    ethernet=True,
    loopback=False,
    up=True,
    carrier=True,
    kind=None,
    speed_mbit=25_000,
    numa_node=0,
    irq_cpus=frozenset({0, 1}),
    qdisc="mq",
    tx_queue_len=1000,
)
ROUTE = Route("eth0", 2, None, "198.18.0.1", 1500)
FEATURES = {"tx-udp-segmentation": True, "tx-checksum-ip-generic": True, "tx-scatter-gather": True}
NETWORK = NetworkFacts(V4, ROUTE, None, CARD, FEATURES, bytes.fromhex("020000000002"))


def network(**changed):
    """The way, with the changed fields of it or of its device."""
    device = {name: value for name, value in changed.items() if name in Link.__dataclass_fields__}
    rest = {name: value for name, value in changed.items() if name not in device}
    return replace(NETWORK, **({"device": replace(CARD, **device)} | rest))


def findings(way=NETWORK, machine=MACHINE, capture=CAPTURE, load=LOAD):
    made = network_findings(way, machine, capture, load)
    assert len({finding.check for finding in made}) == len(made)
    return {finding.check: finding for finding in made}


def options(**changed):
    return replace(LOAD, path=PathRequest(**changed))


@pytest.mark.parametrize("load", [LOAD, PACKET])
def test_a_way_without_fault(load):
    found = findings(load=load)
    assert {finding.state for finding in found.values()} == {"ok"}
    assert set(found) == {
        *("route", "flows", "device", "neighbour", "tx-udp-segmentation", "tx-checksum", "scatter-gather"),
        *("qdisc", "numa-node", "irq-cores", "mtu", "link-speed"),
    }
    assert found["route"].found == "198.18.0.2 by eth0 from 198.18.0.1"


def test_without_a_capture_nothing_is_said_of_lengths():
    assert set(findings()) - set(findings(capture=None)) == {"mtu", "link-speed"}


def test_no_route():
    found = findings(network(route=None, refusal="Network is unreachable", device=None))
    assert set(found) == {"route", "flows"}
    assert found["route"].state == "fail"
    assert found["route"].found == "198.18.0.2: Network is unreachable"
    assert "sudo ip route add 198.18.0.2 via" in found["route"].mend


def test_a_route_over_a_gateway():
    way = network(route=replace(ROUTE, gateway="198.18.0.254"))
    assert findings(way)["route"].found == "198.18.0.2 by eth0 via 198.18.0.254 from 198.18.0.1"
    assert findings(way)["neighbour"].found == "198.18.0.254 is 02:00:00:00:00:02"


def test_frames_to_a_given_address_need_no_route():
    given = {"interface": "eth0", "next_mac": bytes(6), "network": (4, 1, 9)}
    way = network(route=None, refusal="Network is unreachable")
    assert findings(way, load=options(**given))["route"].state == "ok"
    assert findings(way, load=options(**given))["mtu"].state == "ok"
    for missing in ("next_mac", "network"):
        assert findings(way, load=options(**given | {missing: None}))["route"].state == "fail"


def test_a_device_that_is_not_there():
    found = findings(network(route=None, refusal="No such device", device=None), load=options(interface="eth7"))
    assert (found["route"].state, found["route"].found) == ("fail", "there is no device eth7")
    assert found["route"].mend == "ip link"


@pytest.mark.parametrize(
    ("changed", "load", "said", "mend"),
    [
        ({"up": False}, LOAD, "eth0 (a network card) is down", "sudo ip link set eth0 up"),
        ({"carrier": False, "kind": "veth"}, LOAD, "eth0 (veth) has no carrier", "ethtool eth0"),
        ({"ethernet": False, "kind": "tun"}, PACKET, "eth0 (tun) is no Ethernet", "--backend udp"),
        ({"loopback": True, "lacking": ("a=1", "b=1")}, PACKET, "drops frames of our own", "sudo sysctl -w a=1 b=1"),
    ],
)
def test_a_device_that_takes_nothing(changed, load, said, mend):
    found = findings(network(**changed), load=load)["device"]
    assert found.state == "fail"
    assert said in found.found
    assert mend in found.mend


def test_datagrams_go_by_any_device():
    assert findings(network(lacking=("a=1",)))["device"].state == "ok"
    assert findings(network(ethernet=False, kind="tun"))["device"].state == "ok"


def test_of_a_device_that_is_down_little_can_be_said():
    assert set(findings(network(up=False))) == {"route", "flows", "device", "mtu", "link-speed"}


@pytest.mark.parametrize(("load", "state"), [(LOAD, "warn"), (PACKET, "fail")])
def test_nobody_answers(load, state):
    found = findings(network(next_mac=None), load=load)["neighbour"]
    assert (found.state, found.found) == (state, "nobody at 198.18.0.2 answers on eth0")
    assert "ip neigh show 198.18.0.2" in found.mend


def test_on_loopback_there_are_no_neighbours():
    assert findings(network(next_mac=NO_MAC))["neighbour"].found == "not needed on eth0"


@pytest.mark.parametrize(
    ("way", "longest", "tags", "mend"),
    [
        (network(), 1472, (), None),
        (network(), 1473, (), "sudo ip link set eth0 mtu 1501"),
        (network(target=V6), 1452, (), None),
        (network(target=V6), 1453, (), "sudo ip link set eth0 mtu 1501"),
        (network(), 1472, (100,), None),
        (network(), 1464, (200, 100), None),
        (network(), 1465, (200, 100), "sudo ip link set eth0 mtu 1501"),
        (network(route=replace(ROUTE, mtu=1400)), 1372, (), None),
        (network(route=replace(ROUTE, mtu=1400)), 1373, (), "the path is narrower than eth0"),
        (network(route=replace(ROUTE, mtu=1400)), 1472, (), "the path is narrower than eth0"),
        (network(route=None), 1473, (), "sudo ip link set eth0 mtu 1501"),
    ],
)
def test_the_longest_event_fits_or_not(way, longest, tags, mend):
    found = findings(way, capture=replace(CAPTURE, longest=longest), load=options(vlans=tags))["mtu"]
    assert found.state == ("ok" if mend is None else "fail")
    assert (found.mend is None) if mend is None else (mend in found.mend)


@pytest.mark.parametrize(
    ("event_bytes", "family", "tags", "wire_bytes"),
    [
        (150, socket.AF_INET, 0, 150 + 28 + 38),
        (150, socket.AF_INET, 2, 150 + 28 + 38 + 8),
        (150, socket.AF_INET6, 1, 150 + 48 + 38 + 4),
        (1, socket.AF_INET, 0, 84),  # the shortest frame, as everybody knows it
        (18, socket.AF_INET, 0, 84),
        (19, socket.AF_INET, 0, 85),
        (1472, socket.AF_INET, 0, 1538),
    ],
)
def test_bits_on_the_wire(event_bytes, family, tags, wire_bytes):
    assert wire_bits(event_bytes, family, tags) == 8 * wire_bytes


@pytest.mark.parametrize(
    ("rate_eps", "state"), [(800_000, "ok"), (800_001, "warn"), (1_000_000, "warn"), (1_000_001, "fail")]
)
def test_a_wire_is_nearly_full_or_too_slow(rate_eps, state):
    """An event of 150 bytes takes 1,728 bits."""
    found = findings(network(speed_mbit=1728), load=replace(LOAD, rate_eps=rate_eps))["link-speed"]
    assert found.state == state
    assert found.mend == (None if state == "ok" else "--eps 800000")


def test_what_is_said_of_a_wire():
    assert findings()["link-speed"].found == "4.00M EPS need 6.91 Gbit/s, 28% of 25 Gbit/s"


def test_tags_take_their_share():
    """Untagged, 10 Gbit/s would do."""
    load = replace(options(vlans=(200, 100)), rate_eps=5_787_037)
    assert findings(network(speed_mbit=10_000), load=load)["link-speed"].state == "fail"
    way = network(speed_mbit=10_000, kind="vlan")
    assert findings(way, load=replace(LOAD, rate_eps=5_787_037))["link-speed"].state == "fail"


@pytest.mark.parametrize(
    "changed", [{"speed_mbit": None}, {"loopback": True}, {"kind": "veth", "speed_mbit": 10}, {"kind": "tun"}]
)
def test_a_speed_that_nobody_knows_is_said_to_be_so(changed):
    found = findings(network(**changed), load=replace(LOAD, rate_eps=10**9))["link-speed"]
    assert found.state == "ok"
    assert "the speed of eth0 is not known" in found.found


@pytest.mark.parametrize(
    ("feature", "check", "mend"),
    [
        ("tx-udp-segmentation", "tx-udp-segmentation", "sudo ethtool -K eth0 tx-udp-segmentation on"),
        ("tx-checksum-ip-generic", "tx-checksum", "sudo ethtool -K eth0 tx on"),
        ("tx-scatter-gather", "scatter-gather", "sudo ethtool -K eth0 sg on"),
    ],
)
def test_an_offload_that_is_off(feature, check, mend):
    found = findings(network(features=FEATURES | {feature: False}))
    assert {name for name, finding in found.items() if finding.state != "ok"} == {check}
    assert (found[check].state, found[check].mend) == ("warn", mend)


@pytest.mark.parametrize(("target", "state"), [(V4, "ok"), (V6, "warn")])
def test_checksums_of_one_version_only(target, state):
    features = FEATURES | {"tx-checksum-ip-generic": False, "tx-checksum-ipv4": True, "tx-checksum-ipv6": False}
    assert findings(network(target=target, features=features))["tx-checksum"].state == state


def test_a_device_that_tells_no_features():
    found = findings(network(features={}))["tx-checksum"]
    assert (found.state, found.found) == ("ok", "not known at eth0")


@pytest.mark.parametrize(
    ("qdisc", "length", "mend"),
    [
        ("noqueue", 0, None),
        ("fq_codel", 10, None),
        ("pfifo_fast", 1000, None),
        ("pfifo_fast", 999, "sudo ./tools/tune apply --role sender --device eth0"),
        ("tbf", 1000, "sudo tc qdisc del dev eth0 root"),
        ("netem", 1000, "sudo tc qdisc del dev eth0 root"),
        (None, 1000, "sudo tc qdisc del dev eth0 root"),
    ],
)
def test_queues(qdisc, length, mend):
    found = findings(network(qdisc=qdisc, tx_queue_len=length))["qdisc"]
    assert (found.state, found.mend) == ("ok" if mend is None else "warn", mend)


@pytest.mark.parametrize(
    ("nodes", "said", "mend"),
    [
        ({0: 0, 1: 0, 2: 0, 3: 0}, "eth0 is at node 0", None),
        ({}, "eth0 is at node 0", None),
        ({0: 0, 1: 0, 2: 0, 3: 1}, "eth0 is at node 0, cores 3 are not", "--cpus 0-2"),
        ({0: 1, 1: 1, 2: 1, 3: 1}, "eth0 is at node 0, cores 2-3 are not", "taskset -c LIST"),
    ],
)
def test_memory_nodes(nodes, said, mend):
    found = findings(machine=replace(MACHINE, nodes=nodes))["numa-node"]
    assert (found.state, found.found) == ("warn" if mend else "ok", said)
    assert (found.mend is None) if mend is None else (mend in found.mend)


def test_a_device_next_to_no_node():
    machine = replace(MACHINE, nodes={2: 1, 3: 1})
    assert findings(network(numa_node=None), machine)["numa-node"].state == "ok"


@pytest.mark.parametrize(
    ("irq_cpus", "state", "mend"),
    [
        ({0, 1}, "ok", None),
        (set(), "ok", None),
        ({1, 2}, "warn", "--cpus 0,3"),
        ({0, 1, 2, 3}, "warn", "smp_affinity_list"),
    ],
)
def test_interrupts(irq_cpus, state, mend):
    found = findings(network(irq_cpus=frozenset(irq_cpus)))["irq-cores"]
    assert found.state == state
    assert (found.mend is None) if mend is None else (mend in found.mend)


@pytest.mark.parametrize(
    ("ports", "changed", "hosts", "flows"),
    [
        (40, {}, 0, 40),
        (8, {}, 0, 8),
        (7, {}, 0, 7),
        (7, {"backend": BackendChoice.UDP}, 5, 7),
        (2, {"backend": BackendChoice.PACKET}, 0, 2),
        (2, {"ports": range(50000, 50010)}, 0, 20),
        (2, {"network": (4, 1, 14), "ports": range(50000, 50005)}, 0, 140),
        (2, {"network": (4, 1, 14), "ports": range(50000, 50005)}, 9, 18),
        (2, {"network": (4, 1, 14), "ports": range(50000, 50004)}, 1000, 56),
        (2, {"network": (4, 1, 14), "mix": SourceMix.UNIFORM}, 9, 28),
        (1, {"network": (4, 1, 3), "mix": SourceMix.CAPTURE}, 9, 3),
    ],
)
def test_flows_are_counted(ports, changed, hosts, flows):
    """Of a capture's hosts, number i has address i and port i: the pairs of 14 and 4 come again after 28."""
    load = replace(options(**changed), ports=tuple(range(514, 514 + ports)))
    found = findings(capture=replace(CAPTURE, sources=hosts), load=load)["flows"]
    assert found.found == ("1 flow" if flows == 1 else f"{flows} flows")
    assert found.state == ("ok" if flows >= checks.FEW_FLOWS else "warn")
    assert (found.mend is None) == (found.state == "ok")
