"""Plain receivers in the lab: what came to each port, byte for byte and in order."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pyroute2 import netns

from replay.linux.sockets.udp_receive import dropped_packets, open_receiver
from tools.lab import PORTS, Lab


class Mailboxes:
    """A plain UDP socket for each port: no UDP_GRO, so every datagram comes alone.

    Their buffers hold all of a test's datagrams. They are read when the sender is done, and nothing has to
    keep pace with it.
    """

    BUFFER_BYTES = 256 << 20

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self._sockets = sockets

    def await_first(self) -> None:
        """Wait until something has come to the first port."""
        self._sockets[0].settimeout(30)
        self._sockets[0].recv(1, socket.MSG_PEEK)

    def take(self) -> list[list[bytes]]:
        """What came to each port, in its order."""
        assert not any(dropped_packets(receiver) for receiver in self._sockets), "the buffers are too small"
        return [list(_drain(receiver)) for receiver in self._sockets]


@contextmanager
def mailboxes(lab: Lab, address: str, ports: Sequence[int] = PORTS) -> Iterator[Mailboxes]:
    """Mailboxes in the receiver's namespace."""
    netns.pushns(lab.receiver)
    try:
        sockets = [open_receiver(address, port, Mailboxes.BUFFER_BYTES) for port in ports]
    finally:
        netns.popns()
    try:
        yield Mailboxes(sockets)
    finally:
        for receiver in sockets:
            receiver.close()


def _drain(receiver: socket.socket) -> Iterator[bytes]:
    receiver.setblocking(False)
    while True:
        try:
            yield receiver.recv(65536)
        except BlockingIOError:
            return
