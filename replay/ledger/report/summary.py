"""What does a ledger say in a sentence? What was lost, where and when, and what else differs. Pure."""

from collections.abc import Sequence

from captures.console.units import counted, format_share
from replay.ledger.entries import UNREAD, Ledger
from replay.ledger.losses import AFTER_END, COLLECTOR, SOCKET, WORKER_DIED, PlacedLoss
from replay.sink.report.tags import lengths_text


def summary(ledger: Ledger, losses: Sequence[PlacedLoss] = ()) -> str:
    """The ledger in one sentence."""
    return "; ".join(summary_parts(ledger, losses))


def summary_parts(ledger: Ledger, losses: Sequence[PlacedLoss]) -> list[str]:
    """The clauses of that sentence."""
    arrived = "were written" if ledger.total("collected_events") is not None else "arrived"
    if ledger.balanced:
        return [f"all {counted(ledger.sent_events, 'event')} {arrived} on {counted(ledger.sent_ports, 'port')}"]
    parts = []
    if ledger.lost_events_max:
        parts.append(_loss(ledger, losses))
    if ledger.cut_events:
        least, most = ledger.cut_to_bytes or (0, 0)
        to = f" to {lengths_text({'min': least, 'max': most})}" if ledger.cut_to_bytes else ""
        parts.append(f"{ledger.cut_events:,} cut{to}, their tags are gone")
    if beyond := [entry for entry in ledger.entries if entry.surplus_events]:
        worst = max(beyond, key=lambda entry: entry.surplus_events)
        events = sum(entry.surplus_events for entry in beyond)
        said = f"{counted(events, 'event')} arrived that {'was' if events == 1 else 'were'} not sent"
        parts.append(f"{said}, most on port {worst.port} ({worst.surplus_events:,})")
    totals = ((name, ledger.total(f"{name}_events")) for name in ("duplicated", "reordered"))
    parts += [f"{total:,} {name}" for name, total in totals if total]
    if ledger.cut_bytes:
        parts.append(_cut_bytes(ledger))
    if not parts:
        parts.append(f"all {counted(ledger.sent_events, 'event')} arrived, but not with the bytes that were sent")
    return parts


def _cut_bytes(ledger: Ledger) -> str:
    """A clause on events that came with their tags, but not with all of their bytes: how many bytes came.

    It names the number of ports, if not all can be compared.
    """
    short = [entry for entry in ledger.entries if entry.cut_bytes]
    if not short or sum(entry.cut_bytes for entry in short) != ledger.cut_bytes:
        short = list(ledger.entries)  # ports were mapped, so only the sums of all ports can be compared
    sent, received = (sum(getattr(entry, name) or 0 for entry in short) for name in ("sent_bytes", "received_bytes"))
    others = len(short) < len(ledger.entries)
    at = f" at {counted(len(short), 'port')}" if others else ""
    all_of_it = (
        ""
        if ledger.lost_events_max or ledger.cut_events or others
        else (f"all {counted(ledger.sent_events, 'event')} arrived, but ")
    )
    return f"{all_of_it}{received:,} of {counted(sent, 'byte')} came{at}: events were cut behind their tags"


def _loss(ledger: Ledger, losses: Sequence[PlacedLoss]) -> str:
    least, lost, sent = ledger.lost_events_min, ledger.lost_events_max, ledger.sent_events
    said = [_place(where, [loss for loss in losses if loss.where == where], sent) for where in _places(losses)]
    if ledger.run_id is None:
        worst = max(ledger.entries, key=lambda entry: entry.all_lost_events)
        drops = "not measured" if worst.kernel_drops is None else f"{worst.kernel_drops:,}"
        said = [f"most on port {worst.port} ({worst.all_lost_events:,}; kernel drops there: {drops})"]
        if ledger.ended_by is not None:
            said.append(f"and {UNREAD.get(ledger.ended_by, 'the sink had ended before the run did')}")
    share, events = format_share(lost, sent), f"{lost:,}"
    if least < lost:
        share, events = f"between {format_share(least, sent)} and {share}", f"{least:,} to {events}"
    return ", ".join([f"{share} lost: {events} of {counted(sent, 'event')}", *said])


def _places(losses: Sequence[PlacedLoss]) -> list[str]:
    """The places of the losses, the place with most lost events first."""
    events: dict[str, int] = {}
    for loss in losses:
        events[loss.where] = events.get(loss.where, 0) + loss.events
    return sorted(events, key=lambda where: -events[where])


def _place(where: str, losses: Sequence[PlacedLoss], sent: int) -> str:
    """A clause on the losses in one place: how much was lost, on which ports, and when."""
    ports: dict[int, int] = {}
    for loss in losses:
        if loss.port is not None:
            ports[loss.port] = ports.get(loss.port, 0) + loss.events
    whole = sum(loss.events for loss in losses)
    at = {
        SOCKET: "in the socket buffer of",
        COLLECTOR: "at the collector, of",
        WORKER_DIED: "not received since the sink's worker died, of",
        AFTER_END: "not received since the sink had ended, of",
    }.get(where, f"{where} of")
    named = _named(ports, unknown=whole > sum(ports.values()))
    return f"{format_share(whole, sent)} {at} {named}{_when(losses)}"


def _named(ports: dict[int, int], *, unknown: bool) -> str:
    """A clause that names the ports of the losses, with the port that lost most."""
    others = "ports that are not known"
    if not ports:
        return others
    worst = max(ports, key=lambda port: ports[port])
    named = f"port {worst}" if len(ports) == 1 else f"{len(ports)} ports, most on {worst} ({ports[worst]:,})"
    return f"{named}, and {others}" if unknown else named


def _when(losses: Sequence[PlacedLoss]) -> str:
    """A clause that says when the events were lost, as far as this is known."""
    timed = [(loss.from_s, loss.to_s) for loss in losses if loss.from_s is not None and loss.to_s is not None]
    if not timed:
        return ", it is not known when"
    said = f" between {min(start for start, _ in timed):.1f} s and {max(end for _, end in timed):.1f} s"
    return said if len(timed) == len(losses) else f"{said} and at times that are not known"
