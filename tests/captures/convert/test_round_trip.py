"""pcap to capture to pcap: the same events of every encapsulation, container and packing.

scapy makes the packets, and dpkt and tshark read what comes out.
"""

import bz2
import gzip
import io
import lzma
import struct
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import dpkt
import lz4.frame
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP, IPOption_Router_Alert, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, fragment6
from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Padding, Raw
from scapy.utils import RawPcapWriter

from captures.console.errors import InputError
from captures.convert.export_request import Form
from tests.captures.packets.plain import block, enhanced, interface, options, pcap_header, pcap_record, section
from tests.captures.told import (
    LOST_NS,
    Event,
    assert_same,
    dpkt_datagrams,
    events_of,
    exported,
    imported,
    tshark_datagrams,
)

START_NS = 1_756_548_930_000_000_000
ETHERNET, RAW, NULL, LOOP, SLL, SLL2 = 1, 101, 0, 108, 113, 276
SOURCES = {4: ("198.18.0.7", "198.18.0.8"), 6: ("2001:2::7", "2001:2::8")}
TARGETS = {4: "198.19.255.1", 6: "2001:2::ffff"}
MAC = "02:00:00:00:00:01"


class Sent(NamedTuple):
    """A datagram, and the frames in which it lies."""

    event: Event
    frames: list[bytes]


def cooked(kind: Callable[..., Packet]) -> Callable[[Packet], Packet]:
    own = {"lladdrlen": 6, "src": bytes.fromhex("0200000000010000")}
    return lambda ip: kind(proto=0x86DD if isinstance(ip, IPv6) else 0x0800, **own) / ip


def null(order: str) -> Callable[[Packet], bytes]:
    return lambda ip: (30 if isinstance(ip, IPv6) else 2).to_bytes(4, order) + bytes(ip)  # type: ignore[arg-type]


LINKS: dict[int, list[Callable[[Packet], Packet | bytes]]] = {
    ETHERNET: [
        lambda ip: Ether(src=MAC, dst=MAC) / ip,
        lambda ip: Ether(src=MAC, dst=MAC) / Dot1Q(vlan=5, prio=3) / ip,
        lambda ip: Ether(src=MAC, dst=MAC) / Dot1AD(vlan=7) / Dot1Q(vlan=8) / ip,
        lambda ip: Ether(src=MAC, dst=MAC) / ip / Padding(b"\xee" * 30),
    ],
    RAW: [lambda ip: ip],
    NULL: [null("little"), null("big")],
    LOOP: [null("big")],
    SLL: [cooked(CookedLinux)],
    SLL2: [cooked(CookedLinuxV2)],
}
HEADERS: dict[int, list[Callable[[Packet], Packet]]] = {
    4: [
        lambda ip: ip,
        lambda ip: IP(src=ip.src, dst=ip.dst, options=[IPOption_Router_Alert()]),
        lambda ip: ip / "fragments",
    ],
    6: [
        lambda ip: ip,
        lambda ip: ip / IPv6ExtHdrHopByHop(),
        lambda ip: ip / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt(),
        lambda ip: ip / "fragments",
    ],
}


def packets_of(family: int, header: int, source: str, port: int, payload: bytes, number: int) -> list[Packet]:
    """A datagram as packets of IP: one, or its fragments."""
    udp = UDP(sport=port, dport=514) / Raw(payload)
    kind, identity = (IP, {"id": number + 1}) if family == 4 else (IPv6, {})
    bare = kind(src=source, dst=TARGETS[family], **identity)
    if header < len(HEADERS[family]) - 1 or len(payload) < 32:
        return [HEADERS[family][header % (len(HEADERS[family]) - 1)](bare) / udp]
    if family == 4:
        return list(fragment(bare / udp, 24))
    return list(fragment6(bare / IPv6ExtHdrFragment(id=number + 1) / udp, 100))


