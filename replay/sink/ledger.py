"""The ledger: what was sent against what arrived, port by port and to the event. Pure.

It is made from the report of a sender and from those of receivers: the sink's, which knows its sockets, and an audit's
of what a collector wrote. An event that is missing was lost in one of these places:

    before the socket     on the way: a card, a queue, a filter, a wire; counters of both hosts say more
    socket buffer         the sink's had no room
    at the sink           either of them: without tags, and with trains that come joined, it can't tell
    collector             it had reached the sink, or without a sink was sent, and was not written
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from captures.format import MAX_TRAIN_EVENTS

Side = Literal["sent", "received", "collected"]

_COUNTS: Final[dict[Side, tuple[str, ...]]] = {
    "sent": ("port", "sent_events", "sent_bytes"),
    "received": ("port", "received_events", "received_bytes"),
    "collected": ("port", "received_events"),
}
"""What each lane of a report must have."""
_TAG_COUNTS: Final = ("verified_events", "next_sequence", "lost_in_socket_events", "duplicated_events", "late_events")


@dataclass(frozen=True)
class Entry:
    """One port's account. What was not measured is None.

    `kernel_drops` are packets, of which a joined one is many events.
    """

    port: int
    sent_events: int = 0
    received_events: int | None = 0
    """None: there was no sink."""
    sent_bytes: int = 0
    received_bytes: int | None = 0
    kernel_drops: int | None = None
    verified_events: int | None = None
    """Different numbers of this run: tagged events, each counted once."""
    duplicated_events: int | None = None
    reordered_events: int | None = None
    late_events: int | None = None
    lost_in_socket_events: int | None = None
    collected_events: int | None = None
    """Different numbers that a collector wrote."""

    @property
    def reached_events(self) -> int:
        """Events that reached the sink, different ones where tags tell; all that were sent where there was no sink."""
        known = (self.verified_events, self.received_events, self.sent_events)
        return next(events for events in known if events is not None)

    @property
    def lost_events(self) -> int:
        """Events that were sent and did not reach the sink; negative when more arrived than were sent."""
        return self.sent_events - self.reached_events

    @property
    def lost_before_socket_events(self) -> int | None:
        """Those of the lost that the socket did not lose."""
        return None if self.lost_in_socket_events is None else self.lost_events - self.lost_in_socket_events

    @property
    def lost_at_collector_events(self) -> int | None:
        """Events that reached the sink, or were sent where there was none, and that the collector did not write."""
        return None if self.collected_events is None else self.reached_events - self.collected_events

    @property
    def agrees(self) -> bool:
        """Whether exactly that arrived which was sent: in events, and without tags also in bytes."""
        same_bytes = self.verified_events is not None or self.received_bytes in (None, self.sent_bytes)
        wrong = self.lost_events or self.lost_at_collector_events or self.duplicated_events
        return same_bytes and not wrong


@dataclass(frozen=True)
class Ledger:
    """The accounts of all ports that were sent to or heard from."""

    entries: tuple[Entry, ...]
    run_id: str | None = None
    """The run whose tags were compared; None: only counts were."""

    def total(self, name: str) -> int | None:
        """The sum of a figure over the ports; None where it was measured on none."""
        known = [value for entry in self.entries if (value := getattr(entry, name)) is not None]
        return sum(known) if known else None

    @property
    def sent_events(self) -> int:
        """Events sent in total."""
        return sum(entry.sent_events for entry in self.entries)

    @property
    def received_events(self) -> int:
        """Events received in total."""
        return sum(entry.received_events or 0 for entry in self.entries)

    @property
    def lost_events(self) -> int:
        """Events missing at the end, summed over the ports that miss some: no surplus elsewhere makes up for them."""
        lost = [(entry.lost_events, entry.lost_at_collector_events or 0) for entry in self.entries]
        return sum(max(before, 0) + max(after, 0) for before, after in lost)

    @property
    def surplus_events(self) -> int:
        """Events too many: more than were sent on a port, or duplicated ones."""
        return sum(max(-entry.lost_events, 0) + (entry.duplicated_events or 0) for entry in self.entries)

    @property
    def balanced(self) -> bool:
        """Whether all ports agree."""
        return all(entry.agrees for entry in self.entries)


def reconcile(
    sent: dict[str, Any], received: dict[str, Any] | None = None, collected: dict[str, Any] | None = None
) -> Ledger:
    """The ledger of a sender's report, a sink's and an audit's. A port that one of them doesn't know counts 0 there.

    Raises ValueError when a report lacks its lanes, they hold no counts, or it is of another run.
    """
    run = sent.get("run_id")
    tagged = run is not None and received is not None and received.get("run_id") is not None
    for who, report in (("sink counted", received if tagged else None), ("audit is of", collected)):
        if report is not None and report.get("run_id") != run:
            raise ValueError(f"the {who} run {report.get('run_id')}, and the sender's run was {run}")
    sent_lanes = _lanes(sent, "sent")
    heard = None if received is None else _lanes(received, "received")
    written = None if collected is None else _lanes(collected, "collected")
    ports = sorted({*sent_lanes, *(heard or ()), *(written or ())})
    entries = []
    for port in ports:
        entry = {"port": port, **_of(sent_lanes.get(port, {}), _COUNTS["sent"])}
        if heard is None:
            entry |= {"received_events": None, "received_bytes": None}
        else:
            entry |= _heard(heard.get(port, {}), entry.get("sent_events", 0), tagged=tagged)
        if written is not None:
            entry["collected_events"] = written.get(port, {}).get("received_events", 0)
        entries.append(Entry(**entry))
    kept = [entry for entry in entries if entry.sent_events or entry.received_events or entry.collected_events]
    return Ledger(tuple(kept), run if tagged or written is not None else None)


def _heard(lane: dict[str, Any], sent_events: int, *, tagged: bool) -> dict[str, Any]:
    """What the sink says of a port, to which so many events were sent: fields of Entry."""
    heard = _of(lane, (*_COUNTS["received"], "kernel_drops"))
    drops = lane.get("kernel_drops")
    each = MAX_TRAIN_EVENTS if lane.get("joined") else 1
    if not tagged:
        lost = sent_events - lane.get("received_events", 0)
        if drops is not None and lane.get("joined") is False and lost >= 0:
            heard["lost_in_socket_events"] = min(drops, lost)
        return heard
    counts = {name: lane.get(name) or 0 for name in _TAG_COUNTS}
    # Nothing came behind what was lost at the end: no gap shows it, and drops tell as in a gap.
    tail = max(0, sent_events - counts.pop("next_sequence"))
    heard |= counts
    heard["lost_in_socket_events"] += min(tail, each * (lane.get("drops_after_last") or 0))
    heard["reordered_events"] = lane.get("reordered_events", 0)
    return heard


def _of(lane: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: lane[name] for name in names if name in lane and name != "port"}


def _lanes(report: dict[str, Any], side: Side) -> dict[int, dict[str, Any]]:
    """A report's lanes by port; refuses what has not the counts of its side."""
    names, lanes = _COUNTS[side], report.get("lanes")
    if not isinstance(lanes, list) or not all(_has_counts(lane, names) for lane in lanes):
        raise ValueError(f"a report of what was {side} has lanes with the counts {', '.join(names)}")
    return {lane["port"]: lane for lane in lanes}


def _has_counts(lane: object, names: tuple[str, ...]) -> bool:
    return isinstance(lane, dict) and all(type(lane.get(name)) is int and lane[name] >= 0 for name in names)
