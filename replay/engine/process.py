"""What a worker process does: it is pinned to a core and sends what its lanes have due, until the run ends.

`serve` is the hot loop: it looks what is due, stages and stamps it, sends it and counts it. The decisions are made
elsewhere: the lanes say when to send, `deliver` says what to do about errors, and the board says whether to go on.
"""

import gc
import heapq
import os
import signal
from collections.abc import Callable, Iterator
from typing import Final

from captures.console.errors import StampedeError
from captures.console.interruption import SIGNALS
from captures.format.reader import Capture
from replay.board.journal import TRAINS
from replay.board.layout import Board, State
from replay.clock import monotonic_ns, sleep_ns
from replay.engine.backends.messages import Backend
from replay.engine.backends.packet import PacketBackend
from replay.engine.backends.udp import UdpBackend
from replay.engine.batch import Batch
from replay.engine.counts import WorkerCounts
from replay.engine.delivery import deliver
from replay.engine.lane import Lane, Turn
from replay.linux.parent import end_with_parent
from replay.path.headers import Headers
from replay.path.sources import Picker
from replay.plan.run_plan import RunPlan
from replay.schedule.bursts import RoundRobin, TokenBucket, batch_room
from replay.schedule.deal import Deal, Start
from replay.schedule.demand import TimeScale
from replay.schedule.pieces import Pieces, cut_pieces, pages

NAP_NS: Final = 1_000_000
"""The shortest sleep, and the least time between two batches when the first was not full. At 4 M EPS about 32 trains
fall due in this time, and one system call sends them all; to wake up twice as often costs 3% to 5% of a core. Without
this pause a slow core is kept busy by batches of one or two trains, at a rate that it could send with time to spare."""
LONGEST_NAP_NS: Final = 50_000_000
"""The longest sleep between two looks at the board."""


def serve(
    lanes: list[Lane],
    turn_trains: int,
    most_trains: int,
    batch: Batch,
    backend: Backend,
    counts: WorkerCounts,
    may_go_on: Callable[[int], bool],
) -> bool:
    """Send what is due: in each batch at most `most_trains` trains, and at most `turn_trains` of one lane.

    Returns True when the lanes have sent all their events, False when `may_go_on(now_ns)` says no before that.
    Raises what `deliver` raises.
    """
    heap = [(ready, place) for place, lane in enumerate(lanes) if (ready := lane.ready_ns()) is not None]
    heapq.heapify(heap)
    turns: list[Turn] = []
    room = most_trains
    while heap:
        now_ns = monotonic_ns()
        if not may_go_on(now_ns):
            return False
        wait_ns = heap[0][0] - now_ns
        if wait_ns > 0:
            sleep_ns(min(max(wait_ns, NAP_NS), LONGEST_NAP_NS))
            continue
        batch.begin()
        _stage_due(lanes, heap, turns, batch, turn_trains, room, now_ns)
        batch.end()
        backend.load()
        try:
            deliver(backend, counts, may_go_on)
        finally:
            if backend.pending:
                counts.sent_partly(monotonic_ns())
        if backend.pending:
            return False
        sent_ns = monotonic_ns()
        counts.sent(turns, sent_ns)
        if batch.trains < room:
            sleep_ns(now_ns + NAP_NS - sent_ns)
        room = batch_room(room, most_trains, sent_ns - now_ns)
    return True


def _stage_due(
    lanes: list[Lane],
    heap: list[tuple[int, int]],
    turns: list[Turn],
    batch: Batch,
    turn_trains: int,
    room: int,
    now_ns: int,
) -> None:
    """Stage what is due at `now_ns`, `room` trains at most; `turns` is emptied, and then holds what each lane staged.

    For each lane with events left, `heap` holds the instant at which it is ready, and its place in `lanes`.
    """
    turns.clear()
    while heap and heap[0][0] <= now_ns and batch.trains < room:
        place = heap[0][1]
        lane, left = lanes[place], room - batch.trains
        turns.append(lane.take_turn(batch, turn_trains if turn_trains < left else left, now_ns))
        ready = lane.ready_ns()
        if ready is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (ready, place))


def lane_pieces(
    capture: Capture,
    deal: Deal,
    lane: int,
    fd: int,
    time_scale: TimeScale,
    start: Start,
    sent: tuple[int, int] = (0, 0),
) -> Iterator[Pieces]:
    """The pieces that a lane sends in a run that began at `start`, after the `sent` events and bytes already sent.

    They come in pages of about `PAGE_PIECES` pieces. The kernel is told more than a page ahead to read each run of a
    page from `fd`, the capture, since its own read-ahead does not foresee that lanes jump from stripe to stripe. This
    costs 2% of the speed, so it is left out after the first loop for a capture that stays in memory. Raises RunError
    when somebody changed the capture.
    """
    stays = 2 * len(capture.payload) < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for page in pages(deal.runs(lane, time_scale, start, sent[0])):
        try:
            pieces = cut_pieces(capture.trains, page, sent)
        finally:
            # Check now: what is in memory by now is what will be counted, and changed tables may contradict each other.
            capture.source.check()
        if not stays or sent[0] * deal.lanes < capture.events:
            first = 0
            while first < len(pieces.start):
                reach = pieces.reach[first]
                place, size = capture.payload_offset + pieces.start[first], pieces.bytes_of(first, reach)
                os.posix_fadvise(fd, place, size, os.POSIX_FADV_WILLNEED)
                first = reach
        sent = pieces.through[-1]
        yield pieces


