"""What the sink's workers count, in shared memory: each writes its own part, the parent only reads."""

import mmap
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.clock import SECOND_NS
from replay.histogram import CELLS, Histogram

LANE: Final = np.dtype(
    [
        ("events", "<i8"),
        ("bytes", "<i8"),
        ("bad_stamps", "<i8"),
        ("coarse_stamps", "<i8"),
        ("early_stamps", "<i8"),
        ("old_stamps", "<i8"),
        ("first_ns", "<i8"),
        ("last_ns", "<i8"),
    ]
)
"""One port's counts; `first_ns` and `last_ns` are arrivals in wall time, NEVER_NS and 0 before the first."""

NEVER_NS: Final = np.iinfo(np.int64).max

TENTH_NS: Final = SECOND_NS // 10
_TENTHS: Final = 1 << 21
"""Room for 58 hours of tenths of a second; the last one takes in all that is later. Untouched pages are free."""


@dataclass(frozen=True)
class Part:
    """What one worker writes: the fields of a Tally, cut down to its lanes and its rows."""

    stop: NDArray[np.uint8]
    lanes: NDArray[np.void]
    age: Histogram
    tenths: NDArray[np.int64]
    start_ns: int


@dataclass(frozen=True)
class Tally:
    """The shared counters of a sink.

    `lanes` has shape (ports,) and dtype LANE; `ages` is int64 (workers, CELLS), a histogram of stamp ages
    each; `tenths` is int64 (workers, tenths of a second since `start_ns`), the events that arrived in each;
    `stop` is uint8 (1,), set to end the workers.
    """

    stop: NDArray[np.uint8]
    lanes: NDArray[np.void]
    ages: NDArray[np.int64]
    tenths: NDArray[np.int64]
    start_ns: int

    def part(self, worker: int, lanes: slice) -> Part:
        """The part of a worker that serves `lanes`; it writes to the same memory."""
        age = Histogram(self.ages[worker])
        return Part(self.stop, self.lanes[lanes], age, self.tenths[worker], self.start_ns)

    @property
    def events(self) -> int:
        """Datagrams received so far."""
        return int(self.lanes["events"].sum())

    @property
    def age(self) -> Histogram:
        """The ages of all workers' stamps, a copy."""
        whole = Histogram()
        for cells in self.ages:
            whole.merge(Histogram(cells))
        return whole

    def best_second_events(self) -> int:
        """The most events that arrived within one second, looking at every tenth of the first 58 hours."""
        used = int(np.max(self.lanes["last_ns"]) - self.start_ns) // TENTH_NS + 1
        tenths = self.tenths[:, : min(max(used, 1), _TENTHS - 1)].sum(axis=0)
        reached = np.concatenate([np.zeros(10, np.int64), np.cumsum(tenths)])
        return int(np.max(reached[10:] - reached[:-10]))


def shared_tally(ports: int, workers: int, start_ns: int) -> Tally:
    """An empty tally in anonymous shared memory, to be inherited by forked workers."""
    tally = Tally(
        stop=_shared(1, np.dtype(np.uint8)),
        lanes=_shared(ports, LANE),
        ages=_shared(workers * CELLS, np.dtype(np.int64)).reshape(workers, CELLS),
        tenths=_shared(workers * _TENTHS, np.dtype(np.int64)).reshape(workers, _TENTHS),
        start_ns=start_ns,
    )
    tally.lanes["first_ns"] = NEVER_NS
    return tally


def _shared(count: int, dtype: np.dtype) -> NDArray:  # type: ignore[type-arg]
    """An array of zeros in shared memory, which lives as long as the array."""
    return np.frombuffer(mmap.mmap(-1, count * dtype.itemsize), dtype)
