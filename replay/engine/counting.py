"""The kernels that count what a worker has sent: on the board, as soon as it happens."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from replay.board.intervals import add_to_interval
from replay.board.journal import STAGED_TRAINS, Journal, settle
from replay.board.layout import Board
from replay.clock import MICROSECOND_NS
from replay.histogram import record_one
from replay.linux.clocks import CLOCK_PROCESS_CPUTIME_ID, read_clock


class Counters(NamedTuple):
    """Where a worker counts."""

    worker: NDArray[Any]
    """Its WORKER row, shape (1,)."""
    lanes: NDArray[Any]
    """The LANE rows of the board."""
    lag: NDArray[np.int64]
    """Its histogram of how late events were sent, shape (CELLS,)."""
    numbers: NDArray[np.int64]
    """Which interval each place of its ring holds, shape (INTERVALS,)."""
    events: NDArray[np.int64]
    """The events of these intervals, shape (INTERVALS,)."""
    clocks: NDArray[np.int64]
    """When the run began, the length of an interval, and the CPU time that this process had used before it began to
    count; nanoseconds, shape (3,)."""
    timespec: NDArray[np.int64]
    """Room for `read_clock`, shape (2,)."""


def counters_of(board: Board, worker: int, interval_ns: int, cpu_start_ns: int) -> Counters:
    """The counters of a worker on a board, for a run that counts in such intervals.

    `cpu_start_ns` is the CPU time that this process had used before it began to count.
    """
    row = board.workers[worker : worker + 1]
    return Counters(
        worker=row,
        lanes=board.lanes,
        lag=row["lag"][0],
        numbers=row["interval_numbers"][0],
        events=row["interval_events"][0],
        clocks=np.array([int(board.control["start_ns"][0]), interval_ns, cpu_start_ns]),
        timespec=np.zeros(2, np.int64),
    )


@kernel
def count(journal: Journal, counters: Counters, paced: bool, now_ns: int) -> None:
    """Count a batch that was sent completely at `now_ns`, and how late each of its trains was."""
    if paced:
        for train in range(journal.state[STAGED_TRAINS]):
            note = journal.staged[train]
            record_one(counters.lag, max(0, now_ns - note.due_ns) // MICROSECOND_NS, note.count)
    count_taken(journal, counters, now_ns)


@kernel
def count_taken(journal: Journal, counters: Counters, now_ns: int) -> None:
    """Count the part of the batch that was sent by `now_ns`."""
    events = settle(journal, counters.lanes)
    counters.worker[0].last_send_ns = now_ns
    if add_to_interval(counters.numbers, counters.events, counters.clocks[0], counters.clocks[1], events, now_ns):
        counters.worker[0].cpu_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID, counters.timespec) - counters.clocks[2]
