"""`replay reconcile`: the flags, and what is printed."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Final

import click

from captures.command import SHARE
from captures.errors import ExitCode, InputError
from replay.report_file import check_report_path, write_report
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
    "--max-loss",
    type=SHARE,
    help="Exit with 0 if no more than this is lost, like 0.5%, whatever else differs.  [default: nothing may differ]",
)
@click.option("--wide", is_flag=True, help="Show all ports and all figures in the table.")
@click.option("--report", "report_path", type=_FILE, metavar="FILE", help="Write the ledger as JSON to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the ledger as JSON on stdout, and the rest on stderr.")
def reconcile_reports(
    *,
    sent: Path,
    received: Path | None,
    collector: Path | None,
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
    if report_path is not None:
        check_report_path(report_path)
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
    figures = ledger_json(ledger, found, way, clock)
    if report_path is not None:
        write_report(report_path, figures)
    if as_json:
        click.echo(json.dumps(figures, indent=2))
    table = ledger_table(ledger, wide=wide)
    click.echo("\n".join(filter(None, (ledger_lines(ledger, found, notes(ledger, clock, way)), table))), err=as_json)
    return ExitCode.MET if _passes(ledger, max_loss) else ExitCode.MISSED


def _passes(ledger: Ledger, max_loss: Fraction | None) -> bool:
    if max_loss is None:
        return ledger.balanced
    return ledger.lost_events <= max_loss * ledger.sent_events
