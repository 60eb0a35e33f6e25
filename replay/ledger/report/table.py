"""How is a ledger shown to people? As a few lines and a table. Pure."""

from collections.abc import Sequence
from textwrap import fill
from typing import Final, NamedTuple

from captures.console.units import counted
from replay.ledger.entries import Ledger, LedgerEntry, Unplaced
from replay.ledger.losses import PlacedLoss
from replay.ledger.report.summary import summary_parts

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


def ledger_lines(ledger: Ledger, losses: Sequence[PlacedLoss] = (), said: Sequence[str] = ()) -> str:
    """The lines that matter, in 80 columns: the summary, and what explains it."""
    parts = [*summary_parts(ledger, losses), *said]
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
