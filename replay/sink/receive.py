"""The receiving worker: read trains from many sockets into slots, count them, check their stamps.

One round: epoll names the sockets that have something, each is read with one recvmmsg into the next free
slots, and all slots are counted together by a few vector operations. What remains per train is its stamp
check. A round that brought little is followed by a nap, so that the next finds more: fewer, fuller rounds
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

from replay.clock import SECOND_NS, sleep_ns, wall_ns
from replay.linux.udp_receive import MOST_PER_CALL, SLOT_BYTES, SLOTS, Slots
from replay.sink.stamp_check import stamps_of
from replay.sink.tally import TENTH_NS, Part

_NAP_NS: Final = 1_000_000
_WAIT_S: Final = 0.1
_MILLISECOND_NS: Final = 1_000_000
_OLD_NS: Final = 3600 * SECOND_NS
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
    _check_stamps(slots.data, lengths.tolist(), segments.tolist(), arrivals_ns.tolist(), of, part)


def _check_stamps(
    data: NDArray[np.uint8],
    lengths: list[int],
    segments: list[int],
    arrivals_ns: list[int],
    lane_of_slot: NDArray[np.int64],
    part: Part,
) -> None:
    """Record how old each stamp was on arrival; count those that are none, lie in the future or are too old."""
    ages_us: list[int] = []
    counts: list[int] = []
    start = 0
    for slot, (length, segment, arrival_ns) in enumerate(zip(lengths, segments, arrivals_ns, strict=True)):
        for stamp_ms, count in stamps_of(data, start, length, segment):
            if stamp_ms is None:
                part.lanes["bad_stamps"][lane_of_slot[slot]] += count
            elif (age_ns := arrival_ns - stamp_ms * _MILLISECOND_NS) < 0:
                part.lanes["early_stamps"][lane_of_slot[slot]] += count
            elif age_ns > _OLD_NS:
                part.lanes["old_stamps"][lane_of_slot[slot]] += count
            else:
                ages_us.append(age_ns // 1000)
                counts.append(count)
        start += SLOT_BYTES
    part.age.record_many(np.array(ages_us, np.int64), np.array(counts, np.int64))
