"""The `udp` backend: an ordinary UDP socket, trains by UDP_SEGMENT or their events one by one.

One socket serves all lanes: each message of a sendmmsg(2) carries its own destination, so a batch may mix
lanes. ICMP errors come back through the error queue (IP_RECVERR), which names the port.
"""

import select
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format import MAX_TRAIN_EVENTS
from replay.batch import TRAINS, Batch
from replay.linux.mmsg import IOVEC, MMSGHDR, UIO_MAXIOV, address_of, sendmmsg
from replay.linux.udp_send import (
    SEGMENT_CONTROL,
    SEGMENT_CONTROL_LEN,
    SOL_UDP,
    UDP_SEGMENT,
    drain_errors,
    is_ipv6,
    open_socket,
)
from replay.target import Address

SEND_BUFFER_BYTES: Final = 4 << 20


def sockaddr(family: int, address: Address) -> bytes:
    """An address as struct sockaddr_in (ip(7)) or sockaddr_in6 (ipv6(7))."""
    host = socket.inet_pton(family, address[0].partition("%")[0])
    head = struct.pack("=H", family) + struct.pack("!H", address[1])
    if is_ipv6(family):
        flow, scope = (*address, 0, 0)[2:4]
        return head + struct.pack("!I", flow) + host + struct.pack("=I", scope)
    return head + host + bytes(8)


class UdpBackend:
    """Sends the trains of a batch, in order; `load`, then `send` until nothing is `pending`."""

    def __init__(self, family: int, addresses: Sequence[Address], batch: Batch, segments: int) -> None:
        """Open the socket. Row i of `addresses` is where lane i sends; `segments` above 1 turns GSO on.

        Raises OSError.
        """
        self.socket = open_socket(family, SEND_BUFFER_BYTES)
        self.gso = segments > 1
        self._batch = batch
        self._buffer_address = address_of(batch.buffer)
        self._lane_of_port = {address[1]: lane for lane, address in enumerate(addresses)}
        names = [sockaddr(family, address) for address in addresses]
        self._sockaddrs = np.frombuffer(b"".join(names), np.uint8)
        self._names = address_of(self._sockaddrs) + len(names[0]) * np.arange(len(names))
        """The address of each lane's sockaddr."""

        rows = TRAINS * MAX_TRAIN_EVENTS
        self._iov, self._messages = np.zeros(rows, IOVEC), np.zeros(rows, MMSGHDR)
        self._messages["iov"] = address_of(self._iov) + IOVEC.itemsize * np.arange(rows)
        self._messages["iovlen"] = 1
        self._messages["namelen"] = len(names[0])
        self._messages_address = address_of(self._messages)
        self._control = np.zeros(TRAINS, SEGMENT_CONTROL)
        self._control["len"] = SEGMENT_CONTROL_LEN
        self._control["level"], self._control["type"] = SOL_UDP, UDP_SEGMENT
        if self.gso:
            controls = address_of(self._control) + SEGMENT_CONTROL.itemsize * np.arange(TRAINS)
            self._messages["control"][:TRAINS] = controls
            self._messages["controllen"][:TRAINS] = SEGMENT_CONTROL.itemsize
        # Field views, made once: taking one from a structured array costs more than filling it.
        self._base, self._len = self._iov["base"], self._iov["len"]
        self._name, self._segment_bytes = self._messages["name"], self._control["segment_bytes"]
        self._train: NDArray[np.int64] = np.arange(0)
        self._next = self._end = 0

    @property
    def pending(self) -> int:
        """Messages loaded and not yet sent."""
        return self._end - self._next

    def load(self) -> None:
        """Make the batch's trains the messages to send: one for each train, or without GSO for each event."""
        batch, n = self._batch, self._batch.trains
        if not self.gso:
            self._load_events(0, n)
            return
        self._base[:n] = batch.start
        self._base[:n] += self._buffer_address
        self._len[:n] = batch.size
        self._segment_bytes[:n] = batch.length
        self._name[:n] = self._names[batch.lane]
        self._next, self._end = 0, n

    def _load_events(self, first: int, end: int) -> None:
        """Make each event of the trains `first` to `end` a message of its own."""
        batch = self._batch
        count = batch.size[first:end] // batch.length[first:end]
        train = np.repeat(np.arange(first, end), count)
        place = np.arange(len(train)) - np.repeat(np.cumsum(count) - count, count)
        n = len(train)
        self._base[:n] = batch.start[train] + place * batch.length[train] + self._buffer_address
        self._len[:n] = batch.length[train]
        self._name[:n] = self._names[batch.lane[train]]
        self._train = train
        self._next, self._end = 0, n

    def send(self) -> None:
        """Send what one sendmmsg(2) takes of the pending messages. Raises OSError; nothing is skipped by it."""
        count = min(self.pending, UIO_MAXIOV)
        address = self._messages_address + self._next * MMSGHDR.itemsize
        self._next += sendmmsg(self.socket.fileno(), address, count, 0)

    def fall_back(self) -> None:
        """Give up GSO for good; what is pending goes out event by event."""
        first, end = self._next, self._end
        self.gso = False
        self._messages["control"] = self._messages["controllen"] = 0
        self._load_events(first, end)

    def pending_events(self) -> NDArray[np.int64]:
        """Events not yet sent of each train of the batch, shape (trains,)."""
        if not self.gso:
            return np.bincount(self._train[self._next : self._end], minlength=self._batch.trains)
        left: NDArray[np.int64] = self._batch.size // self._batch.length
        left[: self._next] = 0
        return left

    def next_lane(self) -> int:
        """The lane of the first pending message."""
        train = self._next if self.gso else self._train[self._next]
        return int(self._batch.lane[train])

    def errors(self) -> Iterator[tuple[int, int]]:
        """Take the errors that came back for datagrams already sent: (errno, lane)."""
        for code, port in drain_errors(self.socket):
            yield code, self._lane_of_port.get(port, 0)

    def wait(self, timeout_ms: int) -> None:
        """Wait until the socket takes more, or the time is over (poll(2))."""
        poll = select.poll()
        poll.register(self.socket, select.POLLOUT)
        poll.poll(timeout_ms)
