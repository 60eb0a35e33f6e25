"""The `packet` backend: how we send Ethernet frames with headers of our own through an AF_PACKET socket.

A train goes out as one frame that the kernel cuts as its virtio header says, or its events go out one by one. We write
the headers, so the source may be any address: thousands of hosts can appear on one wire. ICMP errors go to the host
that really has the source address, so this backend does not see them.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from replay.board.journal import TRAINS, Journal
from replay.engine.backends.messages import SEND_BUFFER_BYTES, Backend
from replay.engine.messages import Messages
from replay.linux.sockets.packet_send import open_packet_socket
from replay.linux.sockets.udp_send import SEGMENT_CONTROL
from replay.path.headers import Wire, headers_of
from replay.path.sources import flows_of


class PacketBackend(Backend):
    """Sends each train, or each event, behind the header of its train."""

    name = "packet"

    def __init__(
        self, wire: Wire, family: int, worker: int, journal: Journal, buffer: NDArray[np.uint8], *, gso: bool
    ) -> None:
        """Open the socket for the worker of this number, whose events lie in `buffer`. Raises OSError."""
        super().__init__(open_packet_socket(wire.interface, SEND_BUFFER_BYTES), journal, gso=gso, parts=2)
        headers = headers_of(family, wire.prototypes, TRAINS)
        self._parts["len"][:, 0] = headers.table.shape[1]
        self.messages = Messages(
            parts=self._parts,
            buffer=buffer,
            framed=True,
            names=np.zeros(1, np.int64),
            controls=np.zeros(1, SEGMENT_CONTROL),
            headers=headers,
            flows=flows_of(wire.sources, worker),
        )

    def errors(self) -> Iterator[tuple[int, int]]:
        """No errors come back to this backend."""
        return iter(())
