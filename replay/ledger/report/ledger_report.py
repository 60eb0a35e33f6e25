"""How is the report of a ledger made? From the ledger, its losses, and what else is known of the hosts. Pure."""

from collections.abc import Sequence
from typing import Final

from replay.json_file import SCHEMA
from replay.ledger.collector_host.model import HostLossFigures
from replay.ledger.entries import Ledger
from replay.ledger.losses import PlacedLoss
from replay.ledger.report.model import LedgerReport, LengthRange
from replay.ledger.report.summary import summary
from replay.ledger.run_clock import RunClock

_SUMS: Final = (
    "received_events",
    "verified_events",
    "duplicated_events",
    "reordered_events",
    "late_events",
    "lost_in_socket_events",
    "collected_events",
    "lost_after_end_events",
    "foreign_events",
    "untagged_events",
    "malformed_events",
)
"""Figures that are the sum over the ports; None if they were measured on no port."""


def ledger_report(
    ledger: Ledger,
    losses: Sequence[PlacedLoss] = (),
    way: dict[str, int | None] | None = None,
    clock: RunClock | None = None,
    host: HostLossFigures | None = None,
) -> LedgerReport:
    """The report of a ledger. `way` are the counters of both hosts between sender and sink, by name."""
    return LedgerReport(
        schema=SCHEMA,
        verdict=summary(ledger, losses),
        balanced=ledger.balanced,
        run_id=ledger.run_id,
        sent_events=ledger.sent_events,
        **{name: ledger.total(name) for name in _SUMS},
        lost_events=ledger.lost_events,
        lost_events_min=ledger.lost_events_min,
        lost_events_max=ledger.lost_events_max,
        doubtful_cut_events=ledger.doubtful_cut_events,
        damaged_events=ledger.damaged_events,
        loss_percent=round(100 * ledger.lost_events / max(ledger.sent_events, 1), 6),
        surplus_events=ledger.surplus_events,
        cut_events=ledger.cut_events,
        cut_bytes=ledger.cut_bytes,
        cut_to_bytes=ledger.cut_to_bytes and LengthRange(*ledger.cut_to_bytes),
        unplaced_cut_events=ledger.unplaced.all_cut_events,
        unplaced_lost_events=ledger.unplaced.all_lost_events,
        other_runs=ledger.other_runs,
        sink_ended_by=ledger.ended_by,
        deaf_ports=list(ledger.deaf_ports),
        unverified_events=ledger.unverified_events,
        clock_ahead_s=None if clock is None or not clock.differs else round(clock.ahead_s, 3),
        losses=list(losses),
        counters=way or {},
        lanes=list(ledger.entries),
        collector_host=host,
    )
