"""The headers of IP, UDP and TCP, as the kernel reads them: those without options, extensions and fragments.

Lengths come in twos: how many bytes are `there`, and the `length` that the headers say; a snaplen makes the first the
smaller one, and padding and trailers are in neither. Sources: RFC 791, RFC 8200, RFC 768, RFC 9293.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.packets.headers.key import LOW_32, big_16, big_32
from captures.packets.headers.link_headers import IPV4, IPV6
from captures.packets.headers.reasons import BROKEN, CUT, ICMP, MESSAGE, OTHER_PROTOCOL, SEGMENT, SLOW

TCP: Final = 6
UDP: Final = 17
ICMP_4: Final = 1
ICMP_6: Final = 58

HOP_BY_HOP: Final = 0
ROUTING: Final = 43
FRAGMENT_HEADER: Final = 44
AUTHENTICATION: Final = 51
DESTINATION: Final = 60
MOBILITY: Final = 135
HIP: Final = 139
SHIM6: Final = 140

IPV4_BYTES: Final = 20
IPV6_BYTES: Final = 40
UDP_BYTES: Final = 8
TCP_BYTES: Final = 20
MORE_OR_OFFSET: Final = 0x3FFF
"""The bits of IPv4's flags and offset that only fragments have."""


@kernel
def read_ipv4(
    data: NDArray[np.uint8], words: NDArray[np.int64], place: int, there: int, length: int, key: NDArray[np.int64]
) -> tuple[int, int, int, int]:
    """UDP, TCP or the reason why neither follows; where it begins, how many bytes of it are there, and its length.

    `length` is how many bytes were on the wire from `place` on; it counts only for a super-packet, which is too long
    for the length in its header or was captured before it got one, and has the length 0 there.
    """
    if there < IPV4_BYTES:
        return CUT, place, 0, 0
    first = int64(data[place])
    if first != 0x45:
        return (SLOW if first >> 4 == IPV4 and first & 15 > 5 else BROKEN), place, 0, 0
    total = big_16(data, place + 2)
    if total == 0:
        total = length
    if total < IPV4_BYTES:
        return BROKEN, place, 0, 0
    protocol = int64(data[place + 9])
    key[0] |= IPV4 | protocol << 8 | int64(data[place + 1]) << 16 | int64(data[place + 8]) << 24
    addresses = words[place + 12]
    key[4] = addresses & LOW_32
    key[6] = addresses >> 32 & LOW_32
    if big_16(data, place + 6) & MORE_OR_OFFSET:
        return SLOW, place, 0, 0
    return transport(protocol), place + IPV4_BYTES, min(total, there) - IPV4_BYTES, total - IPV4_BYTES


@kernel
def read_ipv6(
    data: NDArray[np.uint8], words: NDArray[np.int64], place: int, there: int, length: int, key: NDArray[np.int64]
) -> tuple[int, int, int, int]:
    """As `read_ipv4`; here the length of a super-packet is 0, too, or stands in an extension (RFC 2675)."""
    if there < IPV6_BYTES:
        return CUT, place, 0, 0
    first = big_32(data, place)
    if first >> 28 != IPV6:
        return BROKEN, place, 0, 0
    total = big_16(data, place + 4)
    if total == 0:
        total = length - IPV6_BYTES
    protocol = int64(data[place + 6])
    key[0] |= IPV6 | protocol << 8 | (first >> 20 & 0xFF) << 16 | int64(data[place + 7]) << 24
    key[2] |= first & 0xFFFFF
    for word in range(4):
        key[4 + word] = words[place + 8 + 8 * word]
    return transport(protocol), place + IPV6_BYTES, min(total, there - IPV6_BYTES), total


@kernel
def transport(protocol: int) -> int:
    """UDP, TCP, or the reason why a protocol of IP is neither; SLOW for an extension header of IPv6."""
    if protocol in (UDP, TCP):
        return protocol
    if protocol in (ICMP_4, ICMP_6):
        return ICMP
    if protocol in (HOP_BY_HOP, ROUTING, FRAGMENT_HEADER, AUTHENTICATION, DESTINATION, MOBILITY, HIP, SHIM6):
        return SLOW
    return OTHER_PROTOCOL


@kernel
def read_udp(
    data: NDArray[np.uint8], place: int, there: int, length: int, key: NDArray[np.int64]
) -> tuple[int, int, int, int]:
    """MESSAGE or the reason why there is none; where its payload begins, how much of it is there, and its length."""
    if length < UDP_BYTES:
        return BROKEN, place, 0, 0
    if there < UDP_BYTES:
        return CUT, place, 0, 0
    total = big_16(data, place + 4)
    if total == 0:  # of a super-packet
        total = length
    if total < UDP_BYTES or total > length:
        return BROKEN, place, 0, 0
    key[0] |= big_16(data, place) << 32 | big_16(data, place + 2) << 48
    return MESSAGE, place + UDP_BYTES, min(total, there) - UDP_BYTES, total - UDP_BYTES


@kernel
def read_tcp(
    data: NDArray[np.uint8], place: int, there: int, length: int, key: NDArray[np.int64]
) -> tuple[int, int, int, int]:
    """SEGMENT or the reason why there is none; where its payload begins, how much of it is there, and its length."""
    if length < TCP_BYTES:
        return BROKEN, place, 0, 0
    if there < TCP_BYTES:
        return CUT, place, 0, 0
    header = int64(data[place + 12]) >> 4 << 2
    if header < TCP_BYTES or header > length:
        return BROKEN, place, 0, 0
    key[0] |= big_16(data, place) << 32 | big_16(data, place + 2) << 48
    if there < header:
        return CUT, place, 0, 0
    return SEGMENT, place + header, there - header, length - header
