"""How does a look at this machine go, before a run? Facts are gathered, and each check says what it finds in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from captures.console.errors import InputError, PreflightError
from captures.share.cache import open_any
from replay.clock import monotonic_ns
from replay.doctor.busy_checks import busy_findings
from replay.doctor.checks import capture_findings, machine_findings
from replay.doctor.facts import CaptureFacts, Load, MachineFacts, capture_facts, machine_facts
from replay.doctor.findings import Finding
from replay.machine.affinity import usable_cpus
from replay.machine.survey import situation
from replay.path.choose import check_request
from replay.path.loopback import lacking_settings
from replay.path.request import PathRequest
from replay.path.target import Target, resolve
from replay.plan.sending import SendRequest, choose
from replay.plan.workers import WorkerRequest
from replay.receiver_host.beside import is_this_host
from replay.request_checks import check_part, check_path, check_ports, check_whole


@dataclass(frozen=True)
class DoctorRequest:
    """The run that the machine is looked at for."""

    rate_eps: int
    """Events a second of all ports together."""
    ports: Sequence[int]
    """The destination ports, one lane each."""
    target: str | None = None
    """The host to send to, a name or an address; None: the network is left out."""
    capture: Path | None = None
    """None: the capture is left out."""
    family: int | None = None
    """AF_INET or AF_INET6, for a target name with addresses of both kinds; None: the first address is taken."""
    cpus: tuple[int, ...] | None = None
    """The cores that workers would be pinned to; None: all that are allowed."""
    allow_public: bool = False
    """Let target and sources be addresses outside the private, loopback, link-local and benchmark ranges."""
    path: PathRequest = field(default_factory=PathRequest)


@dataclass(frozen=True)
class Diagnosis:
    """What was found."""

    findings: list[Finding]
    left_out: list[str]
    """What was not looked at, and why."""
    target: Target | None


def diagnose(request: DoctorRequest) -> Diagnosis:
    """Look for what would keep the run from its rate; no event is sent.

    Raises InputError for a request that makes no sense, and OSError.
    """
    check_path("FILE", request.capture)
    check_part("path", request.path, PathRequest)
    check_whole("--eps", request.rate_eps)
    WorkerRequest(cpus=request.cpus).check()
    if request.rate_eps < 1:
        raise InputError("--eps: a rate is 1 at least; write it like 500, 250k or 4M")
    ports, path = check_ports(request.ports), request.path
    capture = None if request.capture is None else open_any(request.capture)
    host = None
    if request.target is not None:
        host = resolve(request.target, allow_public=request.allow_public, family=request.family)
    check_request(path, host, capture, allow_public=request.allow_public)
    load = Load(request.rate_eps, ports, path, _calibrated_eps(host, path))
    machine = machine_facts(usable_cpus(request.cpus), usable_cpus(None))
    stored = None if capture is None else capture_facts(capture, load, monotonic_ns)
    left_out = []
    if capture is None:
        left_out.append("the capture, since no FILE is given")
    if host is None:
        left_out.append("the network, since no --target is given")
    return Diagnosis(_findings(machine, stored, host, load), left_out, host)


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

        findings += network_findings(network_facts(host, load.path), machine, stored, load)
    return findings
