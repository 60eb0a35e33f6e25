"""What a worker counts: it writes each number to the board as soon as it happens."""

from collections.abc import Sequence
from typing import Final

from replay.board.errnos import ERRNO_NAMES, UNREACHABLE, errno_place
from replay.board.intervals import IntervalCounter
from replay.board.layout import Board
from replay.clock import MICROSECOND_NS, SECOND_NS, monotonic_ns, process_cpu_ns
from replay.engine.lane import Turn
from replay.histogram import Histogram
from replay.plan.run_plan import RunPlan

_UNREACHABLE: Final = frozenset(ERRNO_NAMES.index(name) for name in UNREACHABLE)


class WorkerCounts:
    """The counters of one worker. They are views into the board, made once, as to make one costs more than to count."""

    def __init__(self, board: Board, plan: RunPlan, worker: int) -> None:
        """Count in row `worker` of a run that has its start; go on where an earlier process of this worker ended."""
        self._paced = plan.paced
        self._row = board.workers[worker : worker + 1]
        self._cpu_ns = self._row["cpu_ns"].data
        self._cpu_start_ns = process_cpu_ns() - self._cpu_ns[0]
        self._last_send_ns = self._row["last_send_ns"].data
        self._lanes, self._journal = board.lanes, board.journals[worker]
        self._lane_events = board.lanes["sent_events"].data
        self._lane_bytes = board.lanes["sent_bytes"].data
        self._lane_errors = board.lanes["errors"].data
        self._unreachable_seconds = self._row["unreachable_seconds"].data
        self._unreachable_from_ns = 0
        """The instant from which an answer that nobody is there counts as one of a new second."""
        self._lag = Histogram(self._row["lag"][0])
        self._intervals = IntervalCounter(self._row, int(board.control["start_ns"][0]), plan.interval_ns)

    def sent(self, turns: Sequence[Turn], now_ns: int) -> None:
        """Count the turns of a batch that was sent completely at `now_ns`."""
        lane_events, lane_bytes, record, paced = self._lane_events, self._lane_bytes, self._lag.record, self._paced
        total = 0
        for lane, due_ns, events, size in turns:
            new = events - lane_events[lane]
            lane_events[lane] = events
            lane_bytes[lane] = size
            total += new
            if paced:
                record((now_ns - due_ns) // MICROSECOND_NS, new)
        self._batch_over(total, now_ns)

    def sent_partly(self, now_ns: int) -> None:
        """Count the part of a batch that was sent by `now_ns`; the rest is given up, or is sent in another way."""
        self._batch_over(self._journal.settle(self._lanes), now_ns)

    def _batch_over(self, events: int, now_ns: int) -> None:
        self._last_send_ns[0] = now_ns
        if self._intervals.add(events, now_ns):
            self._cpu_ns[0] = process_cpu_ns() - self._cpu_start_ns

    def error(self, code: int, lane: int) -> None:
        """Count an error of a lane by its errno."""
        self._lane_errors[lane, errno_place(code)] += 1

    def came_back(self, code: int, lane: int) -> None:
        """Count an error with which the network answered an earlier datagram; unlike others, that datagram was sent."""
        self.error(code, lane)
        if errno_place(code) in _UNREACHABLE and (now_ns := monotonic_ns()) >= self._unreachable_from_ns:
            self._unreachable_seconds[0] += 1
            self._unreachable_from_ns = now_ns + SECOND_NS

    def gso_refused(self, code: int) -> None:
        """Note that GSO was given up, and why."""
        self._row["fallback_errno"] = code
        self._row["segments"] = 1

    def finish(self) -> None:
        """Write the CPU time to the board: it is the last of the numbers."""
        self._cpu_ns[0] = process_cpu_ns() - self._cpu_start_ns
