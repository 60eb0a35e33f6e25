"""What a worker counts besides what its loop counts by itself: errors, and batches that were sent in parts."""

from typing import Final

from replay.board.errnos import ERRNO_NAMES, UNREACHABLE, errno_place
from replay.board.layout import Board
from replay.clock import SECOND_NS, monotonic_ns, process_cpu_ns
from replay.engine.counting import count, count_taken, counters_of
from replay.plan.run_plan import RunPlan

_UNREACHABLE: Final = frozenset(ERRNO_NAMES.index(name) for name in UNREACHABLE)


class WorkerCounts:
    """The counters of one worker; it writes each number to the board as soon as it happens."""

    def __init__(self, board: Board, plan: RunPlan, worker: int) -> None:
        """Count in row `worker` of a run that has its start; go on where an earlier process of this worker ended."""
        self._paced, self._journal = plan.paced, board.journals[worker]
        self._row = board.workers[worker : worker + 1]
        self._cpu_start_ns = process_cpu_ns() - int(self._row["cpu_ns"][0])
        self._lane_errors = board.lanes["errors"].data
        self._unreachable_from_ns = 0
        """The instant from which an answer that nobody is there counts as one of a new second."""
        self.counters = counters_of(board, worker, plan.interval_ns, self._cpu_start_ns)

    def sent(self, now_ns: int) -> None:
        """Count a batch that was sent completely at `now_ns`."""
        count(self._journal, self.counters, self._paced, now_ns)

    def sent_partly(self, now_ns: int) -> None:
        """Count the part of a batch that was sent by `now_ns`; the rest is given up, or is sent in another way."""
        count_taken(self._journal, self.counters, now_ns)

    def error(self, code: int, lane: int) -> None:
        """Count an error of a lane by its errno."""
        self._lane_errors[lane, errno_place(code)] += 1

    def came_back(self, code: int, lane: int) -> None:
        """Count an error with which the network answered an earlier datagram; unlike others, that datagram was sent."""
        self.error(code, lane)
        if errno_place(code) in _UNREACHABLE and (now_ns := monotonic_ns()) >= self._unreachable_from_ns:
            self._row["unreachable_seconds"] += 1
            self._unreachable_from_ns = now_ns + SECOND_NS

    def gso_refused(self, code: int) -> None:
        """Note that GSO was given up, and why."""
        self._row["fallback_errno"] = code
        self._row["segments"] = 1

    def finish(self) -> None:
        """Write the CPU time to the board: it is the last of the numbers."""
        self._row["cpu_ns"] = process_cpu_ns() - self._cpu_start_ns
