"""The ledger for people and for machines: a sentence, a table, JSON. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from captures.units import format_share
from replay.sink.ledger import Entry, Ledger
from replay.sink.losses import COLLECTOR, SOCKET, Loss

WAY: Final = (
    ("tx_dropped", "nic", "sent", "dropped by the sender's card"),
    ("nic_rx_errors", "host", "received", "damaged at the receiver's cards"),
    ("nic_rx_dropped", "host", "received", "dropped by the receiver's cards"),
    ("backlog_dropped", "host", "received", "dropped by a full backlog (net.core.netdev_max_backlog)"),
    ("udp_checksum_errors", "host", "received", "with a bad UDP checksum"),
    ("udp_no_ports", "host", "received", "to ports where nobody listened"),
    ("udp_memory_errors", "host", "received", "dropped for want of UDP memory (net.ipv4.udp_mem)"),
    ("udp_receive_buffer_errors", "host", "received", "dropped by full socket buffers"),
)
"""Counters on the way: their name, where they stand in whose report, and what they count, packets of all traffic."""

_FIGURES: Final = ("received", "verified", "duplicated", "reordered", "late", "lost_in_socket", "collected")
_COLUMNS: Final = (
    ("sent", "sent_events"),
    ("received", "received_events"),
    ("verified", "verified_events"),
    ("collected", "collected_events"),
    ("lost", "lost_events"),
    ("before socket", "lost_before_socket_events"),
    ("in socket", "lost_in_socket_events"),
    ("at collector", "lost_at_collector_events"),
    ("duplicated", "duplicated_events"),
    ("reordered", "reordered_events"),
    ("kernel drops", "kernel_drops"),
)
"""Of the table; those that were measured nowhere are left out."""
_ALWAYS: Final = ("sent_events", "received_events", "lost_events", "kernel_drops")


def counters_on_the_way(sent: dict[str, Any], received: dict[str, Any] | None) -> dict[str, int | None]:
    """What both hosts counted between sender and sink, by name; None: not measured."""
    reports = {"sent": sent, "received": received or {}}
    return {name: (reports[side].get(part) or {}).get(name) for name, part, side, _ in WAY}


def verdict(ledger: Ledger, losses: Sequence[Loss] = ()) -> str:
    """The ledger in one sentence."""
    sent, ports = f"{ledger.sent_events:,}", len(ledger.entries)
    arrived = "were written" if ledger.total("collected_events") is not None else "arrived"
    if ledger.balanced:
        return f"all {sent} events {arrived} on {ports} {'port' if ports == 1 else 'ports'}"
    parts = []
    if ledger.lost_events:
        parts.append(_loss(ledger, losses))
    if beyond := [entry for entry in ledger.entries if entry.lost_events < 0]:
        worst = min(beyond, key=lambda entry: entry.lost_events)
        events = -sum(entry.lost_events for entry in beyond)
        parts.append(
            f"{events:,} events arrived that were not sent, most on port {worst.port} ({-worst.lost_events:,})"
        )
    counted = ((name, ledger.total(f"{name}_events")) for name in ("duplicated", "reordered"))
    parts += [f"{total:,} {name}" for name, total in counted if total]
    if not parts:
        parts.append(f"all {sent} events arrived, but not with the bytes that were sent")
    return "; ".join(parts)


def _loss(ledger: Ledger, losses: Sequence[Loss]) -> str:
    lost, sent = ledger.lost_events, ledger.sent_events
    if ledger.run_id is None:
        worst = max(ledger.entries, key=lambda entry: entry.lost_events)
        drops = "not measured" if worst.kernel_drops is None else f"{worst.kernel_drops:,}"
        return (
            f"{lost:,} of {sent:,} events lost ({lost / max(sent, 1):.2%}), most on port {worst.port} "
            f"({worst.lost_events:,}; kernel drops there: {drops})"
        )
    said = [_place(where, [loss for loss in losses if loss.where == where], sent) for where in _places(losses)]
    return f"{format_share(lost, sent)} lost: {lost:,} of {sent:,} events" + "".join(f", {text}" for text in said)


def _places(losses: Sequence[Loss]) -> list[str]:
    """The places of losses, the worst first."""
    events: dict[str, int] = {}
    for loss in losses:
        events[loss.where] = events.get(loss.where, 0) + loss.events
    return sorted(events, key=lambda where: -events[where])


def _place(where: str, losses: Sequence[Loss], sent: int) -> str:
    """What was lost in one place: how much, on which port, and when."""
    ports: dict[int, int] = {}
    for loss in losses:
        ports[loss.port] = ports.get(loss.port, 0) + loss.events
    worst = max(ports, key=lambda port: ports[port])
    whole = sum(ports.values())
    named = f"port {worst}" if len(ports) == 1 else f"{len(ports)} ports, most on {worst} ({ports[worst]:,}),"
    at = {SOCKET: "in the socket buffer of", COLLECTOR: "at the collector, of"}.get(where, f"{where} of")
    text = f"{format_share(whole, sent)} {at} {named}"
    timed = [(loss.from_s, loss.to_s) for loss in losses if loss.from_s is not None and loss.to_s is not None]
    if len(timed) == len(losses):
        text += f" between {min(start for start, _ in timed):.1f} s and {max(end for _, end in timed):.1f} s"
    return text


def ledger_json(
    ledger: Ledger, losses: Sequence[Loss] = (), way: dict[str, int | None] | None = None
) -> dict[str, Any]:
    """The ledger as a plain dictionary, ready for JSON."""
    return {
        "verdict": verdict(ledger, losses),
        "balanced": ledger.balanced,
        "run_id": ledger.run_id,
        "sent_events": ledger.sent_events,
        **{f"{name}_events": ledger.total(f"{name}_events") for name in _FIGURES},
        "lost_events": ledger.lost_events,
        "loss_percent": round(100 * ledger.lost_events / max(ledger.sent_events, 1), 6),
        "surplus_events": ledger.surplus_events,
        "losses": [asdict(loss) for loss in losses],
        "counters": way or {},
        "lanes": [_lane(entry) for entry in ledger.entries],
    }


def _lane(entry: Entry) -> dict[str, Any]:
    names = ("lost_events", "lost_before_socket_events", "lost_at_collector_events")
    return vars(entry) | {name: getattr(entry, name) for name in names}


def ledger_table(ledger: Ledger, losses: Sequence[Loss] = (), way: dict[str, int | None] | None = None) -> str:
    """The ledger for people: a row for each port, the sums, what was counted on the way, then the verdict."""
    columns = [(title, name) for title, name in _COLUMNS if name in _ALWAYS or ledger.total(name) is not None]
    widths = [max(len(title), 13) for title, _ in columns]
    titles = (f"{title:>{width}}" for (title, _), width in zip(columns, widths, strict=True))
    lines = [f"{'port':>6} " + " ".join(titles)]
    rows = [(str(entry.port), [getattr(entry, name) for _, name in columns]) for entry in ledger.entries]
    if len(ledger.entries) > 1:
        rows.append(("all", [ledger.total(name) for _, name in columns]))
    for port, values in rows:
        cells = ("-" if value is None else f"{value:,}" for value in values)
        lines.append(f"{port:>6} " + " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)))
    counted = {name: said for name, _, _, said in WAY}
    lines += [f"{packets:,} packets {counted[name]}" for name, packets in (way or {}).items() if packets]
    return "\n".join([*lines, verdict(ledger, losses)])
