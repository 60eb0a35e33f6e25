"""Receiving UDP in trains: socket options, what the kernel tells beside each message, slots to read into.

With UDP_GRO the kernel hands over datagrams of one flow and one length as a single message: the segment size
comes as a control message, and only the last datagram may be shorter. SO_TIMESTAMPNS adds the instant of
arrival, taken as the packet enters the stack, so it doesn't depend on when the socket is read. SO_RXQ_OVFL adds how
many packets the socket had dropped when this one was queued, so a drop is known to lie between two messages. Sources:
udp(7), socket(7), cmsg(3), net/ipv4/udp.c (udp_recvmsg), net/socket.c (__sock_recv_cmsgs),
include/uapi/linux/sock_diag.h.
"""

import errno
import socket
import struct
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.linux.sockets.mmsg import IOVEC, MMSGHDR, address_of, recvmmsg

_UDP_GRO: Final = 104
_SO_RCVBUFFORCE: Final = 33
_SO_TIMESTAMPNS: Final = 35
_SO_RXQ_OVFL: Final = 40
_SO_MEMINFO: Final = 55

_MEMINFO: Final = struct.Struct("=9I")
_MEMINFO_HELD, _MEMINFO_DROPS = 0, 8

_SECOND_NS: Final = 1_000_000_000

SLOT_BYTES: Final = 65536 + 5 * 64
"""A slot holds the longest message there is (a UDP length is 16 bits). The rest keeps the slots' first lines, which are
all that lone datagrams touch, from meeting in the same few sets of the caches."""

SLOTS: Final = 1024
MOST_PER_CALL: Final = 32

# What the kernel writes for a message, in its order: always the time; the drops if there were any; the segment size if
# it is a train. So the first of two numbers is either.
_NUMBER: Final = np.dtype(
    [("len", "<u8"), ("level", "<i4"), ("type", "<i4"), ("value", "<u4"), ("pad", "V4")],
)
_CONTROL: Final = np.dtype(
    [
        ("time_len", "<u8"),
        ("time_level", "<i4"),
        ("time_type", "<i4"),
        ("second", "<i8"),
        ("nanosecond", "<i8"),
        ("first", _NUMBER),
        ("next", _NUMBER),
    ]
)
_TIME_ONLY: Final = 32
_ONE_NUMBER: Final = 56
_TWO_NUMBERS: Final = 80
assert _CONTROL.itemsize == _TWO_NUMBERS

_DROPS: Final = (socket.SOL_SOCKET, _SO_RXQ_OVFL)
_SEGMENT: Final = (socket.IPPROTO_UDP, _UDP_GRO)

_CMSGHDR: Final = struct.Struct("=Qii")
_TIMESPEC: Final = struct.Struct("=qq")
_INT: Final = struct.Struct("=I")


class Arrivals(NamedTuple):
    """What some slots hold: int64, shape (messages,) each."""

    lengths: NDArray[np.int64]
    """Of the messages, bytes."""
    segments: NDArray[np.int64]
    """Length of each of a message's datagrams but the last, at least 1."""
    arrivals_ns: NDArray[np.int64]
    """Nanoseconds of CLOCK_REALTIME; 0: the kernel noted none."""
    drops: NDArray[np.int64]
    """Packets that the socket had dropped when the message was queued, modulo 2^32."""


def open_receiver(address: str, port: int, buffer_bytes: int, *, shared: bool = False) -> socket.socket:
    """A bound, non-blocking UDP socket that asks for arrival times, drops and `buffer_bytes` of payload room.

    `address` is an IPv4 or IPv6 address, a link-local one with its device, like `fe80::1%eth0`.
    A `shared` port may be bound again; the kernel then deals its flows to the
    sockets (SO_REUSEPORT). The buffer may come out smaller: read it back with SO_RCVBUF. Raises
    OSError: EADDRINUSE, EADDRNOTAVAIL (no such address here), EACCES (the port needs CAP_NET_BIND_SERVICE),
    socket.gaierror (no such device).
    """
    family, _, _, _, place = socket.getaddrinfo(
        address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    )[0]
    receiver = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        receiver.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        receiver.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        if shared:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        ask_for_buffer(receiver, buffer_bytes)
        receiver.bind(place)
    except OSError:
        receiver.close()
        raise
    return receiver


def ask_for_buffer(receiver: socket.socket, buffer_bytes: int) -> None:
    """SO_RCVBUFFORCE passes net.core.rmem_max but needs CAP_NET_ADMIN; SO_RCVBUF stays below that limit."""
    try:
        receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_bytes)
    except PermissionError:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)


def buffer_bytes_of(receiver: socket.socket) -> int:
    """The receive buffer in terms of what was asked for: the kernel doubles that, for its bookkeeping."""
    return receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2


def ask_for_trains(receiver: socket.socket) -> bool:
    """Turn UDP_GRO on; False on a kernel without it (before Linux 5.0)."""
    try:
        receiver.setsockopt(socket.IPPROTO_UDP, _UDP_GRO, 1)
    except OSError as error:
        if error.errno in (errno.ENOPROTOOPT, errno.EOPNOTSUPP):
            return False
        raise
    return True


def dropped_packets(receiver: socket.socket) -> int:
    """Packets the kernel threw away at this socket so far: no room in its buffer, or a bad checksum.

    It is the counter that SO_RXQ_OVFL attaches to received messages, but SO_MEMINFO also shows later drops.
    A joined train is one packet: with UDP_GRO one drop may be as many datagrams as a train has.
    """
    return _memory_of(receiver)[_MEMINFO_DROPS]


