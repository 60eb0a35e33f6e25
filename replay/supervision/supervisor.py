"""What the supervisor does: it starts the workers, watches them, obeys the commands of the user, and ends the run.

Workers are forked while this process has no other threads. The kernel kills them when this process ends, even by
kill -9. They do not depend on its speed: it may be slow, or stopped for minutes, and they still send what is due.
"""

import signal
from collections.abc import Callable
from fractions import Fraction
from types import FrameType
from typing import Any, Final

import numpy as np

from captures.console.errors import InputError, PreflightError, RunError
from captures.console.interruption import may_handle
from captures.format.capture import Capture
from replay.board.layout import Board, State
from replay.board.snapshot import take_snapshot
from replay.clock import SECOND_NS, monotonic_ns, sleep_ns, wall_ns
from replay.linux.growth import grown
from replay.machine.strain import Strain
from replay.plan.run_plan import RunPlan
from replay.schedule.demand import Demand
from replay.supervision.offered_load import Offered
from replay.supervision.outcome import Outcome
from replay.supervision.workers import OVER, WorkerProcesses

_TICK_NS: Final = SECOND_NS // 10
_READY_PATIENCE_NS: Final = 30 * SECOND_NS
_STOP_PATIENCE_NS: Final = 2 * SECOND_NS
_HEAD_START_NS: Final = SECOND_NS // 5
"""The time from the order to start until the start, in which workers cut the first stripes of each lane."""
_NEVER_NS: Final = (1 << 63) - 1
_CHANGE_NS: Final = 2_000_000  # from a change of the pace until it takes effect
_LEAD_NS: Final = SECOND_NS // 5
"""The time from an order to end until it takes effect. Workers sleep for less, so all of them see it in time."""
_END_PATIENCE_NS: Final = SECOND_NS
"""How long after the end has taken effect a worker may still send events that were due."""


def nic_counters(nic: str | None) -> dict[str, int] | None:
    """The counts of the network card so far; None: there is no card, or it is gone."""
    if nic is None:
        return None
    from replay.linux.network.links import counters  # noqa: PLC0415 - pyroute2 takes a while to load

    try:
        return counters(nic)
    except OSError:
        return None


