"""The `replay run` command."""

from pathlib import Path

import click

from captures.console.command import answer, tell
from captures.console.errors import ExitCode
from replay.commands.options.control import control_options
from replay.commands.options.limits import limit_options
from replay.commands.options.pace import pace_options
from replay.commands.options.path import path_options
from replay.commands.options.sending import send_options
from replay.commands.options.sink import sink_options
from replay.commands.options.target import family_options
from replay.commands.options.values import FILE, PORTS, RUN
from replay.commands.options.workers import worker_options
from replay.control.request import ControlRequest
from replay.json_file import ReportFile
from replay.path.request import PathRequest
from replay.plan.pace import PaceRequest
from replay.plan.sending import SendRequest
from replay.plan.view import describe, plan_table
from replay.plan.workers import WorkerRequest
from replay.report.table import run_table
from replay.report.verdict import exit_code
from replay.rewrite.stamps_at_sending import Stamp
from replay.scenario.limits import Criteria
from replay.sessions.run import RunRequest, carry_out, prepare
from replay.supervision.abort_on_loss import AskedSink


@click.command("run")
@click.argument("file", type=FILE)
@click.option("-t", "--target", required=True, metavar="HOST", help="Host to send to: a name or an address.")
@family_options
@click.option(
    "-p", "--ports", type=PORTS, default="514-553", show_default=True, help="Destination ports, one lane each."
)
@pace_options
@worker_options
@path_options
@send_options
@click.option(
    "--stamp",
    type=click.Choice([stamp.value for stamp in Stamp]),
    default=Stamp.NOW.value,
    show_default=True,
    help="Write the instant of sending into each event, shift its own one to now, or keep the built stamp.",
)
@click.option(
    "--run-id",
    "run_id",
    type=RUN,
    help="What the tags of a tagged capture call this run, like 1f3a9c07.  [default: drawn anew]",
)
@click.option("--keep-tags", is_flag=True, help="Send tags as they were built: zeros.")
@sink_options
@limit_options
@control_options
@click.option("-o", "--report", "report_path", type=FILE, metavar="FILE", help="Write the JSON report to this file.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the JSON report on stdout.")
@click.option("--dry-run", is_flag=True, help="Check everything, show the plan, and send nothing.")
@click.option("--allow-public", is_flag=True, help="Let --target and --source-ips be any; they must be yours to load.")
def run(
    *,
    file: Path,
    target: str,
    family: int | None,
    ports: tuple[int, ...],
    time: PaceRequest,
    stamp: str,
    run_id: int | None,
    keep_tags: bool,
    report_path: Path | None,
    as_json: bool,
    dry_run: bool,
    allow_public: bool,
    asked_sink: AskedSink,
    criteria: Criteria,
    control: ControlRequest,
    workers: WorkerRequest,
    path: PathRequest,
    send: SendRequest,
) -> int:
    """Send the capture FILE to --ports of --target.

    Exit code 1: a limit was not kept or could not be measured; or not all was sent, a mean rate over 5% too low, errors
    or drops of the network card over 0.01% of the events, a lost link.
    """
    request = RunRequest(
        capture=file,
        target=target,
        ports=ports,
        time=time,
        family=family,
        stamp=Stamp(stamp),
        run_id=run_id,
        keep_tags=keep_tags,
        allow_public=allow_public,
        workers=workers,
        path=path,
        send=send,
        sink=asked_sink,
        criteria=criteria,
        control=control,
    )
    return _run(request, report_path, as_json=as_json, dry_run=dry_run)


def _run(request: RunRequest, report_path: Path | None, *, as_json: bool, dry_run: bool) -> int:
    prepared = prepare(request)
    with ReportFile(report_path, inputs=request.inputs) as report_file:
        if dry_run:
            answer(plan_table(prepared.plan), describe(prepared.plan), as_json=as_json)
            return ExitCode.MET
        report = carry_out(prepared, report_file)
        tell(run_table(report), report.figures(), as_json=as_json)
        return exit_code(report)
