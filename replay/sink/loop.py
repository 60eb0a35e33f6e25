"""What does a receiving worker do? It reads trains from many sockets into slots, and counts them: a compiled loop.

In one round, poll(2) names the sockets that have messages. Each is read with one recvmmsg(2) into the slots, and these
are counted at once, while they are in the cache; then it is read again if it was not emptied, a few times at most. A
round that brought little is followed by a nap, so that the next finds more: fewer and fuller rounds cost less. No age
of a stamp is wrong for that, since the kernel notes the time of each arrival (SO_TIMESTAMPNS). What arrives during a
nap has room: the longest one is a quarter of what the buffers hold, and after a silence naps begin short. A round that
brought much is not followed by a nap: trains that pile up drop out of the cache, which cost the sender a third of its
speed when it was measured.

Stretches of events about which Python has to decide are left for it after each round and its nap, which is rare. Every
LOOK_NS it looks which run is counted, since a request may name one.
"""

import os
import socket
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.compiled.readiness import make_ready
from replay.clock import wall_ns
from replay.linux.clocks import CLOCK_MONOTONIC, read_clock, sleep
from replay.linux.libc import poll
from replay.linux.sockets.udp_receive import MOST_PER_CALL, Slots, buffer_bytes_of, fill, new_slots
from replay.sink.board import WorkerTally
from replay.sink.counting import count_messages
from replay.sink.sockets import held_ns
from replay.sink.verify.stretches import LEFT, Counters, end_stretch
from replay.sink.verify.tag_counter import TagCounter

_NAP_NS: Final = 1_000_000
_LONGEST_NAP_NS: Final = 16_000_000
_LOOK_NS: Final = 100_000_000
_WAIT_MS: Final = 100
_FULL_MESSAGES: Final = 32
"""A round with fewer messages is followed by a nap."""
_MANY_MESSAGES: Final = 16
"""After a round with fewer messages, the nap is at least as long as the one before; else it is half as long."""
_FEW_MESSAGES: Final = 8
"""After a round with fewer messages, the nap is twice as long as the one before."""
_READS: Final = 8
"""So often a socket is read in one round at most."""

POLLFD: Final = np.dtype((np.record, [("fd", "<i4"), ("events", "<i2"), ("revents", "<i2")]))
"""struct pollfd of poll(2)."""
_POLLIN: Final = 1


class Loop(NamedTuple):
    """What the loop of a worker works with."""

    slots: Slots
    counters: Counters
    polled: NDArray[Any]
    """POLLFD, shape (sockets,)."""
    stop: NDArray[np.uint8]
    """Shape (1,): it is set to end the worker."""
    state: NDArray[np.int64]
    """READ, COUNTED, SOCKET, MESSAGES, ERRNO and NAP_NS; shape (6,)."""
    timespec: NDArray[np.int64]
    longest_nap_ns: int


READ: Final = 0
"""How many messages the slots hold."""
COUNTED: Final = 1
"""How many of them are counted."""
SOCKET: Final = 2
"""The socket that they are from. The next round begins behind it, so none waits for those before it for long."""
MESSAGES: Final = 3
"""How many messages the last round has brought."""
ERRNO: Final = 4
"""The errno with which a socket could not be read; 0: all could."""
NAP_NS: Final = 5
"""How long the nap after the last round was; 0: there was none."""


def new_loop(sockets: Sequence[socket.socket], counters: Counters, stop: NDArray[np.uint8]) -> Loop:
    """A loop over sockets that has read nothing yet."""
    fds = [receiver.fileno() for receiver in sockets]
    held = min((held_ns(buffer_bytes_of(receiver)) for receiver in sockets), default=0)
    polled = np.zeros(len(fds), POLLFD)
    polled["fd"], polled["events"] = fds, _POLLIN
    state, timespec = np.zeros(6, np.int64), np.zeros(2, np.int64)
    return Loop(new_slots(), counters, polled, stop, state, timespec, longest_nap_ns(held))


