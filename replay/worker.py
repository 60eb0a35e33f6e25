"""A worker: a pinned process that serves some lanes. What is due? Stage, stamp, send, count.

`serve` is the hot loop. It is given all it needs and decides nothing: the lanes say when, `deliver`
says what to do about errors, and the board says whether to go on.
"""

import gc
import heapq
import os
import signal
from collections.abc import Callable, Iterator
from typing import Final

from captures.errors import StampedeError
from captures.reader import Capture
from replay.backends.udp import UdpBackend
from replay.batch import TRAINS, Batch
from replay.board import Board, State
from replay.clock import monotonic_ns, sleep_ns
from replay.delivery import deliver
from replay.lane import Lane, Turn
from replay.pacing import Paced, Unpaced, batch_room
from replay.plan import RunPlan
from replay.stripes import Deal, Pieces, cut_pieces, pages
from replay.tally import Tally

NAP_NS: Final = 1_000_000
"""The shortest sleep. At 4 M EPS some 32 trains fall due meanwhile, and one system call sends them all; to wake up
twice as often costs 3% to 5% of a core."""
LONGEST_NAP_NS: Final = 50_000_000
"""The longest sleep between two looks at the lease."""


def serve(
    lanes: list[Lane],
    turn_trains: int,
    batch: Batch,
    backend: UdpBackend,
    tally: Tally,
    may_go_on: Callable[[int], bool],
) -> bool:
    """Send what is due, at most `turn_trains` trains of a lane at a time.

    Returns True when the lanes have sent all they had, False when `may_go_on(now_ns)` says no before that.
    Raises what `deliver` raises.
    """
    heap = [(ready, place) for place, lane in enumerate(lanes) if (ready := lane.ready_ns()) is not None]
    heapq.heapify(heap)
    turns: list[Turn] = []
    room = TRAINS
    while heap:
        now_ns = monotonic_ns()
        if not may_go_on(now_ns):
            return False
        wait_ns = heap[0][0] - now_ns
        if wait_ns > 0:
            sleep_ns(min(max(wait_ns, NAP_NS), LONGEST_NAP_NS))
            continue
        batch.begin()
        turns.clear()
        while heap and heap[0][0] <= now_ns and batch.trains < room:
            place = heap[0][1]
            turns.append(lanes[place].take_turn(batch, min(turn_trains, room - batch.trains), now_ns))
            ready = lanes[place].ready_ns()
            if ready is None:
                heapq.heappop(heap)
            else:
                heapq.heapreplace(heap, (ready, place))
        backend.load()
        try:
            deliver(backend, tally, may_go_on)
        finally:
            if backend.pending:
                tally.sent_partly(batch, backend.pending_events(), monotonic_ns())
        if backend.pending:
            return False
        sent_ns = monotonic_ns()
        tally.sent(turns, sent_ns)
        room = batch_room(room, TRAINS, sent_ns - now_ns)
    return True


def lane_pieces(
    capture: Capture, deal: Deal, lane: int, fd: int, start_ns: int, start_wall_ns: int
) -> Iterator[Pieces]:
    """What a lane sends in a run that starts at `start_ns`, a page of about `PAGE_PIECES` pieces at a time.

    The kernel is told to read each run of a page from `fd`, the capture, more than a page ahead: lanes jump from stripe
    to stripe, which its own read-ahead does not see. That costs 2% of the speed, so a capture that stays in
    memory is spared it after the first loop.
    """
    taken = 0
    stays = 2 * len(capture.payload) < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for page in pages(deal.runs(lane, start_ns, start_wall_ns)):
        pieces = cut_pieces(capture.trains, page)
        if not stays or taken * deal.lanes < capture.events:
            first = 0
            while first < len(pieces.start):
                reach = pieces.reach[first]
                start, size = capture.payload_offset + pieces.start[first], pieces.bytes_of(first, reach)
                os.posix_fadvise(fd, start, size, os.POSIX_FADV_WILLNEED)
                first = reach
        taken += sum(pieces.count)
        yield pieces


def work(capture: Capture, plan: RunPlan, board: Board, index: int) -> None:
    """The life of worker `index` in its own process: get ready, wait for the start, serve, and say how it went."""
    # A terminal's Ctrl-C reaches every process of the group; the supervisor alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    state = board.workers["state"].data
    try:
        state[index] = _work(capture, plan, board, index)
    except (StampedeError, OSError) as error:
        board.workers["failure"][index] = str(error).encode()
        state[index] = State.FAILED


def _work(capture: Capture, plan: RunPlan, board: Board, index: int) -> State:
    worker = plan.workers[index]
    os.sched_setaffinity(0, {worker.cpu})
    gc.disable()  # the loop makes no cycles, and looking for some takes time
    start, lease, end, stop = (board.control[name].data for name in ("start_ns", "lease_ns", "end_ns", "stop"))

    def may_go_on(now_ns: int) -> bool:
        return not stop[0] and now_ns < lease[0] and now_ns < end[0]

    fd = os.open(capture.path, os.O_RDONLY)
    batch = Batch(capture.payload, plan.stamp)
    addresses = [plan.target.address(port) for port in plan.ports]
    backend = UdpBackend(plan.target.family, addresses, batch, plan.segments)
    state = board.workers["state"].data
    state[index] = State.READY
    while not start[0]:
        if stop[0] or monotonic_ns() > lease[0]:
            return State.STOPPED
        sleep_ns(NAP_NS)
    state[index] = State.RUNNING

    lanes = []
    for place, lane in enumerate(worker.lanes):
        source = lane_pieces(capture, plan.deal, lane, fd, start[0], int(board.control["start_wall_ns"][0]))
        lanes.append(Lane(lane, Paced() if plan.paced else Unpaced(), source, place / len(worker.lanes)))
    while (wait_ns := start[0] - monotonic_ns()) > 0:
        sleep_ns(wait_ns)
    tally = Tally(board, plan, index)
    turn_trains = 1 if plan.paced else TRAINS
    try:
        done = serve(lanes, turn_trains, batch, backend, tally, may_go_on)
    finally:
        for code, lane in backend.errors():
            tally.error(code, lane)
        tally.finish()
    return State.DONE if done else State.STOPPED
