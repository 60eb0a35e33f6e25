"""The ledger: what was sent against what arrived, port by port and to the event. Pure."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Entry:
    """One port's account.

    `kernel_drops` are packets, of which a joined one is many events; None when they were not measured.
    """

    port: int
    sent_events: int
    received_events: int
    sent_bytes: int
    received_bytes: int
    kernel_drops: int | None

    @property
    def lost_events(self) -> int:
        """Events that were sent and did not arrive; negative when more arrived than were sent."""
        return self.sent_events - self.received_events


@dataclass(frozen=True)
class Ledger:
    """The accounts of all ports that were sent to or heard from."""

    entries: tuple[Entry, ...]

    @property
    def sent_events(self) -> int:
        """Events sent in total."""
        return sum(entry.sent_events for entry in self.entries)

    @property
    def received_events(self) -> int:
        """Events received in total."""
        return sum(entry.received_events for entry in self.entries)

    @property
    def lost_events(self) -> int:
        """Events missing, summed over the ports that miss some: no surplus elsewhere makes up for them."""
        return sum(max(entry.lost_events, 0) for entry in self.entries)

    @property
    def surplus_events(self) -> int:
        """Events too many, summed over the ports that have some."""
        return sum(max(-entry.lost_events, 0) for entry in self.entries)

    @property
    def balanced(self) -> bool:
        """Whether on each port exactly that arrived which was sent, in events and in bytes."""
        return all(entry.lost_events == 0 and entry.sent_bytes == entry.received_bytes for entry in self.entries)


def reconcile(sent: dict[str, Any], received: dict[str, Any]) -> Ledger:
    """The ledger of a sender's and a sink's report. A port that one of them doesn't know counts 0 there.

    Raises ValueError when a report lacks its lanes or they hold no counts.
    """
    sent_lanes = _lanes(sent, "sent")
    received_lanes = _lanes(received, "received")
    unheard = {
        "sent_events": 0,
        "sent_bytes": 0,
        "received_events": 0,
        "received_bytes": 0,
        "kernel_drops": None,
    }
    entries = [
        Entry(**(unheard | sent_lanes.get(port, {}) | received_lanes.get(port, {})))
        for port in sorted(sent_lanes.keys() | received_lanes.keys())
    ]
    return Ledger(tuple(entry for entry in entries if entry.sent_events or entry.received_events))


def _lanes(report: dict[str, Any], side: Literal["sent", "received"]) -> dict[int, dict[str, Any]]:
    """A report's lanes by port, with only the counts of its side; refuses what is not a count."""
    names = ("port", f"{side}_events", f"{side}_bytes")
    lanes = report.get("lanes")
    if not isinstance(lanes, list) or not all(_has_counts(lane, names) for lane in lanes):
        raise ValueError(f"a report of what was {side} has lanes with the counts {', '.join(names)}")
    kept = names if side == "sent" else (*names, "kernel_drops")
    return {lane["port"]: {name: lane.get(name) for name in kept} for lane in lanes}


def _has_counts(lane: object, names: tuple[str, ...]) -> bool:
    return isinstance(lane, dict) and all(type(lane.get(name)) is int and lane[name] >= 0 for name in names)


def verdict(ledger: Ledger) -> str:
    """The ledger in one sentence."""
    sent, ports = f"{ledger.sent_events:,}", len(ledger.entries)
    if ledger.balanced:
        return f"all {sent} events arrived on {ports} {'port' if ports == 1 else 'ports'}"
    parts = []
    if ledger.lost_events:
        worst = max(ledger.entries, key=lambda entry: entry.lost_events)
        share = ledger.lost_events / ledger.sent_events
        drops = "not measured" if worst.kernel_drops is None else f"{worst.kernel_drops:,}"
        parts.append(
            f"{ledger.lost_events:,} of {sent} events lost ({share:.2%}), most on port {worst.port} "
            f"({worst.lost_events:,}; kernel drops there: {drops})"
        )
    if ledger.surplus_events:
        worst = min(ledger.entries, key=lambda entry: entry.lost_events)
        parts.append(
            f"{ledger.surplus_events:,} events arrived that were not sent, most on port {worst.port} "
            f"({-worst.lost_events:,})"
        )
    if not parts:
        parts.append(f"all {sent} events arrived, but not with the bytes that were sent")
    return "; ".join(parts)


def ledger_json(ledger: Ledger) -> dict[str, Any]:
    """The ledger as a plain dictionary, ready for JSON."""
    return {
        "verdict": verdict(ledger),
        "balanced": ledger.balanced,
        "sent_events": ledger.sent_events,
        "received_events": ledger.received_events,
        "lost_events": ledger.lost_events,
        "surplus_events": ledger.surplus_events,
        "lanes": [vars(entry) | {"lost_events": entry.lost_events} for entry in ledger.entries],
    }


def ledger_table(ledger: Ledger) -> str:
    """The ledger for people: a row for each port, then the verdict."""
    lines = [f"{'port':>6} {'sent':>15} {'received':>15} {'lost':>13} {'kernel drops':>13}"]
    for entry in ledger.entries:
        drops = "-" if entry.kernel_drops is None else f"{entry.kernel_drops:,}"
        lines.append(
            f"{entry.port:>6} {entry.sent_events:>15,} {entry.received_events:>15,} "
            f"{entry.lost_events:>13,} {drops:>13}"
        )
    return "\n".join([*lines, verdict(ledger)])
