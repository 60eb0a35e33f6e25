"""The header of the link, as the kernel reads it: which protocol of IP follows, and where it begins.

Link types: https://www.tcpdump.org/linktypes.html. What is not read here is for the slow path: headers of IEEE 802.2
and SNAP, PPPoE, MPLS, a third VLAN tag, other link types.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.packets.headers.key import LOW_16, LOW_32, LOW_48, big_16, big_32
from captures.packets.headers.reasons import ARP, CUT, NOT_IP, SLOW

LINKTYPE_NULL: Final = 0
LINKTYPE_ETHERNET: Final = 1
LINKTYPE_RAW: Final = 101
DLT_RAWS: Final = (12, 14)
"""What some systems write instead of LINKTYPE_RAW."""
LINKTYPE_LOOP: Final = 108
LINKTYPE_LINUX_SLL: Final = 113
LINKTYPE_IPV4: Final = 228
LINKTYPE_IPV6: Final = 229
LINKTYPE_LINUX_SLL2: Final = 276

TYPE_IPV4: Final = 0x0800
TYPE_ARP: Final = 0x0806
TYPE_IPV6: Final = 0x86DD
TYPE_VLAN: Final = 0x8100
TYPE_SERVICE_VLAN: Final = 0x88A8
TYPE_OLD_QINQ: Final = 0x9100
TYPE_MPLS: Final = 0x8847
TYPE_MPLS_UPSTREAM: Final = 0x8848
TYPE_PPPOE: Final = 0x8864
LEAST_TYPE: Final = 0x0600
"""A smaller number is a length: IEEE 802.3."""
MOST_TAGS: Final = 2

AF_INET: Final = 2
# Of Linux, NetBSD, FreeBSD and macOS.
AF_INET6_1: Final = 10
AF_INET6_2: Final = 24
AF_INET6_3: Final = 28
AF_INET6_4: Final = 30

IPV4: Final = 4
IPV6: Final = 6

ETHERNET_BYTES: Final = 14
SLL_BYTES: Final = 16
SLL2_BYTES: Final = 20
MAC_BYTES: Final = 6


@kernel
def _behind_tags(data: NDArray[np.uint8], place: int, end: int, kind: int, key: NDArray[np.int64]) -> tuple[int, int]:
    """What follows VLAN tags from `place` on, if `kind` says that there are some: which IP, or why none, and where."""
    count = 0
    while kind in (TYPE_VLAN, TYPE_SERVICE_VLAN, TYPE_OLD_QINQ) and count < MOST_TAGS and place + 4 <= end:
        key[1] |= big_16(data, place) << 16 * count
        if kind == TYPE_SERVICE_VLAN:
            key[1] |= 1 << 40 + count
        kind = big_16(data, place + 2)
        place += 4
        count += 1
    key[1] |= count << 32
    return _network(kind), place


@kernel
def _network(kind: int) -> int:
    if kind == TYPE_IPV4:
        return IPV4
    if kind == TYPE_IPV6:
        return IPV6
    if kind == TYPE_ARP:
        return ARP
    if kind < LEAST_TYPE or kind in (TYPE_MPLS, TYPE_MPLS_UPSTREAM, TYPE_PPPOE):
        return SLOW
    if kind in (TYPE_VLAN, TYPE_SERVICE_VLAN, TYPE_OLD_QINQ):
        return SLOW
    return NOT_IP


@kernel
def _cooked(
    data: NDArray[np.uint8], words: NDArray[np.int64], place: int, end: int, link_type: int, key: NDArray[np.int64]
) -> tuple[int, int]:
    """Linux cooked capture, version 1 or 2: the only address is that of the source, of up to 8 bytes."""
    second = link_type == LINKTYPE_LINUX_SLL2
    size = SLL2_BYTES if second else SLL_BYTES
    if end - place < size:
        return CUT, place
    address_bytes = int64(data[place + 11]) if second else big_16(data, place + 4)
    if address_bytes == MAC_BYTES:
        source = words[place + (12 if second else 6)] & LOW_48
        key[2] |= (source & LOW_32) << 32
        key[3] |= source >> 32
    return _behind_tags(data, place + size, end, big_16(data, place if second else place + 14), key)


@kernel
def _null(data: NDArray[np.uint8], place: int, end: int) -> tuple[int, int]:
    """BSD's loopback: the family of addresses, in the byte order of whichever machine captured it."""
    if end - place < 4:
        return CUT, place
    family = big_32(data, place)
    if family & LOW_16 == 0:
        family = family >> 24 | family >> 8 & 0xFF00
    if family == AF_INET:
        return IPV4, place + 4
    if family in (AF_INET6_1, AF_INET6_2, AF_INET6_3, AF_INET6_4):
        return IPV6, place + 4
    return NOT_IP, place + 4


@kernel
def _raw(data: NDArray[np.uint8], place: int, end: int) -> tuple[int, int]:
    """Nothing stands before the header of IP, whose first four bits are its version."""
    if end == place:
        return CUT, place
    version = int64(data[place]) >> 4
    return (version if version in (IPV4, IPV6) else NOT_IP), place


@kernel
def _other_link(
    data: NDArray[np.uint8], words: NDArray[np.int64], place: int, end: int, link_type: int, key: NDArray[np.int64]
) -> tuple[int, int]:
    """As `read_link`, for links that are not Ethernet."""
    if link_type in (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2):
        return _cooked(data, words, place, end, link_type, key)
    if link_type in (LINKTYPE_RAW, LINKTYPE_IPV4, LINKTYPE_IPV6, DLT_RAWS[0], DLT_RAWS[1]):
        return _raw(data, place, end)
    if link_type in (LINKTYPE_NULL, LINKTYPE_LOOP):
        return _null(data, place, end)
    return SLOW, place


@kernel
def read_link(
    data: NDArray[np.uint8], words: NDArray[np.int64], place: int, end: int, link_type: int, key: NDArray[np.int64]
) -> tuple[int, int]:
    """IPV4, IPV6 or the reason why neither follows, and where it begins; MACs and VLAN tags are put into `key`.

    `words` is `signed_words_of(data)`; a packet stands in the bytes from `place` up to `end`; `key` is zero before.
    """
    if link_type != LINKTYPE_ETHERNET:
        return _other_link(data, words, place, end, link_type, key)
    if end - place < ETHERNET_BYTES:
        return CUT, place
    target = words[place] & LOW_48
    source = words[place + MAC_BYTES] & LOW_48
    key[2] |= (source & LOW_32) << 32
    key[3] |= source >> 32 | target << 16
    kind = big_16(data, place + 12)
    if kind == TYPE_IPV4:  # nearly always
        return IPV4, place + ETHERNET_BYTES
    return _behind_tags(data, place + ETHERNET_BYTES, end, kind, key)
