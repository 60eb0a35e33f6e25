"""How is a ledger shown? As a sentence, a few lines and a table for people, and as JSON for programs. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from textwrap import fill
from typing import Any, Final, NamedTuple

from captures.console.units import counted, format_share
from replay.ledger.cut_bytes import cut_bytes_text
from replay.ledger.entries import UNREAD, Ledger, LedgerEntry, Unplaced
from replay.ledger.losses import AFTER_END, COLLECTOR, SOCKET, WORKER_DIED, PlacedLoss
from replay.ledger.run_clock import RunClock
from replay.sink.report.tags import lengths_text

_FIGURES: Final = ("received", "verified", "duplicated", "reordered", "late", "lost_in_socket", "collected")
_STRANGE: Final = ("lost_after_end", "foreign", "untagged", "malformed")
_COLUMNS: Final = (
    ("sent", "sent_events"),
    ("received", "received_events"),
    ("verified", "verified_events"),
    ("collected", "collected_events"),
    ("lost", "lost_events"),
    ("before socket", "lost_before_socket_events"),
    ("in socket", "lost_in_socket_events"),
    ("after end", "lost_after_end_events"),
    ("at collector", "lost_at_collector_events"),
    ("cut", "all_cut_events"),
    ("cut bytes", "cut_bytes"),
    ("cut or lost", "all_cut_or_lost_events"),
    ("surplus", "surplus_events"),
    ("duplicated", "duplicated_events"),
    ("foreign", "foreign_events"),
    ("reordered", "reordered_events"),
    ("kernel drops", "kernel_drops"),
)
"""The columns of the wide table: title and figure. Columns that were measured on no port are left out."""
_ALWAYS: Final = ("sent_events", "received_events", "lost_events", "kernel_drops")
_WIDTH: Final = 80


def verdict(ledger: Ledger, losses: Sequence[PlacedLoss] = ()) -> str:
    """The ledger in one sentence."""
    return "; ".join(_verdict_parts(ledger, losses))


def _verdict_parts(ledger: Ledger, losses: Sequence[PlacedLoss]) -> list[str]:
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
        parts.append(cut_bytes_text(ledger))
    if not parts:
        parts.append(f"all {counted(ledger.sent_events, 'event')} arrived, but not with the bytes that were sent")
    return parts


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


def ledger_json(
    ledger: Ledger,
    losses: Sequence[PlacedLoss] = (),
    way: dict[str, int | None] | None = None,
    clock: RunClock | None = None,
) -> dict[str, Any]:
    """The ledger as a plain dictionary, ready for JSON."""
    least_most = ledger.cut_to_bytes
    return {
        "verdict": verdict(ledger, losses),
        "balanced": ledger.balanced,
        "run_id": ledger.run_id,
        "sent_events": ledger.sent_events,
        **{f"{name}_events": ledger.total(f"{name}_events") for name in (*_FIGURES, *_STRANGE)},
        "lost_events": ledger.lost_events,
        "lost_events_min": ledger.lost_events_min,
        "lost_events_max": ledger.lost_events_max,
        "doubtful_cut_events": ledger.doubtful_cut_events,
        "damaged_events": ledger.damaged_events,
        "loss_percent": round(100 * ledger.lost_events / max(ledger.sent_events, 1), 6),
        "surplus_events": ledger.surplus_events,
        "cut_events": ledger.cut_events,
        "cut_bytes": ledger.cut_bytes,
        "cut_to_bytes": least_most and {"min": least_most[0], "max": least_most[1]},
        "unplaced_cut_events": ledger.unplaced.all_cut_events,
        "unplaced_lost_events": ledger.unplaced.all_lost_events,
        "other_runs": ledger.other_runs,
        "sink_ended_by": ledger.ended_by,
        "deaf_ports": list(ledger.deaf_ports),
        "unverified_events": ledger.unverified_events,
        "clock_ahead_s": None if clock is None or not clock.differs else round(clock.ahead_s, 3),
        "losses": [asdict(loss) for loss in losses],
        "counters": way or {},
        "lanes": [_lane(entry) for entry in ledger.entries],
    }


def _lane(entry: LedgerEntry) -> dict[str, Any]:
    names = ("lost_events", "lost_before_socket_events", "lost_at_collector_events", "cut_bytes")
    return vars(entry) | {name: getattr(entry, name) for name in names}


def ledger_lines(ledger: Ledger, losses: Sequence[PlacedLoss] = (), said: Sequence[str] = ()) -> str:
    """The lines that matter, in 80 columns: the verdict, and what explains it."""
    parts = [*_verdict_parts(ledger, losses), *said]
    return "\n".join(fill(part, _WIDTH, subsequent_indent="    ", break_on_hyphens=False) for part in parts)


def ledger_table(ledger: Ledger, *, wide: bool = False) -> str:
    """The table: a row for each port, a row `?` for events of unknown ports, and the sums.

    It shows the odd ports in 80 columns, or if `wide` all ports and all figures.
    """
    entries = [entry for entry in ledger.entries if wide or entry.odd]
    if not entries:
        return ""
    unplaced = [ledger.unplaced] if any(vars(ledger.unplaced).values()) else []
    columns = [
        _Column.of(title, name, [*entries, *unplaced], ledger)
        for title, name in _COLUMNS
        if name in _ALWAYS or ledger.total(name) is not None
    ]
    if not wide:
        columns = _fitting(columns)
    ports = ["port", *(str(entry.port) for entry in entries), *["?"] * len(unplaced)]
    ports += ["all"] * (len(ledger.entries) > 1 or bool(unplaced))
    lines = [
        f"{port:>6} " + " ".join(f"{column.cells[row]:>{column.width}}" for column in columns)
        for row, port in enumerate(ports)
    ]
    if left := sum(entry.sent_events > 0 for entry in ledger.entries if entry not in entries):
        lines.append(f"{counted(left, 'more port')} with nothing lost; --wide shows all")
    return "\n".join(lines)


class _Column(NamedTuple):
    """A column of the table: the title, the figure of each port that is shown, and the sum."""

    name: str
    cells: list[str]
    told: bool
    """Whether the column holds anything but zeros."""

    @classmethod
    def of(cls, title: str, name: str, rows: Sequence[LedgerEntry | Unplaced], ledger: Ledger) -> "_Column":
        """The column of the ledger's figure `name`."""
        figures = [*(getattr(row, name, None) for row in rows), _whole(ledger, name)]
        return cls(name, [title, *("-" if value is None else f"{value:,}" for value in figures)], any(figures))

    @property
    def width(self) -> int:
        """The width of the longest cell, and 11 characters at least."""
        return max(11, *map(len, self.cells))


def _whole(ledger: Ledger, name: str) -> int | None:
    """The sum of a column. "cut or lost" has none: the sums of "cut" and of "lost" hold those events."""
    return None if name == "all_cut_or_lost_events" else ledger.total(name)


def _fitting(columns: Sequence[_Column]) -> list[_Column]:
    """The columns that are not all zeros, from the left, as many as there is room for."""
    names = {column.name for column in columns}
    arrived = "verified_events" if "verified_events" in names else "received_events"
    always = ("sent_events", arrived, "collected_events", "lost_events")
    left = [
        column for column in columns if column.told and column.name not in (*always, "received_events", "kernel_drops")
    ]
    chosen = [column for column in columns if column.name in always]
    room = _WIDTH - 6 - sum(column.width + 1 for column in chosen)
    for column in left:
        room -= column.width + 1
        if room >= 0:
            chosen.append(column)
    return [column for column in columns if column in chosen]