def longest_nap_ns(buffers_hold_ns: int) -> int:
    """The longest nap for buffers that hold the events of such a time: bursts at four times that rate have room."""
    return max(_NAP_NS, min(buffers_hold_ns // 4, _LONGEST_NAP_NS))


def receive(sockets: Sequence[socket.socket], tally: WorkerTally) -> None:
    """Count what arrives at a worker's `sockets`, until `tally.stop` is set.

    Everything that had arrived by then is still counted: each socket is read until it is empty, or until a message
    comes that arrived later. Raises OSError if a socket can't be read.
    """
    counter = TagCounter(tally)
    loop = new_loop(sockets, counter.counters, tally.stop)
    while not tally.stop[0]:
        serve(loop)
        decide(loop, counter)
    stopped_ns = wall_ns()
    while read_ready(loop, 0):
        decide(loop, counter)
        loop.polled["fd"][(loop.polled["revents"] != 0) & (tally.by_socket["last_ns"] > stopped_ns)] = -1
    counter.finish()


def decide(loop: Loop, counter: TagCounter) -> None:
    """Count the stretches that the kernels have left. Raises OSError if a socket could not be read."""
    counter.count()
    if code := int(loop.state[ERRNO]):
        raise OSError(code, os.strerror(code))


SINK: Final = {True: "the sink", False: "the sink of one port"}
"""What the kernels of a worker with several sockets, or with one, are called where they are compiled: numba tells
columns of one row from longer ones, and compiles for both."""


def prepare(tally: WorkerTally) -> None:
    """Compile or load the kernels of a worker, by a loop that is to stop at once; nothing is counted in `tally`.

    This is done before the workers are forked, so that they have it for nothing.
    """
    counter = TagCounter(tally)
    loop = new_loop([], counter.counters, np.ones(1, np.uint8))
    calls = [lambda: read_ready(loop, 0), lambda: serve(loop), counter.prepare]
    make_ready(SINK[len(tally.by_socket) > 1], calls)


@kernel
def serve(loop: Loop) -> None:
    """Read and count, until the worker is to stop, or Python has to decide something, or for about LOOK_NS."""
    until_ns, state = read_clock(CLOCK_MONOTONIC, loop.timespec) + _LOOK_NS, loop.state
    while not loop.stop[0] and read_clock(CLOCK_MONOTONIC, loop.timespec) < until_ns:
        read_ready(loop, int64(_WAIT_MS))
        state[NAP_NS] = nap_after(state[MESSAGES], state[NAP_NS], loop.longest_nap_ns)
        sleep(state[NAP_NS], loop.timespec)
        if loop.counters.state[LEFT] or state[ERRNO]:
            return


@kernel
def nap_after(messages: int, before_ns: int, longest_ns: int) -> int:
    """How long to sleep after a round of so many messages; 0: not at all. `before_ns` is what this said before.

    A round without any has waited for them in vain. What comes then may be the start of a burst, so naps begin anew.
    """
    if messages >= _FULL_MESSAGES or not messages:
        return 0
    nap_ns = before_ns
    if messages >= _MANY_MESSAGES:
        nap_ns = before_ns // 2
    elif messages < _FEW_MESSAGES:
        nap_ns = 2 * before_ns
    return min(max(nap_ns, _NAP_NS), longest_ns)


@kernel
def read_ready(loop: Loop, wait_ms: int) -> int:
    """Wait until sockets are ready, read these, and count what was read. Returns how many were ready.

    It begins at the socket behind the one that was read last. If there is no room for what Python has to decide, the
    rest is counted at the next call, before anything is read.
    """
    state = loop.state
    state[MESSAGES] = 0
    if not count_read(loop):
        return 1
    ready: int = poll(loop.polled.ctypes.data, len(loop.polled), wait_ms)
    first = state[SOCKET] + 1
    for i in range(first, first + len(loop.polled)):
        place = i % len(loop.polled)
        reads = _READS if ready > 0 and loop.polled[place].revents else 0
        while reads:
            came = fill(loop.slots, int64(loop.polled[place].fd))
            state[READ], state[COUNTED], state[SOCKET] = max(came, 0), 0, place
            state[ERRNO] = max(-came, 0)
            state[MESSAGES] += state[READ]
            if not count_read(loop) or came < 0:
                return 1
            reads = reads - 1 if came == MOST_PER_CALL else 0
    end_stretch(loop.counters)
    return max(ready, 0)


@kernel
def count_read(loop: Loop) -> bool:
    """Count the messages in the slots. Returns False if there is no room for what Python has to decide."""
    state = loop.state
    read: int = state[READ]
    counted = count_messages(loop.counters, loop.slots, state[SOCKET], state[COUNTED], read, loop.timespec)
    state[COUNTED] = counted
    return counted == read
