"""pcap and pcapng written and read the slow and obvious way (draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng)."""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import NamedTuple

from captures.packets.containers.links import Links
from captures.packets.containers.packets_of import read_batches
from captures.packets.sources.broken import BrokenInput
from captures.packets.sources.inputs import Input


class Seen(NamedTuple):
    """A packet, and what is told of it."""

    payload: bytes
    original: int
    instant_ns: int
    link: tuple[int, int, int, bytes]
    """Its link type, snaplen, ticks in a second, name."""


class Told(NamedTuple):
    """The packets of a container up to its first fault; `broken`: there is one."""

    packets: list[Seen]
    broken: bool


@contextmanager
def stored(content: bytes) -> Iterator[Input]:
    """An input that holds `content`."""
    fd = os.memfd_create("content")
    try:
        os.truncate(fd, len(content))
        os.pwrite(fd, content, 0)
        yield Input(f"/proc/self/fd/{fd}", True, len(content))
    finally:
        os.close(fd)


def read(content: bytes, block_bytes: int = 1 << 16) -> Told:
    """What this program reads of a container; each place is checked to be within the batch."""
    with stored(content) as source:
        return read_input(source, block_bytes)


def read_input(source: Input, block_bytes: int = 1 << 16) -> Told:
    links, packets, broken = Links(), [], False
    try:
        for batch in read_batches(source, links, block_bytes=block_bytes):
            rows = links.rows.tolist()
            for place, captured, original, instant_ns, link in batch.packets.tolist():
                assert 0 <= place <= place + captured <= len(batch.data)
                assert captured <= original
                payload = batch.data[place : place + captured].tobytes()
                link_type, _, snaplen, resolution, name = rows[link]
                packets.append(Seen(payload, original, instant_ns, (link_type, snaplen, resolution, name)))
    except BrokenInput:
        broken = True
    return Told(packets, broken)


PCAP_MAGICS = {0xA1B2C3D4: (1_000_000, 16), 0xA1B23C4D: (1_000_000_000, 16), 0xA1B2CD34: (1_000_000, 24)}


def pcap_header(
    order: str = "<", magic: int = 0xA1B2C3D4, snaplen: int = 65535, link: int = 1, minor: int = 4
) -> bytes:
    return struct.pack(f"{order}IHHIIII", magic, 2, minor, 0, 0, snaplen, link)


def pcap_record(
    payload: bytes,
    seconds: int = 1,
    fraction: int = 2,
    order: str = "<",
    original: int | None = None,
    more: bytes = b"",
) -> bytes:
    original = len(payload) if original is None else original
    return struct.pack(f"{order}IIII", seconds, fraction, len(payload), original) + more + payload


def read_pcap(content: bytes) -> Told:
    """A pcap file, or several one after the other."""
    packets: list[Seen] = []
    place = 0
    while place < len(content):
        begun = _pcap_begin(content[place:])
        if begun is None:
            return Told(packets, True)
        order, ticks, head, snaplen, link = begun
        place += 24
        while place < len(content):
            if len(content) - place < head:
                return Told(packets, True)
            seconds, fraction, captured, original = struct.unpack_from(f"{order}IIII", content, place)
            version = {"<": b"\2\0\4\0", ">": b"\0\2\0\4", None: None}[_pcap_order(content[place:])]
            if not captured and not original and content[place + 4 : place + 8] == version:
                break
            payload = content[place + head : place + head + captured]
            if captured > 262_144 or len(payload) < captured:
                return Told(packets, True)
            instant = seconds * 10**9 + fraction * (10**9 // ticks)
            packets.append(Seen(payload, max(original, captured), instant, (link, snaplen, ticks, b"")))
            place += head + captured
    return Told(packets, False)


def _pcap_order(content: bytes) -> str | None:
    for order in "<>":
        if len(content) >= 4 and struct.unpack_from(f"{order}I", content)[0] in PCAP_MAGICS:
            return order
    return None


def _pcap_begin(content: bytes) -> tuple[str, int, int, int, int] | None:
    order = _pcap_order(content)
    if order is None or len(content) < 24:
        return None
    magic, major, minor, _, _, snaplen, link = struct.unpack_from(f"{order}IHHIIII", content)
    if (major, minor) not in ((2, 3), (2, 4)):
        return None
    ticks, head = PCAP_MAGICS[magic]
    return order, ticks, head, snaplen, link & 0xFFFF


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack(f"{order}II", kind, len(body) + 12) + body + struct.pack(f"{order}I", len(body) + 12)


def options(*each: tuple[int, bytes], order: str = "<", end: bool = True) -> bytes:
    text = b"".join(
        struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in each
    )
    return text + bytes(4) * end


def section(order: str = "<", length: int = -1, more: bytes = b"") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, length) + more, order)


