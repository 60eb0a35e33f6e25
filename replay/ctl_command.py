"""The `replay ctl` command: tell a run that is under way what to do."""

import json
from pathlib import Path

import click

from captures.errors import ExitCode, InputError
from captures.units import format_count
from replay.control import ask, find_run
from replay.controls import COMMANDS
from replay.exchange import Answer


@click.command("ctl")
@click.argument("command", type=click.Choice(COMMANDS))
@click.argument("value", required=False)
@click.option("--pid", type=click.IntRange(1), help="Process id of the run.  [default: the only one under way]")
@click.option("--control", "path", type=click.Path(path_type=Path), help="The run's socket, as given to its --control.")
@click.option("--json", "as_json", is_flag=True, help="Print how the run stands as JSON.")
def ctl(*, command: str, value: str | None, pid: int | None, path: Path | None, as_json: bool) -> int:
    """Change the rate of a run that is under way (rate 2M), or its speed (speed 10); pause, resume, status, stop."""
    answer = ask(path or find_run(pid), [command] if value is None else [command, value])
    if "error" in answer:
        raise InputError(answer["error"])
    click.echo(json.dumps(answer, indent=2) if as_json else _table(answer))
    return ExitCode.MET


def _table(answer: Answer) -> str:
    target_eps, asked_events = answer["target_eps"], answer["asked_events"]
    target = "as fast as it goes" if target_eps is None else f"target {format_count(target_eps)} EPS"
    asked = "" if asked_events is None else f" of {asked_events:,}"
    lines = [f"{answer['state']} for {answer['elapsed_s']:.1f} s: {answer['eps']:,} EPS, {target}"]
    lines[0] += f"; {answer['sent_events']:,}{asked} events sent"
    for worker in answer["workers"]:
        counts = f"{worker['eps']:>11,} EPS {worker['sent_events']:>16,} events, {worker['errors']:,} errors"
        place = f"core {worker['core']}, ports {worker['ports']}"
        lines.append(f"  worker {worker['id']:<2} {worker['state']:<8} {counts}, {place}")
    return "\n".join(lines)
