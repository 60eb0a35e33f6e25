"""The `replay calibrate` command."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click

from captures.console.command import DURATION_NS, answer
from captures.console.errors import ExitCode, InputError, RunError
from captures.format.reader import open_capture
from captures.format.stamp_writing import iso_ms
from replay.calibration.capture import make_capture
from replay.calibration.trials import ROUNDS, Trials
from replay.clock import wall_ns
from replay.commands.options.path import path_options
from replay.commands.options.target import family_options
from replay.commands.options.values import FILE, PORTS
from replay.machine.survey import situation
from replay.path.request import PathRequest
from replay.path.target import resolve
from replay.plan.calibration import Entry, Trial, default_path, dependable_eps, prepare, save, winner

_LEAST_NS: Final = 10_000_000


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
    if time_ns < _LEAST_NS:
        raise InputError("--time: 10ms at least, or there is nothing to measure")
    written = calibration or default_path()
    prepare(written, [] if file is None else [file])
    host = resolve(target, allow_public=allow_public, family=family)
    here = situation(host, path.interface)
    with ExitStack() as stack:
        if file is None:
            folder = stack.enter_context(TemporaryDirectory(prefix="calibrate-"))
            file = make_capture(Path(folder) / "calibrate.rcap")
        capture = open_capture(file)
        trying = Trials(capture, host, ports, path, time_ns, allow_public=allow_public)
        trials = trying.all()
        best = winner(trials)
        paced = trying.paced(best) if best.rate_eps else best
        refused = best.refused or paced.refused
        event_bytes = len(capture.payload) / capture.events
    if refused:
        raise RunError(f"no way of sending worked: {refused}")
    entry = Entry(
        situation=here,
        way=best.method,
        worker_eps=dependable_eps(best, paced),
        event_bytes=round(event_bytes, 1),
        measured=iso_ms(wall_ns())[:10],
    )
    failure = _saved(written, entry)
    figures = {"trials": [_trial(trial) for trial in trials], "paced": _trial(paced), "winner": asdict(entry)}
    answer(calibration_table(trials, best, entry.worker_eps), figures, as_json=as_json)
    if failure:
        raise RunError(failure)
    click.echo(f"{written}: {here.interface} is calibrated", err=True)
    return ExitCode.MET


def _saved(path: Path, entry: Entry) -> str:
    """Save the entry; returns an error message or "". The caller prints the trials first, so that they are not lost."""
    try:
        save(path, entry)
    except (OSError, InputError) as error:
        return f"{path}: not written: {error.strerror if isinstance(error, OSError) else error}"
    return ""


def calibration_table(trials: Sequence[Trial], best: Trial, worker_eps: int) -> str:
    """The table of the trials, with the winner marked, and the rate that a run will expect of one worker."""
    width = max(len(str(trial.method)) for trial in trials)
    lines = []
    for trial in trials:
        mark = "*" if trial is best else " "
        said = f"{trial.rate_eps:>14,.0f} EPS" if trial.rates_eps else f"  {trial.refused}"
        lines.append(f"{mark} {trial.method!s:<{width}}{said}")
    if any("ECONNREFUSED" in trial.errors for trial in trials):
        lines.append("nobody listens on some of the ports, which costs udp time: start the receiver, and measure again")
    lines.append(f"medians of {ROUNDS} rounds of one worker; * is what `replay run` will do")
    return "\n".join([*lines, f"at a pace it sends {worker_eps:,} EPS, by which `--workers auto` reckons"])


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        **asdict(trial.method),
        "rates_eps": [round(rate) for rate in trial.rates_eps],
        "refused": trial.refused,
        "errors": dict(trial.errors),
    }
