"""The records of a pcap file, scanned by a kernel: draft-ietf-opsawg-pcap, section 5, "Packet Record".

    0     4   seconds     since 1970 UTC, unsigned
    4     4   fraction    microseconds or nanoseconds
    8     4   captured    bytes that follow this header
    12    4   original    bytes that the packet had on the wire

All in the byte order of the file. In Kuznetzov's variant eight more bytes follow: the number of the interface, the
protocol, and whether the packet came or went (libpcap, sf-pcap.c, `struct pcap_sf_patched_pkthdr`).
"""

from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel

RECORD_BYTES: Final = 16
MOST_PACKET_BYTES: Final = 262_144
"""The longest packet that tcpdump and Wireshark take (libpcap, pcap-int.h, MAXIMUM_SNAPLEN)."""


class Stop(IntEnum):
    """Why a scan came to an end."""

    NEEDS_MORE = 0
    """The next record is not all there."""
    FULL = 1
    """There is no room for further rows."""
    TOO_LONG = 2
    """The next record says that it is longer than any packet."""
    FILE_HEADER = 3
    """Another pcap file begins, as in a file made by cat(1)."""


# Kernels know plain numbers.
_NEEDS_MORE, _FULL, _TOO_LONG, _FILE_HEADER = (int(stop) for stop in Stop)
_MICROSECONDS, _NANOSECONDS, _KUZNETZOV = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34


@kernel
def swap_halves(word: np.uint64) -> np.uint64:
    """The bytes of each half of eight bytes turned round: two numbers of the other byte order."""
    word = (word & np.uint64(0x00FF00FF00FF00FF)) << np.uint64(8) | word >> np.uint64(8) & np.uint64(0x00FF00FF00FF00FF)
    return (word & np.uint64(0x0000FFFF0000FFFF)) << np.uint64(16) | word >> np.uint64(16) & np.uint64(
        0x0000FFFF0000FFFF
    )


@kernel
def begins_a_file(word: np.uint64) -> bool:
    """Whether eight bytes, as a little-endian number, are how a pcap file of version 2.4 begins, in any byte order."""
    magic, version = int64(word & np.uint64(0xFFFFFFFF)), int64(word >> np.uint64(32))
    if magic in (_MICROSECONDS, _NANOSECONDS, _KUZNETZOV):
        return version == 0x00040002
    return magic in (0xD4C3B2A1, 0x4D3CB2A1, 0x34CDB2A1) and version == 0x04000200


@kernel
def scan_records(
    words: NDArray[np.uint64],
    place: int,
    stop: int,
    rows: NDArray[Any],
    header_bytes: int,
    swapped: int,
    fraction_ns: int,
    link: int,
) -> tuple[int, int, int]:
    """Make PACKET rows of the records from `place` up to `stop`; returns how many, where the next begins, and a Stop.

    `words` is a view by `words_of` of the bytes, which reach to `stop` at least. `header_bytes`: of a record;
    `swapped`: 1 if the file has the other byte order; `fraction_ns`: the unit of the fraction; `link`: a row of LINK.
    Where `captured` is more than `original`, both are what was captured.
    """
    count = 0
    while True:
        if place + header_bytes > stop:
            return count, place, _NEEDS_MORE
        times, lengths = words[place], words[place + 8]
        if swapped:
            times, lengths = swap_halves(times), swap_halves(lengths)
        captured = int64(lengths & np.uint64(0xFFFFFFFF))
        original = int64(lengths >> np.uint64(32))
        seconds, fraction = int64(times & np.uint64(0xFFFFFFFF)), int64(times >> np.uint64(32))
        if lengths == np.uint64(0) and begins_a_file(words[place]):
            return count, place, _FILE_HEADER
        if captured > MOST_PACKET_BYTES:
            return count, place, _TOO_LONG
        begin = place + header_bytes
        if begin + captured > stop:
            return count, place, _NEEDS_MORE
        if count == len(rows):
            return count, place, _FULL
        row = rows[count]
        row.place = begin
        row.captured = captured
        row.original = max(original, captured)
        row.instant_ns = seconds * 1_000_000_000 + fraction * fraction_ns
        row.link = link
        count += 1
        place = begin + captured
