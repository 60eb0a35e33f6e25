"""Where and when events were lost: from the sink's intervals, in seconds since the start of the run. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from replay.sink.ledger import Entry, Ledger

BEFORE, SOCKET, EITHER, COLLECTOR = "before the socket", "socket buffer", "at the sink", "collector"
"""The places, as the ledger names them. Where the sink can't tell the first two apart, it is EITHER."""

APART_S: Final = 1.0
"""Losses of a port and place that are no further apart are told as one."""


@dataclass(frozen=True)
class Loss:
    """Events that a port lost in one place, in one go. Seconds since the start of the run; None: not measured."""

    port: int
    where: str
    events: int
    from_s: float | None
    to_s: float | None


def losses(
    ledger: Ledger,
    sent: dict[str, Any],
    received: dict[str, Any] | None = None,
    collected: dict[str, Any] | None = None,
) -> list[Loss]:
    """Every loss of a ledger that was made from these reports, port by port, as time goes on.

    Each port's sum to what the ledger says that it lost in each place.
    """
    found: list[Loss] = []
    clock = _Clock(sent, received or {})
    missing = {lane["port"]: lane.get("missing", []) for lane in (collected or {}).get("lanes", [])}
    for entry in ledger.entries:
        timed = list(clock.losses(entry.port)) if entry.verified_events is not None else []
        found += timed
        for where, events in _by_place(entry).items():
            rest = events - sum(loss.events for loss in timed if loss.where == where)
            if rest > 0:  # behind the last event that came, or of a sink that keeps no intervals
                seen = clock.tail(entry) if where != COLLECTOR else _sent_between(missing.get(entry.port, []))
                found.append(Loss(entry.port, where, rest, *seen))
    return found


def _sent_between(missing: Sequence[dict[str, Any]]) -> tuple[float | None, float | None]:
    """When the events of an audit's missing ranges were sent: from the first to the last of them."""
    times = [(part["sent_from_s"], part["sent_to_s"]) for part in missing]
    if not times or None in times[0]:
        return None, None
    return min(start for start, _ in times), max(end for _, end in times)


def _by_place(entry: Entry) -> dict[str, int]:
    lost = max(entry.lost_events, 0)
    collector = {COLLECTOR: entry.lost_at_collector_events or 0}
    if entry.lost_in_socket_events is None:
        return {EITHER: lost, **collector}
    return {SOCKET: entry.lost_in_socket_events, BEFORE: entry.lost_before_socket_events or 0, **collector}


class _Clock:
    """Places the sink's intervals in the sender's run; both clocks are taken to be the same."""

    def __init__(self, sent: dict[str, Any], received: dict[str, Any]) -> None:
        started = sent.get("started")
        self._start_s = datetime.fromisoformat(started).timestamp() if isinstance(started, str) else None
        self._duration_s = sent.get("duration_s")
        self._lanes = {lane["port"]: lane for lane in received.get("lanes", [])}
        first = received.get("first_arrival")
        self._first_s = datetime.fromisoformat(first).timestamp() if isinstance(first, str) else None
        self._intervals = received.get("intervals") or {"rows": []}

    def _since_start(self, instant_s: float | None) -> float | None:
        if instant_s is None or self._start_s is None:
            return None
        return round(max(0.0, instant_s - self._start_s), 1)

    def losses(self, port: int) -> Iterator[Loss]:
        """What gaps in a port's numbers tell."""
        for where, rows in self._rows(port).items():
            step_s = self._intervals["interval_ms"] / 1000
            since_s = self._intervals["since_ns"] / 1e9
            for stretch in _stretches(rows, APART_S / step_s):
                from_s, to_s = since_s + stretch[0][0] * step_s, since_s + (stretch[-1][0] + 1) * step_s
                events = sum(lost for _, lost in stretch)
                yield Loss(port, where, events, self._since_start(from_s), self._since_start(to_s))

    def _rows(self, port: int) -> dict[str, list[tuple[int, int]]]:
        """Interval and events of each place."""
        rows: dict[str, list[tuple[int, int]]] = {SOCKET: [], BEFORE: []}
        names = self._intervals.get("columns", [])
        for row in self._intervals["rows"]:
            counts = dict(zip(names, row, strict=True))
            if counts["port"] == port:
                dropped = counts["lost_in_socket_events"]
                for where, events in ((SOCKET, dropped), (BEFORE, counts["lost_events"] - dropped)):
                    if events:
                        rows[where].append((counts["interval"], events))
        return rows

    def tail(self, entry: Entry) -> tuple[float | None, float | None]:
        """From a port's last arrival to the end of the run."""
        lane = self._lanes.get(entry.port)
        if lane is None or entry.verified_events is None:
            return None, None
        last_s = lane.get("last_arrival_s")
        if last_s is None or self._first_s is None:
            return 0.0, self._duration_s
        from_s = self._since_start(self._first_s + last_s)
        return from_s, self._duration_s and max(self._duration_s, from_s or 0.0)


def _stretches(rows: Sequence[tuple[int, int]], apart: float) -> Iterator[list[tuple[int, int]]]:
    """Rows of ascending intervals in groups, between which more than `apart` intervals pass."""
    number, before = 0, None
    numbered = []
    for row in rows:
        number += before is not None and row[0] - before > apart
        before = row[0]
        numbered.append((number, row))
    for _, group in groupby(numbered, key=lambda item: item[0]):
        yield [row for _, row in group]