datagrams = st.lists(
    st.fixed_dictionaries(
        {
            "family": st.sampled_from([4, 6]),
            "host": st.integers(0, 1),
            "size": st.sampled_from([0, 1, 10, 60, 200]),
            "step_ns": st.sampled_from([0, 1000, 999_999_000, -5_000]),
            "around": st.integers(0, 3),
            "header": st.integers(0, 3),
        }
    ),
    min_size=1,
    max_size=12,
)


def built(link: int, drawn: list[dict[str, int]]) -> list[Sent]:
    """Datagrams with what a link and IP may have around them, each so much later than the one before."""
    sent, instant_ns = [], START_NS
    for number, each in enumerate(drawn):
        family, source, port = each["family"], SOURCES[each["family"]][each["host"]], 1000 + each["host"]
        payload = (b"<13>Aug 30 10:15:30 host app: %d " % number).ljust(each["size"], b".")[: each["size"]]
        instant_ns += each["step_ns"]
        around = LINKS[link][each["around"] % len(LINKS[link])]
        packets = packets_of(family, each["header"] % len(HEADERS[family]), source, port, payload, number)
        event = Event(instant_ns, ip_address(source), port, ip_address(TARGETS[family]), 514, payload)
        sent.append(Sent(event, [bytes(around(ip)) for ip in packets]))
    return sent


def frames_of(sent: list[Sent]) -> Iterator[tuple[int, bytes]]:
    """Each frame, and its instant; all fragments of a datagram have the same."""
    for event, frames in sent:
        for frame in frames:
            yield event.instant_ns, frame


