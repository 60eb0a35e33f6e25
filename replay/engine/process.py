"""What a worker process does: it is pinned to a core and sends what its lanes have due, until the run ends.

The hot loop is `replay.engine.serving.serve`, which is compiled. Here is what is rare: the start, the refill of lanes,
what to do about errors, a change of the time scale, and the end.
"""

import os
import signal
from functools import partial
from typing import Final

import numpy as np

from captures.compiled.fence import order_memory
from captures.console.errors import RunError, StampedeError
from captures.console.interruption import SIGNALS
from captures.console.parent import end_with_parent
from captures.files.open_file import CHANGED
from captures.format.capture import Capture
from replay.board.layout import Board, State
from replay.clock import monotonic_ns, sleep_ns, wall_ns
from replay.engine.arrays import Lanes, Rewrite, new_batch, new_lanes, stored_of
from replay.engine.backends.messages import Backend
from replay.engine.backends.packet import PacketBackend
from replay.engine.backends.udp import UdpBackend
from replay.engine.counts import WorkerCounts
from replay.engine.delivery import deliver
from replay.engine.loop import ERRNO, WANTING, Look, Loop, Settings, new_state
from replay.engine.refill import Supply
from replay.engine.serving import Reason, may_go_on, serve
from replay.engine.staging import MOVED, STAMPS
from replay.plan.run_plan import RunPlan
from replay.schedule.deal import Start
from replay.schedule.demand import TimeScale

IDLE_NAP_NS: Final = 1_000_000
"""The sleep between two looks at the board where there is nothing to send yet."""


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
        worker = Worker(capture, plan, board, index)
        plan.privileges.take(capture)
        ended = worker.run()
        order_memory()
        state[index] = ended
    except Exception as error:  # noqa: BLE001 - whatever it is, nobody else can say why this worker ended
        known = isinstance(error, (StampedeError, OSError))
        reason = str(error) if known else f"a defect of this program: {type(error).__name__}: {error}"
        board.workers["failure"][index] = reason.encode()
        order_memory()
        state[index] = State.FAILED


class Worker:
    """One worker in its process; it begins at the start of the run, or where an earlier process of it ended."""

    def __init__(self, capture: Capture, plan: RunPlan, board: Board, index: int) -> None:
        """Prepare to work in row `index` of the board."""
        self._capture, self._plan, self._board, self._index = capture, plan, board, index
        self._own = board.workers[index : index + 1]
        self._state = self._own["state"].data
        self._batch = new_batch(wall_ns())

    def run(self) -> State:
        """Wait for the start, then serve the lanes until all is sent or the board says stop."""
        control = self._board.control
        backend = self._open()
        self._state[0] = State.READY
        while not control["start_ns"][0]:
            if self._over(monotonic_ns()):
                return State.STOPPED
            sleep_ns(IDLE_NAP_NS)
        order_memory()
        self._state[0] = State.RUNNING
        counts = WorkerCounts(self._board, self._plan, self._index)
        renewals = int(self._own["renew"][0])
        done = False
        try:
            while not done and not self._over(monotonic_ns()):
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
        plan, journal, buffer = self._plan, self._board.journals[self._index], self._batch.buffer
        family = plan.target.family
        if plan.wire is None:
            addresses = [plan.target.address(port) for port in plan.ports]
            return UdpBackend(family, addresses, journal, buffer, plan.segments)
        return PacketBackend(plan.wire, family, self._index, journal, buffer, gso=plan.segments > 1)

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
            sleep_ns(IDLE_NAP_NS)
            return False
        change, time_scale = held
        control = self._board.control
        lanes, supplies = self._lanes(time_scale)
        while (wait_ns := int(control["start_ns"][0]) - monotonic_ns()) > 0:
            sleep_ns(wait_ns)
        look = Look(control, self._own, np.array([change, renewals]))
        loop = self._loop(lanes, backend, counts, look)
        while True:
            for i, supply in enumerate(supplies):
                supply.refill(lanes, i)
                self._own["beat_ns"] = monotonic_ns()
            self._capture.source.check()
            loop.state[WANTING] = 0
            reason = serve(loop, self._settings(backend))
            if reason == Reason.CHANGED:
                raise RunError(CHANGED)
            refused = reason == Reason.REFUSED
            if refused and self._deliver(backend, counts, look, int(loop.state[ERRNO])):
                continue
            if reason != Reason.LOW:
                return reason == Reason.ALL_SENT

    def _deliver(self, backend: Backend, counts: WorkerCounts, look: Look, code: int) -> bool:
        """Send what is left of a batch that the kernel refused with errno `code`. Returns whether it is all sent."""
        try:
            deliver(backend, counts, partial(may_go_on, look), code)
        finally:
            if backend.pending:
                counts.sent_partly(monotonic_ns())
        if backend.pending:
            return False
        counts.sent(monotonic_ns())
        return True

    def _loop(self, lanes: Lanes, backend: Backend, counts: WorkerCounts, look: Look) -> Loop:
        return Loop(
            stored=stored_of(self._capture),
            lanes=lanes,
            rewrite=self._rewrite(),
            batch=self._batch,
            journal=self._board.journals[self._index],
            messages=backend.messages,
            counters=counts.counters,
            look=look,
            state=new_state(self._plan.batch_trains),
        )

    def _rewrite(self) -> Rewrite:
        """What is written into the events."""
        plan, capture = self._plan, self._capture
        stamp = MOVED if plan.deal.moved_from_ns is not None else STAMPS[plan.stamp]
        return Rewrite(stamp, plan.run or 0, capture.start_ns)

    def _settings(self, backend: Backend) -> Settings:
        plan = self._plan
        turn_trains = 1 if plan.paced else plan.batch_trains
        return Settings(
            fd=backend.socket.fileno(),
            paced=plan.paced,
            most_trains=plan.batch_trains,
            turn_trains=turn_trains,
            singly=not backend.gso,
        )

    def _lanes(self, time_scale: TimeScale) -> tuple[Lanes, list[Supply]]:
        """The lanes of this worker, and their supplies; each goes on after what the board says it has sent."""
        plan, counted = self._plan, self._board.lanes
        start = Start(*(int(self._board.control[name][0]) for name in ("start_ns", "start_wall_ns")))
        own = plan.workers[self._index].lanes
        lanes, supplies = new_lanes(len(own)), []
        for row, lane in zip(lanes.rows, own, strict=True):
            row["lane"], row["port"] = lane, plan.ports[lane]
            row["events"], row["bytes"] = counted["sent_events"][lane], counted["sent_bytes"][lane]
            runs = plan.deal.runs(lane, time_scale, start, int(row["events"]))
            supplies.append(Supply(self._capture, runs, len(plan.ports), tagged=plan.run is not None))
        return lanes, supplies
