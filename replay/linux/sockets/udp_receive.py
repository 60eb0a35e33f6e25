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
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.compiled.words import words_of
from replay.linux.libc import last_errno, recvmmsg
from replay.linux.sockets.mmsg import IOVEC, MMSGHDR, address_of

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

MOST_PER_CALL: Final = 32

CONTROL_BYTES: Final = 128
"""Room for the control messages of a message: ours take 80 bytes."""
_CMSGHDR_BYTES: Final = 16
_TIMESPEC_BYTES: Final = 16
_INT_BYTES: Final = 4
_SOL_SOCKET, _IPPROTO_UDP, _MSG_DONTWAIT = int(socket.SOL_SOCKET), int(socket.IPPROTO_UDP), int(socket.MSG_DONTWAIT)
_QUIET: Final = (errno.EAGAIN, errno.EINTR)


class Slots(NamedTuple):
    """Room for the messages of one call: the kernel's structures of it, and the bytes that they point to."""

    data: NDArray[np.uint8]
    """Message i starts at i * SLOT_BYTES, and as much lies behind the last slot."""
    words: NDArray[np.uint64]
    """The same memory by `words_of`."""
    controls: NDArray[np.int64]
    """The control messages of each message, shape (MOST_PER_CALL, CONTROL_BYTES // 8)."""
    halves: NDArray[np.uint32]
    """The same memory by words of 32 bits."""
    vectors: NDArray[Any]
    """IOVEC, shape (MOST_PER_CALL,)."""
    headers: NDArray[Any]
    """MMSGHDR, shape (MOST_PER_CALL,)."""
    lengths: NDArray[np.uint32]
    """Of the messages, bytes; a field of `headers`, and so is the next one."""
    control_lengths: NDArray[np.uint64]


def new_slots() -> Slots:
    """Allocate everything once."""
    data = np.zeros((MOST_PER_CALL + 1) * SLOT_BYTES, np.uint8)
    controls = np.zeros((MOST_PER_CALL, CONTROL_BYTES // 8), np.int64)
    vectors, headers = np.zeros(MOST_PER_CALL, IOVEC), np.zeros(MOST_PER_CALL, MMSGHDR)
    vectors["base"] = address_of(data) + SLOT_BYTES * np.arange(MOST_PER_CALL)
    vectors["len"] = SLOT_BYTES
    headers["iov"] = address_of(vectors) + IOVEC.itemsize * np.arange(MOST_PER_CALL)
    headers["iovlen"] = 1
    headers["control"] = address_of(controls) + CONTROL_BYTES * np.arange(MOST_PER_CALL)
    halves, lengths, control_lengths = controls.view(np.uint32), headers["len"], headers["controllen"]
    return Slots(data, words_of(data), controls, halves, vectors, headers, lengths, control_lengths)


@kernel
def fill(slots: Slots, fd: int) -> int:
    """Read what waits at a socket into the slots. Returns how many messages came, or an errno as a negative number.

    0: nothing was waiting. A socket may be ready nevertheless, by a datagram with a bad checksum: it is dropped as it
    is read.
    """
    for slot in range(MOST_PER_CALL):
        slots.control_lengths[slot] = CONTROL_BYTES
    came = recvmmsg(fd, slots.headers.ctypes.data, MOST_PER_CALL, _MSG_DONTWAIT, 0)
    if came >= 0:
        return min(int64(came), MOST_PER_CALL)
    code = last_errno()
    return 0 if code in _QUIET else -code


@kernel
def length_of(slots: Slots, slot: int) -> int:
    """How long the message in a slot is, in bytes."""
    return min(int64(slots.lengths[slot]), SLOT_BYTES)


@kernel
def read_controls(slots: Slots, slot: int) -> tuple[int, int, int]:
    """What the kernel told beside a message, in any sequence of control messages (cmsg(3)); 0 for what it did not tell.

    The length of each of the message's datagrams but the last; the arrival in nanoseconds of CLOCK_REALTIME; and the
    packets that the socket had dropped when the message was queued, modulo 2^32.
    """
    segment = arrival_ns = drops = at = 0
    end = min(int64(slots.control_lengths[slot]), CONTROL_BYTES)
    while at + _CMSGHDR_BYTES <= end:
        length = slots.controls[slot, at // 8]
        level, kind = int64(slots.halves[slot, at // 4 + 2]), int64(slots.halves[slot, at // 4 + 3])
        body_bytes, body = min(length, end - at) - _CMSGHDR_BYTES, at + _CMSGHDR_BYTES
        if level == _SOL_SOCKET and kind == _SO_TIMESTAMPNS and body_bytes >= _TIMESPEC_BYTES:
            arrival_ns = slots.controls[slot, body // 8] * _SECOND_NS + slots.controls[slot, body // 8 + 1]
        elif level == _IPPROTO_UDP and kind == _UDP_GRO and body_bytes >= _INT_BYTES:
            segment = int64(slots.halves[slot, body // 4])
        elif level == _SOL_SOCKET and kind == _SO_RXQ_OVFL and body_bytes >= _INT_BYTES:
            drops = int64(slots.halves[slot, body // 4])
        at += max(min(length, CONTROL_BYTES) + 7 & -8, _CMSGHDR_BYTES)
    return segment, arrival_ns, drops


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


@kernel
def unwrapped(counted: int, told: int) -> int:
    """The drops of a socket so far, from the count before, and the one that the kernel tells now modulo 2^32.

    Cores that queue packets at the same time may note their counts in the other order, so a count that is a little
    lower is an old one, and no wrap.
    """
    return counted + max(0, (told - counted + (1 << 31)) % (1 << 32) - (1 << 31))
