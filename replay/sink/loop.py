"""What does a receiving worker do? It reads trains from many sockets into slots, and has them counted.

In one round, epoll names the sockets that have messages. Each is read with one recvmmsg into the next free slots, and
again if it was not emptied, until there is enough to count. Then all slots are counted together. A round that brought
little is followed by a nap, so that the next finds more: fewer and fuller rounds cost less, and the kernel notes the
time of each arrival anyway. A round that brought much is not followed by a nap: trains that pile up drop out of the
cache, which cost the sender a third of its speed when it was measured. So trains are counted when there is a megabyte
of them. Lone datagrams, whose cost is in the system calls, are counted when the slots are full.
"""

import os
import select
import socket
from collections.abc import Sequence
from typing import Final

import numpy as np

from replay.clock import sleep_ns, wall_ns
from replay.linux.sockets.udp_receive import MOST_PER_CALL, SLOTS, Slots
from replay.sink.board import WorkerTally
from replay.sink.round import RoundCounter

_NAP_NS: Final = 1_000_000
_WAIT_S: Final = 0.1
_FULL_MESSAGES: Final = 32
"""A round with fewer messages is followed by a nap."""
_ENOUGH_BYTES: Final = 1 << 20


def receive(sockets: Sequence[socket.socket], tally: WorkerTally, parent_pid: int) -> None:
    """Count what arrives at a worker's `sockets`, until `tally.stop` is set or the parent process is gone.

    Everything that had arrived by then is still counted: each socket is read until it is empty, or until a message
    comes that arrived later.
    """
    epoll = select.epoll()
    for receiver in sockets:
        epoll.register(receiver.fileno(), select.EPOLLIN)
    counter = RoundCounter(tally)
    rounds = Rounds(sockets, counter)
    while not tally.stop[0] and os.getppid() == parent_pid:
        if rounds.read(epoll.poll(_WAIT_S, len(sockets))) < _FULL_MESSAGES:
            counter.idle()
            sleep_ns(_NAP_NS)
    stopped_ns = wall_ns()
    while ready := epoll.poll(0, len(sockets)):
        rounds.read(ready)
        for fd, _ in ready:
            if tally.by_socket["last_ns"][rounds.socket_of_fd[fd]] > stopped_ns:
                epoll.unregister(fd)
    counter.finish()


class Rounds:
    """Reads sockets into slots, and has a counter count them."""

    def __init__(self, sockets: Sequence[socket.socket], counter: RoundCounter) -> None:
        """Allocate the slots."""
        self.socket_of_fd = {receiver.fileno(): number for number, receiver in enumerate(sockets)}
        self._counter = counter
        self._slots = Slots()
        self._socket_of_slot = np.zeros(SLOTS, np.int64)
        self._filled = self._bytes = self._counted = 0

    def read(self, ready: Sequence[tuple[int, int]]) -> int:
        """Read the `ready` sockets, and again those that were not emptied; returns the number of messages."""
        messages, waiting = 0, [fd for fd, _ in ready]
        counted = self._counted
        while waiting and self._counted == counted:
            came = [self._read(fd) for fd in waiting]
            messages += sum(came)
            waiting = [fd for fd, count in zip(waiting, came, strict=True) if count == MOST_PER_CALL]
        self._count()
        return messages

    def _read(self, fd: int) -> int:
        """Read a socket once, and count all slots if there is enough; returns the number of messages."""
        first = self._filled
        came = self._slots.fill(fd, first)
        self._socket_of_slot[first : first + came] = self.socket_of_fd[fd]
        self._filled += came
        if came:
            self._bytes += came * self._slots.size_bytes(first)  # messages of a socket are alike
        if self._filled > SLOTS - MOST_PER_CALL or self._bytes > _ENOUGH_BYTES:
            self._count()
        return came

    def _count(self) -> None:
        if self._filled:
            self._counter.count(self._slots.data, self._slots.take(self._filled), self._socket_of_slot[: self._filled])
            self._counted += 1
        self._filled = self._bytes = 0
