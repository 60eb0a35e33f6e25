"""The `udp` backend: how we send through an ordinary UDP socket, by trains (UDP_SEGMENT) or event by event.

One socket serves all lanes: each message of a sendmmsg(2) carries its own destination, so a batch may mix
lanes. ICMP errors come back through the error queue (IP_RECVERR), which names the port.
"""

import socket
import struct
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from replay.board.journal import TRAINS
from replay.engine.backends.messages import SEND_BUFFER_BYTES, Backend
from replay.engine.batch import Batch
from replay.linux.sockets.mmsg import address_of
from replay.linux.sockets.udp_send import (
    SEGMENT_CONTROL,
    SEGMENT_CONTROL_LEN,
    SOL_UDP,
    UDP_SEGMENT,
    drain_errors,
    is_ipv6,
    open_socket,
)
from replay.path.target import Address


def sockaddr(family: int, address: Address) -> bytes:
    """An address as struct sockaddr_in (ip(7)) or sockaddr_in6 (ipv6(7))."""
    host = socket.inet_pton(family, address[0].partition("%")[0])
    head = struct.pack("=H", family) + struct.pack("!H", address[1])
    if is_ipv6(family):
        flow, scope = (*address, 0, 0)[2:4]
        return head + struct.pack("!I", flow) + host + struct.pack("=I", scope)
    return head + host + bytes(8)


class UdpBackend(Backend):
    """Sends each train to the sockaddr of its lane; UDP_SEGMENT tells the kernel where to cut the train."""

    name = "udp"

    def __init__(self, family: int, addresses: Sequence[Address], batch: Batch, segments: int) -> None:
        """Open the socket. Item i of `addresses` is where lane i sends; `segments` above 1 turns GSO on.

        Raises OSError.
        """
        super().__init__(open_socket(family, SEND_BUFFER_BYTES), batch, gso=segments > 1, parts=1)
        self._lane_of_port = {address[1]: lane for lane, address in enumerate(addresses)}
        names = [sockaddr(family, address) for address in addresses]
        self._sockaddrs = np.frombuffer(b"".join(names), np.uint8)
        self._names = address_of(self._sockaddrs) + len(names[0]) * np.arange(len(names))
        """The memory address of each lane's sockaddr."""
        self._messages["namelen"] = len(names[0])
        self._control = np.zeros(TRAINS, SEGMENT_CONTROL)
        self._control["len"] = SEGMENT_CONTROL_LEN
        self._control["level"], self._control["type"] = SOL_UDP, UDP_SEGMENT
        if self.gso:
            controls = address_of(self._control) + SEGMENT_CONTROL.itemsize * np.arange(TRAINS)
            self._messages["control"][:TRAINS] = controls
            self._messages["controllen"][:TRAINS] = SEGMENT_CONTROL.itemsize
        self._name, self._segment_bytes = self._messages["name"], self._control["segment_bytes"]

    def _dress_trains(self, n: int) -> None:
        self._segment_bytes[:n] = self._batch.length
        self._name[:n] = self._names[self._batch.lane]

    def _dress_events(self, train: NDArray[np.int64]) -> None:
        self._messages["control"] = self._messages["controllen"] = 0
        self._name[: len(train)] = self._names[self._batch.lane[train]]

    def errors(self) -> Iterator[tuple[int, int]]:
        """Take the errors that came back for datagrams already sent: (errno, lane)."""
        for code, port in drain_errors(self.socket):
            yield code, self._lane_of_port.get(port, 0)
