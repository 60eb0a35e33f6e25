"""Frames of every encapsulation that is read, made by scapy, and batches of frames."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    Jumbo,
    PadN,
)
from scapy.layers.l2 import ARP, GRE, LLC, SNAP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Dot3, Ether, Loopback
from scapy.layers.ppp import PPP, PPPoE
from scapy.packet import Padding, Raw

from captures.format.sections import LINK
from captures.packets.rows import PACKET, Batch

TEXT = b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick"
SOURCE_MAC, TARGET_MAC = "02:00:00:00:00:01", "02:aa:bb:cc:dd:02"

NULL, ETHERNET, PPP_LINK, RAW, C_HDLC, LOOP, SLL, IPV4, IPV6_LINK, SLL2 = 0, 1, 9, 101, 104, 108, 113, 228, 229, 276


class Made(NamedTuple):
    """A frame, and what is known of it."""

    name: str
    link_type: int
    frame: bytes
    is_common: bool = True
    """The kernel takes it, or says why not."""
    is_message: bool = True


def ether():
    return Ether(src=SOURCE_MAC, dst=TARGET_MAC)


def ip4(**fields):
    return IP(**{"src": "192.0.2.1", "dst": "198.51.100.2", "ttl": 61, "tos": 0x28} | fields)


def ip6(**fields):
    return IPv6(**{"src": "2001:db8::1", "dst": "2001:db8:1:2:3:4:5:6", "hlim": 62, "tc": 9, "fl": 0x54321} | fields)


def udp(**fields):
    return UDP(**{"sport": 40_001, "dport": 514} | fields)


def with_zeros(frame, *places: int) -> bytes:
    """The same with two bytes zero at each place: lengths of a super-packet."""
    changed = bytearray(bytes(frame))
    for place in places:
        changed[place : place + 2] = b"\0\0"
    return bytes(changed)


@cache
def made() -> tuple[Made, ...]:
    """One frame of each kind."""
    four, six = ip4() / udp() / Raw(TEXT), ip6() / udp() / Raw(TEXT)
    segment = TCP(sport=40_002, dport=514, seq=7, flags="PA", options=[("NOP", None)] * 4)
    rows = [
        *((f"ethernet {name}", ETHERNET, ether() / ip) for name, ip in (("4", four), ("6", six))),
        ("padded", ETHERNET, ether() / ip4() / udp() / Raw(b"<1>a") / Padding(b"\xff" * 20)),
        ("padded 6", ETHERNET, ether() / ip6() / udp() / Raw(b"<1>a") / Padding(b"\xff" * 20)),
        ("empty", ETHERNET, ether() / ip4() / udp()),
        *((f"vlan {kind:x}", ETHERNET, ether_type(ether() / Dot1Q(vlan=5, prio=3) / four, kind)) for kind in VLANS),
        ("q-in-q", ETHERNET, ether() / Dot1AD(vlan=7) / Dot1Q(vlan=8) / six),
        ("ad-in-ad", ETHERNET, ether() / Dot1AD(vlan=7) / Dot1AD(vlan=8) / four),
        ("tcp", ETHERNET, ether() / ip4() / segment / Raw(TEXT + b"\n")),
        ("tcp 6", ETHERNET, ether() / ip6() / segment / Raw(TEXT + b"\n")),
        ("sll", SLL, CookedLinux(lladdrlen=6, src=b"\x02\0\0\0\0\x01\0\0", proto=0x0800) / four),
        ("sll 6", SLL, CookedLinux(lladdrlen=6, src=b"\x02\0\0\0\0\x01\0\0", proto=0x86DD) / six),
        ("sll of no ethernet", SLL, CookedLinux(lladdrtype=776, lladdrlen=4, src=b"\1\2\3\4\0\0\0\0") / four),
        ("sll vlan", SLL, CookedLinux(lladdrlen=6, src=b"\x02\0\0\0\0\x01\0\0", proto=0x8100) / Dot1Q(vlan=9) / four),
        ("sll2", SLL2, CookedLinuxV2(lladdrlen=6, src=b"\x02\0\0\0\0\x01\0\0", proto=0x0800) / four),
        ("sll2 6", SLL2, CookedLinuxV2(lladdrlen=6, src=b"\x02\0\0\0\0\x01\0\0", proto=0x86DD) / six),
        *((f"raw {link} 4", link, four) for link in (RAW, 12, 14, IPV4)),
        *((f"raw {link} 6", link, six) for link in (RAW, IPV6_LINK)),
        *((f"null {link} {order}", link, (2).to_bytes(4, order) + bytes(four)) for link, order in LOOPS),
        *((f"null {family}", NULL, family.to_bytes(4, "little") + bytes(six)) for family in (10, 24, 28, 30)),
        ("loopback", NULL, Loopback(type=2) / four),
        ("super-packet", ETHERNET, with_zeros(ether() / four, 16)),
        ("super-packet of udp", ETHERNET, with_zeros(ether() / four, 16, 38)),
        ("super-packet 6", ETHERNET, with_zeros(ether() / six, 18)),
    ]
    others = [
        ("arp", ETHERNET, ether() / ARP()),
        ("icmp", ETHERNET, ether() / ip4() / ICMP()),
        ("icmp 6", ETHERNET, ether() / ip6() / ICMPv6EchoRequest()),
        ("lldp", ETHERNET, bytes(Ether(type=0x88CC)) + b"\2\7\4"),
        ("gre", ETHERNET, ether() / ip4() / GRE() / four),
    ]
    pppoe = PPPoE(sessionid=3) / PPP(proto=0x21) / four
    slow = [
        ("options", ETHERNET, ether() / ip4(options=[IPOption_Router_Alert()]) / udp() / Raw(TEXT)),
        ("three tags", ETHERNET, ether() / Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / four),
        ("802.3", ETHERNET, Dot3(src=SOURCE_MAC, dst=TARGET_MAC) / LLC() / SNAP() / four),
        ("pppoe", ETHERNET, Ether(src=SOURCE_MAC, dst=TARGET_MAC, type=0x8864) / pppoe),
        ("mpls", ETHERNET, ether() / MPLS(label=3, s=0) / MPLS(label=4, s=1) / four),
        ("mpls 6", ETHERNET, ether() / MPLS(label=3, s=1) / six),
        ("extension of version 4", ETHERNET, ether() / ip4(proto=60) / Raw(TEXT)),
        ("ppp", PPP_LINK, b"\xff\x03\x00\x21" + bytes(four)),
        ("ppp compressed", PPP_LINK, b"\x57" + bytes(six)),
        ("mpls over ppp", PPP_LINK, b"\xff\x03\x02\x81" + bytes(MPLS(label=3, s=1) / four)),
        ("hdlc", C_HDLC, b"\x0f\x00\x08\x00" + bytes(four)),
        ("hop by hop", ETHERNET, ether() / ip6() / IPv6ExtHdrHopByHop() / udp() / Raw(TEXT)),
        ("jumbo", ETHERNET, jumbo()),
        ("routing", ETHERNET, ether() / ip6() / IPv6ExtHdrRouting(addresses=["2001:db8::7"]) / udp() / Raw(TEXT)),
        ("several", ETHERNET, ether() / ip6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / udp() / Raw(TEXT)),
        ("atomic", ETHERNET, ether() / ip6() / IPv6ExtHdrFragment(id=9) / udp() / Raw(TEXT)),
        ("extension and padding", ETHERNET, ether() / ip6() / pad_n() / udp() / Raw(TEXT) / Padding(b"\0" * 9)),
    ]
    return (
        *(Made(name, link, bytes(frame), is_message="tcp" not in name) for name, link, frame in rows),
        *(Made(name, link, bytes(frame), is_message=False) for name, link, frame in others),
        *(Made(name, link, bytes(frame), False, "version 4" not in name) for name, link, frame in slow),
    )


VLANS = (0x8100, 0x88A8, 0x9100)
LOOPS = ((NULL, "little"), (NULL, "big"), (LOOP, "big"), (LOOP, "little"))


def ether_type(frame, kind: int):
    frame.type = kind
    return frame


def pad_n():
    return IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 12)])


def jumbo() -> bytes:
    """A jumbogram (RFC 2675), though not a long one."""
    datagram = bytes(udp() / Raw(TEXT))
    return bytes(
        ether() / ip6(plen=0) / IPv6ExtHdrHopByHop(nh=17, options=[Jumbo(jumboplen=8 + len(datagram))]) / Raw(datagram)
    )


def batch_of(
    frames: Sequence[bytes], originals: Iterable[int] | None = None, link: int = 0, first_ns: int = 1
) -> Batch:
    """A batch whose packets came one nanosecond after the other, with something between them as containers have it."""
    data, rows = b"", []
    lengths = [len(frame) for frame in frames] if originals is None else originals
    for number, (frame, original) in enumerate(zip(frames, lengths, strict=True)):
        data += b"\xa5" * 16
        rows.append((len(data), len(frame), original, first_ns + number, link))
        data += frame
    return Batch(np.frombuffer(data, np.uint8), np.array(rows, PACKET))


def links_of(*link_types: int):
    """LINK rows."""
    links = np.zeros(len(link_types), LINK)
    links["link_type"] = link_types
    return links


def texts_of(messages) -> list[bytes]:
    """The messages' bytes."""
    return [messages.data[row.place : row.place + row.length].tobytes() for row in messages.messages]
