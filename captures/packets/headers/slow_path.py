"""The headers of IP, UDP and TCP, packet by packet: all that the kernel reads, and what it does not.

Options of IPv4, extension headers of IPv6, fragments. dpkt reads the headers, each one by itself (see `slow_link`). For
each packet that the kernel reads, this says the same.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.format.sections import FLOW
from captures.packets.headers.ip_headers import (
    AUTHENTICATION,
    DESTINATION,
    FRAGMENT_HEADER,
    HIP,
    HOP_BY_HOP,
    IPV4_BYTES,
    IPV6_BYTES,
    MOBILITY,
    ROUTING,
    SHIM6,
    TCP,
    TCP_BYTES,
    UDP,
    UDP_BYTES,
    transport,
)
from captures.packets.headers.key import LOW_16
from captures.packets.headers.link_headers import IPV4, IPV6, MOST_TAGS
from captures.packets.headers.reasons import BROKEN, CUT, FRAGMENT, MESSAGE, OTHER_PROTOCOL, SEGMENT, SLOW
from captures.packets.headers.reassembly.fragments import Fragment, Whole
from captures.packets.headers.slow_link import MOST_LAYERS, Network, network_of

_EXTENSIONS = (HOP_BY_HOP, ROUTING, AUTHENTICATION, DESTINATION, MOBILITY, HIP, SHIM6)
_FRAGMENT_HEADER_BYTES = 8
_JUMBO = 0xC2  # RFC 2675


class Read(NamedTuple):
    """What the headers of a packet say."""

    outcome: int
    """MESSAGE, SEGMENT, FRAGMENT, or the reason why it is left out."""
    flow: NDArray[Any]
    """The FLOW row, shape (1,), as far as it is known."""
    payload: bytes = b""
    length: int = 0
    """Of the payload; more than is there, if a snaplen cut it."""
    transport: bytes = b""
    """The header of TCP, without options."""
    fragment: Fragment | None = None


class _Rest(NamedTuple):
    """What follows a header of IP."""

    protocol: int
    there: bytes
    length: int
    """More than is there, if a snaplen cut it."""

    def without(self, count: int) -> "_Rest":
        """What follows `count` more bytes. Raises _Ends if they are not all there."""
        self.need(count)
        return self._replace(there=self.there[count:], length=self.length - count)

    def need(self, count: int) -> None:
        """Raises _Ends unless `count` bytes are there."""
        if self.length < count:
            raise _Ends(BROKEN)
        if len(self.there) < count:
            raise _Ends(CUT)


class _Ends(Exception):
    """The headers can't be read any further, for a reason."""


def read_slowly(frame: bytes, original: int, instant_ns: int, link: int, link_type: int) -> Read:
    """What the headers of a packet say, whose first bytes are `frame` and which had `original` ones on the wire."""
    network = network_of(frame, link_type)
    flow = np.zeros(1, FLOW)
    flow["link"] = link & LOW_16
    flow["source_mac"], flow["target_mac"] = np.void(network.source_mac), np.void(network.target_mac)
    for place, (tag, is_service) in enumerate(network.tags[:MOST_TAGS]):
        flow["vlans"][0, place] = tag
        flow["service_vlans"] |= is_service << place
        flow["vlan_count"] += 1
    if network.kind not in (IPV4, IPV6):
        return Read(network.kind, flow)
    length = original - len(frame) + len(network.rest)
    try:
        return (_ipv4 if network.kind == IPV4 else _ipv6)(network, length, instant_ns, flow)
    except _Ends as reason:
        return Read(reason.args[0], flow)


def read_whole(whole: Whole, flow: NDArray[Any]) -> Read:
    """What the headers in a packet say that was put together of fragments."""
    try:
        return _transport(_behind_extensions(_Rest(whole.protocol, whole.payload, len(whole.payload))), flow)
    except _Ends as reason:
        return Read(reason.args[0], flow)


def _ipv4(network: Network, length: int, instant_ns: int, flow: NDArray[Any]) -> Read:
    import dpkt  # noqa: PLC0415 - it takes a while to load, and not each import needs it

    frame = network.rest
    if len(frame) < IPV4_BYTES:
        raise _Ends(CUT)
    try:
        header = dpkt.ip.IP(frame[:IPV4_BYTES])
    except dpkt.UnpackError:
        raise _Ends(BROKEN) from None
    if header.v != IPV4:
        raise _Ends(BROKEN)
    total = header.len or length
    rest = _Rest(header.p, frame[:total], total).without(header.hl << 2)
    flow["family"], flow["protocol"], flow["tos"], flow["ttl"] = IPV4, header.p, header.tos, header.ttl
    flow["source"], flow["target"] = np.void(header.src.ljust(16, b"\0")), np.void(header.dst.ljust(16, b"\0"))
    if not header.mf and not header.offset:
        return _transport(rest, flow)
    if len(rest.there) < rest.length:
        raise _Ends(CUT)
    packet = b"4" + header.src + header.dst + bytes((header.p,)) + header.id.to_bytes(2, "big")
    fragment = Fragment(packet, 8 * header.offset, rest.there, not header.mf, header.p, instant_ns)
    return Read(FRAGMENT, flow, fragment=fragment)


