"""The receiving worker: read trains from many sockets into slots, count them, check their stamps.

One round: epoll names the sockets that have something, each is read with one recvmmsg into the next free
slots, and all slots are counted together by a few vector operations. What remains per train is the
copy of its stamps. A round that brought little is followed by a nap, so that the next finds more: fewer, fuller rounds
cost less, and the kernel notes each arrival anyway. A round that brought much is not: trains that pile up get
cold in the cache, which cost the sender a third of its speed when it was measured.
"""

import os
import select
import socket
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.clock import sleep_ns, wall_ns
from replay.linux.udp_receive import MOST_PER_CALL, SLOT_BYTES, SLOTS, Slots
from replay.sink.stamp_check import stamps_of
from replay.sink.stamp_text import BAD_US, COARSE_US
from replay.sink.tally import TENTH_NS, Part

_NAP_NS: Final = 1_000_000
_WAIT_S: Final = 0.1
_MICROSECOND_NS: Final = 1000
_OLD_US: Final = 3600 * 1_000_000
"""A stamp older than this was not written at sending, and its age is no latency."""


def receive(sockets: Sequence[socket.socket], part: Part, parent_pid: int) -> None:
    """Count what arrives at `sockets`, one per lane, until told to stop or until the parent is gone.

    What had arrived by then is still counted: each socket is read until it is empty or gives something newer.
    """
    epoll = select.epoll()
    lane_of_fd = {}
    for lane, receiver in enumerate(sockets):
        lane_of_fd[receiver.fileno()] = lane
        epoll.register(receiver.fileno(), select.EPOLLIN)
    slots = Slots()
    lanes = np.zeros(SLOTS, np.int64)
    while not part.stop[0] and os.getppid() == parent_pid:
        ready = epoll.poll(_WAIT_S, len(sockets))
        if _receive_round(ready, lane_of_fd, slots, lanes, part) < SLOTS // 2:
            sleep_ns(_NAP_NS)
    stopped_ns = wall_ns()
    while ready := epoll.poll(0, len(sockets)):
        _receive_round(ready, lane_of_fd, slots, lanes, part)
        for fd, _ in ready:
            if part.lanes["last_ns"][lane_of_fd[fd]] > stopped_ns:
                epoll.unregister(fd)


def _receive_round(
    ready: list[tuple[int, int]],
    lane_of_fd: dict[int, int],
    slots: Slots,
    lanes: NDArray[np.int64],
    part: Part,
) -> int:
    """Read each ready socket once; returns how many messages came. `lanes` has room for each slot's lane."""
    filled = messages = 0
    for fd, _ in ready:
        came = slots.fill(fd, filled)
        lanes[filled : filled + came] = lane_of_fd[fd]
        filled += came
        messages += came
        if filled > SLOTS - MOST_PER_CALL:
            _count(slots, filled, lanes, part)
            filled = 0
    if filled:
        _count(slots, filled, lanes, part)
    return messages


def _count(slots: Slots, filled: int, lane_of_slot: NDArray[np.int64], part: Part) -> None:
    """Add the messages of the first `filled` slots to the counts."""
    lengths, segments, arrivals_ns = slots.take(filled)
    if not arrivals_ns.all():
        arrivals_ns[arrivals_ns == 0] = wall_ns()
    events = np.maximum(-(-lengths // segments), 1)
    of, lanes = lane_of_slot[:filled], part.lanes
    np.add.at(lanes["events"], of, events)
    np.add.at(lanes["bytes"], of, lengths)
    np.minimum.at(lanes["first_ns"], of, arrivals_ns)
    np.maximum.at(lanes["last_ns"], of, arrivals_ns)
    tenths = (arrivals_ns - part.start_ns) // TENTH_NS
    np.add.at(part.tenths, np.clip(tenths, 0, part.tenths.size - 1), events)
    starts = range(0, filled * SLOT_BYTES, SLOT_BYTES)
    message, instants_us, counts = stamps_of(slots.data, starts, lengths.tolist(), segments.tolist()).T
    _count_stamps(instants_us, arrivals_ns[message] // _MICROSECOND_NS - instants_us, counts, of[message], part)


def _count_stamps(
    instants_us: NDArray[np.int64],
    ages_us: NDArray[np.int64],
    counts: NDArray[np.int64],
    lane: NDArray[np.int64],
    part: Part,
) -> None:
    """Record how old stamps were on arrival, `counts` events each; count those that say nothing of it."""
    instant = instants_us > COARSE_US
    measured = instant & (ages_us >= 0) & (ages_us <= _OLD_US)
    if not measured.all():
        for name, which in (
            ("bad_stamps", instants_us == BAD_US),
            ("coarse_stamps", instants_us == COARSE_US),
            ("early_stamps", instant & (ages_us < 0)),
            ("old_stamps", instant & (ages_us > _OLD_US)),
        ):
            np.add.at(part.lanes[name], lane[which], counts[which])
        ages_us, counts = ages_us[measured], counts[measured]
    part.age.record_many(ages_us, counts)
