"""What is in the report of a ledger? Each field of its JSON, by name and in order. None says "not measured".

The number of the schema changes when a field changes its meaning or is removed, and not when a field is added.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

from replay.ledger.collector_host.model import HostLossFigures
from replay.ledger.entries import LedgerEntry
from replay.ledger.losses import PlacedLoss

_DERIVED: Final = ("lost_events", "lost_before_socket_events", "lost_at_collector_events", "cut_bytes")
"""The figures of a port that follow from the others; they stand in the JSON as well."""


@dataclass(frozen=True)
class LengthRange:
    """The least and the greatest length that events were cut to, in bytes."""

    min: int
    max: int


@dataclass(frozen=True, kw_only=True)
class LedgerReport:
    """Everything that a ledger tells: sums over the ports, losses with their places and times, and each port."""

    schema: int
    verdict: str
    balanced: bool
    run_id: str | None
    sent_events: int
    received_events: int | None
    verified_events: int | None
    duplicated_events: int | None
    reordered_events: int | None
    late_events: int | None
    lost_in_socket_events: int | None
    collected_events: int | None
    lost_after_end_events: int | None
    foreign_events: int | None
    untagged_events: int | None
    malformed_events: int | None
    lost_events: int
    lost_events_min: int
    lost_events_max: int
    doubtful_cut_events: int
    damaged_events: int
    loss_percent: float
    surplus_events: int
    cut_events: int
    cut_bytes: int
    cut_to_bytes: LengthRange | None
    unplaced_cut_events: int
    unplaced_lost_events: int
    other_runs: dict[str, int]
    sink_ended_by: str | None
    deaf_ports: list[int]
    unverified_events: int
    clock_ahead_s: float | None
    losses: list[PlacedLoss]
    counters: dict[str, int | None]
    lanes: list[LedgerEntry]
    collector_host: HostLossFigures | None
    """Where on the collector's host events were lost; None: nobody watched it."""

    def figures(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        lanes = [asdict(entry) | {name: getattr(entry, name) for name in _DERIVED} for entry in self.lanes]
        return asdict(self) | {"lanes": lanes}