def waiting_bytes(receiver: socket.socket) -> int:
    """The memory of the packets that wait at this socket, which is more than their payload; 0: it was read empty."""
    return _memory_of(receiver)[_MEMINFO_HELD]


def _memory_of(receiver: socket.socket) -> tuple[int, ...]:
    return _MEMINFO.unpack(receiver.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))


class Slots:
    """Room for SLOTS messages, filled by several calls on several sockets and then read as arrays.

    `data` is uint8 and flat: message i starts at i * SLOT_BYTES, and as much lies behind the last slot.
    """

    def __init__(self) -> None:
        """Allocate everything once; a call only moves along."""
        self.data: NDArray[np.uint8] = np.zeros((SLOTS + 1) * SLOT_BYTES, np.uint8)
        self._vectors = np.zeros(SLOTS, IOVEC)
        self._vectors["base"] = address_of(self.data) + SLOT_BYTES * np.arange(SLOTS)
        self._vectors["len"] = SLOT_BYTES
        self._controls = np.zeros(SLOTS, _CONTROL)
        self._headers = np.zeros(SLOTS, MMSGHDR)
        self._headers["iov"] = address_of(self._vectors) + IOVEC.itemsize * np.arange(SLOTS)
        self._headers["iovlen"] = 1
        self._headers["control"] = address_of(self._controls) + _CONTROL.itemsize * np.arange(SLOTS)
        self._headers["controllen"] = _CONTROL.itemsize
        self._address = address_of(self._headers)
        self._lengths = self._headers["len"].data

    def fill(self, fd: int, first: int) -> int:
        """Read what waits at a socket into the slots from `first` on; returns how many messages came.

        At most MOST_PER_CALL; the caller sees to it that so many slots are free. 0: nothing was waiting.
        """
        try:
            return recvmmsg(fd, self._address + MMSGHDR.itemsize * first, MOST_PER_CALL, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0  # Woken for a datagram with a bad checksum: it is dropped as it is read.

    def size_bytes(self, slot: int) -> int:
        """How long the message in a slot is."""
        return int(self._lengths[slot])

    def take(self, count: int) -> Arrivals:
        """What the first `count` slots hold, and make them ready to be filled again."""
        headers, controls = self._headers[:count], self._controls[:count]
        lengths = headers["len"].astype(np.int64)
        control_lengths = headers["controllen"].astype(np.int64)
        arrivals_ns = controls["second"] * _SECOND_NS + controls["nanosecond"]
        first, following = controls["first"], controls["next"]
        dropping = (control_lengths >= _ONE_NUMBER) & _is(first, *_DROPS)
        joined = (control_lengths == _ONE_NUMBER) & _is(first, *_SEGMENT)
        both = (control_lengths == _TWO_NUMBERS) & dropping & _is(following, *_SEGMENT)
        segments = np.where(joined, first["value"], np.where(both, following["value"], lengths)).astype(np.int64)
        drops = np.where(dropping, first["value"], 0).astype(np.int64)
        timed = (controls["time_type"] == _SO_TIMESTAMPNS) & (controls["time_level"] == socket.SOL_SOCKET)
        known = (control_lengths == _TIME_ONLY) | joined | both | (dropping & (control_lengths == _ONE_NUMBER))
        for slot in np.flatnonzero(~(timed & known)):
            segment, arrival_ns, dropped = walk_control(controls[slot].tobytes()[: int(control_lengths[slot])])
            segments[slot] = segment or lengths[slot]
            arrivals_ns[slot] = arrival_ns or 0
            drops[slot] = dropped or 0
        headers["controllen"] = _CONTROL.itemsize
        return Arrivals(lengths, np.maximum(segments, 1), arrivals_ns, drops)


def _is(number: NDArray[np.void], level: int, kind: int) -> NDArray[np.bool_]:
    """Which control messages are of that kind: bool, same shape."""
    found: NDArray[np.bool_] = (number["type"] == kind) & (number["level"] == level)
    return found


def walk_control(control: bytes) -> tuple[int | None, int | None, int | None]:
    """The segment size, the arrival in nanoseconds and the drops out of any sequence of control messages (cmsg(3)).

    None for what is not there.
    """
    segment = arrival_ns = drops = None
    at = 0
    while at + _CMSGHDR.size <= len(control):
        length, level, kind = _CMSGHDR.unpack_from(control, at)
        body = control[at + _CMSGHDR.size : at + length]
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(body) >= _TIMESPEC.size:
            second, nanosecond = _TIMESPEC.unpack_from(body)
            arrival_ns = second * _SECOND_NS + nanosecond
        elif (level, kind) == _SEGMENT and len(body) >= _INT.size:
            segment = _INT.unpack_from(body)[0]
        elif (level, kind) == _DROPS and len(body) >= _INT.size:
            drops = _INT.unpack_from(body)[0]
        at += max(-(-length // 8) * 8, _CMSGHDR.size)
    return segment, arrival_ns, drops


def unwrapped(told: NDArray[np.int64]) -> NDArray[np.int64]:
    """Drop counts that rise, from those that the kernel tells one after the other modulo 2^32; same shape.

    The first is known whole. Cores that queue packets at the same time may note their counts in the other order, so a
    count that is a little lower is an old one, and no wrap.
    """
    steps = (np.diff(told) + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
    return np.maximum.accumulate(np.concatenate([told[:1], told[0] + np.cumsum(steps)]))
