"""Files of pcap (draft-ietf-opsawg-pcap): microseconds, nanoseconds, Kuznetzov's variant, in both byte orders.

The header:

    0     4   magic        which of them
    4     4   version      2 and 4; before 2.3 records were other ones
    8     8   zone and accuracy, which nobody sets
    16    4   snaplen      the longest packet; 0: no limit
    20    4   link type    its low 16 bits; the others tell of frame check sequences

Files that cat(1) joined are read one after the other, where their zone is zero as it should be.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from numpy.typing import NDArray

from captures.packets.containers.fault import Fault
from captures.packets.containers.links import Links
from captures.packets.containers.pcap_records import MOST_PACKET_BYTES, RECORD_BYTES, Stop, scan_records
from captures.packets.rows import Batch
from captures.packets.sources.window import Window

HEADER_BYTES: Final = 24
_SECOND: Final = 1_000_000_000


class _Variant(NamedTuple):
    ticks: int
    """In a second."""
    record_bytes: int = RECORD_BYTES


VARIANTS: Final = {
    0xA1B2C3D4: _Variant(1_000_000),
    0xA1B23C4D: _Variant(1_000_000_000),
    0xA1B2CD34: _Variant(1_000_000, RECORD_BYTES + 8),
}
"""By their magic numbers."""
_KNOWN_VERSIONS: Final = ((2, 3), (2, 4))


class Header(NamedTuple):
    """What the header of a file says of its records."""

    swapped: bool
    ticks: int
    record_bytes: int
    snaplen: int
    link_type: int


def is_pcap(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return any(int.from_bytes(head[:4], order) in VARIANTS for order in ("little", "big")) and len(head) >= 4


def read_header(head: bytes) -> Header:
    """The header of a file for which `is_pcap` is true. Raises Fault."""
    if len(head) < HEADER_BYTES:
        raise Fault("the file is cut within its header")
    swapped = int.from_bytes(head[:4], "little") not in VARIANTS
    magic, major, minor, _, _, snaplen, link = struct.unpack(f"{'>' if swapped else '<'}IHHIIII", head)
    if (major, minor) not in _KNOWN_VERSIONS:
        raise Fault(f"this is pcap {major}.{minor}, of which nothing is known here; have editcap(1) write it anew")
    variant = VARIANTS[magic]
    return Header(swapped, variant.ticks, variant.record_bytes, snaplen, link & 0xFFFF)


def pcap_batches(window: Window, links: Links, rows: NDArray[Any]) -> Iterator[Batch]:
    """The packets of a pcap file, with its header at the window's place; `rows`: room for those of a batch.

    Raises Fault, at the window's place, after all good packets were handed on; BrokenInput as the stream does.
    """
    while window.have(HEADER_BYTES) or window.stop > window.place:
        header = read_header(window.bytes(0, HEADER_BYTES))
        link = links.number(header.link_type, header.snaplen, header.ticks)
        window.place += HEADER_BYTES
        yield from _records(window, header, link, rows)


def _records(window: Window, header: Header, link: int, rows: NDArray[Any]) -> Iterator[Batch]:
    """The packets up to the end, or to the header of another file."""
    fraction_ns = _SECOND // header.ticks
    while True:
        count, place, stop = scan_records(
            window.words, window.place, window.stop, rows, header.record_bytes, int(header.swapped), fraction_ns, link
        )
        window.place = place
        if count:
            yield Batch(window.data[: window.stop], rows[:count])
        if stop == Stop.TOO_LONG:
            raise Fault(f"the record of a packet says that it is longer than {MOST_PACKET_BYTES:,} bytes")
        if stop == Stop.FILE_HEADER:
            return
        if stop == Stop.NEEDS_MORE and not window.fill():
            if window.stop > window.place:
                raise Fault("the file is cut within a packet")
            return
