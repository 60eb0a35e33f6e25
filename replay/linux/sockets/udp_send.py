"""Sending side of UDP sockets: segmentation offload, path MTU, buffers, and the error queue; udp(7), ip(7).

UDP_SEGMENT is the kernel's UDP GSO (include/uapi/linux/udp.h, net/ipv4/udp.c: udp_send_skb): one send of up
to UDP_MAX_SEGMENTS datagrams of equal size, of which only the last may be shorter.
"""

import errno
import socket
import struct
from collections.abc import Iterator
from typing import Final

import numpy as np

SOL_UDP: Final = 17
UDP_SEGMENT: Final = 103

IP_MTU_DISCOVER: Final = 10
IP_PMTUDISC_DO: Final = 2
IP_RECVERR: Final = 11
IP_MTU: Final = 14
IPV6_MTU_DISCOVER: Final = 23
IPV6_MTU: Final = 24
IPV6_RECVERR: Final = 25

SO_SNDBUFFORCE: Final = 32
MSG_ERRQUEUE: Final = 0x2000

SEGMENT_CONTROL: Final = np.dtype(
    (
        np.record,
        {
            "names": ["len", "level", "type", "segment_bytes"],
            "formats": ["<u8", "<i4", "<i4", "<u2"],
            "offsets": [0, 8, 12, 16],
            "itemsize": 24,
        },
    )
)
"""struct cmsghdr with a UDP_SEGMENT value (cmsg(3)): CMSG_LEN(2) is 18, CMSG_SPACE(2) is 24."""
SEGMENT_CONTROL_LEN: Final = 18

_EXTENDED_ERROR: Final = struct.Struct("<IBBBBII")
"""struct sock_extended_err of include/uapi/linux/errqueue.h: first the errno, then a byte that says whose it is."""
SO_EE_ORIGIN_LOCAL: Final = 1


def is_ipv6(family: int) -> bool:
    """Whether an address family is AF_INET6."""
    return family == socket.AF_INET6


def open_socket(family: int, buffer_bytes: int) -> socket.socket:
    """A non-blocking UDP socket that never fragments, queues ICMP errors, and asks for a large send buffer.

    Raises OSError.
    """
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    if is_ipv6(family):
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, buffer_bytes)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
    return sock


def route_mtu(family: int, address: tuple[object, ...]) -> int:
    """The MTU in bytes of the route to `address`; sends nothing. Raises OSError where there is no route."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        if is_ipv6(family):
            return sock.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)
        return sock.getsockopt(socket.IPPROTO_IP, IP_MTU)


def max_segments() -> int:
    """The most datagrams the kernel takes in one send: 128, 64, or 1 where it knows no UDP_SEGMENT.

    Found by trying, on a loopback socket of our own. Where loopback is down, 64, which every kernel with
    UDP_SEGMENT takes.
    """
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        try:
            receiver.bind(("127.0.0.1", 0))
        except OSError:  # EADDRNOTAVAIL: it has no address while it is down
            return 64
        control = [(SOL_UDP, UDP_SEGMENT, struct.pack("<H", 1))]
        for segments in (128, 64):
            try:
                sender.sendmsg([bytes(segments)], control, 0, receiver.getsockname())
            except OSError as error:
                if error.errno in (errno.ENETUNREACH, errno.EPERM):
                    return 64
            else:
                return segments
    return 1


def drain_errors(sock: socket.socket) -> Iterator[tuple[int, int]]:
    """Take the queued errors that came back from the network: (errno, destination port) of each datagram that met one.

    What this host itself refused (EMSGSIZE, of all that it queues) is left out: whoever sent it was told at once.
    """
    while True:
        try:
            _, control, _, address = sock.recvmsg(0, 512, MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        for _level, _type, data in control:
            code, origin = _EXTENDED_ERROR.unpack_from(data)[:2]
            if origin != SO_EE_ORIGIN_LOCAL:
                yield code, address[1] if address else 0
