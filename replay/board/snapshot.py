"""One copy of the board, taken at an instant: whoever wants to know how a run stands reads a snapshot, never the board.

A snapshot of the board holds what was counted since the run began. The difference of two holds what was counted between
them, so a phase of a run is a difference, and differences that follow each other can be put together again:

    start          a          b          c
      |-- a -------|          |          |
      |-- b ------------------|          |
                   |-- b - a--|-- c - b--|      (b - a) + (c - b) == c - a

What a snapshot guarantees. It is taken in bounded time: each word of the board is copied once, two of the ring of
intervals twice, and nobody takes a lock that a worker could wait for. Each word is whole, since it has 8 bytes and one
writer. Counts only grow, so a count is at least what it was when the copy began and at most what it was when the copy
ended; the counts of one worker may differ by the batch that it was counting meanwhile. States and beats are copied
before all counts: whatever a worker had counted by the beat or the state that a snapshot shows is in the snapshot.
Therefore a worker that is shown as done is shown with its final counts, and an interval that ended before the beats of
all workers is shown with all of its events.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from replay.board.layout import ERRNO_NAMES, LANE, WORKER, Board, State
from replay.histogram import Histogram, rows_between, rows_together

WAITS: Final[tuple[str, ...]] = ("EAGAIN", "ENOBUFS", "ENOMEM")
"""Answers of the kernel that only made a worker wait: the send was repeated, and nothing was lost by them."""

_FIRST: Final = ("state", "beat_ns")
"""The columns of a worker that are copied before all others."""
_RING: Final = ("interval_numbers", "interval_events")
_COUNTED: Final = ("cpu_ns", "unreachable_seconds")
"""The columns of a worker that only grow."""


@dataclass(frozen=True)
class Loss:
    """What a sink said of the events that had been sent by some instant."""

    sent_events: int
    lost_events: int
    received_events: int
    latency_p99_ms: float | None
    """Of all events since the run began; None where it was not measured, and of a difference, which can't know it."""
    unknown_events: int = 0
    """Neither arrived nor lost: the sink has not read them yet. Of final counts only."""

    @property
    def part(self) -> float:
        """The share that is lost."""
        return self.lost_events / max(self.sent_events, 1)

    def combined(self, other: "Loss", sign: int) -> "Loss":
        """The counts of both, those of `other` times `sign`, which is 1 or -1."""
        return Loss(
            self.sent_events + sign * other.sent_events,
            self.lost_events + sign * other.lost_events,
            self.received_events + sign * other.received_events,
            None,
            self.unknown_events + sign * other.unknown_events,
        )


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What was counted between two instants of the monotonic clock, in nanoseconds."""

    since_ns: int
    """0: since the board was made."""
    at_ns: int
    start_ns: int
    """When the run started; 0: it had not."""
    workers: NDArray[Any]
    """WORKER rows. Of a difference, what is no count is as it was at the end: states, beats, instants, segments."""
    lanes: NDArray[Any]
    """LANE rows, which hold nothing but counts."""
    sink: Loss | None = None
    """The sink's latest answer by then; None: there is no sink, or it did not answer."""

    @property
    def sent_events(self) -> int:
        """Events that the kernel took, of all lanes."""
        return int(self.lanes["sent_events"].sum())

    @property
    def sent_bytes(self) -> int:
        """Their bytes."""
        return int(self.lanes["sent_bytes"].sum())

    @property
    def errors(self) -> dict[str, int]:
        """Errors of all lanes by the name of their errno, without waits and without zeros."""
        return errors_of(self.lanes["errors"].sum(axis=0))

    @property
    def waits(self) -> dict[str, int]:
        """The same of the answers that only made a worker wait."""
        return waits_of(self.lanes["errors"].sum(axis=0))

    @property
    def lag(self) -> Histogram:
        """How late events left against their schedule, of all workers."""
        lag = Histogram()
        for cells in self.workers["lag"]:
            lag.merge(Histogram(cells))
        return lag

    @property
    def done(self) -> bool:
        """Whether every worker had sent all it had."""
        return bool((self.workers["state"] == State.DONE).all())

    @property
    def last_send_ns(self) -> int:
        """When the latest batch of any worker ended; 0: there was none."""
        return int(self.workers["last_send_ns"].max())

    def __sub__(self, earlier: "Snapshot") -> "Snapshot":
        """What was counted since `earlier`, which began at the same instant. Raises ValueError for another one.

        The greatest lag is exact where it is greater than in `earlier`; else it is the most that its bucket allows.
        """
        if earlier.since_ns != self.since_ns or earlier.at_ns > self.at_ns:
            raise ValueError("only an earlier snapshot that began at the same instant can be subtracted")
        return self._with(earlier, self, earlier.at_ns, self.at_ns, -1)

    def __add__(self, later: "Snapshot") -> "Snapshot":
        """What was counted in both, where `later` begins as this one ends. Raises ValueError where it does not."""
        if later.since_ns != self.at_ns:
            raise ValueError("only a difference that begins where this one ends can be added")
        return later._with(self, later, self.since_ns, later.at_ns, 1)

    def _with(self, first: "Snapshot", second: "Snapshot", since_ns: int, at_ns: int, sign: int) -> "Snapshot":
        """The counts of `second`, and `sign` times those of `first`, which is the one that began or ended earlier."""
        before, after = first.workers, second.workers
        workers, lanes = after.copy(), second.lanes.copy()
        for name in _COUNTED:
            workers[name] += sign * before[name]
        held = after["interval_numbers"] == before["interval_numbers"]
        workers["interval_events"] += np.where(held, sign * before["interval_events"], 0)
        combine = rows_between if sign < 0 else rows_together
        workers["lag"] = combine(after["lag"], before["lag"])
        for name in LANE.names or ():
            lanes[name] += sign * first.lanes[name]
        sink = second.sink.combined(first.sink, sign) if first.sink and second.sink else None
        return Snapshot(since_ns, at_ns, second.start_ns, workers, lanes, sink)


def take_snapshot(board: Board, now_ns: int) -> Snapshot:
    """How `board` stands at `now_ns`, an instant of the monotonic clock that was read just before."""
    source = board.workers
    workers, lanes = np.empty_like(source), np.empty_like(board.lanes)
    for name in _FIRST:
        workers[name] = source[name]
    numbers = source["interval_numbers"].copy()
    for name in WORKER.names or ():
        if name not in (*_FIRST, *_RING):
            workers[name] = source[name]
    for name in LANE.names or ():
        lanes[name] = board.lanes[name]
    workers["interval_events"] = source["interval_events"]
    workers["interval_numbers"] = source["interval_numbers"]
    # A worker writes the number first. Where it changed meanwhile, the events are those of either interval. The new
    # one began after all beats that were copied, so it is not whole yet, and is left for the next snapshot.
    workers["interval_events"][workers["interval_numbers"] != numbers] = 0
    return Snapshot(0, now_ns, int(board.control["start_ns"][0]), workers, lanes)


def errors_of(counts: NDArray[np.int64]) -> dict[str, int]:
    """Counts in the order of ERRNO_NAMES, shape (errnos,), by name: the errors without the waits, zeros left out."""
    return {name: count for name, count in _named(counts).items() if name not in WAITS}


def waits_of(counts: NDArray[np.int64]) -> dict[str, int]:
    """The same of the waits, in the order of WAITS."""
    found = _named(counts)
    return {name: found[name] for name in WAITS if name in found}


def _named(counts: NDArray[np.int64]) -> dict[str, int]:
    return {name: count for name, count in zip(ERRNO_NAMES, counts.tolist(), strict=True) if count}
