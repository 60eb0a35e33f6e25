"""How the worker processes of a run are forked, watched, and renewed or replaced (`replay.supervision.health`)."""

import multiprocessing
import os
import signal
from contextlib import suppress
from typing import Final

import psutil

from captures.console.interruption import blocked
from captures.files.open_file import CHANGED
from captures.format.capture import Capture
from replay.board.intervals import add_to_interval
from replay.board.journal import settle
from replay.board.layout import Board, State
from replay.board.snapshot import take_snapshot
from replay.clock import SECOND_NS, monotonic_ns, wall_ns
from replay.engine.preparation import prepare
from replay.engine.process import work
from replay.plan.run_plan import RunPlan
from replay.schedule.demand import Demand
from replay.supervision.health import Action, Health, Recovery

OVER: Final = (State.DONE, State.STOPPED, State.FAILED)
"""The states of a worker that has ended."""
_CAUGHT_UP_NS = SECOND_NS // 10
"""A worker has caught up when it is behind by no more than the events that are due in this time."""


class WorkerProcesses:
    """One process for each worker of a plan."""

    def __init__(self, capture: Capture, plan: RunPlan, board: Board, demand: Demand) -> None:
        """Prepare the processes, without forking them."""
        self._capture, self._plan, self._board, self._demand = capture, plan, board, demand
        self._context = multiprocessing.get_context("fork")
        self.cores = [worker.cpu for worker in plan.workers]
        """The core on which each worker runs now."""
        self._health = [Health() for _ in plan.workers]
        self.recoveries: list[Recovery] = []
        self._latest: list[Recovery | None] = [None for _ in plan.workers]
        """The latest recovery of each worker, which is the only one that is still followed."""
        prepare(wall_ns())
        self._processes = [self._process(index) for index in range(len(plan.workers))]

    def _process(self, index: int) -> multiprocessing.process.BaseProcess:
        arguments = (self._capture, self._plan, self._board, index, self.cores[index], os.getpid())
        return self._context.Process(target=work, args=arguments, name=f"worker-{index}", daemon=True)

    def start(self) -> None:
        """Fork all workers. Signals are blocked meanwhile, so none reaches a worker that does not ignore it yet."""
        with blocked():
            for process in self._processes:
                process.start()

    def kill(self) -> None:
        """Kill all workers that are alive, at once."""
        for process in self._processes:
            if process.pid and process.is_alive():
                process.kill()

    def join(self, patience_ns: int) -> None:
        """Wait for the workers to end, end those that take longer, and count what the dead had sent."""
        deadline_ns = monotonic_ns() + patience_ns
        for process in self._processes:
            if process.pid is None:  # never started
                continue
            process.join(max(0, deadline_ns - monotonic_ns()) / SECOND_NS)
            if process.is_alive():
                process.kill()
                process.join()
        for index in range(len(self._processes)):
            self._settle(index)

    @property
    def over(self) -> bool:
        """Whether all workers have ended by themselves."""
        return all(state in OVER for state in self._board.workers["state"])

    def memory_bytes(self) -> int | None:
        """The anonymous memory of all workers: resident less shared with files (proc(5), statm)."""
        held = 0
        try:
            for process in self._processes:
                memory = psutil.Process(process.pid).memory_info()
                held += memory.rss - memory.shared
        except psutil.NoSuchProcess:
            return None
        return held

    def failures(self) -> list[str]:
        """A line for each worker that failed for good, or that died without a message and was not replaced.

        If the capture was changed, there is only one line, which says so, whatever happened to the workers.
        """
        if self._capture.source.changed:
            return [CHANGED]
        lines = []
        for index in range(len(self._processes)):
            code, state = self._exit(index)
            if state == State.FAILED:
                lines.append(f"worker {index}: {self._board.workers['failure'][index].decode(errors='replace')}")
            elif state not in OVER and code is not None:
                lines.append(self._death(index, code))
        return lines

    def _exit(self, index: int) -> tuple[int | None, int]:
        """The exit code of a worker (None while it lives), and its state.

        The state is read after the code. A worker writes its state before it exits, so that of a dead one is final.
        """
        code = self._processes[index].exitcode
        return code, int(self._board.workers["state"][index])

    def _death(self, index: int, code: int) -> str:
        """A line about a worker that died without a message."""
        return f"worker {index} (process {self._processes[index].pid}) {_manner_of_death(code)}"

    def check(self, now_ns: int) -> list[str]:
        """Check each worker during the run, and act. Returns a line for each worker that is given up."""
        if self._capture.source.changed:  # no worker may go on with a changed capture, and none is replaced
            return self.failures()
        given_up = []
        for index in range(len(self._processes)):
            code, state = self._exit(index)
            if state == State.FAILED or code == -signal.SIGBUS:
                return self.failures()
            if state not in OVER and self._act(index, now_ns, code) is Action.GIVE_UP:
                given_up.append(f"{self._death(index, code or 0)}, time after time: it was given up")
        self._observe(now_ns)
        return given_up

    def _act(self, index: int, now_ns: int, code: int | None) -> Action:
        """Do what a worker needs, and return what that was. `code` is its exit code, None while it lives."""
        process, row = self._processes[index], self._board.workers[index : index + 1]
        dead = code is not None
        if dead:
            self._settle(index)
        beat_ns = int(row["beat_ns"][0])
        action = self._health[index].choose(now_ns, beat_ns, dead=dead)
        match action:
            case Action.SOFT:
                self._note(index, action, f"stood still for {(now_ns - beat_ns) / SECOND_NS:.1f} s")
                row["renew"] += 1
                self._signal(process, signal.SIGCONT)
            case Action.KILL:
                self._signal(process, signal.SIGKILL)
            case Action.HARD | Action.MOVE:
                if action is Action.MOVE:
                    self.cores[index] = self._another_core(index)
                self._replace(index, action)
        return action

    def _settle(self, index: int) -> None:
        """Count the events that a dead worker had sent but not counted."""
        row = self._board.workers[index : index + 1]
        new = settle(self._board.journals[index], self._board.lanes)
        if new:  # the worker sent them after its last beat, so their interval is not collected yet
            ring = row["interval_numbers"][0], row["interval_events"][0]
            add_to_interval(*ring, self._start_ns, self._plan.interval_ns, new, int(row["beat_ns"][0]))

    def _replace(self, index: int, action: Action) -> None:
        """Start a new process, which goes on where the dead one ended."""
        code = self._processes[index].exitcode or 0
        self._note(index, action, _manner_of_death(code))
        row = self._board.workers[index : index + 1]
        row["state"] = State.STARTING
        row["beat_ns"] = monotonic_ns()
        self._processes[index] = self._process(index)
        with blocked():
            self._processes[index].start()

    def _note(self, index: int, action: Action, cause: str) -> None:
        """Record a new recovery, or update the present one if it has not helped yet."""
        latest = self._latest[index]
        if latest is not None and latest.silent_ns is None:
            latest.action, latest.core = action, self.cores[index]
            return
        failed_ns = int(self._board.workers["last_send_ns"][index]) - self._start_ns
        recovery = Recovery(index, cause, action, self.cores[index], max(0, failed_ns))
        self._latest[index] = recovery
        self.recoveries.append(recovery)

    def _observe(self, now_ns: int) -> None:
        """Update the latest recovery of each worker from one snapshot of the board."""
        unfinished = [each for each in self._latest if each is not None and each.recovered_ns is None]
        if not unfinished:
            return
        now = take_snapshot(self._board, now_ns)
        at_ns, all_lanes = now.at_ns - now.start_ns, len(self._plan.ports)
        for recovery in unfinished:
            lanes = self._plan.workers[recovery.worker].lanes
            behind, tolerable = None, 0
            if self._plan.paced:
                due, before = (self._demand.events_due(ns) for ns in (at_ns, at_ns - _CAUGHT_UP_NS))
                sent = int(now.lanes["sent_events"][lanes.start : lanes.stop].sum())
                behind = due * len(lanes) // all_lanes - sent
                tolerable = (due - before) * len(lanes) // all_lanes
            sent_ns = int(now.workers["last_send_ns"][recovery.worker]) - now.start_ns
            recovery.observe(at_ns, sent_ns, behind, tolerable)

    @property
    def _start_ns(self) -> int:
        return int(self._board.control["start_ns"][0])

    def _another_core(self, index: int) -> int:
        """Another core, the one with the fewest workers; the same core if there is no other."""
        others = [cpu for cpu in self._plan.cpus if cpu != self.cores[index]]
        return min(others, key=self.cores.count, default=self.cores[index])

    @staticmethod
    def _signal(process: multiprocessing.process.BaseProcess, number: signal.Signals) -> None:
        if process.pid:
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)


def _manner_of_death(code: int) -> str:
    """How a process ended, by its exit code; -n means that signal n killed it."""
    if code == -signal.SIGBUS:
        # mmap(2): the page lies behind the file's end, or the disk failed to read it.
        return "could not read the capture any more: it was cut short or its disk failed; build or copy it again"
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
