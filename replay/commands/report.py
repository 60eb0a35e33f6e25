"""The `replay report` commands, which work with the reports of runs that are over."""

from pathlib import Path

import click

from captures.console.command import answer
from captures.console.errors import ExitCode
from replay.commands.options.values import NO_FOLDER
from replay.json_file import ReportFile
from replay.report.table import run_table
from replay.report.verdict import exit_code


@click.group("report")
def report() -> None:
    """Work with the reports of runs that are over."""


@report.command("merge")
@click.argument("paths", metavar="REPORT REPORT...", type=NO_FOLDER, nargs=-1, required=True)
@click.option(
    "-o",
    "--report",
    "report_path",
    type=NO_FOLDER,
    metavar="FILE",
    help="Write the merged report as JSON to this file.",
)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the merged report as JSON on stdout.")
def merge(*, paths: tuple[Path, ...], report_path: Path | None, as_json: bool) -> int:
    """Make one report of those of several runs, exactly: of hosts that sent side by side, or of phases of a load.

    What can't be merged is null, and it is said. Two reports with the same port of a tagged run are refused, and
    so is the same report twice.
    """
    from replay.sessions.merge import merge_into  # noqa: PLC0415 - pydantic takes a while to load

    with ReportFile(report_path, inputs=paths) as report_file:
        whole = merge_into(report_file, paths)
        answer(run_table(whole), whole.figures(), as_json=as_json)
    return ExitCode.MET if exit_code(whole) is ExitCode.MET else ExitCode.MISSED
