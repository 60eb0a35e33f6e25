"""The `replay calibrate` command."""

from pathlib import Path

import click

from captures.console.command import DURATION_NS, answer
from captures.console.errors import ExitCode, RunError
from replay.calibration.table import calibration_table
from replay.commands.options.path import path_options
from replay.commands.options.target import family_options
from replay.commands.options.values import FILE, PORTS
from replay.path.request import PathRequest
from replay.sessions import calibrate as session
from replay.sessions.calibrate import CalibrateRequest


@click.command("calibrate")
@click.argument("file", type=FILE, required=False)
@click.option("-t", "--target", required=True, metavar="HOST", help="Host to send to: a name or an address.")
@family_options
@click.option(
    "-p", "--ports", type=PORTS, default="514-553", show_default=True, help="Destination ports, one lane each."
)
@path_options
@click.option("--time", "time_ns", type=DURATION_NS, default="500ms", show_default=True, help="How long each trial is.")
@click.option(
    "--calibration",
    type=FILE,
    metavar="FILE",
    help="Where to write it.  [default: ~/.cache/stampede/calibration.json, that `replay run` finds]",
)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the trials and the winner as JSON on stdout.")
@click.option("--allow-public", is_flag=True, help="Let --target and --source-ips be any; they must be yours to load.")
def calibrate(
    *,
    file: Path | None,
    target: str,
    family: int | None,
    ports: tuple[int, ...],
    time_ns: int,
    calibration: Path | None,
    as_json: bool,
    allow_public: bool,
    path: PathRequest,
) -> int:
    """Measure how one worker sends most to --target: by which backend, in which trains, how many a system call.

    It sends real events as fast as it goes, those of the capture FILE or its own, for some 15 seconds. `replay run`
    then sends through the same interface in the way that won.
    """
    request = CalibrateRequest(
        target=target,
        ports=ports,
        capture=file,
        family=family,
        time_ns=time_ns,
        calibration=calibration,
        allow_public=allow_public,
        path=path,
    )
    found = session.calibrate(request)
    table = calibration_table(found.trials, found.best, found.entry.worker_eps)
    answer(table, found.figures(), as_json=as_json)
    if found.failure:
        raise RunError(found.failure)
    click.echo(f"{found.file}: {found.entry.situation.interface} is calibrated", err=True)
    return ExitCode.MET
