"""The `replay doctor` command."""

from pathlib import Path

import click

from captures.console.command import COUNT, answer
from captures.console.errors import ExitCode
from captures.console.units import counted, fitted, format_count
from replay.commands.options.path import path_options
from replay.commands.options.target import family_options
from replay.commands.options.values import CPUS, FILE, PORTS
from replay.doctor.findings import CheckState, findings_json, findings_table, worst
from replay.path.request import PathRequest
from replay.ranges import format_ports
from replay.sessions.doctor import DoctorRequest, diagnose

_COLOURS = {CheckState.OK: "green", CheckState.WARN: "yellow", CheckState.FAIL: "red"}


@click.command("doctor")
@click.argument("file", type=FILE, required=False)
@click.option(
    "-t", "--target", metavar="HOST", help="Host that a run would send to.  [default: the network is left out]"
)
@family_options
@click.option(
    "-p", "--ports", type=PORTS, default="514-553", show_default=True, help="Destination ports, one lane each."
)
@click.option(
    "-e",
    "--eps",
    "rate_eps",
    type=COUNT,
    default="4M",
    show_default=True,
    help="Events per second of all ports together.",
)
@click.option("--cpus", type=CPUS, help="Cores that workers would be pinned to.  [default: all that are allowed]")
@path_options
@click.option("--allow-public", is_flag=True, help="Let --target and --source-ips be any; they must be yours to load.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the findings as JSON on stdout.")
def doctor(
    *,
    file: Path | None,
    target: str | None,
    family: int | None,
    ports: tuple[int, ...],
    rate_eps: int,
    cpus: tuple[int, ...] | None,
    allow_public: bool,
    as_json: bool,
    path: PathRequest,
) -> int:
    """Say what would keep a run of FILE from its rate, and what mends it; no event is sent.

    Exit code 3 when a check fails, 0 when there are warnings at most.
    """
    request = DoctorRequest(rate_eps, ports, target, file, family, cpus, allow_public, path)
    found = diagnose(request)
    where = f" to {counted(len(ports), 'port')} ({format_ports(ports)})" + (
        f" of {found.target.host}" if found.target else ""
    )
    asked = f"{format_count(rate_eps)} EPS{where}"
    text = f"{fitted(asked)}\n{findings_table(found.findings, found.left_out, _painted)}"
    answer(text, findings_json(found.findings, found.left_out), as_json=as_json)
    return ExitCode.PREFLIGHT if worst(found.findings) is CheckState.FAIL else ExitCode.MET


def _painted(text: str, state: CheckState) -> str:
    """The text in the colour of the state. `click.echo` removes the escape sequences if the output is no terminal."""
    return click.style(text, fg=_COLOURS[state])
