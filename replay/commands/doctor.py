"""The `replay doctor` command."""

from pathlib import Path

import click

from captures.console.command import COUNT, answer
from captures.console.errors import ExitCode, InputError, PreflightError
from captures.console.units import counted, fitted, format_count
from captures.format.reader import open_capture
from replay.clock import monotonic_ns
from replay.commands.options.path import path_options
from replay.commands.options.target import family_options
from replay.commands.options.values import CPUS, FILE, PORTS
from replay.doctor.busy_checks import busy_findings
from replay.doctor.checks import capture_findings, machine_findings
from replay.doctor.facts import CaptureFacts, Load, MachineFacts, capture_facts, machine_facts
from replay.doctor.findings import Finding, State, findings_json, findings_table, worst
from replay.machine.affinity import usable_cpus
from replay.machine.survey import situation
from replay.path.choose import check_request
from replay.path.loopback import lacking_settings
from replay.path.request import PathRequest
from replay.path.target import Target, resolve
from replay.plan.sending import SendRequest, choose
from replay.ranges import format_ports
from replay.receiver_host.beside import is_this_host

_COLOURS = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red"}


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
    if rate_eps == 0:
        raise InputError("--eps: a rate is 1 at least; write it like 500, 250k or 4M")
    capture = None if file is None else open_capture(file)
    host = None if target is None else resolve(target, allow_public=allow_public, family=family)
    check_request(path, host, capture, allow_public=allow_public)
    load = Load(rate_eps, ports, path, _calibrated_eps(host, path))
    machine = machine_facts(usable_cpus(cpus), usable_cpus(None))
    stored = None if capture is None else capture_facts(capture, load, monotonic_ns)
    findings = _findings(machine, stored, host, load)
    left_out = []
    if file is None:
        left_out.append("the capture, since no FILE is given")
    if target is None:
        left_out.append("the network, since no --target is given")
    where = f" to {counted(len(ports), 'port')} ({format_ports(ports)})" + (f" of {host.host}" if host else "")
    asked = f"{format_count(rate_eps)} EPS{where}"
    text = f"{fitted(asked)}\n{findings_table(findings, left_out, _painted)}"
    answer(text, findings_json(findings, left_out), as_json=as_json)
    return ExitCode.PREFLIGHT if worst(findings) is State.FAIL else ExitCode.MET


def _painted(text: str, state: State) -> str:
    """The text in the colour of the state. `click.echo` removes the escape sequences if the output is no terminal."""
    return click.style(text, fg=_COLOURS[state])


def _calibrated_eps(host: Target | None, path: PathRequest) -> int | None:
    """Events a second that a run would expect of a worker; None: there is no calibration, or no path to the host."""
    if host is None:
        return None
    try:
        chosen = choose(
            SendRequest(),
            path,
            lambda: situation(host, path.interface),
            lambda interface: lacking_settings(interface, host, path.network),
        )
    except PreflightError:  # the checks report this error as a finding
        return None
    return chosen.worker_eps


def _findings(machine: MachineFacts, stored: CaptureFacts | None, host: Target | None, load: Load) -> list[Finding]:
    here = host is not None and is_this_host(host)
    findings = machine_findings(machine, load) + busy_findings(machine, stored, load, receiver_here=here)
    if stored is not None:
        findings += capture_findings(stored, machine, load)
    if host is not None:
        # pyroute2 takes a while to load.
        from replay.doctor.network_checks import network_findings  # noqa: PLC0415
        from replay.doctor.network_facts import network_facts  # noqa: PLC0415

        findings += network_findings(network_facts(host, load.options), machine, stored, load)
    return findings
