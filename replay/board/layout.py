"""The board: shared memory where the supervisor sets targets and each worker counts.

Anonymous mappings, inherited by fork(2). Every word has one writer and is 8 bytes, aligned, so a reader sees a whole
value. Workers count at once, not at the end: what a killed worker sent is still known.
"""

import errno
import mmap
from enum import IntEnum
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from replay.board.journal import Journal
from replay.clock import SECOND_NS
from replay.histogram import CELLS
from replay.schedule.demand import TimeScale

INTERVALS: Final = 1024
"""Places of a worker's ring of counted intervals. A supervisor that was stopped for longer finds some taken again."""

ERRNO_NAMES: Final = (
    *("EAGAIN", "ENOBUFS", "ENOMEM", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN"),
    *("EMSGSIZE", "EPERM", "EACCES", "EIO", "EINVAL", "OTHER"),
)
"""The errors counted by lane, by their names in errno(3)."""

UNREACHABLE: Final = ("ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH")
"""Those by which the network says that nobody is there."""

_ERRNO_PLACE: Final = {getattr(errno, name): i for i, name in enumerate(ERRNO_NAMES) if name != "OTHER"}


def errno_place(code: int) -> int:
    """The column of a lane's errors in which `code` counts."""
    return _ERRNO_PLACE.get(code, len(ERRNO_NAMES) - 1)


class State(IntEnum):
    """What a worker does."""

    STARTING = 0
    READY = 1
    RUNNING = 2
    DONE = 3
    STOPPED = 4
    """Told to stop, or past the run's end."""
    FAILED = 5
    """It said why in `failure`."""


CONTROL: Final = np.dtype(
    [
        ("start_wall_ns", "<i8"),  # the same instant since 1970 UTC; written first
        ("start_ns", "<i8"),  # the anchor of every schedule; 0: not yet
        ("end_ns", "<i8"),  # past this instant a worker stops: the run's duration is over
        ("stop", "<i8"),  # not 0: stop now
        ("time_scale", "<i8"),  # counts the changes of what follows; odd: one is being written
        ("time_scale_since_ns", "<i8"),
        ("time_scale_at_s", "<i8"),  # a schedule at many times its own pace soon leaves 64 bits of nanoseconds
        ("time_scale_at_ns", "<i8"),
        ("time_scale_numerator", "<i8"),
        ("time_scale_denominator", "<i8"),
        ("total", "<i8"),  # events of the run; -1: until it is stopped
    ]
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
    [
        ("state", "<i8"),
        ("beat_ns", "<i8"),  # when it last looked at the control row; what it counts later it sent later
        ("renew", "<i8"),  # counted up by the supervisor: take up socket and lanes anew
        ("cpu_ns", "<i8"),  # CPU time, user and system, while running
        ("last_send_ns", "<i8"),
        ("segments", "<i8"),  # the most datagrams of one send; 1: GSO is off
        ("fallback_errno", "<i8"),  # why GSO was given up; 0: it was not
        ("unreachable_seconds", "<i8"),  # in how many seconds an answer came that nobody was there
        ("interval_numbers", "<i8", (INTERVALS,)),  # which interval each place of the ring holds, written first
        ("interval_events", "<i8", (INTERVALS,)),
        ("lag", "<i8", (CELLS,)),  # Histogram of how late events were sent
        ("failure", "S248"),
    ]
)
LANE: Final = np.dtype(
    [("sent_events", "<i8"), ("sent_bytes", "<i8"), ("errors", "<i8", (len(ERRNO_NAMES),))],
)


class Board:
    """Views of the shared memory: `control` (one row), `workers` and `lanes` (a row each); a journal a worker."""

    def __init__(self, workers: int, lanes: int) -> None:
        """Map zeroed memory for `workers` WORKER rows and `lanes` LANE rows; raises OSError."""
        sizes = (CONTROL.itemsize, workers * WORKER.itemsize, lanes * LANE.itemsize)
        memory = mmap.mmap(-1, sum(sizes))
        self.control: NDArray[Any] = np.frombuffer(memory, CONTROL, 1, 0)
        self.workers: NDArray[Any] = np.frombuffer(memory, WORKER, workers, sizes[0])
        self.lanes: NDArray[Any] = np.frombuffer(memory, LANE, lanes, sizes[0] + sizes[1])
        self.journals = [Journal() for _ in range(workers)]

    def set_time_scale(self, time_scale: TimeScale) -> None:
        """Have the workers go on at `time_scale`."""
        control = self.control
        control["time_scale"] += 1
        control["time_scale_since_ns"] = time_scale.since_ns
        control["time_scale_at_s"], control["time_scale_at_ns"] = divmod(time_scale.at_ns, SECOND_NS)
        control["time_scale_numerator"], control["time_scale_denominator"] = time_scale.factor.as_integer_ratio()
        control["total"] = -1 if time_scale.total is None else time_scale.total
        control["time_scale"] += 1

    def time_scale(self) -> tuple[int, TimeScale] | None:
        """The number of the latest change of the time scale, and the time scale; None while one is being written."""
        row = self.control
        change = int(row["time_scale"][0])
        since_ns, at_s, at_ns, numerator, denominator, total = (int(row[name][0]) for name in _TIME_SCALE)
        if change % 2 or change != row["time_scale"][0]:
            return None
        at_ns, factor = at_s * SECOND_NS + at_ns, Fraction(numerator, denominator)
        return change, TimeScale(since_ns, at_ns, factor, None if total < 0 else total)
