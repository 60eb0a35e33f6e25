"""`replay reconcile`: the flags, and what is printed."""

from fractions import Fraction
from pathlib import Path
from typing import Final

import click

from captures.command import SHARE, answer
from captures.errors import ExitCode, InputError
from replay.host.collector_host import collector_host
from replay.report_file import ReportFile
from replay.sink.ledger import Ledger, reconcile
from replay.sink.ledger_report import counters_on_the_way, ledger_json, ledger_lines, ledger_table, notes
from replay.sink.losses import losses
from replay.sink.report_models import Collected, Received, Sent, read_checked
from replay.sink.run_clock import RunClock

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command("reconcile")
@click.argument("sent", type=_FILE)
@click.argument("received", type=_FILE, required=False)
@click.option("--collector", type=_FILE, metavar="FILE", help="Also: the report that `replay audit --report` wrote.")
@click.option(
    "--collector-host",
    "host_path",
    type=_FILE,
    metavar="FILE",
    help="Also: the report that `replay watch` wrote beside the collector.  [default: the sender's, on the same host]",
)
@click.option(
    "--max-loss",
    type=SHARE,
    help="Exit with 0 if no more than this is lost, like 0.5%, whatever else differs.  [default: nothing may differ]",
)
@click.option("--wide", is_flag=True, help="Show all ports and all figures in the table.")
@click.option(
    "-o", "--report", "report_path", type=_FILE, metavar="FILE", help="Write the ledger as JSON to this file."
)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the ledger as JSON on stdout, the rest on stderr.")
def reconcile_reports(
    *,
    sent: Path,
    received: Path | None,
    collector: Path | None,
    host_path: Path | None,
    max_loss: Fraction | None,
    wide: bool,
    report_path: Path | None,
    as_json: bool,
) -> int:
    """Compare the report of a sender with that of a sink, or of an audit: by port, by time and to the event.

    Of a tagged run it says where each event was lost: before the sink's socket, in its buffer, or at the collector.
    """
    if received is None and collector is None:
        raise click.UsageError("say what SENT is compared with: a sink's report, or --collector and an audit's")
    with ReportFile(report_path, inputs=[sent, received, collector, host_path]) as report_file:
        sent_report = read_checked(Sent, sent)
        heard = None if received is None else read_checked(Received, received)
        written = None if collector is None else read_checked(Collected, collector)
        clock = RunClock(sent_report, heard)
        try:
            ledger = reconcile(sent_report, heard, written, ended_by=clock.ended_by)
        except ValueError as error:
            against = " and ".join(str(path) for path in (received, collector) if path is not None)
            raise InputError(f"{sent} against {against}: {error}") from None
        found = losses(ledger, sent_report, heard, written)
        way = counters_on_the_way(sent_report, heard)
        host = collector_host(host_path, ledger, sent_report, heard)
        figures = ledger_json(ledger, found, way, clock) | {"collector_host": host and host.figures()}
        report_file.write(figures)
        said = (ledger_lines(ledger, found, notes(ledger, clock, way)), ledger_table(ledger, wide=wide))
        answer("\n".join(filter(None, (*said, *(host.lines() if host else ())))), figures, as_json=as_json)
    return ExitCode.MET if _passes(ledger, max_loss) else ExitCode.MISSED


def _passes(ledger: Ledger, max_loss: Fraction | None) -> bool:
    if max_loss is None:
        return ledger.balanced
    return ledger.lost_events <= max_loss * ledger.sent_events
