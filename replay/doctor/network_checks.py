"""Can the network on the way to a target carry the load? Checks of the facts that were gathered. Pure."""

import socket
from dataclasses import dataclass
from math import lcm
from typing import Final

from captures.console.units import counted, format_count
from replay.doctor.checks import TUNE, cores
from replay.doctor.facts import CaptureFacts, Load, MachineFacts
from replay.doctor.findings import CheckState, Finding, ended
from replay.doctor.network_facts import NetworkFacts
from replay.linux.network.links import Link
from replay.linux.network.routes import NO_MAC
from replay.path.loopback import mending
from replay.path.request import SourceMix
from replay.path.target import HEADER_BYTES

FEW_FLOWS: Final = 8
"""Fewer flows leave cores of a receiver idle, since it distributes packets by flow."""
NEARLY_FULL: Final = 0.8
SHORT_QUEUE: Final = 1000
"""The kernel's default, in packets."""

_TAG_BYTES: Final = 4
_AROUND_BYTES: Final = 14 + 4 + 8 + 12
"""Ethernet's header, check sequence, preamble with start delimiter, and the gap after a frame (IEEE 802.3)."""
_SHORTEST_BYTES: Final = 46
"""The least payload of an Ethernet frame."""

# Queueing disciplines that neither shape nor reorder on purpose: tc(8).
_PLAIN_QDISCS: Final = ("noqueue", "pfifo_fast", "pfifo", "bfifo", "mq", "mqprio", "multiq", "prio", "fq", "fq_codel")
# Devices that report a speed, but have none: drivers/net/veth.c, drivers/net/tun.c.
_PRETENDERS: Final = ("veth", "tun")


@dataclass(frozen=True)
class _DeviceFacts:
    """What the checks of a device need to know."""

    network: NetworkFacts
    device: Link
    machine: MachineFacts
    load: Load


def network_findings(
    network: NetworkFacts, machine: MachineFacts, capture: CaptureFacts | None, load: Load
) -> list[Finding]:
    """All checks that need a target. Checks of event lengths also need a capture, and most checks need a device."""
    findings = [route(network, load), flows(capture, load)]
    if network.device is None:
        return findings
    facts = _DeviceFacts(network, network.device, machine, load)
    findings += [device_state(facts)]
    if network.device.up:
        findings += [neighbour(facts), *offloads(facts), qdisc(facts), numa_node(facts), irq_cores(facts)]
    if capture is not None:
        findings += [mtu(facts, capture), link_speed(facts, capture)]
    return findings


def route(network: NetworkFacts, load: Load) -> Finding:
    """Whether there is a route. Frames of our own need none if device, next address and sources are all given."""
    host, path = network.target.host, load.path
    why = "without a route nothing is sent"
    if network.route is not None:
        hop = f" via {network.route.gateway}" if network.route.gateway else ""
        return Finding(
            "route", CheckState.OK, f"{host} by {network.route.interface}{hop} from {network.route.source}", why
        )
    if path.interface and network.device is None:
        return Finding("route", CheckState.FAIL, f"there is no device {path.interface}", why, "ip link")
    given = network.device is not None and path.next_mac is not None and path.network is not None
    found = f"{host}: {network.refusal}" + ("; not needed, all that it says is given" if given else "")
    mend = f"sudo ip route add {host} via GATEWAY  # or `ip address add` for a network of this host"
    return ended("route", found, why, mend=mend, state=CheckState.FAIL, sound=given)


def device_state(facts: _DeviceFacts) -> Finding:
    """Whether the device is on, connected, and of a kind that takes our frames."""
    device = facts.device
    kind = "loopback" if device.loopback else device.kind or "a network card"
    why = "what is sent through it is lost"
    if not device.up:
        mend = f"sudo ip link set {device.name} up"
        return Finding("device", CheckState.FAIL, f"{device.name} ({kind}) is down", why, mend)
    if not device.carrier:
        mend = f"ethtool {device.name}  # and check the cable and the port of the switch"
        return Finding("device", CheckState.FAIL, f"{device.name} ({kind}) has no carrier", why, mend)
    if facts.load.packet and not device.ethernet:
        why = "frames of our own have an Ethernet header"
        return Finding("device", CheckState.FAIL, f"{device.name} ({kind}) is no Ethernet device", why, "--backend udp")
    if facts.load.packet and facts.network.lacking:
        found = f"{device.name} ({kind}) drops frames of our own when they come in"
        return Finding("device", CheckState.FAIL, found, why, f"{mending(facts.network.lacking)}  # or --backend udp")
    return Finding("device", CheckState.OK, f"{device.name} ({kind}) is up", why)


