"""Small files of packets, as tcpdump would have recorded them."""

from pathlib import Path

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from tests.captures.packets.plain import pcap_header, pcap_record

START_NS = 1_756_548_930_000_000_000
STEP_NS = 10_000_000
MAC = "02:00:00:00:00:01"
HOSTS = 4


def text_of(number: int) -> bytes:
    """The event of a number: one a second by its stamp, of one of a few hosts."""
    return b"<13>Aug 30 10:%02d:%02d web%d app[7]: number %d" % (15 + number // 60, number % 60, number % HOSTS, number)


def datagram(payload: bytes, host: int = 0, port: int = 514) -> bytes:
    """A frame from one of the hosts."""
    return framed(
        IP(id=0, src=f"198.18.0.{10 + host}", dst="198.18.255.1") / UDP(sport=1000, dport=port) / Raw(payload)
    )


def framed(packet: Packet) -> bytes:
    return bytes(Ether(src=MAC, dst=MAC) / packet)


OTHERS = [framed(ARP()), framed(IP(dst="198.18.255.1") / TCP(sport=7, dport=514, flags="S"))]
"""Frames in which no event is."""


def recorded(path: Path, frames: list[bytes], step_ns: int = STEP_NS) -> Path:
    """A file of pcap with nanoseconds."""
    records = []
    for number, frame in enumerate(frames):
        seconds, rest_ns = divmod(START_NS + number * step_ns, 10**9)
        records.append(pcap_record(frame, seconds, rest_ns))
    path.write_bytes(pcap_header(magic=0xA1B23C4D) + b"".join(records))
    return path


def incident(path: Path, events: int = 200, step_ns: int = STEP_NS) -> Path:
    """A file with so many events of several hosts."""
    return recorded(path, [datagram(text_of(number), number % HOSTS) for number in range(events)], step_ns)