def interface(order: str = "<", link: int = 1, snaplen: int = 0, more: bytes = b"") -> bytes:
    return block(1, struct.pack(f"{order}HHI", link, 0, snaplen) + more, order)


def enhanced(
    payload: bytes, ticks: int = 5, number: int = 0, order: str = "<", original: int | None = None, more: bytes = b""
) -> bytes:
    original = len(payload) if original is None else original
    head = struct.pack(f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(payload), original)
    return block(6, head + payload + bytes(-len(payload) % 4) + more, order)


def obsolete(payload: bytes, ticks: int = 5, number: int = 0, order: str = "<", original: int | None = None) -> bytes:
    original = len(payload) if original is None else original
    head = struct.pack(f"{order}HHIIII", number, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(payload), original)
    return block(2, head + payload, order)


def simple(payload: bytes, order: str = "<", original: int | None = None) -> bytes:
    return block(3, struct.pack(f"{order}I", len(payload) if original is None else original) + payload, order)


class _Interface(NamedTuple):
    link: tuple[int, int, int, bytes]
    snaplen: int
    offset_s: int


class _Broken(Exception):
    pass


def read_pcapng(content: bytes) -> Told:
    packets: list[Seen] = []
    try:
        _read_blocks(content, packets)
    except (_Broken, struct.error):
        return Told(packets, True)
    return Told(packets, False)


def _need(true: bool) -> None:
    if not true:
        raise _Broken


def _read_blocks(content: bytes, packets: list[Seen]) -> None:
    order, interfaces, place = "<", list[_Interface](), 0
    while place < len(content):
        _need(place + 12 <= len(content))
        begins = content[place : place + 4] == b"\x0a\x0d\x0d\x0a"
        _need(begins or place > 0)
        if begins:
            order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(content[place + 8 : place + 12], "")
            _need(bool(order))
        kind, total = struct.unpack_from(f"{order}II", content, place)
        _need(12 <= total <= 1 << 24 and total % 4 == 0 and place + total <= len(content))
        whole = content[place : place + total]
        _need(whole[4:8] == whole[-4:])
        body = whole[8:-4]
        if begins:
            _need(total >= 28 and struct.unpack_from(f"{order}H", body, 4)[0] == 1)
            interfaces = []
        elif kind == 1:
            interfaces.append(_read_interface(body, order))
        elif kind in (2, 3, 6):
            packets.append(_read_packet(kind, body, order, interfaces))
        place += total


def _read_interface(body: bytes, order: str) -> _Interface:
    link, _, snaplen = struct.unpack_from(f"{order}HHI", body)
    found: dict[int, bytes] = {}
    place = 8
    while place + 4 <= len(body):
        code, length = struct.unpack_from(f"{order}HH", body, place)
        if code == 0:
            break
        _need(place + 4 + length <= len(body))
        found.setdefault(code, body[place + 4 : place + 4 + length])
        place += 4 + length + -length % 4
    said = found.get(9, b"\6")[:1] or b"\6"
    power = said[0] & 127
    _need(power <= (63 if said[0] & 128 else 19))
    ticks = 2**power if said[0] & 128 else 10**power
    offset = found.get(14, b"")
    name = found.get(2, b"").split(b"\0")[0][:48].decode("utf-8", "ignore").encode()
    offset_s = struct.unpack(f"{order}q", offset)[0] if len(offset) == 8 else 0
    return _Interface((link, snaplen, ticks, name), snaplen, offset_s)


def _read_packet(kind: int, body: bytes, order: str, interfaces: list[_Interface]) -> Seen:
    if kind == 3:
        original = struct.unpack_from(f"{order}I", body)[0]
        _need(bool(interfaces))
        here = interfaces[0]
        captured = min(original, len(body) - 4, here.snaplen or original)
        return Seen(body[4 : 4 + captured], original, -1, here.link)
    number, high, low, captured, original = struct.unpack_from(
        f"{order}IIIII" if kind == 6 else f"{order}HxxIIII", body
    )
    _need(number < len(interfaces) and captured <= len(body) - 20)
    here = interfaces[number]
    instant = Fraction((high << 32 | low) * 10**9, here.link[2]) + here.offset_s * 10**9
    _need(0 <= instant < 9_223_372_036 * 10**9)
    return Seen(body[20 : 20 + captured], max(original, captured), instant.__floor__(), here.link)
