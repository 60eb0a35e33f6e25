"""How do the files of `replay reconcile` become one ledger? Reports of a sender, a sink, an audit and a watch."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from captures.console.errors import InputError
from replay.json_file import WrongKindError
from replay.ledger.collector_host.collector_host import CollectorHost, collector_host
from replay.ledger.entries import Ledger
from replay.ledger.losses import PlacedLoss, losses
from replay.ledger.models.collected import Collected
from replay.ledger.models.reading import read_checked
from replay.ledger.models.received import Received
from replay.ledger.models.sent import Sent
from replay.ledger.notes import counters_on_the_way, notes
from replay.ledger.reconcile import reconcile
from replay.ledger.report.ledger_report import ledger_report
from replay.ledger.report.model import LedgerReport
from replay.ledger.report.table import ledger_lines, ledger_table
from replay.ledger.run_clock import RunClock
from replay.request_checks import check_path, check_share


@dataclass(frozen=True)
class Reconciliation:
    """A ledger, with its losses, counters, clocks and the collector's host."""

    ledger: Ledger
    losses: list[PlacedLoss]
    way: dict[str, int | None]
    """The counters of both hosts between sender and sink, by name."""
    clock: RunClock
    host: CollectorHost | None
    """None: nobody watched the collector's host."""
    run_failed: bool
    """Whether the sender's report says that the run failed: then less was sent than was asked for."""

    def passes(self, max_loss: Fraction | None) -> bool:
        """Whether the run did not fail, and at most the share `max_loss` is lost or cut; None: nothing may differ.

        Raises InputError for what is no share.
        """
        check_share("--max-loss", max_loss)
        if self.run_failed:
            return False
        if max_loss is None:
            return self.ledger.balanced
        return self.ledger.lost_events_max + self.ledger.cut_events <= max_loss * self.ledger.sent_events

    def report(self) -> LedgerReport:
        """The report of the ledger."""
        host = None if self.host is None else self.host.figures()
        return ledger_report(self.ledger, self.losses, self.way, self.clock, host)

    def text(self, *, wide: bool) -> str:
        """The text for people; if `wide`, with all ports and all figures."""
        said = notes(self.ledger, self.clock, self.way)
        if self.run_failed:
            said = ["the run itself failed: this ledger is of what it sent until then", *said]
        lines = ledger_lines(self.ledger, self.losses, said)
        parts = [lines, ledger_table(self.ledger, wide=wide), *(self.host.lines() if self.host else ())]
        return "\n".join(part for part in parts if part)


def reconcile_files(sent: Path, received: Path | None, collected: Path | None, host: Path | None) -> Reconciliation:
    """Make the ledger of the reports in these files; None: there is no report of this kind.

    Raises InputError, also where nothing says what arrived: neither a sink nor a collector.
    """
    if received is None and collected is None:
        raise InputError("say what SENT is compared with: a sink's report, or --collector and an audit's")
    check_path("SENT", sent, needed=True)
    for what, path in (("RECEIVED", received), ("--collector", collected), ("--collector-host", host)):
        check_path(what, path)
    try:
        sent_report = read_checked(Sent, sent)
        heard = None if received is None else read_checked(Received, received)
        written = None if collected is None else read_checked(Collected, collected)
    except WrongKindError as error:
        order = "SENT RECEIVED" if collected is None else "SENT [RECEIVED] --collector AUDIT"
        raise InputError(f"{error}; the order is {order}") from None
    clock = RunClock(sent_report, heard)
    try:
        ledger = reconcile(sent_report, heard, written, ended_by=clock.ended_by)
    except ValueError as error:
        against = " and ".join(str(path) for path in (received, collected) if path is not None)
        raise InputError(f"{sent} against {against}: {error}") from None
    return Reconciliation(
        ledger,
        losses(ledger, sent_report, heard, written),
        counters_on_the_way(sent_report, heard),
        clock,
        collector_host(host, ledger, sent_report, heard),
        run_failed=sent_report.verdict == "failed",
    )
