"""The supervisor: starts the workers, extends their lease, watches them, and ends the run.

Workers are forked before any thread of ours exists. They go on only while the lease on the board is fresh, so whatever
happens to the supervisor, kill -9 included, they stop within `LEASE_NS`.
"""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, Final

import numpy as np
import psutil

from captures.errors import RunError
from captures.reader import Capture
from replay.board import Board, State
from replay.clock import SECOND_NS, monotonic_ns, sleep_ns, wall_ns
from replay.offered import Offered
from replay.plan import RunPlan
from replay.worker import work

LEASE_NS: Final = 3 * SECOND_NS // 2
_TICK_NS: Final = SECOND_NS // 10
_READY_PATIENCE_NS: Final = 30 * SECOND_NS
_STOP_PATIENCE_NS: Final = 2 * SECOND_NS
_HEAD_START_NS: Final = SECOND_NS // 5
"""From telling the workers to start until they do: time to cut each lane's first stripes."""
_NEVER_NS: Final = (1 << 63) - 1
_OVER: Final = (State.DONE, State.STOPPED, State.FAILED)


@dataclass
class Outcome:
    """What a run came to; the figures are on the board."""

    board: Board
    offered: Offered
    started_wall_ns: int = 0
    interrupted_by: str | None = None
    """The signal that ended it."""
    failures: list[str] = field(default_factory=list)
    """A line for each worker that failed or died."""
    memory_bytes_peak: int | None = None
    """The most that all workers together held without file mappings; None: not measured."""

    @property
    def done(self) -> bool:
        """Whether every worker sent all it had."""
        return bool((self.board.workers["state"] == State.DONE).all())


def supervise(capture: Capture, plan: RunPlan, each_second: Callable[[Outcome], None]) -> Outcome:
    """Carry out `plan`, to its end or to SIGINT or SIGTERM; a second signal kills the workers at once.

    `each_second` is called about once a second while it runs. Raises RunError when no run came about.
    """
    board = Board(len(plan.workers), len(plan.ports))
    board.workers["segments"] = plan.segments
    outcome = Outcome(board, Offered(plan.schedule))
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=work, args=(capture, plan, board, index), name=f"worker-{index}", daemon=True)
        for index in range(len(plan.workers))
    ]
    board.control["end_ns"] = _NEVER_NS
    _extend_lease(board)
    previous = _take_signals(outcome, processes)
    try:
        for process in processes:
            process.start()
        _await_ready(board, processes, outcome)
        if not outcome.failures and not outcome.interrupted_by:
            _start(board, plan, outcome)
            _watch(board, processes, outcome, each_second)
        _stop(board, processes)
        _collect_rest(board, outcome)
        outcome.failures = outcome.failures or _failures(board, processes)
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()
        for number, handler in previous.items():
            signal.signal(number, handler)
    return outcome


def _take_signals(outcome: Outcome, processes: Sequence[BaseProcess]) -> dict[int, Any]:
    """Have SIGINT and SIGTERM noted in `outcome`; returns the handlers before."""

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        if outcome.interrupted_by:
            for process in processes:
                if process.pid:
                    process.kill()
        outcome.interrupted_by = signal.Signals(number).name

    return {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}


def _extend_lease(board: Board) -> None:
    board.control["lease_ns"] = monotonic_ns() + LEASE_NS


def _await_ready(board: Board, processes: Sequence[BaseProcess], outcome: Outcome) -> None:
    deadline_ns = monotonic_ns() + _READY_PATIENCE_NS
    while (board.workers["state"] == State.STARTING).any() and not outcome.interrupted_by:
        _extend_lease(board)
        outcome.failures = _failures(board, processes)
        if outcome.failures:
            return
        if monotonic_ns() > deadline_ns:
            raise RunError("the workers did not get ready in 30 s; is the machine overloaded?")
        sleep_ns(_TICK_NS // 20)
    outcome.failures = _failures(board, processes)


def _start(board: Board, plan: RunPlan, outcome: Outcome) -> None:
    start_ns = monotonic_ns() + _HEAD_START_NS
    outcome.started_wall_ns = wall_ns() + _HEAD_START_NS
    if plan.stop_after_ns is not None:
        board.control["end_ns"] = start_ns + plan.stop_after_ns
    board.control["start_wall_ns"] = outcome.started_wall_ns
    board.control["start_ns"] = start_ns


def _watch(
    board: Board, processes: Sequence[BaseProcess], outcome: Outcome, each_second: Callable[[Outcome], None]
) -> None:
    """Until all workers are over, one fails, or a signal comes."""
    observed = [psutil.Process(process.pid) for process in processes]
    next_second_ns = int(board.control["start_ns"][0])
    while not np.isin(board.workers["state"], _OVER).all() and not outcome.interrupted_by:
        sleep_ns(_TICK_NS)
        _extend_lease(board)
        outcome.failures = _failures(board, processes)
        if outcome.failures:
            return
        _collect_running(board, outcome)
        now_ns = monotonic_ns()
        if now_ns >= next_second_ns:
            next_second_ns += SECOND_NS
            _sample_memory(observed, outcome)
            each_second(outcome)


def _sample_memory(observed: list[psutil.Process], outcome: Outcome) -> None:
    """Anonymous memory: what is resident less what is shared with files (proc(5), statm)."""
    try:
        info = [process.memory_info() for process in observed]
    except psutil.NoSuchProcess:
        return
    held = sum(memory.rss - memory.shared for memory in info)
    outcome.memory_bytes_peak = max(outcome.memory_bytes_peak or 0, held)


def _failures(board: Board, processes: Sequence[BaseProcess]) -> list[str]:
    """A line for each worker that failed, or died without a word."""
    lines = []
    for index, process in enumerate(processes):
        state, said = board.workers["state"][index], board.workers["failure"][index].decode(errors="replace")
        if state == State.FAILED:
            lines.append(f"worker {index}: {said}")
        elif state not in _OVER and process.exitcode is not None:
            lines.append(f"worker {index} (process {process.pid}) {_manner_of_death(process.exitcode)}")
    return lines


def _manner_of_death(code: int) -> str:
    """What a process's exit code says; -n means killed by signal n."""
    if code == -signal.SIGBUS:
        # mmap(2): the page lies behind the file's end, or the disk could not read it.
        return "could not read the capture any more: it was cut short or its disk failed; build or copy it again"
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"


def _stop(board: Board, processes: Sequence[BaseProcess]) -> None:
    """Tell all to stop, and end those that do not."""
    board.control["stop"] = 1
    deadline_ns = monotonic_ns() + _STOP_PATIENCE_NS
    for process in processes:
        process.join(max(0, deadline_ns - monotonic_ns()) / SECOND_NS)
        if process.is_alive():
            process.kill()
            process.join()


def _collect_running(board: Board, outcome: Outcome) -> None:
    """Take in the intervals that every running worker has completed."""
    running = board.workers["state"] == State.RUNNING
    if running.any():
        outcome.offered.collect(board.workers, int(board.workers["intervals_done"][running].min()))


def _collect_rest(board: Board, outcome: Outcome) -> None:
    """Take in what is left; where the run was cut short, its last interval is no whole one and says nothing."""
    complete = int(board.workers["intervals_done"].max()) - (not outcome.done)
    outcome.offered.collect(board.workers, complete)
