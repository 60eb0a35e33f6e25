"""What all ways of sending share: a backend owns a socket, and completes the messages that the worker's loop makes.

The `udp` backend completes them with an address and a control message, the `packet` backend with the headers of a
frame. The loop sends the messages itself; a backend sends what the kernel refused at first.
"""

import select
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final

import numpy as np

from replay.board.journal import FIRST_TRAIN, LOADED, MESSAGES, SENT, SINGLY, UNSENT, Journal, unload
from replay.engine.messages import Messages, describe
from replay.linux.sockets.mmsg import IOVEC, MMSGHDR, UIO_MAXIOV, address_of, sendmmsg

SEND_BUFFER_BYTES: Final = 4 << 20
"""The send buffer that each backend asks for, of the kernel's own accounting (SO_SNDBUF, socket(7))."""


class Backend(ABC):
    """Sends the trains of a batch, in order."""

    name: str
    """The name of this backend in `--backend` and in the report."""
    messages: Messages
    """What the loop makes messages of."""

    def __init__(self, sock: socket.socket, journal: Journal, *, gso: bool, parts: int) -> None:
        """Send by `sock`, which this backend will close. A message has `parts` buffers; the last one is the payload."""
        self.socket = sock
        self.gso = gso
        self._journal = journal
        self._parts = np.zeros((MESSAGES, 2), IOVEC)
        first = address_of(self._parts) + (2 - parts) * IOVEC.itemsize
        unload(journal)
        journal.messages[:] = 0
        journal.messages["len"] = UNSENT
        journal.messages["iov"] = first + 2 * IOVEC.itemsize * np.arange(MESSAGES)
        journal.messages["iovlen"] = parts

    @property
    def pending(self) -> int:
        """How many messages are loaded and not yet sent."""
        return int(self._journal.state[LOADED] - self._journal.state[SENT])

    def send(self) -> None:
        """Send as many pending messages as one sendmmsg(2) takes. Raises OSError; then no message is skipped."""
        first = int(self._journal.state[SENT])
        address = address_of(self._journal.messages) + first * MMSGHDR.itemsize
        self._journal.state[SENT] += sendmmsg(self.socket.fileno(), address, min(self.pending, UIO_MAXIOV), 0)

    def fall_back(self) -> None:
        """Give up GSO for good, and make the pending trains messages again, one for each event.

        The trains that were sent must have been counted.
        """
        first_unsent = int(self._journal.state[FIRST_TRAIN] + self._journal.state[SENT])
        self.gso = False
        unload(self._journal)
        self._journal.messages["control"] = self._journal.messages["controllen"] = 0
        describe(self._journal, self.messages, first_unsent, True)

    def next_lane(self) -> int:
        """The lane of the first pending message."""
        train, messages = int(self._journal.state[FIRST_TRAIN]), int(self._journal.state[SENT])
        while messages >= (size := int(self._journal.staged[train]["count"]) if self._journal.state[SINGLY] else 1):
            messages -= size
            train += 1
        return int(self._journal.staged[train]["lane"])

    @abstractmethod
    def errors(self) -> Iterator[tuple[int, int]]:
        """Take the errors that came back for datagrams already sent: (errno, lane)."""

    def wait(self, timeout_ms: int) -> None:
        """Wait until the socket takes more, or the time is over (poll(2))."""
        poll = select.poll()
        poll.register(self.socket, select.POLLOUT)
        poll.poll(timeout_ms)

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()