def neighbour(facts: _DeviceFacts) -> Finding:
    """Whether the next hop's hardware address is known. For a socket the kernel asks for it; for frames nobody does."""
    host = (facts.network.route and facts.network.route.gateway) or facts.network.target.host
    mac = facts.network.next_mac
    why = "frames go to the hardware address of the next hop; the kernel drops what it has no address for"
    if mac is None:
        state = CheckState.FAIL if facts.load.packet else CheckState.WARN
        mend = f"ip neigh show {host}  # is it on, and in this network? or give --dst-mac with --backend packet"
        return Finding("neighbour", state, f"nobody at {host} answers on {facts.device.name}", why, mend)
    found = f"not needed on {facts.device.name}" if mac == NO_MAC else f"{host} is {mac.hex(':')}"
    return Finding("neighbour", CheckState.OK, found, why)


def mtu(facts: _DeviceFacts, capture: CaptureFacts) -> Finding:
    """Whether the longest event fits into a packet: a run does not fragment."""
    device, route, host = facts.device, facts.network.route, facts.network.target.host
    packet = capture.longest + HEADER_BYTES[facts.network.target.family]
    # A device takes one VLAN tag beyond its MTU; if there are two, both count: replay.path.discover.
    tags = _TAG_BYTES * len(facts.load.path.vlans) if len(facts.load.path.vlans) > 1 else 0
    room = device.mtu - tags
    most = min(room, route.mtu) if route else room
    why = "a run refuses events that would be fragmented"
    if packet > room:
        mend = f"sudo ip link set {device.name} mtu {packet + tags}"
    else:
        mend = f"ip route get {host}  # the path is narrower than {device.name}: raise its MTU, or build shorter events"
    found = f"the longest packet has {packet} bytes, the route takes {most}"
    return ended("mtu", found, why, mend=mend, state=CheckState.FAIL, sound=packet <= most)


def wire_bits(event_bytes: float, family: int, tags: int) -> float:
    """Bits that a datagram of `event_bytes` takes on an Ethernet wire, with the gap after it."""
    packet = event_bytes + HEADER_BYTES[socket.AddressFamily(family)]
    return 8 * (max(packet, _SHORTEST_BYTES) + tags * _TAG_BYTES + _AROUND_BYTES)


def link_speed(facts: _DeviceFacts, capture: CaptureFacts) -> Finding:
    """Whether the rate fits into the speed of the link."""
    device, load = facts.device, facts.load
    tags = len(load.path.vlans) + (device.kind == "vlan")
    bit_s = load.rate_eps * wire_bits(capture.event_bytes, facts.network.target.family, tags)
    needs = f"{format_count(load.rate_eps)} EPS need {bit_s / 1e9:.2f} Gbit/s"
    why = "over 100% of a link can't be sent; over 80% leaves no room for bursts and others"
    if device.loopback or device.speed_mbit is None or device.kind in _PRETENDERS:
        return Finding("link-speed", CheckState.OK, f"{needs}; the speed of {device.name} is not known", why)
    share = bit_s / (device.speed_mbit * 1e6)
    found = f"{needs}, {100 * share:.0f}% of {device.speed_mbit / 1000:g} Gbit/s"
    fits = int(device.speed_mbit * 1e6 * NEARLY_FULL * load.rate_eps / bit_s)
    state = CheckState.FAIL if share > 1 else CheckState.WARN
    return ended("link-speed", found, why, mend=f"--eps {fits}", state=state, sound=share <= NEARLY_FULL)