def work(capture: Capture, plan: RunPlan, board: Board, index: int, cpu: int, supervisor: int) -> None:
    """Run worker `index` in its own process on the core `cpu`: send its lanes, and write the result to the board.

    The worker ends when its parent, the process `supervisor`, dies; that the supervisor is slow does not end it.
    """
    # Ctrl-C or a hang-up of the terminal reaches every process of the group, but only the supervisor decides about it.
    for number in (*SIGNALS, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    state = board.workers["state"].data
    try:
        end_with_parent(supervisor)
        os.sched_setaffinity(0, {cpu})
        gc.disable()  # the loop creates no reference cycles, and the search for them takes time
        worker = Worker(capture, plan, board, index)
        plan.privileges.take(capture)
        state[index] = worker.run()
    except (StampedeError, OSError) as error:
        board.workers["failure"][index] = str(error).encode()
        state[index] = State.FAILED


class Worker:
    """One worker in its process; it begins at the start of the run, or where an earlier process of it ended."""

    def __init__(self, capture: Capture, plan: RunPlan, board: Board, index: int) -> None:
        """Prepare to work in row `index` of the board."""
        self._capture, self._plan, self._board, self._index = capture, plan, board, index
        self._batch = Batch(capture.payload, plan.stamp, board.journals[index], plan.tagging)
        self._own = board.workers[index : index + 1]
        self._state = self._own["state"].data

    def run(self) -> State:
        """Wait for the start, then serve the lanes until all is sent or the board says stop."""
        over = self._over
        control, plan = self._board.control, self._plan
        backend = self._open()
        self._state[0] = State.READY
        while not control["start_ns"][0]:
            if over(monotonic_ns()):
                return State.STOPPED
            sleep_ns(NAP_NS)
        self._state[0] = State.RUNNING
        counts = WorkerCounts(self._board, plan, self._index)
        renewals = int(self._own["renew"][0])
        done = False
        try:
            while not done and not over(monotonic_ns()):
                if self._own["renew"][0] != renewals:
                    renewals = int(self._own["renew"][0])
                    backend.close()
                    backend = self._open()
                done = self._serve(backend, counts, renewals)
        finally:
            for code, lane in backend.errors():
                counts.came_back(code, lane)
            counts.finish()
        return State.DONE if done else State.STOPPED

    def _open(self) -> Backend:
        plan, family = self._plan, self._plan.target.family
        if plan.wire is None:
            return UdpBackend(family, [plan.target.address(port) for port in plan.ports], self._batch, plan.segments)
        headers = Headers(family, plan.wire.prototypes, TRAINS)
        picker = Picker(plan.wire.sources, self._index)
        return PacketBackend(plan.wire.interface, headers, picker, self._batch, gso=plan.segments > 1)

    def _over(self, now_ns: int) -> bool:
        """Whether the board says stop."""
        control = self._board.control
        self._own["beat_ns"] = now_ns
        past_end = control["start_ns"][0] and now_ns >= control["end_ns"][0]
        return bool(control["stop"][0] or past_end)

    def _serve(self, backend: Backend, counts: WorkerCounts, renewals: int) -> bool:
        """Send at the present time scale. Returns whether everything is sent."""
        held = self._board.time_scale()
        if held is None or not held[1].factor:
            sleep_ns(NAP_NS)
            return False
        change, time_scale = held
        control, own = self._board.control, self._own
        end, stop, changes = (control[name].data for name in ("end_ns", "stop", "time_scale"))
        beat, renew = own["beat_ns"].data, own["renew"].data

        def may_go_on(now_ns: int) -> bool:
            beat[0] = now_ns
            go = not stop[0] and now_ns < end[0]
            return go and changes[0] == change and renew[0] == renewals

        lanes = self._lanes(time_scale)
        while (wait_ns := int(control["start_ns"][0]) - monotonic_ns()) > 0:
            sleep_ns(wait_ns)
        most = self._plan.batch_trains
        return serve(lanes, 1 if self._plan.paced else most, most, self._batch, backend, counts, may_go_on)

    def _lanes(self, time_scale: TimeScale) -> list[Lane]:
        """The lanes of this worker; each goes on after what the board says it has sent."""
        plan, counted = self._plan, self._board.lanes
        start = Start(*(int(self._board.control[name][0]) for name in ("start_ns", "start_wall_ns")))
        own = plan.workers[self._index].lanes
        lanes = []
        for place, lane in enumerate(own):
            sent = int(counted["sent_events"][lane]), int(counted["sent_bytes"][lane])
            source = lane_pieces(self._capture, plan.deal, lane, self._capture.source.fd, time_scale, start, sent)
            lanes.append(Lane(lane, TokenBucket() if plan.paced else RoundRobin(), source, place / len(own)))
            self._own["beat_ns"] = monotonic_ns()
        return lanes
