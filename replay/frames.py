"""The headers of frames: one for each train, made from a prototype of its lane.

What differs from train to train is written for a whole batch at once: lengths, source, and the sums that depend on
them. The UDP checksum is the pseudo-header's sum alone, as the kernel wants it of those who leave the rest to the
device (include/linux/skbuff.h, CHECKSUM_PARTIAL).
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.linux.packet_send import VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_UDP_L4, VNET_HEADER
from replay.sources import Sources

_UDP_BYTES: Final = 8
_IP_BYTES: Final = {socket.AF_INET: 20, socket.AF_INET6: 40}


@dataclass(frozen=True)
class Wire:
    """All that frames need to be sent."""

    interface: str
    next_mac: bytes
    vlans: tuple[int, ...]
    sources: Sources
    mtu: int
    """The longest IP packet in bytes."""
    prototypes: tuple[bytes, ...]
    """The headers of an empty datagram of each lane."""


class Headers:
    """A header of each train of a batch, behind its virtio header."""

    def __init__(self, family: int, prototypes: Sequence[bytes], rows: int) -> None:
        """Room for `rows` trains; `prototypes` has one header for each lane, all of one length."""
        frame_bytes = len(prototypes[0])
        udp = frame_bytes - _UDP_BYTES
        ip = udp - _IP_BYTES[socket.AddressFamily(family)]
        head = VNET_HEADER.itemsize
        self._ipv4 = family == socket.AF_INET
        fields = {
            "vnet": (VNET_HEADER, 0),
            "ip_length": (">u2", head + ip + (2 if self._ipv4 else 4)),
            "ip_check": (">u2", head + ip + 10),
            "source": (">u4", head + ip + (12 if self._ipv4 else 20)),
            "source_port": (">u2", head + udp),
            "udp_length": (">u2", head + udp + 4),
            "udp_check": (">u2", head + udp + 6),
        }
        self._ip_rest_bytes = _UDP_BYTES + (20 if self._ipv4 else 0)
        self.row_bytes = head + frame_bytes
        row = np.dtype(
            {
                "names": list(fields),
                "formats": [kind for kind, _ in fields.values()],
                "offsets": [offset for _, offset in fields.values()],
                "itemsize": self.row_bytes,
            }
        )
        lanes = np.frombuffer(bytearray(b"".join(bytes(head) + made for made in prototypes)), row)
        vnet = lanes["vnet"]
        vnet["flags"] = VIRTIO_NET_HDR_F_NEEDS_CSUM
        vnet["hdr_len"], vnet["csum_start"], vnet["csum_offset"] = frame_bytes, udp, 6
        sums = np.frombuffer(b"".join(made[ip:udp] for made in prototypes), ">u2").reshape(len(prototypes), -1)
        # What does not change: of the pseudo header the protocol and addresses, of the header all but length and sum.
        addresses = sums[:, 6 if self._ipv4 else 4 :].sum(axis=1, dtype=np.int64) - _words(lanes["source"])
        self._pseudo_sum = addresses + socket.IPPROTO_UDP
        lanes["ip_length"] = lanes["udp_length"] = 0
        self._header_sum = sums[:, [0, 2, 3, 4]].sum(axis=1, dtype=np.int64) + addresses
        self._lanes = lanes.view(np.uint8).reshape(len(prototypes), self.row_bytes)
        self.table = np.zeros((rows, self.row_bytes), np.uint8)
        """The headers, shape (rows, row_bytes)."""
        made = self.table.reshape(-1).view(row)
        self._vnet_type, self._vnet_size = made["vnet"]["gso_type"], made["vnet"]["gso_size"]
        self._ip_length, self._ip_check = made["ip_length"], made["ip_check"]
        self._source, self._source_port = made["source"], made["source_port"]
        self._udp_length, self._udp_check = made["udp_length"], made["udp_check"]

    def write(
        self,
        lane: NDArray[np.int64],
        size: NDArray[np.int64],
        length: NDArray[np.int64],
        source: NDArray[np.int64],
        source_port: NDArray[np.int64],
    ) -> None:
        """The headers of n trains of `size` bytes, cut into events of `length`; all arrays have the shape (n,).

        `source` is the last 32 bits of the address that each comes from. Those of one event are no trains.
        """
        n = len(lane)
        self.table[:n] = self._lanes[lane]
        train = size > length
        self._vnet_type[:n] = train * VIRTIO_NET_HDR_GSO_UDP_L4
        self._vnet_size[:n] = train * length
        self._source[:n], self._source_port[:n] = source, source_port
        udp_length = size + _UDP_BYTES
        self._udp_length[:n] = udp_length
        words = _words(source)
        self._udp_check[:n] = _folded(self._pseudo_sum[lane] + words + udp_length)
        ip_length = size + self._ip_rest_bytes
        self._ip_length[:n] = ip_length
        if self._ipv4:
            self._ip_check[:n] = ~_folded(self._header_sum[lane] + words + ip_length)


def _words(address: NDArray[np.int64]) -> NDArray[np.int64]:
    """The two halves of 32 bits, added."""
    address = address.astype(np.int64, copy=False)
    return (address >> 16) + (address & 0xFFFF)


def _folded(total: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Sums of 16-bit words in ones' complement (RFC 1071, section 4.1)."""
    total = (total >> 16) + (total & 0xFFFF)
    return ((total >> 16) + (total & 0xFFFF)).astype(np.uint16)
