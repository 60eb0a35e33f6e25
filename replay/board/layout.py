"""What is on the board? It is shared memory in which the supervisor sets targets and each worker counts.

The memory is made of anonymous mappings, inherited by fork(2). Every word has 8 bytes, is aligned and has only one
writer, so a reader always sees a whole value. Fences keep the order of what is written and read, on any processor.
Workers count at once and not at the end, so it is still known what a killed worker has sent.
"""

import mmap
from enum import IntEnum
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.fence import order_memory
from replay.board.errnos import ERRNO_NAMES
from replay.board.journal import new_journal
from replay.clock import SECOND_NS
from replay.histogram import CELLS
from replay.schedule.demand import TimeScale

INTERVALS: Final = 1024
"""The places in a worker's ring of intervals. If the supervisor is stopped for longer, some are used again."""


class State(IntEnum):
    """What a worker is doing."""

    STARTING = 0
    READY = 1
    RUNNING = 2
    DONE = 3
    STOPPED = 4
    """It was told to stop, or the run's end is past."""
    FAILED = 5
    """It failed, and wrote the reason into `failure`."""


CONTROL: Final = np.dtype(
    (
        np.record,
        [
            ("start_wall_ns", "<i8"),  # the same instant since 1970 UTC; written first
            ("start_ns", "<i8"),  # the instant from which every schedule counts; 0: the run has not started
            ("end_ns", "<i8"),  # a worker stops after this instant, since the run's duration is over
            ("stop", "<i8"),  # not 0: the workers must stop now
            ("time_scale", "<i8"),  # counts the changes of the fields below; odd: a change is being written
            ("time_scale_since_ns", "<i8"),
            ("time_scale_at_s", "<i8"),  # seconds: at many times its pace a schedule soon exceeds 64 bits of ns
            ("time_scale_at_ns", "<i8"),
            ("time_scale_numerator", "<i8"),
            ("time_scale_denominator", "<i8"),
            ("total", "<i8"),  # how many events the run has; -1: it goes on until it is stopped
        ],
    )
)
_TIME_SCALE: Final = (
    "time_scale_since_ns",
    "time_scale_at_s",
    "time_scale_at_ns",
    "time_scale_numerator",
    "time_scale_denominator",
    "total",
)
WORKER: Final = np.dtype(
    (
        np.record,
        [
            ("state", "<i8"),
            ("beat_ns", "<i8"),  # when it last looked at the control row; events counted after this were sent after it
            ("renew", "<i8"),  # the supervisor counts this up to tell the worker to open socket and lanes anew
            ("cpu_ns", "<i8"),  # CPU time, user and system, while running
            ("last_send_ns", "<i8"),
            ("segments", "<i8"),  # the most datagrams of one message; 1: GSO is off
            ("fallback_errno", "<i8"),  # why GSO was given up; 0: it was not given up
            ("unreachable_seconds", "<i8"),  # in how many seconds the network answered that nobody was there
            ("interval_numbers", "<i8", (INTERVALS,)),  # the interval that each place of the ring holds; written first
            ("interval_events", "<i8", (INTERVALS,)),
            ("lag", "<i8", (CELLS,)),  # Histogram of how late events were sent
            ("failure", "S248"),
        ],
    )
)
LANE: Final = np.dtype(
    (
        np.record,
        [("sent_events", "<i8"), ("sent_bytes", "<i8"), ("errors", "<i8", (len(ERRNO_NAMES),))],
    )
)


class Board:
    """Views of the shared memory: `control` (one row), `workers` and `lanes` (a row for each), a journal a worker."""

    def __init__(self, workers: int, lanes: int) -> None:
        """Map zeroed memory for `workers` WORKER rows and `lanes` LANE rows; raises OSError."""
        sizes = (CONTROL.itemsize, workers * WORKER.itemsize, lanes * LANE.itemsize)
        memory = mmap.mmap(-1, sum(sizes))
        self.control: NDArray[Any] = np.frombuffer(memory, CONTROL, 1, 0)
        self.workers: NDArray[Any] = np.frombuffer(memory, WORKER, workers, sizes[0])
        self.lanes: NDArray[Any] = np.frombuffer(memory, LANE, lanes, sizes[0] + sizes[1])
        self.journals = [new_journal() for _ in range(workers)]

    def start(self, start_ns: int, wall_ns: int) -> None:
        """Tell the workers when to start, by the monotonic clock and by the wall's; the end must have been set."""
        self.control["start_wall_ns"] = wall_ns
        order_memory()
        self.control["start_ns"] = start_ns

    def set_time_scale(self, time_scale: TimeScale) -> None:
        """Tell the workers to go on at `time_scale`."""
        control = self.control
        control["time_scale"] += 1
        order_memory()
        control["time_scale_since_ns"] = time_scale.since_ns
        control["time_scale_at_s"], control["time_scale_at_ns"] = divmod(time_scale.at_ns, SECOND_NS)
        control["time_scale_numerator"], control["time_scale_denominator"] = time_scale.factor.as_integer_ratio()
        control["total"] = -1 if time_scale.total is None else time_scale.total
        order_memory()
        control["time_scale"] += 1

    def time_scale(self) -> tuple[int, TimeScale] | None:
        """The number of the latest change of the time scale, and the time scale; None while a change is written."""
        row = self.control
        change = int(row["time_scale"][0])
        order_memory()
        since_ns, at_s, at_ns, numerator, denominator, total = (int(row[name][0]) for name in _TIME_SCALE)
        order_memory()
        if change % 2 or change != row["time_scale"][0]:
            return None
        at_ns, factor = at_s * SECOND_NS + at_ns, Fraction(numerator, denominator)
        return change, TimeScale(since_ns, at_ns, factor, None if total < 0 else total)