class Supervisor:
    """Conducts a run from start to end."""

    def __init__(self, capture: Capture, plan: RunPlan) -> None:
        """Prepare to carry out `plan`."""
        self.plan = plan
        self.board = Board(len(plan.workers), len(plan.ports))
        self.board.workers["segments"] = plan.segments
        self.board.control["end_ns"] = _NEVER_NS
        demand = Demand(plan.schedule, plan.duration_ns)
        self.board.set_time_scale(demand.time_scale)
        self._workers = WorkerProcesses(capture, plan, self.board, demand)
        self._hurried = self._ending = False
        """Two flags: a second signal came; the workers have been told to stop."""
        self.outcome = Outcome(
            self.board, demand, Offered(demand), self._workers.cores, recoveries=self._workers.recoveries
        )
        self._over_ns = 0
        """When the run was over. The time that its workers still take after that is not part of it."""

    def change_time_scale(self, factor: Fraction) -> None:
        """Go on at `factor` times the pace of the plan from now on; 0 is a pause.

        Raises InputError when that is too slow for the clock, or too late: a worker has sent all its events.
        """
        outcome = self.outcome
        ending = self.plan.duration_ns is not None and (self.board.workers["state"] == State.DONE).any()
        if outcome.stopped_by or ending:
            raise InputError("the run is ending, and its rate can't be changed any more")
        # What falls due before the workers see the change is sent, and so it is still asked for.
        at_ns = self._elapsed_ns() + _CHANGE_NS
        self.plan.deal.check(outcome.demand.scaled(at_ns, factor))
        self.board.set_time_scale(outcome.demand.change(at_ns, factor))

    def stop(self, by: str) -> None:
        """End the run in good order: the events that are due by now are still sent. `by` is the user's command."""
        outcome, control = self.outcome, self.board.control
        if outcome.stopped_by:
            return
        outcome.stopped_by = by
        if outcome.demand.schedule.mean_eps is None or not outcome.start_ns:
            control["stop"] = 1
            return
        now_ns = self._elapsed_ns()
        self.board.set_time_scale(outcome.demand.end(now_ns, now_ns + _LEAD_NS))
        control["end_ns"] = min(int(control["end_ns"][0]), monotonic_ns() + _LEAD_NS + _END_PATIENCE_NS)

    def _elapsed_ns(self) -> int:
        """The time since the start of the run; 0 before the start."""
        start_ns = self.outcome.start_ns
        return max(0, monotonic_ns() - start_ns) if start_ns else 0

    def abort(self, reason: str) -> None:
        """End the run soon; it counts as missed, for the given `reason`."""
        self.outcome.aborted = reason

    def run(
        self,
        each_tick: Callable[[], None],
        each_second: Callable[[Outcome], None],
        at_end: Callable[[Outcome], None] = lambda _: None,
    ) -> Outcome:
        """Carry out the plan to its end, or until SIGINT, SIGTERM or SIGHUP; a second signal kills the workers at once.

        During the run `each_tick` is called every 100 ms, and `each_second` about once a second. `at_end` is called
        when all workers have ended, while signals are still noted. Raises RunError when the run could not be started.
        """
        outcome = self.outcome
        before = nic_counters(self.plan.nic)
        previous = self._take_signals()
        try:
            self._workers.start()
            self._await_ready()
            self._await_instant(each_tick)
            if not outcome.failures and not outcome.interrupted_by and not outcome.stopped_by:
                self._start()
                self._watch(each_tick, each_second)
                self._note_end()
            self.board.control["stop"] = 1
            if outcome.strain:
                outcome.strain.look(outcome.cores, outcome.offered.verdicts.below)
            self._ending = True
            self._workers.join(0 if self._hurried else _STOP_PATIENCE_NS)
            self._collect_rest()
            if not self._hurried:  # otherwise a second signal killed workers, which is no failure of theirs
                outcome.failures = outcome.failures or self._workers.failures()
            after = nic_counters(self.plan.nic)
            if before is not None and after is not None:
                outcome.nic = grown(before, after)
            at_end(outcome)
        except BaseException:
            self._workers.kill()
            self._workers.join(0)  # this also counts what the workers had sent
            raise
        finally:
            self._workers.kill()
            for number, handler in previous.items():
                signal.signal(number, handler)
        return outcome

    def _take_signals(self) -> dict[int, Any]:
        """Note SIGINT, SIGTERM and, except under nohup(1), SIGHUP. Returns the handlers that were set before."""
        outcome = self.outcome
        if not may_handle():
            return {}

        def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
            name = signal.Signals(number).name
            if self._workers.over:
                outcome.settling_cut_by = name
                return
            self._hurried = outcome.interrupted_by is not None
            if self._hurried and self._ending:
                self._workers.kill()
            outcome.interrupted_by = name

        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        return {number: signal.signal(number, note) for number in numbers}

    def _await_ready(self) -> None:
        deadline_ns = monotonic_ns() + _READY_PATIENCE_NS
        outcome = self.outcome
        while (self.board.workers["state"] == State.STARTING).any() and not outcome.interrupted_by:
            outcome.failures = self._workers.failures()
            if outcome.failures:
                return
            if monotonic_ns() > deadline_ns:
                raise RunError("the workers did not get ready in 30 s; is the machine overloaded?")
            sleep_ns(_TICK_NS // 20)
        outcome.failures = self._workers.failures()

    def _await_instant(self, each_tick: Callable[[], None]) -> None:
        """Wait until shortly before the instant to start at, if there is one, by the wall's clock, which may be set."""
        at_ns, outcome = self.plan.start_at_ns, self.outcome
        while at_ns is not None and (wait_ns := at_ns - _HEAD_START_NS - wall_ns()) > 0:
            outcome.failures = outcome.failures or self._workers.failures()
            if outcome.failures or outcome.interrupted_by or outcome.stopped_by:
                return
            each_tick()
            sleep_ns(min(wait_ns, _TICK_NS))

    def _start(self) -> None:
        """Tell the workers when to start. Raises PreflightError when the instant to start at is past."""
        control, plan, now_ns = self.board.control, self.plan, wall_ns()
        start_ns, at_ns = monotonic_ns(), plan.start_at_ns
        if at_ns is not None and at_ns < now_ns:
            raise PreflightError("--start-at: that instant was over before the run was ready; give it more time")
        self.outcome.started_wall_ns = now_ns + _HEAD_START_NS if at_ns is None else at_ns
        start_ns += self.outcome.started_wall_ns - now_ns
        if plan.stop_after_ns is not None:
            control["end_ns"] = start_ns + plan.stop_after_ns
        self.board.start(start_ns, self.outcome.started_wall_ns)

    def _watch(self, each_tick: Callable[[], None], each_second: Callable[[Outcome], None]) -> None:
        """Watch until all workers have ended, one is given up, or a signal comes."""
        outcome = self.outcome
        outcome.strain = Strain()
        next_second_ns = outcome.start_ns
        while not self._workers.over and not outcome.interrupted_by and not outcome.aborted:
            sleep_ns(_TICK_NS)
            now_ns = monotonic_ns()
            if now_ns >= outcome.start_ns:
                outcome.failures = self._workers.check(now_ns)
                if outcome.failures:
                    return
            each_tick()
            self._end_pause(now_ns)
            self._collect_running()
            if now_ns >= next_second_ns:
                # After a stall, too, wait for nearly a second, so that the events before it have the time to arrive.
                next_second_ns = max(next_second_ns + SECOND_NS, now_ns + SECOND_NS - _TICK_NS)
                self._sample_memory()
                outcome.strain.look(outcome.cores, outcome.offered.verdicts.below)
                each_second(outcome)

    def _end_pause(self, now_ns: int) -> None:
        """If the run's time is over while it is paused, let it send the events that were due before the pause."""
        plan, demand, elapsed_ns = self.plan, self.outcome.demand, now_ns - self.outcome.start_ns
        over = plan.paced and plan.duration_ns is not None and elapsed_ns >= plan.duration_ns
        if over and not demand.time_scale.factor:
            self.board.set_time_scale(demand.end(elapsed_ns, elapsed_ns))
            self.board.control["end_ns"] = now_ns + _END_PATIENCE_NS

    def _sample_memory(self) -> None:
        held = self._workers.memory_bytes()
        if held is not None:
            self.outcome.memory_bytes_peak = max(self.outcome.memory_bytes_peak or 0, held)

    def _note_end(self) -> None:
        """Note when the run was over, and which workers stopped though nobody told them to."""
        board, outcome = self.board, self.outcome
        now_ns, end_ns = monotonic_ns(), int(board.control["end_ns"][0])
        self._over_ns = min(now_ns, end_ns)
        if board.control["stop"][0] or now_ns >= end_ns:
            return
        outcome.failures = outcome.failures or [
            f"worker {index} stopped, and nothing had told it to"
            for index in np.flatnonzero(board.workers["state"] == State.STOPPED).tolist()
        ]

    def _collect_running(self) -> None:
        """Collect the intervals that are over for all workers that have not ended."""
        snapshot = take_snapshot(self.board, monotonic_ns())
        beats_ns = snapshot.workers["beat_ns"][~np.isin(snapshot.workers["state"], OVER)]
        if beats_ns.size:
            self.outcome.offered.collect(snapshot, int(beats_ns.min()) - snapshot.start_ns)

    def _collect_rest(self) -> None:
        """Collect the remaining intervals, except an incomplete last one of a run that was cut short."""
        offered, snapshot = self.outcome.offered, take_snapshot(self.board, monotonic_ns())
        until_ns = snapshot.last_send_ns + offered.interval_ns if snapshot.done else self._over_ns
        offered.collect(snapshot, until_ns - snapshot.start_ns)