def offloads(facts: _DeviceFacts) -> list[Finding]:
    """Whether the device segments, sums and gathers in place of the CPU."""
    name, features = facts.device.name, facts.network.features
    version = "ipv6" if facts.network.target.family == socket.AF_INET6 else "ipv4"
    wanted = (
        (
            "tx-udp-segmentation",
            ("tx-udp-segmentation",),
            "tx-udp-segmentation",
            "the CPU cuts each train in place of the device",
        ),
        (
            "tx-checksum",
            ("tx-checksum-ip-generic", f"tx-checksum-{version}"),
            "tx",
            "the CPU sums each datagram, and kernels before 6.11 refuse trains",
        ),
        ("scatter-gather", ("tx-scatter-gather",), "sg", "the CPU copies each train once more"),
    )
    findings = []
    for check, kernel_names, ethtool_name, why in wanted:
        on = any(features.get(kernel_name) for kernel_name in kernel_names)
        found = "on" if on else "off" if features else "not known"
        mend = f"sudo ethtool -K {name} {ethtool_name} on"
        findings.append(ended(check, f"{found} at {name}", why, mend=mend, sound=on or not features))
    return findings


def qdisc(facts: _DeviceFacts) -> Finding:
    """Whether the queue before the device neither shapes nor is too short."""
    device = facts.device
    found = f"{device.qdisc} at {device.name}, {counted(device.tx_queue_len, 'packet')} long"
    if device.qdisc not in _PLAIN_QDISCS:
        why = f"{device.qdisc} may shape, delay or drop what is sent"
        return Finding("qdisc", CheckState.WARN, found, why, f"sudo tc qdisc del dev {device.name} root")
    why = "a burst that does not fit into the queue is dropped"
    short = device.qdisc in ("pfifo_fast", "pfifo") and device.tx_queue_len < SHORT_QUEUE
    return ended("qdisc", found, why, mend=f"{TUNE} --device {device.name}", sound=not short)


def numa_node(facts: _DeviceFacts) -> Finding:
    """Whether workers run on the memory node of the device."""
    device, machine = facts.device, facts.machine
    why = "what crosses memory nodes on its way to the device takes longer"
    if device.numa_node is None:
        return Finding("numa-node", CheckState.OK, f"{device.name} is next to no node, or there is one only", why)
    far = tuple(cpu for cpu in machine.cpus if machine.nodes.get(cpu, device.numa_node) != device.numa_node)
    near = tuple(cpu for cpu in machine.allowed if machine.nodes.get(cpu) == device.numa_node)
    found = f"{device.name} is at node {device.numa_node}" + (f", cores {cores(far)} are not" if far else "")
    mend = f"--cpus {cores(near)}" if near else f"taskset -c LIST  # `lscpu` lists the cores of node {device.numa_node}"
    return ended("numa-node", found, why, mend=mend, sound=not far)


def irq_cores(facts: _DeviceFacts) -> Finding:
    """Whether workers share cores with the device's interrupts."""
    device, machine = facts.device, facts.machine
    why = "interrupts take time from the worker on their core, and its rate varies"
    busy = tuple(cpu for cpu in machine.cpus if cpu in device.irq_cpus)
    free = tuple(cpu for cpu in machine.allowed if cpu not in device.irq_cpus)
    if not device.irq_cpus:
        found = f"{device.name} has no interrupts of its own"
    elif busy:
        found = f"cores {cores(busy)} serve {device.name} as well"
    else:
        found = f"{device.name} is served by cores {cores(device.irq_cpus)}"
    if free:
        mend = f"--cpus {cores(free)}"
    else:
        mend = "echo CORE | sudo tee /proc/irq/NUMBER/smp_affinity_list  # numbers: /proc/interrupts"
    return ended("irq-cores", found, why, mend=mend, sound=not busy)


def flows(capture: CaptureFacts | None, load: Load) -> Finding:
    """How many flows (addresses and ports of both ends) a receiver can tell apart."""
    count = len(load.ports)
    if load.packet:
        count *= _sources(capture, load)
    why = "a receiver spreads load over cores and sockets by flow (RSS, SO_REUSEPORT); few flows leave cores idle"
    mend = "--ports 514-553  # or frames of our own, from many sources: --backend packet --source-ports 49152-65535"
    return ended("flows", counted(count, "flow"), why, mend=mend, sound=count >= FEW_FLOWS)


def _sources(capture: CaptureFacts | None, load: Load) -> int:
    """How many pairs of source address and port frames have, as `replay.path.sources.Picker` pairs them."""
    path = load.path
    addresses = path.network[2] if path.network else 1
    ports = len(path.ports) if path.ports else 1
    hosts = capture.sources if capture is not None and path.mix is not SourceMix.UNIFORM else 0
    return min(hosts, lcm(addresses, ports)) if hosts else addresses * ports
