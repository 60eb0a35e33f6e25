"""How a batch becomes messages for sendmmsg(2): one for each train, or without GSO one for each event.

This module holds what all backends share. Each backend owns its socket and completes its messages: the `udp` backend
with an address and a control message, the `packet` backend with the headers of a frame.
"""

import select
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.board.journal import MESSAGES
from replay.engine.batch import Batch
from replay.linux.sockets.mmsg import IOVEC, MMSGHDR, UIO_MAXIOV, address_of, sendmmsg

SEND_BUFFER_BYTES: Final = 4 << 20
"""The send buffer that each backend asks for, of the kernel's own accounting (SO_SNDBUF, socket(7))."""


class Backend(ABC):
    """Sends the trains of a batch, in order; `load`, then `send` until nothing is `pending`."""

    name: str
    """The name of this backend in `--backend` and in the report."""

    def __init__(self, sock: socket.socket, batch: Batch, *, gso: bool, parts: int) -> None:
        """Send by `sock`, which this backend will close. A message has `parts` buffers; the last one is the payload."""
        self.socket = sock
        self.gso = gso
        self._batch = batch
        self._journal = batch.journal
        self._buffer_address = address_of(batch.buffer)
        self._iov = np.zeros((MESSAGES, parts), IOVEC)
        self._messages = batch.journal.messages
        self._messages[:] = 0
        self._messages["iov"] = address_of(self._iov) + IOVEC.itemsize * parts * np.arange(MESSAGES)
        self._messages["iovlen"] = parts
        self._messages_address = address_of(self._messages)
        # Field views, made once: taking one from a structured array costs more than filling it.
        self._base, self._len = self._iov["base"][:, -1], self._iov["len"][:, -1]
        self._train = batch.journal.train
        self._next = self._end = 0

    @property
    def pending(self) -> int:
        """How many messages are loaded and not yet sent."""
        return self._end - self._next

    def load(self) -> None:
        """Make messages of the batch's trains: one for each train, or without GSO one for each event."""
        batch, n = self._batch, self._batch.trains
        if not self.gso:
            self._load_events(0)
            return
        self._journal.load(n, n, whole=True)
        self._base[:n] = batch.start
        self._base[:n] += self._buffer_address
        self._len[:n] = batch.size
        self._dress_trains(n)
        self._next, self._end = 0, n

    def _load_events(self, first: int) -> None:
        """Make each event of the trains from `first` on a message of its own."""
        batch, trains = self._batch, self._batch.trains
        count = batch.size[first:] // batch.length[first:]
        train = np.repeat(np.arange(first, trains), count)
        place = np.arange(len(train)) - np.repeat(np.cumsum(count) - count, count)
        n = len(train)
        self._journal.begin()
        self._train[:n] = train
        self._base[:n] = batch.start[train] + place * batch.length[train] + self._buffer_address
        self._len[:n] = batch.length[train]
        self._dress_events(train)
        self._journal.load(trains, n, whole=False)
        self._next, self._end = 0, n

    @abstractmethod
    def _dress_trains(self, n: int) -> None:
        """Complete the first `n` messages, one for each train of the batch."""

    @abstractmethod
    def _dress_events(self, train: NDArray[np.int64]) -> None:
        """Complete the first messages, one for each event; `train` gives each message's train, shape (messages,)."""

    def send(self) -> None:
        """Send as many pending messages as one sendmmsg(2) takes. Raises OSError; then no message is skipped."""
        count = min(self.pending, UIO_MAXIOV)
        address = self._messages_address + self._next * MMSGHDR.itemsize
        self._next += sendmmsg(self.socket.fileno(), address, count, 0)

    def fall_back(self) -> None:
        """Give up GSO for good and send the pending messages event by event. Count first what has been sent."""
        first = self._next
        self.gso = False
        self._load_events(first)

    def next_lane(self) -> int:
        """The lane of the first pending message."""
        train = self._next if self.gso else self._train[self._next]
        return int(self._batch.lane[train])

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
