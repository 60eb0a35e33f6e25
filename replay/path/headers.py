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
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.linux.sockets.packet_send import (
    VIRTIO_NET_HDR_F_NEEDS_CSUM,
    VIRTIO_NET_HDR_GSO_NONE,
    VIRTIO_NET_HDR_GSO_UDP_L4,
    VNET_HEADER,
)
from replay.path.sources import Sources

_UDP_BYTES: Final = 8
_CARRY: Final = 0xFFFF
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
        sums = [int(words[self.addresses // 2 :].sum()) + socket.IPPROTO_UDP + _UDP_BYTES]
        for check in self.checks:
            words[[self.length // 2, check // 2]] = self.empty_length, 0
            sums.append(-int(words.sum()))
        return sums


_IP_HEADERS: Final = {
    socket.AF_INET: _IpHeader(20, 2, 20 + _UDP_BYTES, (10,), 12, 12),  # RFC 791, section 3.1
    socket.AF_INET6: _IpHeader(40, 4, _UDP_BYTES, (), 8, 20),  # RFC 8200, section 3
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


class Headers:
    """The headers of the trains of a batch; each has a virtio header in front."""

    def __init__(self, family: int, prototypes: Sequence[bytes], rows: int) -> None:
        """Make room for `rows` trains. `prototypes` has one header for each lane, all of the same length."""
        layout = _IP_HEADERS[socket.AddressFamily(family)]
        frame_bytes = len(prototypes[0])
        udp = frame_bytes - _UDP_BYTES
        ip = udp - layout.size
        self.row_bytes = VNET_HEADER.itemsize + frame_bytes
        self.table = np.zeros((rows, self.row_bytes), np.uint8)
        """The headers, shape (rows, row_bytes)."""
        lanes = bytearray(b"".join(bytes(VNET_HEADER.itemsize) + made for made in prototypes))
        self._lanes = np.frombuffer(lanes, np.uint8).reshape(-1, self.row_bytes)
        vnet = _vnet(self._lanes)
        vnet["flags"] = VIRTIO_NET_HDR_F_NEEDS_CSUM
        vnet["hdr_len"], vnet["csum_start"], vnet["csum_offset"] = frame_bytes, udp, 6

        # Views of the fields that differ from train to train, made once: to make one costs as much as to fill it.
        vnet = _vnet(self.table)
        self._kind, self._cut = vnet["gso_type"], vnet["gso_size"]
        self._source = self._fields(">u4", ip + layout.source)[:, 0]
        self._source_port = self._fields(">u2", udp)[:, 0]
        self._lengths = self._fields(">u2", udp + 4, ip + layout.length)
        self._empty_lengths = np.array([_UDP_BYTES, layout.empty_length])
        self._checks = self._fields(">u2", udp + 6, *(ip + check for check in layout.checks))
        self._signs = np.array([1, -1])[: 1 + len(layout.checks)]
        self._sums = np.array([layout.sums(made[ip:udp]) for made in prototypes])

    def _fields(self, kind: str, *places: int) -> NDArray[Any]:
        """A view of the fields at one or two places of each frame, shape (rows, places)."""
        at, step = VNET_HEADER.itemsize + places[0], places[-1] - places[0]
        return np.ndarray((len(self.table), len(places)), kind, self.table, at, (self.row_bytes, step))

    def write(
        self,
        lane: NDArray[np.int64],
        size: NDArray[np.int64],
        length: NDArray[np.int64],
        source: NDArray[np.int64],
        source_port: NDArray[np.int64],
        *,
        cut: bool,
    ) -> None:
        """Write the headers of n trains of `size` bytes, to be `cut` into events of `length`; arrays of shape (n,).

        `source` is the last 32 bits of each train's source address. The kernel does not cut a train of one event, even
        if the header says so (include/linux/virtio_net.h, virtio_net_hdr_to_skb).
        """
        n = len(lane)
        np.take(self._lanes, lane, 0, self.table[:n], "clip")  # clip: any other mode takes a copy first
        self._kind[:n] = VIRTIO_NET_HDR_GSO_UDP_L4 if cut else VIRTIO_NET_HDR_GSO_NONE
        self._cut[:n] = length
        self._source[:n], self._source_port[:n] = source, source_port
        self._lengths[:n] = size[:, None] + self._empty_lengths
        self._checks[:n] = (self._sums[lane] + (source + size)[:, None] * self._signs) % _CARRY


def _vnet(rows: NDArray[np.uint8]) -> NDArray[Any]:
    """The virtio headers at the start of rows of bytes, shape (rows,)."""
    return rows[:, : VNET_HEADER.itemsize].view(VNET_HEADER)[:, 0]
