"""The `replay run` command."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from captures.console.command import answer, tell
from captures.console.errors import ExitCode, InputError, PreflightError
from captures.console.interruption import held
from captures.format.reader import Capture, open_capture
from replay.commands.options.control import ControlOptions, control_options
from replay.commands.options.limits import JudgeOptions, judge_options
from replay.commands.options.pace import PaceOptions, pace_options
from replay.commands.options.sending import WayOptions, choose, way_options
from replay.commands.options.workers import CrewOptions, crew_options, manned
from replay.control.commands import Controls
from replay.control.run_socket import ControlSocket
from replay.cpus import usable_cpus
from replay.host.beside import OwnHost
from replay.json_file import ReportFile
from replay.linux.sockets.udp_send import max_segments
from replay.machine.survey import situation, surroundings
from replay.path.loopback import lacking_settings
from replay.path.request import WireOptions, wire_of, wire_options
from replay.path.target import family_options, resolve
from replay.plan.run_plan import RunPlan, check_limit, plan_run, plan_table
from replay.ports import PORTS
from replay.report.live_line import LiveLine
from replay.report.live_loss import LiveLoss
from replay.report.model import RunReport
from replay.report.run_report import run_report
from replay.report.table import run_table
from replay.report.verdict import exit_code
from replay.rewrite.stamps import Stamp, iso_ms
from replay.rewrite.tags import RUN, new_run
from replay.supervision.supervisor import Outcome, Supervisor

FILE = click.Path(path_type=Path)


@click.command("run")
@click.argument("file", type=FILE)
@click.option("-t", "--target", required=True, metavar="HOST", help="Host to send to: a name or an address.")
@family_options
@click.option(
    "-p", "--ports", type=PORTS, default="514-553", show_default=True, help="Destination ports, one lane each."
)
@pace_options
@crew_options
@wire_options
@way_options
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
@judge_options
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
    asked: PaceOptions,
    stamp: str,
    run_id: int | None,
    keep_tags: bool,
    report_path: Path | None,
    as_json: bool,
    dry_run: bool,
    allow_public: bool,
    judged: JudgeOptions,
    control: ControlOptions,
    crew: CrewOptions,
    options: WireOptions,
    way: WayOptions,
) -> int:
    """Send the capture FILE to --ports of --target.

    Exit code 1: a limit was not kept or could not be measured; or not all was sent, a mean rate over 5% too low, errors
    or drops of the network card over 0.01% of the events, a lost link.
    """
    capture = open_capture(file)
    _check_tags(capture, run_id, keep_tags=keep_tags)
    host = resolve(target, allow_public=allow_public, family=family)
    choice = choose(
        way,
        options,
        lambda: situation(host, options.interface),
        lambda interface: lacking_settings(interface, host, options.network),
    )
    plan = plan_run(
        capture,
        target=host,
        ports=ports,
        pace=asked.pace,
        extent=asked.extent,
        train_max=choice.way.train_max,
        segments=max_segments() if choice.way.gso else 1,
        stamp=Stamp(stamp),
        run=None if keep_tags else run_id or new_run(),
        wire=wire_of(choice.followed(options), host, ports, capture, allow_public=allow_public),
        batch_trains=choice.way.batch_trains,
        choices={"backend": choice.why},
    )
    around = surroundings(host, options.interface, usable_cpus(crew.cpus))
    plan = replace(manned(plan, crew, around, worker_eps=choice.worker_eps), start_at_ns=asked.start_at_ns)
    check_limit(plan, control.limit_eps)
    with ReportFile(report_path, inputs=[file, control.rate_file, way.calibration]) as report_file:
        if dry_run:
            answer(plan_table(plan), plan.describe(), as_json=as_json)
            return ExitCode.MET
        report = _carry_out(capture, plan, judged, control, report_file)
        tell(run_table(report), report.figures(), as_json=as_json)
        return exit_code(report)


def _carry_out(
    capture: Capture, plan: RunPlan, judged: JudgeOptions, control: ControlOptions, report_file: ReportFile
) -> RunReport:
    """Run the plan to its end, and report on it: once it has begun, the report is written, whatever happens."""
    supervisor, own_host = Supervisor(capture, plan), OwnHost(plan)
    if plan.start_at_ns is not None:
        click.echo(f"it starts at {iso_ms(plan.start_at_ns)}", err=True)
    with ExitStack() as stack:
        listener = _control_socket(control.path, stack)
        line = stack.enter_context(LiveLine(plan))
        sink = LiveLoss(judged, plan, supervisor, line, shortest_bytes=capture.shortest)
        sink.begin()
        controls = Controls(supervisor, listener, control.rate_file, control.limit_eps, line.say)
        own_host.begin()
        noted = stack.enter_context(held())

        def each_tick() -> None:
            if noted.first:  # it came before the supervisor listened to signals
                supervisor.outcome.interrupted_by = noted.first
            controls.poll()

        def each_second(outcome: Outcome) -> None:
            own_host.each_second()
            sink.each_second(outcome)

        def settle(outcome: Outcome) -> None:
            sink.settle(outcome)
            own_host.settle()

        failure = None
        try:
            supervisor.run(each_tick, each_second, settle)
        except Exception as error:  # noqa: BLE001 - it is raised again when the report is safe
            failure = error
            supervisor.outcome.failures.append(str(error) or type(error).__name__)
        report = run_report(capture, plan, supervisor.outcome, judged.criteria, sink.figures(), own_host.figures())
        report_file.write(report.figures())
        if failure is not None:
            raise failure
    return report


def _control_socket(path: Path | None, stack: ExitStack) -> ControlSocket | None:
    """Where `replay ctl` finds the run; a run goes on without, unless it was asked for by --control."""
    try:
        return stack.enter_context(ControlSocket(path))
    except PreflightError as error:
        if path is not None:
            raise
        click.echo(f"`replay ctl` can't reach this run: {error}", err=True)
        return None


def _check_tags(capture: Capture, run_id: int | None, *, keep_tags: bool) -> None:
    """Refuse what is said of tags that are not there, or will not be written. Raises InputError."""
    flag = "--run-id" if run_id is not None else "--keep-tags"
    if (run_id is not None or keep_tags) and not capture.tagged:
        raise InputError(f"{capture.path}: has no tags for {flag}; build it with --tagged, or leave {flag} out")
    if run_id is not None and keep_tags:
        raise InputError("--run-id is written into the tags, and --keep-tags sends them blank; give one of the two")
