"""The `udp` backend: how we send through an ordinary UDP socket, by trains (UDP_SEGMENT) or event by event.

One socket serves all lanes: each message of a sendmmsg(2) carries its own destination, so a batch may mix
lanes. ICMP errors come back through the error queue (IP_RECVERR), which names the port.
"""

import socket
import struct
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from replay.board.journal import TRAINS, Journal
from replay.engine.backends.messages import SEND_BUFFER_BYTES, Backend
from replay.engine.messages import Messages
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
from replay.path.headers import NO_HEADERS
from replay.path.sources import FLOWS
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

    def __init__(
        self,
        family: int,
        addresses: Sequence[Address],
        journal: Journal,
        buffer: NDArray[np.uint8],
        segments: int,
    ) -> None:
        """Open the socket. Item i of `addresses` is where lane i sends; `segments` above 1 turns GSO on.

        The events lie in `buffer`. Raises OSError.
        """
        super().__init__(open_socket(family, SEND_BUFFER_BYTES), journal, gso=segments > 1, parts=1)
        self._lane_of_port = {address[1]: lane for lane, address in enumerate(addresses)}
        names = [sockaddr(family, address) for address in addresses]
        self._sockaddrs = np.frombuffer(b"".join(names), np.uint8)
        controls = np.zeros(TRAINS, SEGMENT_CONTROL)
        controls["len"], controls["level"], controls["type"] = SEGMENT_CONTROL_LEN, SOL_UDP, UDP_SEGMENT
        journal.messages["namelen"] = len(names[0])
        if self.gso:
            journal.messages["control"][:TRAINS] = address_of(controls) + controls.itemsize * np.arange(TRAINS)
            journal.messages["controllen"][:TRAINS] = controls.itemsize
        self.messages = Messages(
            parts=self._parts,
            buffer=buffer,
            framed=False,
            names=address_of(self._sockaddrs) + len(names[0]) * np.arange(len(names)),
            controls=controls,
            headers=NO_HEADERS,
            flows=np.zeros(1, FLOWS),
        )

    def errors(self) -> Iterator[tuple[int, int]]:
        """Take the errors that came back for datagrams already sent: (errno, lane)."""
        for code, port in drain_errors(self.socket):
            yield code, self._lane_of_port.get(port, 0)
