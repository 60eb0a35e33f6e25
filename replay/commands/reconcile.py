"""The `replay reconcile` command: its flags, and what it prints."""

from fractions import Fraction
from pathlib import Path

import click

from captures.console.command import SHARE, answer
from captures.console.errors import ExitCode
from replay.commands.options.values import NO_FOLDER
from replay.json_file import ReportFile


@click.command("reconcile")
@click.argument("sent", type=NO_FOLDER)
@click.argument("received", type=NO_FOLDER, required=False)
@click.option(
    "--collector", type=NO_FOLDER, metavar="FILE", help="Also: the report that `replay audit --report` wrote."
)
@click.option(
    "--collector-host",
    "host_path",
    type=NO_FOLDER,
    metavar="FILE",
    help="Also: the report that `replay watch` wrote beside the collector.  [default: the sender's, on the same host]",
)
@click.option(
    "--max-loss",
    type=SHARE,
    help="Exit with 0 if no more than this is lost or cut, like 0.5%, whatever else differs.  "
    "[default: nothing may differ]",
)
@click.option("--wide", is_flag=True, help="Show all ports and all figures in the table.")
@click.option(
    "-o", "--report", "report_path", type=NO_FOLDER, metavar="FILE", help="Write the ledger as JSON to this file."
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
    from replay.sessions.reconcile import reconcile_files  # noqa: PLC0415 - pydantic takes a while to load

    with ReportFile(report_path, inputs=[sent, received, collector, host_path]) as report_file:
        found = reconcile_files(sent, received, collector, host_path)
        figures = found.report().figures()
        report_file.write(figures)
        answer(found.text(wide=wide), figures, as_json=as_json)
    return ExitCode.MET if found.passes(max_loss) else ExitCode.MISSED