def classic(magic: int, tick_ns: int, order: str) -> Callable[[list[Sent], int], bytes]:
    def write(sent: list[Sent], link: int) -> bytes:
        records = [
            pcap_record(frame, instant_ns // 10**9, instant_ns % 10**9 // tick_ns, order)
            for instant_ns, frame in frames_of(sent)
        ]
        return pcap_header(order, magic, 65535, link) + b"".join(records)

    return write


def by_scapy(sent: list[Sent], link: int) -> bytes:
    file = io.BytesIO()
    file.close = lambda: None  # type: ignore[method-assign]  # scapy closes what it writes
    with RawPcapWriter(file, linktype=link, nano=True) as writer:
        writer.write_header(None)
        for instant_ns, frame in frames_of(sent):
            writer.write_packet(frame, sec=instant_ns // 10**9, usec=instant_ns % 10**9)
    data = file.getvalue()
    return data[:20] + struct.pack("<I", link) + data[24:]  # scapy takes link type 0 for none


def by_dpkt(sent: list[Sent], link: int) -> bytes:
    file = io.BytesIO()
    idb = dpkt.pcapng.InterfaceDescriptionBlockLE(linktype=link, snaplen=65535)
    writer = dpkt.pcapng.Writer(file, idb=idb)
    for instant_ns, frame in frames_of(sent):
        writer.writepkt(frame, ts=instant_ns / 1e9)
    return file.getvalue()


def sections(sent: list[Sent], link: int) -> bytes:
    """A section for every few packets, of either byte order, with interfaces of several clocks, and blocks unknown."""
    parts = []
    frames = list(frames_of(sent))
    for first in range(0, len(frames), 3):
        order = "<>"[first // 3 % 2]
        clocks = [(b"\x09", 1, 0), (b"\x06", 1000, 0), (b"\x09", 1, 1_000_000_000)]
        parts.append(section(order, more=options((1, b"a comment"), order=order)))
        for resolution, _, offset_s in clocks:
            more = options((9, resolution), (14, struct.pack(f"{order}q", offset_s)), order=order)
            parts.append(interface(order, link, more=more))
        parts.append(block(0x0BAD, b"who knows", order))
        for number, (instant_ns, frame) in enumerate(frames[first : first + 3]):
            _, tick_ns, offset_s = clocks[number]
            ticks = (instant_ns - offset_s * 10**9) // tick_ns
            parts.append(enhanced(frame, ticks, number, order, more=options((1, b"noted"), order=order)))
    return b"".join(parts)


CONTAINERS: dict[str, Callable[[list[Sent], int], bytes]] = {
    "pcap": classic(0xA1B2C3D4, 1000, "<"),
    "big-endian pcap of nanoseconds": classic(0xA1B23C4D, 1, ">"),
    "scapy": by_scapy,
    "dpkt": by_dpkt,
    "sections": sections,
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gz": lambda data: gzip.compress(data[: len(data) // 2]) + gzip.compress(data[len(data) // 2 :]),
    "zst": zstandard.compress,
    "lz4": lz4.frame.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("link", LINKS)
@settings(max_examples=15)
@given(drawn=datagrams, container=st.sampled_from(sorted(CONTAINERS)), packing=st.sampled_from(sorted(PACKINGS)))
def test_what_is_imported_is_what_was_recorded_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory, link: int, drawn: list[dict[str, int]], container: str, packing: str
) -> None:
    sent = built(link, drawn)
    path = tmp_path_factory.mktemp("trip") / "recorded"
    path.write_bytes(PACKINGS[packing](CONTAINERS[container](sent, link)))
    done, capture = imported(path, output=path.with_suffix(".rcap"))
    assert (done.left_out, done.broken) == ({}, ())
    expected = [event for event, _ in sent]
    assert_same(events_of(capture), expected, LOST_NS if container == "dpkt" else 0)
    for form in (Form.PCAP, Form.PCAPNG):
        out = exported(capture.path, form)
        assert_same(dpkt_datagrams(out), events_of(capture), LOST_NS)
        _, again = imported(out, output=out.with_suffix(".rcap"))
        assert_same(events_of(again), events_of(capture))
        assert exported(again.path, form).read_bytes() == out.read_bytes() or form is Form.PCAPNG


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("link", LINKS)
def test_tshark_reads_the_same_before_and_after(tmp_path: Path, link: int, container: str) -> None:
    drawn = [
        {"family": family, "host": header % 2, "size": 90, "step_ns": 1_234_567_000, "around": around, "header": header}
        for around in range(len(LINKS[link]))
        for family in (4, 6)
        for header in range(len(HEADERS[family]))
    ]
    sent = built(link, drawn)
    path = tmp_path / "recorded"
    path.write_bytes(CONTAINERS[container](sent, link))
    _, capture = imported(path, output=tmp_path / "a.rcap")
    lost_ns = LOST_NS if container == "dpkt" else 0
    assert_same(events_of(capture), [event for event, _ in sent], lost_ns)
    assert_same(tshark_datagrams(path), events_of(capture))
    for form in (Form.PCAP, Form.PCAPNG):
        assert_same(tshark_datagrams(exported(capture.path, form)), events_of(capture))


def test_interfaces_of_several_link_types_stand_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "mixed.pcapng"
    drawn = {"family": 4, "host": 0, "size": 60, "step_ns": 1000, "around": 0, "header": 0}
    sent = {link: built(link, [drawn] * 10) for link in LINKS}
    interfaces = [interface(link=link, more=options((9, b"\x09"))) for link in LINKS]
    rounds = [
        (each[number].event._replace(instant_ns=START_NS + number * len(LINKS) + at), each[number].frames[0], at)
        for number in range(10)
        for at, each in enumerate(sent.values())
    ]
    blocks = [enhanced(frame, event.instant_ns, at) for event, frame, at in rounds]
    path.write_bytes(section() + b"".join(interfaces + blocks))
    _, capture = imported(path, output=tmp_path / "a.rcap")
    assert_same(events_of(capture), [event for event, _, _ in rounds])
    assert_same(tshark_datagrams(path), events_of(capture))
    assert capture.links["link_type"].tolist() == list(LINKS)
    assert [int(link) for link in capture.flows["link"][capture.flow_of]] == [at for _, _, at in rounds]


def test_a_packing_that_is_not_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recorded.bz2"
    path.write_bytes(bz2.compress(b"text"))
    with pytest.raises(InputError, match=r"this is bzip2; unpack it on the way: bzip2 -dc FILE"):
        imported(path, output=tmp_path / "a.rcap")
