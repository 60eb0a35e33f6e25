"""The headers of a frame, made of a FLOW row: Ethernet, VLAN tags, IPv4 or IPv6, UDP, with right lengths and checksums.

RFC 768 (UDP), RFC 791 (IPv4), RFC 8200 (IPv6), RFC 1071 (the checksum), IEEE 802.1Q (VLAN tags).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.compiled.memory import copy_bytes
from captures.compiled.words import WORD_BYTES
from captures.format.sections import FLOW

IPV4_BYTES: Final = 20
IPV6_BYTES: Final = 40
UDP_BYTES: Final = 8
FLOW_RECORD: Final = np.dtype(
    (
        np.record,
        [
            (name, "u1", (dtype.itemsize,)) if dtype.kind == "V" and dtype.subdtype is None else (name, dtype)
            for name, dtype in ((name, FLOW[name]) for name in FLOW.names or ())
        ],
    )
)
"""FLOW rows as kernels know them, whose addresses are arrays of bytes."""
_UDP: Final = 17
_IPV6: Final = 6
MOST_HEADER_BYTES: Final = 14 + 2 * 4 + IPV6_BYTES + UDP_BYTES
"""The longest headers."""


@kernel
def put_16(out: NDArray[np.uint8], at: int, number: int) -> None:
    """Write 16 bits in network order."""
    out[at] = number >> 8 & 0xFF
    out[at + 1] = number & 0xFF


@kernel
def sum_16(words: NDArray[np.uint64], data: NDArray[np.uint8], start: int, end: int) -> int:
    """The sum of bytes as numbers of 16 bits in network order, from `start` to `end`; an odd last one has 0 behind.

    It is folded to 16 bits. Halves of eight bytes are summed up at once, and in the order of this machine: the sum is
    the same but for its own bytes, which change places in the end (RFC 1071, section 2).
    """
    low = high = np.uint64(0)
    whole = end - (end - start) % WORD_BYTES
    for at in range(start, whole, WORD_BYTES):
        low += words[at] & np.uint64(0xFFFFFFFF)
        high += words[at] >> np.uint64(32)
    total = int64(low) + int64(high)
    for at in range(whole, end):
        total += int64(data[at]) << 8 * (at - start & 1)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFF) << 8 | total >> 8


@kernel
def folded(total: int) -> int:
    """The checksum of a sum of 16-bit numbers: its ones' complement sum, complemented (RFC 1071)."""
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


@kernel
def write_frame(
    out: NDArray[np.uint8],
    words: NDArray[np.uint64],
    at: int,
    flow: Any,
    payload: NDArray[np.uint8],
    place: int,
    length: int,
) -> int:
    """Write a frame with `length` bytes of `payload` from `place` on, as the FLOW row says; returns where it ends.

    `words` is the view of `out` by `words_of`. An event that came over TCP is written as a datagram, too.
    """
    for i in range(6):
        out[at + i] = flow.target_mac[i]
        out[at + 6 + i] = flow.source_mac[i]
    at += 12
    for i in range(min(int64(flow.vlan_count), 2)):
        put_16(out, at, 0x88A8 if int64(flow.service_vlans) >> i & 1 else 0x8100)
        put_16(out, at + 2, int64(flow.vlans[i]))
        at += 4
    udp_bytes = UDP_BYTES + length
    if flow.family == _IPV6:
        put_16(out, at, 0x86DD)
        at += 2
        address = write_ipv6(out, at, flow, udp_bytes)
        total = sum_16(words, out, address, address + 32)
        at += IPV6_BYTES
    else:
        put_16(out, at, 0x0800)
        at += 2
        address = write_ipv4(out, words, at, flow, udp_bytes)
        total = sum_16(words, out, address, address + 8)
        at += IPV4_BYTES
    put_16(out, at, int64(flow.source_port))
    put_16(out, at + 2, int64(flow.target_port))
    put_16(out, at + 4, udp_bytes)
    put_16(out, at + 6, 0)
    copy_bytes(out, at + UDP_BYTES, payload, place, length)
    end = at + udp_bytes
    checksum = folded(total + _UDP + udp_bytes + sum_16(words, out, at, end))
    put_16(out, at + 6, checksum or 0xFFFF)
    return end


@kernel
def write_ipv4(out: NDArray[np.uint8], words: NDArray[np.uint64], at: int, flow: Any, udp_bytes: int) -> int:
    """Write the header of IPv4 (RFC 791, section 3.1), which may be fragmented; returns where its addresses are."""
    out[at] = 0x45
    out[at + 1] = flow.tos
    put_16(out, at + 2, IPV4_BYTES + udp_bytes)
    put_16(out, at + 4, 0)
    put_16(out, at + 6, 0)
    out[at + 8] = flow.ttl
    out[at + 9] = _UDP
    put_16(out, at + 10, 0)
    for i in range(4):
        out[at + 12 + i] = flow.source[i]
        out[at + 16 + i] = flow.target[i]
    put_16(out, at + 10, folded(sum_16(words, out, at, at + IPV4_BYTES)))
    return at + 12


@kernel
def write_ipv6(out: NDArray[np.uint8], at: int, flow: Any, udp_bytes: int) -> int:
    """Write the header of IPv6 (RFC 8200, section 3); returns where its addresses are."""
    label = int64(flow.label) & 0xFFFFF
    out[at] = 0x60 | int64(flow.tos) >> 4
    out[at + 1] = (int64(flow.tos) & 0xF) << 4 | label >> 16
    put_16(out, at + 2, label & 0xFFFF)
    put_16(out, at + 4, udp_bytes)
    out[at + 6] = _UDP
    out[at + 7] = flow.ttl
    for i in range(16):
        out[at + 8 + i] = flow.source[i]
        out[at + 24 + i] = flow.target[i]
    return at + 8
