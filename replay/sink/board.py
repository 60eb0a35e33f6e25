"""Where do the sink's workers count? In shared memory: each worker writes its own part, and the parent only reads.

A port has one socket, or several if there are more workers than ports. Then the kernel distributes the port's flows
over its sockets, and the account of the port's numbers is shared by them, under a lock. Sockets are numbered from 0.

    by socket   SOCKET_COUNTS rows, a histogram of the ages of stamps, what is strange by interval, lengths of tagless
                events
    by row      NUMBERS rows, their rings, and what became of the events by interval
    by worker   events by tenth of a second, other runs, how many events wait to be verified

A *row* holds the account of the events that were sent to one port, as their tags say. The rows of the sink's own ports
come first. If an event's tag names another port, something on the way maps ports: a relay, an address translation, a
load balancer. LEARNT more rows are given to such ports when their first events come.

All arrays have a fixed size. Pages that were never written to take no memory: a row of intervals costs 800 bytes for
every ten seconds in which something is counted in it.
"""

import mmap
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import PreflightError
from captures.console.units import format_size
from replay.histogram import CELLS, Histogram
from replay.linux.memory import sparse_memory
from replay.linux.row_locks import LOCK_WORDS, free_locks
from replay.ranges import MOST_PORTS
from replay.sink.number_account import NUMBERS, PLANES, WINDOW
from replay.sink.time_cells import CELLS as INTERVALS
from replay.sink.time_cells import FINE, TENTH_NS, cell_at, tenths_of

SOCKET_COUNTS: Final = np.dtype(
    (
        np.record,
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
            ("drops", "<i8"),  # packets that the socket had dropped when its last message was queued
            ("joined", "<i8"),  # 1 if a message of several datagrams has come
            ("longest_tagged", "<i8"),  # bytes of the longest datagram with a tag
            ("youngest_us", "<i8"),  # the least age of a stamp; NEVER_NS: none was read that shows an age
            ("first_ns", "<i8"),
            ("last_ns", "<i8"),
            ("run_youngest_us", "<i8"),  # these three are of the events of the run that is counted
            ("run_first_ns", "<i8"),
            ("run_last_ns", "<i8"),
        ],
    )
)
"""The counts of one socket. `first_ns` and `last_ns` are arrivals in wall time; before any, they are NEVER_NS and 0."""

OTHER_RUN: Final = np.dtype((np.record, [("run", "<i8"), ("events", "<i8")]))
OTHER_RUNS: Final = 16
"""Of so many other runs a worker counts the events by run; those of further runs count as foreign only."""

NEVER_NS: Final = np.iinfo(np.int64).max

LEARNT: Final = MOST_PORTS
"""Rows for ports at which the sink does not listen: as many as a run may have. Events to further ports, which only
damaged tags name, count as foreign."""

LENGTHS: Final = 1 << 16
"""How many lengths of datagrams there are, in bytes."""
TAGLESS: Final = ("without", "parted")
"""Events without a tag, and events that end in the first part of a tag."""

STRANGE: Final = ("untagged", "malformed", "foreign")
"""Names of counts that are also kept by socket and interval."""

Planes = dict[str, NDArray[np.int64]]
"""Counts by interval: for each name, shape (rows, INTERVALS). `replay.sink.time_cells` describes the intervals."""


@dataclass(frozen=True)
class WorkerTally:
    """What one worker writes: the fields of a Tally; of those by socket and by worker, its own ones only."""

    stop: NDArray[np.uint8]
    by_socket: NDArray[Any]
    ages: NDArray[np.int64]
    strange: Planes
    tenths: NDArray[np.int64]
    others: NDArray[Any]
    leader: NDArray[Any]
    leaders: NDArray[Any]
    """The leaders of all workers."""
    kept: NDArray[np.int64]
    run: NDArray[np.int64]
    start_ns: int
    row_of_socket: NDArray[np.int64]
    came_by: NDArray[np.int64]
    tagless: dict[str, NDArray[np.int64]]
    row_ports: NDArray[np.int64]
    numbers: NDArray[Any]
    rings: NDArray[np.int32]
    planes: Planes
    locks: NDArray[np.int64]
    choice: Lock


