"""By which device, next hop and source do frames go out? This finds out, and makes a header for each lane.

For a UDP socket the kernel looks all this up by itself; who writes frames must ask the kernel for it. scapy makes the
prototypes of the headers. scapy and pyroute2 take half a second to load, so this module is only loaded when needed.
"""

import errno
import ipaddress
import socket
from collections.abc import Sequence
from typing import Final

from captures.console.errors import InputError, PreflightError
from replay.clock import monotonic_ns, sleep_ns
from replay.linux.network.links import Link, link
from replay.linux.network.routes import group_addresses, next_hop_mac, route_to
from replay.linux.sockets.packet_send import open_packet_socket
from replay.path.guard import Address, check_known, check_next_hop
from replay.path.headers import Wire
from replay.path.loopback import lacking_settings, refusal
from replay.path.request import PathRequest
from replay.path.scapy_layers import IP, UDP, Dot1AD, Dot1Q, Ether, IPv6
from replay.path.sources import DEFAULT_PORTS, Sources
from replay.path.target import Target

_TAG_BYTES: Final = 4


def discover(target: Target, ports: Sequence[int], options: PathRequest, *, of_capture: bool) -> Wire:
    """The wire to `target`, with a header for each of its `ports`. `of_capture`: the capture's hosts are the sources.

    If the next hop's hardware address is not known, the network is asked for it; nothing is sent to the target. Raises
    InputError, and PreflightError when there is no device, no route, no neighbour, no right to send frames, or only a
    loopback device that drops them.
    """
    device, address, mac, mtu = _device_and_hop(target, options)
    if lacking := lacking_settings(device.name, target, options.network):
        raise PreflightError(refusal(device.name, lacking))
    check_next_hop("--dst-mac" if options.next_mac else f"the next hop to {target.host}", mac)
    first, count = _network(address, options)
    if options.network is not None:
        check_known(_address(target, first), count, group_addresses(target.family))
    try:
        open_packet_socket(device.name, 1).close()
    except PermissionError:
        raise PreflightError(
            "--backend packet needs the capability CAP_NET_RAW: run as root, or give it to the interpreter with "
            "`sudo setcap cap_net_raw+ep $(readlink -f $(command -v python3))`; or use --backend udp"
        ) from None
    return Wire(
        interface=device.name,
        next_mac=mac,
        vlans=options.vlans,
        sources=Sources(first, count, options.ports or DEFAULT_PORTS, of_capture),
        mtu=mtu,
        prototypes=tuple(
            prototype(target, device.mac, mac, options.vlans, str(_address(target, first)), port) for port in ports
        ),
    )


def _device_and_hop(target: Target, options: PathRequest) -> tuple[Link, str | None, bytes, int]:
    """The device, our address on it (None: unknown), the next hop's MAC, and the longest packet behind the tags."""
    found = route_address = None
    try:
        found = route_to(target.family, target.host, scope=target.scope, interface=options.interface)
        route_address = found.source
    except OSError as error:
        if error.errno == errno.ENODEV or options.interface is None or options.next_mac is None:
            raise PreflightError(_no_route(target, options, error)) from None
    device = link(options.interface or (found.interface if found else ""))
    if not device.ethernet:
        raise PreflightError(f"{device.name}: no Ethernet device, so --backend packet can't use it; use --backend udp")
    if not device.up:
        raise PreflightError(f"{device.name} is down; `sudo ip link set {device.name} up`")
    mac = options.next_mac
    if mac is None and found is not None:
        mac = next_hop_mac(found, target.family, target.host, sleep_ns=sleep_ns, monotonic_ns=monotonic_ns)
    if mac is None:
        hop = (found and found.gateway) or target.host
        raise PreflightError(
            f"nobody at {hop} answers on {device.name}; check `ip neigh show {hop}`, or give its address with --dst-mac"
        )
    # One tag may exceed the device's MTU, but the kernel allows that for 802.1Q only (net/packet/af_packet.c,
    # packet_extra_vlan_len_allowed). With an outer tag of 802.1ad both tags count.
    room = device.mtu - (_TAG_BYTES * len(options.vlans) if len(options.vlans) > 1 else 0)
    return device, route_address, mac, min(found.mtu, room) if found else room


def _no_route(target: Target, options: PathRequest, error: OSError) -> str:
    if error.errno == errno.ENODEV:
        return f"--interface {options.interface}: there is no such device; `ip link` lists them"
    if options.interface is None:
        return f"--target {target.host}: {error.strerror}; check `ip route get {target.host}`"
    return (
        f"--target {target.host}: {error.strerror}, by {options.interface}; check the route, "
        "or give --dst-mac and --source-ips, which need none"
    )


def _network(address: str | None, options: PathRequest) -> tuple[int, int]:
    """The first source address as a number, and how many sources there are."""
    if options.network is None:
        if address is None:
            raise InputError("--source-ips: without a route to the target the sources must be given, as a network")
        return int(ipaddress.ip_address(address)), 1
    return options.network[1:]


def _address(target: Target, number: int) -> Address:
    """The number as an address of the target's family."""
    return ipaddress.IPv6Address(number) if target.family == socket.AF_INET6 else ipaddress.IPv4Address(number)


def prototype(
    target: Target, source_mac: bytes, next_mac: bytes, vlans: Sequence[int], source: str, port: int
) -> bytes:
    """The headers of an empty datagram from the address `source` to a port of `target`; the source port is still 0.

    Of two tags the outer one is of 802.1ad, the inner one of 802.1Q. The headers forbid fragmentation.
    """
    frame = Ether(src=source_mac, dst=next_mac)
    for place, vlan in enumerate(vlans):
        frame /= Dot1AD(vlan=vlan) if place + 1 < len(vlans) else Dot1Q(vlan=vlan)
    if target.family == socket.AF_INET6:
        frame /= IPv6(src=source, dst=target.host)
    else:
        frame /= IP(src=source, dst=target.host, flags="DF", id=0)
    return bytes(frame / UDP(sport=0, dport=port))
