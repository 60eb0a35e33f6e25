"""The `packet` backend: how we send Ethernet frames with headers of our own through an AF_PACKET socket.

A train goes out as one frame that the kernel cuts as its virtio header says, or its events go out one by one. We write
the headers, so the source may be any address: thousands of hosts can appear on one wire. ICMP errors go to the host
that really has the source address, so this backend does not see them.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from replay.board.journal import TRAINS
from replay.engine.backends.messages import SEND_BUFFER_BYTES, Backend
from replay.engine.batch import Batch
from replay.linux.sockets.mmsg import address_of
from replay.linux.sockets.packet_send import open_packet_socket
from replay.path.headers import Headers
from replay.path.sources import Picker


class PacketBackend(Backend):
    """Sends each train, or each event, behind the header of its train."""

    name = "packet"

    def __init__(self, interface: str, headers: Headers, picker: Picker, batch: Batch, *, gso: bool) -> None:
        """Open the socket. `headers` has TRAINS rows. Raises OSError."""
        super().__init__(open_packet_socket(interface, SEND_BUFFER_BYTES), batch, gso=gso, parts=2)
        self._headers, self._picker = headers, picker
        self._header_base = self._iov["base"][:, 0]
        self._headers_address = address_of(headers.table)
        self._header_base[:TRAINS] = self._headers_address + headers.row_bytes * np.arange(TRAINS)
        self._iov["len"][:, 0] = headers.row_bytes

    def _dress_trains(self, n: int) -> None:
        batch = self._batch
        assert n == batch.trains
        self._headers.write(batch.lane, batch.size, batch.length, *self._picker.pick(batch.source), cut=True)

    def _dress_events(self, train: NDArray[np.int64]) -> None:
        batch = self._batch
        self._headers.write(batch.lane, batch.length, batch.length, *self._picker.pick(batch.source), cut=False)
        self._header_base[: len(train)] = self._headers_address + self._headers.row_bytes * train

    def errors(self) -> Iterator[tuple[int, int]]:
        """No errors come back to this backend."""
        return iter(())
