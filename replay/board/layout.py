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
from replay.schedule.tempo import Tempo

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
        ("tempo", "<i8"),  # counts the changes of what follows; odd: one is being written
        ("tempo_since_ns", "<i8"),
        ("tempo_at_s", "<i8"),  # a schedule at many times its tempo soon leaves 64 bits of nanoseconds
        ("tempo_at_ns", "<i8"),
        ("tempo_numerator", "<i8"),
        ("tempo_denominator", "<i8"),
        ("total", "<i8"),  # events of the run; -1: until it is stopped
    ]
)
_TEMPO: Final = ("tempo_since_ns", "tempo_at_s", "tempo_at_ns", "tempo_numerator", "tempo_denominator", "total")
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

    def set_tempo(self, tempo: Tempo) -> None:
        """Have the workers go on at `tempo`."""
        control = self.control
        control["tempo"] += 1
        control["tempo_since_ns"] = tempo.since_ns
        control["tempo_at_s"], control["tempo_at_ns"] = divmod(tempo.at_ns, SECOND_NS)
        control["tempo_numerator"], control["tempo_denominator"] = tempo.factor.as_integer_ratio()
        control["total"] = -1 if tempo.total is None else tempo.total
        control["tempo"] += 1

    def tempo(self) -> tuple[int, Tempo] | None:
        """The number of the latest change of tempo, and the tempo; None while one is being written."""
        row = self.control
        change = int(row["tempo"][0])
        since_ns, at_s, at_ns, numerator, denominator, total = (int(row[name][0]) for name in _TEMPO)
        if change % 2 or change != row["tempo"][0]:
            return None
        at_ns, factor = at_s * SECOND_NS + at_ns, Fraction(numerator, denominator)
        return change, Tempo(since_ns, at_ns, factor, None if total < 0 else total)
