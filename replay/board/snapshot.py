"""How does a run stand at an instant? A snapshot, a copy of the board, says so; no figure is read otherwise.

A snapshot holds what was counted since the run began. The difference of two snapshots holds what was counted between
them. So a phase of a run is a difference, and differences that follow each other can be added again:

    start          a          b          c
      |-- a -------|          |          |
      |-- b ------------------|          |
                   |-- b - a--|-- c - b--|      (b - a) + (c - b) == c - a

A snapshot guarantees the following. It is taken in bounded time: each word of the board is copied once (the numbers of
the intervals twice), and there is no lock for which a worker could have to wait. Each word is whole, since it has 8
bytes and one writer. Counts only grow, so each count lies between its values at the start and at the end of the copy;
the counts of one worker may differ by the batch that it was counting meanwhile. States and beats are copied before all
counts, so everything that a worker had counted by the shown beat or state is in the snapshot. Therefore a worker that
is shown as done is shown with its final counts, and an interval that ended before the beats of all workers is shown
with all its events.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.fence import order_memory
from replay.board.errnos import errors_of, waits_of
from replay.board.layout import LANE, WORKER, Board, State
from replay.histogram import Histogram, rows_between, rows_together

_FIRST: Final = ("state", "beat_ns")
"""The columns of a worker that are copied before all others."""
_RING: Final = ("interval_numbers", "interval_events")
_COUNTED: Final = ("cpu_ns", "unreachable_seconds")
"""The columns of a worker that only grow."""


@dataclass(frozen=True)
class Loss:
    """What a sink said about the events that had been sent by some instant."""

    sent_events: int
    lost_events: int
    received_events: int
    latency_p99_ms: float | None
    """The latency of all events since the run began; None where it was not measured, and always in a difference."""
    unknown_events: int = 0
    """Events that the sink has not read yet, so they neither arrived nor are lost. Only final counts have them."""

    @property
    def part(self) -> float:
        """The share of the sent events that is lost."""
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
    """The instant from which it counts; 0: since the board was made."""
    at_ns: int
    start_ns: int
    """When the run started; 0: it had not started."""
    workers: NDArray[Any]
    """WORKER rows. In a difference all that is not a count has its last value: states, beats, instants, segments."""
    lanes: NDArray[Any]
    """LANE rows, which hold only counts."""
    sink: Loss | None = None
    """The latest answer of the sink by that instant; None: there is no sink, or it did not answer."""

    @property
    def sent_events(self) -> int:
        """How many events the kernel took, of all lanes."""
        return int(self.lanes["sent_events"].sum())

    @property
    def sent_bytes(self) -> int:
        """How many bytes of events the kernel took, of all lanes."""
        return int(self.lanes["sent_bytes"].sum())

    @property
    def errors(self) -> dict[str, int]:
        """The errors of all lanes by the name of their errno, without WAITS and without zeros."""
        return errors_of(self.lanes["errors"].sum(axis=0))

    @property
    def waits(self) -> dict[str, int]:
        """The answers in WAITS, of all lanes, by the name of their errno, without zeros."""
        return waits_of(self.lanes["errors"].sum(axis=0))

    @property
    def lag(self) -> Histogram:
        """How late events were sent compared with their schedule, of all workers."""
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
        """When the latest batch of any worker ended; 0: there was no batch."""
        return int(self.workers["last_send_ns"].max())

    def __sub__(self, earlier: "Snapshot") -> "Snapshot":
        """What was counted since `earlier`. Raises ValueError if `earlier` does not count from the same instant.

        The greatest lag is exact where it is greater than in `earlier`; otherwise it is the upper end of its bucket.
        """
        if earlier.since_ns != self.since_ns or earlier.at_ns > self.at_ns:
            raise ValueError("only an earlier snapshot that began at the same instant can be subtracted")
        return self._with(earlier, self, earlier.at_ns, self.at_ns, -1)

    def __add__(self, later: "Snapshot") -> "Snapshot":
        """What was counted in both. Raises ValueError if `later` does not begin where this snapshot ends."""
        if later.since_ns != self.at_ns:
            raise ValueError("only a difference that begins where this one ends can be added")
        return later._with(self, later, self.since_ns, later.at_ns, 1)

    def _with(self, first: "Snapshot", second: "Snapshot", since_ns: int, at_ns: int, sign: int) -> "Snapshot":
        """The counts of `second`, plus `sign` times the counts of `first`, the earlier one."""
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
    """Copy `board` as it stands at `now_ns`, which is the monotonic clock, read just before the call."""
    source = board.workers
    workers, lanes = np.empty_like(source), np.empty_like(board.lanes)
    for name in _FIRST:
        workers[name] = source[name]
    order_memory()
    numbers = source["interval_numbers"].copy()
    for name in WORKER.names or ():
        if name not in (*_FIRST, *_RING):
            workers[name] = source[name]
    for name in LANE.names or ():
        lanes[name] = board.lanes[name]
    order_memory()
    workers["interval_events"] = source["interval_events"]
    order_memory()
    workers["interval_numbers"] = source["interval_numbers"]
    # A worker writes the number first. If the number changed meanwhile, the events may be of the old or the new
    # interval. The new one began after all beats that were copied, so it is not complete: the next snapshot has it.
    workers["interval_events"][workers["interval_numbers"] != numbers] = 0
    return Snapshot(0, now_ns, int(board.control["start_ns"][0]), workers, lanes)
