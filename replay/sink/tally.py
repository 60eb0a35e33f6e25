"""What the sink's workers count, in shared memory: each writes its own part, the parent only reads.

A *seat* is a socket at a port. A port has one, or several where there are more workers than ports; then the kernel
deals the port's flows to them, and what is known of its numbers is kept for all of them together, under a lock.

    by seat     LANE rows, a histogram of the ages of stamps, what is strange by interval
    by port     SEQUENCE rows, their rings, and what became of the events by interval
    by worker   events by tenth of a second, other runs

All of it has a fixed size. Pages that were never written to are never had: a row of intervals costs 400 bytes for every
ten seconds in which something is counted in it.
"""

from collections.abc import Sequence as Items
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from replay.clock import SECOND_NS
from replay.histogram import CELLS, Histogram
from replay.linux.memory import sparse_memory
from replay.sink.sequence import PLANES, SEQUENCE, WINDOW

LANE: Final = np.dtype(
    [
        ("events", "<i8"),
        ("bytes", "<i8"),
        ("bad_stamps", "<i8"),
        ("coarse_stamps", "<i8"),
        ("early_stamps", "<i8"),
        ("old_stamps", "<i8"),
        ("untagged", "<i8"),
        ("malformed", "<i8"),
        ("foreign", "<i8"),
        ("drops", "<i8"),  # packets that the socket had dropped when its last message was queued, modulo 2^32
        ("joined", "<i8"),  # whether a message of several datagrams ever came
        ("first_ns", "<i8"),
        ("last_ns", "<i8"),
    ]
)
"""One seat's counts; `first_ns` and `last_ns` are arrivals in wall time, NEVER_NS and 0 before the first."""

OTHER_RUN: Final = np.dtype([("run", "<i8"), ("events", "<i8")])
OTHER_RUNS: Final = 16
"""Of which a worker keeps the events apart; those of further ones are foreign without a name."""

NEVER_NS: Final = np.iinfo(np.int64).max

TENTH_NS: Final = SECOND_NS // 10
TENTHS: Final = 1 << 20
"""Room for 29 hours of tenths of a second; the last one takes in all that is later."""

STRANGE: Final = ("untagged", "malformed", "foreign")
"""What is counted by seat and interval as well."""

Planes = dict[str, NDArray[np.uint32]]
"""Counts by interval; of each name shape (rows, TENTHS)."""


@dataclass(frozen=True)
class Part:
    """What one worker writes: the fields of a Tally, cut down to its seats and its rows."""

    stop: NDArray[np.uint8]
    lanes: NDArray[Any]
    ages: NDArray[np.int64]
    strange: Planes
    tenths: NDArray[np.int64]
    others: NDArray[Any]
    run: NDArray[np.int64]
    start_ns: int
    ports: tuple[int, ...]
    """The port of each seat; items of equal number: "sequences", "rings", "planes" and "locks"."""
    sequences: NDArray[Any]
    rings: NDArray[np.int32]
    planes: Planes
    locks: tuple[AbstractContextManager[object], ...]


@dataclass(frozen=True)
class Tally:
    """The shared counters of a sink; the module says what is by seat, by port and by worker.

    `run` is int64 (1,): the run whose events are counted, 0 before the first tag. `stop` is uint8 (1,), set to end the
    workers. Intervals are tenths of a second since `start_ns`.
    """

    ports: tuple[int, ...]
    seats: tuple[slice, ...]
    """The seats of each worker."""
    port_of_seat: NDArray[np.int64]
    """As a place in `ports`, shape (seats,)."""
    start_ns: int
    stop: NDArray[np.uint8]
    run: NDArray[np.int64]
    lanes: NDArray[Any]
    ages: NDArray[np.int64]
    strange: Planes
    sequences: NDArray[Any]
    rings: NDArray[np.int32]
    planes: Planes
    tenths: NDArray[np.int64]
    others: NDArray[Any]
    locks: tuple[AbstractContextManager[object], ...]
    """Of each port."""

    def part(self, worker: int) -> Part:
        """What a worker writes, in the same memory."""
        own = self.seats[worker]
        places = self.port_of_seat[own].tolist()
        ports = slice(places[0], places[-1] + 1)
        return Part(
            stop=self.stop,
            lanes=self.lanes[own],
            ages=self.ages[own],
            strange={name: plane[own] for name, plane in self.strange.items()},
            tenths=self.tenths[worker],
            others=self.others[worker],
            run=self.run,
            start_ns=self.start_ns,
            ports=self.ports[ports],
            sequences=self.sequences[ports],
            rings=self.rings[ports],
            planes={name: plane[ports] for name, plane in self.planes.items()},
            locks=self.locks[ports],
        )

    @property
    def shared(self) -> bool:
        """Whether ports have several seats."""
        return len(self.port_of_seat) > len(self.ports)

    @property
    def events(self) -> int:
        """Datagrams received so far."""
        return int(self.lanes["events"].sum())

    @property
    def age(self) -> Histogram:
        """The ages of all stamps, a copy."""
        return merged(self.ages)

    def best_second_events(self) -> int:
        """The most events that arrived within one second, looking at every tenth of the first 29 hours."""
        used = int(np.max(self.lanes["last_ns"]) - self.start_ns) // TENTH_NS + 1
        tenths = self.tenths[:, : min(max(used, 1), TENTHS - 1)].sum(axis=0)
        reached = np.concatenate([np.zeros(10, np.int64), np.cumsum(tenths)])
        return int(np.max(reached[10:] - reached[:-10]))


def merged(cells: NDArray[np.int64]) -> Histogram:
    """One histogram of several, shape (histograms, CELLS); a copy."""
    whole = Histogram()
    for row in cells:
        whole.merge(Histogram(row))
    return whole


def shared_tally(
    ports: Items[int],
    seats: Items[slice],
    port_of_seat: Items[int],
    start_ns: int,
    locks: Items[AbstractContextManager[object]] = (),
) -> Tally:
    """An empty tally in anonymous shared memory, to be inherited by forked workers; `locks` of each port, if shared."""
    workers, lanes = len(seats), len(port_of_seat)
    tally = Tally(
        ports=tuple(ports),
        seats=tuple(seats),
        port_of_seat=np.array(port_of_seat, np.int64),
        start_ns=start_ns,
        stop=_shared((1,), np.uint8),
        run=_shared((1,), np.int64),
        lanes=_shared((lanes,), LANE),
        ages=_shared((lanes, CELLS), np.int64),
        strange={name: _shared((lanes, TENTHS), np.uint32) for name in STRANGE},
        sequences=_shared((len(ports),), SEQUENCE),
        rings=_shared((len(ports), WINDOW), np.int32),
        planes={name: _shared((len(ports), TENTHS), np.uint32) for name in PLANES},
        tenths=_shared((workers, TENTHS), np.int64),
        others=_shared((workers, OTHER_RUNS), OTHER_RUN),
        locks=tuple(locks) or (nullcontext(),) * len(ports),
    )
    tally.lanes["first_ns"] = NEVER_NS
    return tally


def _shared(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """An array of zeros in shared memory, which lives as long as the array."""
    kind = np.dtype(dtype)
    size = int(np.prod(shape)) * kind.itemsize
    return np.frombuffer(sparse_memory(size), kind).reshape(shape)