@dataclass(frozen=True)
class Tally:
    """The shared counters of a sink; the module docstring says which are by socket, by row and by worker.

    `run` is int64 (1,): the run whose events are counted; 0: not known yet. `stop` is uint8 (1,): it is set to end the
    workers. Intervals are cells of tenths of a second since `start_ns`.
    """

    ports: tuple[int, ...]
    """The ports at which the sink listens."""
    sockets: tuple[slice, ...]
    """The sockets of each worker."""
    port_of_socket: NDArray[np.int64]
    """The port of each socket as an index into `ports`, which is also the port's row; shape (sockets,)."""
    start_ns: int
    stop: NDArray[np.uint8]
    run: NDArray[np.int64]
    by_socket: NDArray[Any]
    ages: NDArray[np.int64]
    strange: Planes
    came_by: NDArray[np.int64]
    """Events of the run that came to a socket, but were sent to the port of another row; shape (sockets, rows)."""
    tagless: dict[str, NDArray[np.int64]]
    """Events by their length in bytes: for each name of TAGLESS, shape (sockets, LENGTHS)."""
    row_ports: NDArray[np.int64]
    """The port of each row; 0: the row was given to no port yet."""
    numbers: NDArray[Any]
    rings: NDArray[np.int32]
    planes: Planes
    tenths: NDArray[np.int64]
    others: NDArray[Any]
    leaders: NDArray[Any]
    """For each worker the run of most of its first tagged events, as OTHER_RUN (`replay.sink.verify.which_run`)."""
    kept: NDArray[np.int64]
    """How many tagged events of each worker wait until it is known which run is counted, shape (workers,)."""
    locks: NDArray[np.int64]
    """The lock of each row (`replay.linux.row_locks`)."""
    choice: Lock
    """The lock for giving rows to ports, and for deciding which run is counted. One worker needs it too, since the
    parent may decide as well."""

    def of_worker(self, worker: int) -> WorkerTally:
        """What a worker writes, in the same memory."""
        own = self.sockets[worker]
        return WorkerTally(
            stop=self.stop,
            by_socket=self.by_socket[own],
            ages=self.ages[own],
            strange={name: plane[own] for name, plane in self.strange.items()},
            tenths=self.tenths[worker],
            others=self.others[worker],
            leader=self.leaders[worker : worker + 1],
            leaders=self.leaders,
            kept=self.kept[worker : worker + 1],
            run=self.run,
            start_ns=self.start_ns,
            row_of_socket=self.port_of_socket[own],
            came_by=self.came_by[own],
            tagless={name: lengths[own] for name, lengths in self.tagless.items()},
            row_ports=self.row_ports,
            numbers=self.numbers,
            rings=self.rings,
            planes=self.planes,
            locks=self.locks,
            choice=self.choice,
        )

    @property
    def rows(self) -> list[int]:
        """The rows that were given to a port."""
        return np.flatnonzero(self.row_ports).tolist()

    @property
    def shared(self) -> bool:
        """Whether some ports have several sockets."""
        return len(self.port_of_socket) > len(self.ports)

    @property
    def events(self) -> int:
        """Datagrams received so far."""
        return int(self.by_socket["events"].sum())

    @property
    def age(self) -> Histogram:
        """The ages of all stamps, as a copy."""
        return merged(self.ages)

    def best_second_events(self) -> int:
        """The most events that arrived within one second, which may begin at any tenth of a second.

        After the first hours, when cells are longer than a tenth, it is the mean rate of the best cell.
        """
        used = cell_at(int(self.by_socket["last_ns"].max() - self.start_ns) // TENTH_NS) + 1
        tenths = self.tenths[:, :used].sum(axis=0)
        reached = np.concatenate([np.zeros(10, np.int64), np.cumsum(tenths[:FINE])])
        coarse = 10 * tenths[FINE:] // tenths_of(np.arange(FINE, max(used, FINE)))[1]
        return int(max(np.max(reached[10:] - reached[:-10]), np.max(coarse, initial=0)))


def merged(cells: NDArray[np.int64]) -> Histogram:
    """The sum of several histograms, shape (histograms, CELLS), as a copy."""
    whole = Histogram()
    for row in cells:
        whole.merge(Histogram(row))
    return whole


def shared_tally(ports: Sequence[int], sockets: Sequence[slice], port_of_socket: Sequence[int], start_ns: int) -> Tally:
    """An empty tally in anonymous shared memory, which forked workers inherit. Raises PreflightError without room."""
    workers, count, rows = len(sockets), len(port_of_socket), len(ports) + LEARNT
    try:
        choice = multiprocessing.get_context("fork").Lock()
    except OSError as error:
        raise PreflightError(
            f"no room for a sink's lock in /dev/shm: {error.strerror}; it takes "
            f"{format_size(mmap.PAGESIZE)} there, so make it larger and writable"
        ) from None
    tally = Tally(
        ports=tuple(ports),
        sockets=tuple(sockets),
        port_of_socket=np.array(port_of_socket, np.int64),
        start_ns=start_ns,
        stop=_shared((1,), np.uint8),
        run=_shared((1,), np.int64),
        by_socket=_shared((count,), SOCKET_COUNTS),
        ages=_shared((count, CELLS), np.int64),
        strange={name: _shared((count, INTERVALS), np.int64) for name in STRANGE},
        came_by=_shared((count, rows), np.int64),
        tagless={name: _shared((count, LENGTHS), np.int64) for name in TAGLESS},
        row_ports=_shared((rows,), np.int64),
        numbers=_shared((rows,), NUMBERS),
        rings=_shared((rows, WINDOW), np.int32),
        planes={name: _shared((rows, INTERVALS), np.int64) for name in PLANES},
        tenths=_shared((workers, INTERVALS), np.int64),
        others=_shared((workers, OTHER_RUNS), OTHER_RUN),
        leaders=_shared((workers,), OTHER_RUN),
        kept=_shared((workers,), np.int64),
        locks=_shared((rows, LOCK_WORDS), np.int64),
        choice=choice,
    )
    for name in ("first_ns", "youngest_us", "run_first_ns", "run_youngest_us"):
        tally.by_socket[name] = NEVER_NS
    tally.row_ports[: len(ports)] = ports
    free_locks(tally.locks)
    return tally


def _shared(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """An array of zeros in shared memory, which is freed with the array. Raises PreflightError if there is no room."""
    kind = np.dtype(dtype)
    size = int(np.prod(shape)) * kind.itemsize
    try:
        return np.frombuffer(sparse_memory(size), kind).reshape(shape)
    except OSError as error:
        raise PreflightError(
            f"no room for {format_size(size)} of a sink's counters: {error.strerror}; they take address space, and "
            "memory only as they are used: lift the limit, `ulimit -v unlimited`"
        ) from None
