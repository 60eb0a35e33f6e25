"""Where and when were events lost? From the sink's intervals, in seconds since the start of the run. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from replay.ledger.entries import DIED, Ledger, LedgerEntry
from replay.ledger.models.collected import Collected, CollectedLane, UnwrittenRange
from replay.ledger.models.received import Intervals, Received
from replay.ledger.models.sent import Sent
from replay.ledger.run_clock import RunClock
from replay.ledger.time_stretch import stretch

BEFORE, SOCKET, EITHER, COLLECTOR = "before the socket", "socket buffer", "at the sink", "collector"
"""The places, as the ledger names them. EITHER: the sink can't tell the first two apart."""
WORKER_DIED, AFTER_END = "not received: the sink's worker died", "not received: the sink had ended"

APART_S: Final = 1.0
"""Losses of one port and place that are no further apart in time are reported as one loss."""


@dataclass(frozen=True)
class PlacedLoss:
    """Events that a port lost in one place and one stretch of time: seconds since the run's start; None: not known."""

    port: int | None
    """None: the port is not known."""
    where: str
    events: int
    from_s: float | None
    to_s: float | None


def losses(
    ledger: Ledger, sent: Sent, received: Received | None = None, collected: Collected | None = None
) -> list[PlacedLoss]:
    """Every loss of a ledger that was made from these reports, port by port, in the order of time.

    The losses of a port in a place sum to what the ledger counts there. Losses of unknown ports come last.
    """
    found: list[PlacedLoss] = []
    clock = RunClock(sent, received)
    gaps = _Gaps(clock, received.intervals if received else Intervals())
    last_s = {lane.port: lane.last_of_run_s for lane in received.lanes} if received else {}
    written: dict[int, CollectedLane] = {lane.port: lane for lane in collected.lanes} if collected else {}
    for entry in ledger.entries:
        timed = list(gaps.losses(entry.port)) if entry.verified_events is not None else []
        for where, events in _by_place(ledger, entry).items():
            known = _up_to(events, [loss for loss in timed if loss.where == where])
            rest = events - sum(loss.events for loss in known)
            found += known
            if rest > 0:  # lost after the last event that came, or the sink's report has no intervals
                lane = written.get(entry.port)
                missing = lane.missing if lane else []
                seen = _sent_between(missing) if where == COLLECTOR else _tail(clock, entry, last_s)
                found.append(PlacedLoss(entry.port, where, rest, *seen))
    unplaced = ((EITHER, ledger.unplaced.lost_events), (COLLECTOR, ledger.unplaced.lost_at_collector_events))
    return found + [PlacedLoss(None, where, events, None, None) for where, events in unplaced if events]


def _up_to(events: int, timed: Sequence[PlacedLoss]) -> list[PlacedLoss]:
    """The losses, limited to a sum of `events`. The latest are left out: numbers that were not sent caused them."""
    kept = []
    for loss in timed:
        if events > 0:
            kept.append(replace(loss, events=min(events, loss.events)))
        events -= loss.events
    return kept


def _sent_between(missing: Sequence[UnwrittenRange]) -> tuple[float | None, float | None]:
    """From when to when the events of an audit's missing ranges were sent."""
    times = [(part.sent_from_s, part.sent_to_s) for part in missing]
    known = [(start, end) for start, end in times if start is not None and end is not None]
    if not known or len(known) < len(times):
        return None, None
    return stretch(min(start for start, _ in known), max(end for _, end in known))


def _by_place(ledger: Ledger, entry: LedgerEntry) -> dict[str, int]:
    lost, ended = entry.lost_events or 0, WORKER_DIED if ledger.ended_by == DIED else AFTER_END
    after = {ended: entry.lost_after_end_events or 0}
    collector = {COLLECTOR: entry.lost_at_collector_events or 0}
    if entry.lost_in_socket_events is None:
        return {EITHER: lost, **collector}
    return {SOCKET: entry.lost_in_socket_events, BEFORE: entry.lost_before_socket_events or 0, **after, **collector}


def _tail(
    clock: RunClock, entry: LedgerEntry, last_arrival_s: dict[int, float | None]
) -> tuple[float | None, float | None]:
    """The time from a port's last arrival to the end of the run."""
    if entry.verified_events is None or clock.duration_s is None:
        return None, None
    ways = [last_arrival_s.get(port) for port in (entry.port, *map(int, entry.came_by))]
    last_s = max((way for way in ways if way is not None), default=None)
    from_s = 0.0 if last_s is None else clock.arrived(last_s)
    return stretch(from_s, clock.duration_s if from_s is None else max(clock.duration_s, from_s))


class _Gaps:
    """The losses that gaps in the numbers show, with their times in the sender's run."""

    def __init__(self, clock: RunClock, intervals: Intervals) -> None:
        self._clock, self._intervals = clock, intervals
        self._step_s = intervals.interval_ms / 1000
        self._rows: dict[int, list[dict[str, int]]] = {}
        for row in intervals.rows:
            counts = dict(zip(intervals.columns, row, strict=True))
            self._rows.setdefault(counts["port"], []).append(counts)

    def losses(self, port: int) -> Iterator[PlacedLoss]:
        """The losses that gaps in a port's numbers show."""
        for where, rows in self._by_place(port).items():
            since_s = self._intervals.since_ns / 1e9
            for part in _stretches(rows, APART_S / self._step_s):
                from_s, to_s = since_s + part[0][0] * self._step_s, since_s + part[-1][1] * self._step_s
                seen = stretch(self._clock.since_start(from_s), self._clock.since_start(to_s))
                yield PlacedLoss(port, where, sum(lost for *_, lost in part), *seen)

    def _by_place(self, port: int) -> dict[str, list[tuple[int, int, int]]]:
        """By place: first interval, the interval after the last, and lost events."""
        rows: dict[str, list[tuple[int, int, int]]] = {SOCKET: [], BEFORE: []}
        for counts in self._rows.get(port, []):
            dropped = counts["lost_in_socket_events"]
            end = counts["interval"] + counts.get("intervals", 1)
            for where, events in ((SOCKET, dropped), (BEFORE, counts["lost_events"] - dropped)):
                if events > 0:
                    rows[where].append((counts["interval"], end, events))
        return rows


def _stretches(rows: Sequence[tuple[int, int, int]], apart: float) -> Iterator[list[tuple[int, int, int]]]:
    """Put rows into groups, in the order of time, such that more than `apart` intervals lie between two groups."""
    number, end = 0, None
    numbered = []
    for row in sorted(rows):
        number += end is not None and row[0] + 1 - end > apart
        end = row[1]
        numbered.append((number, row))
    for _, group in groupby(numbered, key=lambda item: item[0]):
        yield [row for _, row in group]
