"""Sending frames as they are: AF_PACKET sockets with a virtio header before each frame, packet(7).

With PACKET_VNET_HDR a frame may be a train: the header (include/uapi/linux/virtio_net.h) says where to cut it and where
the checksums go, and the device does so, or the kernel for it (net/packet/af_packet.c, packet_snd).
"""

import socket
from typing import Final

import numpy as np

SOL_PACKET: Final = 263
PACKET_VNET_HDR: Final = 15
SO_SNDBUFFORCE: Final = 32

VIRTIO_NET_HDR_F_NEEDS_CSUM: Final = 1
VIRTIO_NET_HDR_GSO_NONE: Final = 0
VIRTIO_NET_HDR_GSO_UDP_L4: Final = 5
"""The kernel takes this kind of train since Linux 6.2."""

VNET_HEADER: Final = np.dtype(
    [
        ("flags", "u1"),
        ("gso_type", "u1"),
        ("hdr_len", "<u2"),
        ("gso_size", "<u2"),
        ("csum_start", "<u2"),
        ("csum_offset", "<u2"),
    ]
)
"""struct virtio_net_hdr in the byte order of this machine."""


def open_packet_socket(interface: str, buffer_bytes: int) -> socket.socket:
    """A non-blocking socket that sends frames through `interface`, each behind a VNET_HEADER, and receives none.

    Raises OSError: EPERM without CAP_NET_RAW, ENODEV when there is no such device.
    """
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    try:
        sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        sock.bind((interface, 0))  # protocol 0: receive nothing
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, buffer_bytes)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
    except OSError:
        sock.close()
        raise
    return sock
