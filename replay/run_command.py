"""The `replay run` command."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import click

from captures.command import COUNT, DURATION_NS, Parsed
from captures.errors import ExitCode, InputError
from captures.reader import Capture, open_capture
from captures.units import parse_count, parse_speed
from replay.clock import SECOND_NS
from replay.control import ControlSocket
from replay.control_options import ControlOptions, control_options
from replay.controls import Controls
from replay.cpus import usable_cpus
from replay.crew_options import CrewOptions, crew_options, manned
from replay.judge_options import JudgeOptions, judge_options
from replay.linux.udp_send import max_segments
from replay.live import LiveLine
from replay.live_loss import LiveLoss
from replay.plan import Extent, Pace, RunPlan, check_limit, plan_run, plan_table
from replay.ports import PORTS
from replay.report import exit_code, run_report, run_table
from replay.report_file import check_report_path, write_report
from replay.stamps import Stamp
from replay.supervisor import Supervisor
from replay.surroundings import situation, surroundings
from replay.tags import RUN, new_run
from replay.target import resolve
from replay.way_options import WayOptions, choose, way_options
from replay.wire_options import BackendChoice, WireOptions, wire_of, wire_options

MAX_RATE: Final = 0
"""What `--eps max` parses to."""

DEFAULT_RATE_EPS: Final = 4_000_000
DEFAULT_DURATION_NS: Final = 10 * SECOND_NS

FILE = click.Path(path_type=Path)


def _parse_rate(text: str) -> int:
    if text.strip() == "max":
        return MAX_RATE
    rate_eps = parse_count(text)
    if rate_eps == 0:
        raise ValueError("a rate is 1 at least; write it like 500, 250k or 4M, or max")
    return rate_eps


def _parse_speed(text: str) -> Fraction:
    """Exact; 0 stands for max."""
    if text.strip() == "max":
        return Fraction(0)
    try:
        return parse_speed(text)
    except ValueError as error:
        raise ValueError(f"{error}, or max") from None


RATE_EPS = Parsed("rate", _parse_rate)
SPEED = Parsed("speed", _parse_speed)


@click.command("run")
@click.argument("file", type=FILE)
@click.option("--target", required=True, metavar="HOST", help="Host to send to: a name or an address.")
@click.option("--ports", type=PORTS, default="514-553", show_default=True, help="Destination ports, one lane each.")
@click.option(
    "--eps",
    "rate_eps",
    type=RATE_EPS,
    help="Events per second of all ports together, or max: as fast as it goes.  [default: 4M]",
)
@click.option(
    "--speed",
    type=SPEED,
    metavar="X",
    help="Follow the capture's time axis, X times as fast, like 1, 10 or 0.5; max: as fast as it goes.",
)
@click.option(
    "--duration",
    "duration_ns",
    type=DURATION_NS,
    help="How long to send.  [default: 10s, or with --speed the whole capture]",
)
@click.option("--loops", type=click.IntRange(1), help="Send the whole capture this many times.")
@click.option("--events", type=COUNT, help="Send exactly this many events.")
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
@click.option("--report", "report_path", type=FILE, metavar="FILE", help="Write the JSON report to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the JSON report on stdout.")
@click.option("--dry-run", is_flag=True, help="Check everything, show the plan, and send nothing.")
@click.option("--allow-public", is_flag=True, help="Let --target be any address; it must be yours to load.")
def run(
    *,
    file: Path,
    target: str,
    ports: tuple[int, ...],
    rate_eps: int | None,
    speed: Fraction | None,
    duration_ns: int | None,
    loops: int | None,
    events: int | None,
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
    pace = _pace(rate_eps, speed)
    host = resolve(target, allow_public=allow_public)
    choice = choose(way, options, lambda: situation(host, options.interface))
    plan = plan_run(
        capture,
        target=host,
        ports=ports,
        pace=pace,
        extent=_extent(pace, duration_ns, loops, events),
        train_max=choice.way.train_max,
        segments=max_segments() if choice.way.gso else 1,
        stamp=Stamp(stamp),
        run=None if keep_tags else run_id or new_run(),
        wire=wire_of(replace(options, backend=BackendChoice(choice.way.backend)), host, ports, capture),
        batch_trains=choice.way.batch_trains,
        choices={"backend": choice.why},
    )
    plan = manned(
        plan, crew, surroundings(host, options.interface, usable_cpus(crew.cpus)), worker_eps=choice.worker_eps
    )
    check_limit(plan, control.limit_eps)
    if report_path is not None:
        check_report_path(report_path)
    if dry_run:
        _show(plan_table(plan), plan.describe(), as_json=as_json)
        return ExitCode.MET
    report = _carry_out(capture, plan, judged, control)
    _show(run_table(report), report, as_json=as_json)
    if report_path is not None:
        write_report(report_path, report)
    return exit_code(report)


def _carry_out(capture: Capture, plan: RunPlan, judged: JudgeOptions, control: ControlOptions) -> dict[str, Any]:
    """Run the plan to its end, and report on it."""
    supervisor = Supervisor(capture, plan)
    with ControlSocket(control.path) as listener, LiveLine(plan) as line:
        sink = LiveLoss(judged, plan, supervisor, line, shortest_bytes=capture.shortest)
        sink.begin()
        controls = Controls(supervisor, listener, control.rate_file, control.limit_eps, line.say)
        outcome = supervisor.run(controls.poll, sink.each_second, sink.settle)
    return run_report(capture, plan, outcome, judged.criteria, sink.figures())


def _pace(rate_eps: int | None, speed: Fraction | None) -> Pace:
    """What the two options say together."""
    if speed is None:
        return Pace(DEFAULT_RATE_EPS if rate_eps is None else rate_eps or None)
    if rate_eps is None:
        return Pace(speed=speed)
    click.echo("--eps overrides --speed: the capture's time axis is not followed", err=True)
    return Pace(rate_eps or None)


def _extent(pace: Pace, duration_ns: int | None, loops: int | None, events: int | None) -> Extent:
    """How far the run goes; when nothing is said, ten seconds, or once along the time axis."""
    given = [value for value in (duration_ns, loops, events) if value is not None]
    if len(given) > 1 or 0 in given:
        raise InputError("give one of --duration, --loops and --events, of 1 at least, like --duration 10s")
    if given:
        return Extent(duration_ns, loops, events)
    return Extent(DEFAULT_DURATION_NS) if pace.speed is None else Extent(loops=1)


def _show(table: str, figures: dict[str, Any], *, as_json: bool) -> None:
    """The table for people on stderr, the figures for machines on stdout."""
    click.echo(table, err=True)
    if as_json:
        click.echo(json.dumps(figures, indent=2))
