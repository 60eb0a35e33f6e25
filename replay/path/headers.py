"""How the headers of frames are written: one for each train, made from the prototype of its lane.

The fields that differ from train to train are written for a whole batch at once: lengths, source, and the sums that
depend on them. The UDP checksum is only the sum of the pseudo-header, as the kernel wants it when the device computes
the rest (include/linux/skbuff.h, CHECKSUM_PARTIAL).

To add 16-bit words in ones' complement (RFC 1071) means to compute modulo 65535. 65536 equals 1 there, so a longer
number may be added as a whole instead of word by word.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from replay.linux.sockets.packet_send import (
    VIRTIO_NET_HDR_F_NEEDS_CSUM,
    VIRTIO_NET_HDR_GSO_NONE,
    VIRTIO_NET_HDR_GSO_UDP_L4,
    VNET_HEADER,
)
from replay.path.sources import Sources

UDP_BYTES: Final = 8
GSO_NONE: Final = VIRTIO_NET_HDR_GSO_NONE
GSO_UDP_L4: Final = VIRTIO_NET_HDR_GSO_UDP_L4
CARRY: Final = 0xFFFF
"""The modulus of sums in ones' complement."""


class _IpHeader(NamedTuple):
    """Where the fields of an IP header lie, in bytes."""

    size: int
    length: int
    empty_length: int
    """The value of the length field for a datagram without payload."""
    checks: tuple[int, ...]
    """The place of the header's checksum; empty if the header has none."""
    addresses: int
    """The place of the source and destination addresses, which go on to the end of the header."""
    source: int
    """The place of the last 32 bits of the source address."""

    def sums(self, header: bytes) -> list[int]:
        """The sums of the pseudo-header and of the header, for no payload and with a source whose last 32 bits are 0.

        The header's sum is negative, since its complement is sent.
        """
        words = np.frombuffer(header, ">u2").astype(np.int64)
        words[self.source // 2 : self.source // 2 + 2] = 0
        sums = [int(words[self.addresses // 2 :].sum()) + socket.IPPROTO_UDP + UDP_BYTES]
        for check in self.checks:
            words[[self.length // 2, check // 2]] = self.empty_length, 0
            sums.append(-int(words.sum()))
        return sums


_IP_HEADERS: Final = {
    socket.AF_INET: _IpHeader(20, 2, 20 + UDP_BYTES, (10,), 12, 12),  # RFC 791, section 3.1
    socket.AF_INET6: _IpHeader(40, 4, UDP_BYTES, (), 8, 20),  # RFC 8200, section 3
}


@dataclass(frozen=True)
class Wire:
    """All that is needed to send frames."""

    interface: str
    next_mac: bytes
    vlans: tuple[int, ...]
    sources: Sources
    mtu: int
    """The longest IP packet in bytes."""
    prototypes: tuple[bytes, ...]
    """The headers of an empty datagram, for each lane."""


class Headers(NamedTuple):
    """What is needed to write the headers of trains, each with a virtio header in front, for kernels."""

    table: NDArray[np.uint8]
    """The headers, shape (rows, bytes of a header)."""
    lanes: NDArray[np.uint8]
    """The header of an empty datagram for each lane, shape (lanes, bytes of a header)."""
    sums: NDArray[np.int64]
    """The sums of each lane's headers as `_IpHeader.sums` gives them, shape (lanes, 2); IPv6 has only the first."""
    places: NDArray[np.int64]
    """Where the fields lie in a header, by the numbers below, shape (5,)."""


NO_HEADERS: Final = Headers(
    np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8), np.zeros((1, 2), np.int64), np.zeros(5, np.int64)
)
"""What stands for headers where there are none."""

SOURCE: Final = 0
"""The place of the last 32 bits of the source address."""
UDP: Final = 1
"""The place of the UDP header."""
IP_LENGTH: Final = 2
"""The place of the length in the IP header."""
EMPTY_LENGTH: Final = 3
"""That length for a datagram without payload."""
IP_CHECK: Final = 4
"""The place of the checksum of the IP header; 0: it has none."""


def headers_of(family: int, prototypes: Sequence[bytes], rows: int) -> Headers:
    """Room for the headers of `rows` trains. `prototypes` has one header for each lane, all of the same length."""
    layout = _IP_HEADERS[socket.AddressFamily(family)]
    frame_bytes = len(prototypes[0])
    udp = frame_bytes - UDP_BYTES
    ip = udp - layout.size
    front = VNET_HEADER.itemsize
    made = bytearray(b"".join(bytes(front) + prototype for prototype in prototypes))
    lanes = np.frombuffer(made, np.uint8).reshape(-1, front + frame_bytes)
    vnet = lanes[:, :front].view(VNET_HEADER)[:, 0]
    vnet["flags"] = VIRTIO_NET_HDR_F_NEEDS_CSUM
    vnet["hdr_len"], vnet["csum_start"], vnet["csum_offset"] = frame_bytes, udp, 6
    sums = np.zeros((len(prototypes), 2), np.int64)
    for row, prototype in zip(sums, prototypes, strict=True):
        found = layout.sums(prototype[ip:udp])
        row[: len(found)] = found
    check = front + ip + layout.checks[0] if layout.checks else 0
    places = (front + ip + layout.source, front + udp, front + ip + layout.length, layout.empty_length, check)
    return Headers(np.zeros((rows, front + frame_bytes), np.uint8), lanes, sums, np.array(places, np.int64))


@kernel
def write_header(
    headers: Headers, row: int, lane: int, size: int, length: int, source: int, source_port: int, cut: bool
) -> None:
    """Write header `row`, of `size` bytes for `lane`, to be `cut` into events of `length` bytes.

    `source` is the last 32 bits of the source address. The kernel does not cut a train of one event, even if the header
    says so (include/linux/virtio_net.h, virtio_net_hdr_to_skb).
    """
    header, places = headers.table[row], headers.places
    for byte in range(len(header)):
        header[byte] = headers.lanes[lane, byte]
    header[1] = GSO_UDP_L4 if cut else GSO_NONE
    header[4], header[5] = length & 0xFF, length >> 8
    write_big_endian(header, places[SOURCE], source, 4)
    udp = places[UDP]
    write_big_endian(header, udp, source_port, 2)
    write_big_endian(header, udp + 4, size + UDP_BYTES, 2)
    write_big_endian(header, udp + 6, (headers.sums[lane, 0] + source + size) % CARRY, 2)
    write_big_endian(header, places[IP_LENGTH], size + places[EMPTY_LENGTH], 2)
    if places[IP_CHECK]:
        write_big_endian(header, places[IP_CHECK], (headers.sums[lane, 1] - source - size) % CARRY, 2)


@kernel
def write_big_endian(header: NDArray[np.uint8], place: int, number: int, size: int) -> None:
    """Write the low `size` bytes of a number in the order of the network."""
    for back in range(size):
        header[place + size - 1 - back] = number & 0xFF
        number >>= 8