def _ipv6(network: Network, length: int, instant_ns: int, flow: NDArray[Any]) -> Read:
    import dpkt  # noqa: PLC0415 - as above

    frame = network.rest
    if len(frame) < IPV6_BYTES:
        raise _Ends(CUT)
    header = dpkt.ip6.IP6(frame[:6] + b"\x3b" + frame[7:IPV6_BYTES])  # 59: nothing follows that dpkt should read
    if header.v != IPV6:
        raise _Ends(BROKEN)
    flow["family"], flow["tos"], flow["ttl"], flow["label"] = IPV6, header.fc, header.hlim, header.flow
    flow["source"], flow["target"] = np.void(header.src), np.void(header.dst)
    total = header.plen or length - IPV6_BYTES
    rest = _Rest(frame[6], frame[IPV6_BYTES : IPV6_BYTES + total], total)
    if rest.protocol == HOP_BY_HOP and not header.plen:
        rest = _of_jumbo(rest, frame)
    flow["protocol"] = rest.protocol
    rest = _behind_extensions(rest)
    if rest.protocol != FRAGMENT_HEADER:
        return _transport(rest, flow)
    rest.need(_FRAGMENT_HEADER_BYTES)
    piece = dpkt.ip6.IP6FragmentHeader(rest.there)
    rest = rest.without(_FRAGMENT_HEADER_BYTES)._replace(protocol=piece.nxt)
    if not piece.frag_off and not piece.m_flag:  # atomic: RFC 6946
        return _transport(_behind_extensions(rest), flow)
    if len(rest.there) < rest.length:
        raise _Ends(CUT)
    packet = b"6" + header.src + header.dst + piece.id.to_bytes(4, "big")
    fragment = Fragment(packet, 8 * piece.frag_off, rest.there, not piece.m_flag, piece.nxt, instant_ns)
    return Read(FRAGMENT, flow, fragment=fragment)


def _of_jumbo(rest: _Rest, frame: bytes) -> _Rest:
    """The same, as long as the option of a jumbogram says, if there is one (RFC 2675)."""
    import dpkt  # noqa: PLC0415 - as above

    try:
        options = dpkt.ip6.IP6HopOptsHeader(rest.there).options
    except dpkt.UnpackError:
        return rest
    for option in options:
        if option["type"] == _JUMBO and len(option["data"]) == 4:
            total = int.from_bytes(option["data"], "big")
            return rest._replace(there=frame[IPV6_BYTES : IPV6_BYTES + total], length=total)
    return rest


def _behind_extensions(rest: _Rest) -> _Rest:
    """What follows the extension headers of IPv6, of which each says what comes next and how long it is itself."""
    for _ in range(MOST_LAYERS):
        if rest.protocol not in _EXTENSIONS:
            return rest
        rest.need(2)
        following, units = rest.there[:2]
        size = 4 * (units + 2) if rest.protocol == AUTHENTICATION else 8 * (units + 1)
        rest = rest.without(size)._replace(protocol=following)
    raise _Ends(BROKEN)


def _transport(rest: _Rest, flow: NDArray[Any]) -> Read:
    """What UDP or TCP says."""
    import dpkt  # noqa: PLC0415 - as above

    flow["protocol"] = rest.protocol
    if rest.protocol == UDP:
        rest.need(UDP_BYTES)
        udp = dpkt.udp.UDP(rest.there[:UDP_BYTES])
        length = udp.ulen or rest.length
        if not UDP_BYTES <= length <= rest.length:
            raise _Ends(BROKEN)
        flow["source_port"], flow["target_port"] = udp.sport, udp.dport
        return Read(MESSAGE, flow, rest.there[UDP_BYTES:length], length - UDP_BYTES)
    if rest.protocol == TCP:
        rest.need(TCP_BYTES)
        tcp = dpkt.tcp.TCP(rest.there[:12] + b"\x50" + rest.there[13:TCP_BYTES])
        size = rest.there[12] >> 4 << 2
        if not TCP_BYTES <= size <= rest.length:
            raise _Ends(BROKEN)
        flow["source_port"], flow["target_port"] = tcp.sport, tcp.dport
        behind = rest.without(size)
        return Read(SEGMENT, flow, behind.there, behind.length, rest.there[:TCP_BYTES])
    reason = int(transport(rest.protocol))
    # Extension headers where none may be: in IPv4, and fragments of fragments.
    return Read(OTHER_PROTOCOL if reason == SLOW else reason, flow)
