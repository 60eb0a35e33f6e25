"""The `replay audit` command: its flags, and what it prints."""

from fractions import Fraction
from pathlib import Path

import click

from captures.console.command import DURATION_NS, SHARE, answer
from captures.console.errors import InputError
from captures.console.units import format_duration
from replay.audit.report.table import audit_table, unreadable_line
from replay.commands.options.values import NO_FOLDER, RUN
from replay.json_file import ReportFile
from replay.sessions.audit import DEFAULT_SETTLE_NS, AuditRequest, look_through


@click.command("audit")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--sent", "sent_path", type=NO_FOLDER, help="The sender's report: shows what is missing at the end, too.")
@click.option(
    "--run-id", "run_id", type=RUN, help="The run, like 1f3a9c07.  [default: that of --sent, or the one with most tags]"
)
@click.option(
    "--max-loss",
    type=SHARE,
    default="0%",
    show_default=True,
    help="The most that may be lost or cut for exit code 0.",
)
@click.option("--follow", is_flag=True, help="Read on while files are written, until no event comes for --settle.")
@click.option(
    "--settle",
    "settle_ns",
    type=DURATION_NS,
    metavar="TIME",
    help=f"With --follow: how long no event must have come.  [default: {format_duration(DEFAULT_SETTLE_NS)}]",
)
@click.option("--all-ranges", is_flag=True, help="Name all ranges of missing numbers in the report, not ten a port.")
@click.option("-o", "--report", "report_path", type=NO_FOLDER, help="Write the report as JSON to this file.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the report as JSON on stdout.")
def audit(
    *,
    files: tuple[Path, ...],
    sent_path: Path | None,
    run_id: int | None,
    max_loss: Fraction,
    follow: bool,
    settle_ns: int | None,
    all_ranges: bool,
    report_path: Path | None,
    as_json: bool,
) -> int:
    """Reconcile FILE..., what a collector or a SIEM wrote, with what was sent, by the tags of the events.

    Any text will do: syslog lines, JSON, CSV. Files are read one after the other; gzip and Zstandard are unpacked; - is
    stdin. Exit code 1 when more than --max-loss is lost or cut, or something that was never sent is there. A file that
    can't be read does not end the audit of the others: the report names it, and the exit code is 2. ^C reports on what
    was read, and exits with 130.
    """
    request = AuditRequest(
        files=files,
        sent=sent_path,
        run_id=run_id,
        max_loss=max_loss,
        follow=follow,
        settle_ns=settle_ns,
        all_ranges=all_ranges,
    )
    with ReportFile(report_path, inputs=request.inputs) as report_file:
        report = look_through(request, report_file)
        answer(audit_table(report), report.figures(), as_json=as_json)
    if (complaint := unreadable_line(report)) and not report.interrupted:
        raise InputError(complaint)
    return report.exit_code
