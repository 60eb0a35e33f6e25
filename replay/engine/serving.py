"""The loop of a worker, compiled: look what is due, stage it, send it, and count it.

It comes back to Python for what is rare, and says why. All that it needs to go on is in its arrays, so it can be
entered again at any of these points.
"""

from enum import IntEnum
from typing import Final

from captures.compiled.fence import fence
from captures.compiled.kernel import int64, kernel
from replay.board.journal import LOADED, SENT, STAGED_TRAINS, clear
from replay.engine.arrays import RUNS
from replay.engine.counting import count
from replay.engine.heap import heapify, sift_down
from replay.engine.loop import ERRNO, FULL, GATHER_NS, HEAPED, ROOM, WANTING, Look, Loop, Settings
from replay.engine.messages import describe
from replay.engine.refill import LOW_EVENTS
from replay.engine.staging import aim, stage
from replay.linux.clocks import CLOCK_MONOTONIC, CLOCK_REALTIME, read_clock, sleep
from replay.linux.libc import last_errno, sendmmsg
from replay.linux.sockets.mmsg import MMSGHDR_BYTES, UIO_MAXIOV
from replay.schedule.bursts import batch_room, gather_ns


class Reason(IntEnum):
    """Why the loop comes back."""

    ALL_SENT = 0
    """The lanes have sent all their events."""
    BOARD = 1
    """The board says stop, or that something has changed, or the end of the run is past."""
    LOW = 2
    """A lane has little left of its schedule, though there is more of it."""
    REFUSED = 3
    """The kernel refused a message; the batch is loaded, and some of it may be sent."""
    CHANGED = 4
    """The capture is no longer what it was when the run began."""


ALL_SENT: Final = int(Reason.ALL_SENT)
BOARD: Final = int(Reason.BOARD)
LOW: Final = int(Reason.LOW)
REFUSED: Final = int(Reason.REFUSED)
CHANGED: Final = int(Reason.CHANGED)

LONGEST_NAP_NS: Final = 50_000_000
"""The longest sleep between two looks at the board."""


@kernel
def may_go_on(look: Look, now_ns: int) -> bool:
    """Note on the board that it was looked at, and say whether it lets the worker go on."""
    fence()
    look.worker[0].beat_ns = now_ns
    control = look.control[0]
    in_time = not control.stop and now_ns < control.end_ns
    return in_time and control.time_scale == look.seen[0] and look.worker[0].renew == look.seen[1]


@kernel
def serve(loop: Loop, settings: Settings) -> int:
    """Send what is due, until there is a reason to come back to Python: one of the numbers above."""
    timespec = loop.counters.timespec
    if not aim_lanes(loop, settings.paced):
        return CHANGED
    while True:
        now_ns = read_clock(CLOCK_MONOTONIC, timespec)
        if not may_go_on(loop.look, now_ns):
            return BOARD
        if loop.state[WANTING]:
            return LOW
        if not loop.state[HEAPED]:
            return ALL_SENT
        nap_ns = nap(loop, now_ns) if settings.paced else 0
        if nap_ns > 0:
            sleep(min(nap_ns, LONGEST_NAP_NS), timespec)
            continue
        clear(loop.journal)
        if not stage_due(loop, settings, now_ns):
            return CHANGED
        describe(loop.journal, loop.messages, 0, settings.singly)
        if not send(loop, settings.fd):
            return REFUSED
        finish_batch(loop, settings, now_ns)


@kernel
def nap(loop: Loop, now_ns: int) -> int:
    """How many ns to sleep, until the first train has waited for others. What a full batch has left goes at once."""
    wait_ns = loop.lanes.rows[loop.lanes.heap[0]].ready_ns - now_ns
    return int64(wait_ns if wait_ns <= 0 and loop.state[FULL] else wait_ns + loop.state[GATHER_NS])


@kernel
def aim_lanes(loop: Loop, paced: bool) -> bool:
    """Find the next trains of lanes that were given runs, and make the heap. Returns False for a changed capture."""
    for i in range(len(loop.lanes.rows)):
        if not loop.lanes.rows[i].count and not aim(loop.lanes, i, loop.stored, paced):
            return False
    loop.state[HEAPED] = heapify(loop.lanes.heap, loop.lanes.rows)
    return True


@kernel
def finish_batch(loop: Loop, settings: Settings, now_ns: int) -> None:
    """Count a batch that was begun at `now_ns`, and is sent; say how much the next one may gather."""
    room, sent_ns = loop.state[ROOM], read_clock(CLOCK_MONOTONIC, loop.counters.timespec)
    count(loop.journal, loop.counters, settings.paced, sent_ns)
    loop.state[FULL] = loop.journal.state[STAGED_TRAINS] == room
    loop.state[GATHER_NS] = gather_ns(sent_ns - now_ns)
    loop.state[ROOM] = batch_room(room, settings.most_trains, sent_ns - now_ns)


@kernel
def stage_due(loop: Loop, settings: Settings, now_ns: int) -> bool:
    """Stage what is due at `now_ns`, as many trains as there is room for. Returns False for a changed capture."""
    lanes, state = loop.lanes, loop.journal.state
    rows, heap, room = lanes.rows, lanes.heap, loop.state[ROOM]
    wall_ns, used = read_clock(CLOCK_REALTIME, loop.counters.timespec), 0
    while loop.state[HEAPED] and state[STAGED_TRAINS] < room:
        i = heap[0]
        row = rows[i]
        if settings.paced and row.ready_ns > now_ns:
            break
        turn = min(settings.turn_trains, room - state[STAGED_TRAINS])
        while turn and row.count:
            used = stage(loop.stored, lanes, i, loop.batch, loop.journal, loop.rewrite, used, now_ns, wall_ns)
            turn -= 1
            if not aim(lanes, i, loop.stored, settings.paced):
                return False
        if row.left < LOW_EVENTS and not row.last and row.runs - row.run <= RUNS // 2:
            loop.state[WANTING] = 1
        if not settings.paced:
            row.ready_ns += 1
        if not row.count:
            loop.state[HEAPED] -= 1
            heap[0] = heap[loop.state[HEAPED]]
        sift_down(heap, loop.state[HEAPED], rows, 0)
    return True


@kernel
def send(loop: Loop, fd: int) -> bool:
    """Send the loaded messages. Returns False when the kernel refused one; `state[ERRNO]` says why."""
    journal = loop.journal
    while journal.state[SENT] < journal.state[LOADED]:
        first = journal.state[SENT]
        left = min(journal.state[LOADED] - first, UIO_MAXIOV)
        address = journal.messages.ctypes.data + first * MMSGHDR_BYTES
        sent = sendmmsg(fd, address, left, 0)
        if sent < 0:
            loop.state[ERRNO] = last_errno()
            return False
        journal.state[SENT] += sent
    return True
