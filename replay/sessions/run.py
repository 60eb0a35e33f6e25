"""How does a run go, from the request to the report? It is prepared, carried out, and reported on."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from captures.console.errors import InputError, PreflightError
from captures.console.interruption import held
from captures.console.terminal import notice
from captures.console.units import counted
from captures.format.capture import Capture
from captures.format.stamp_writing import iso_ms
from captures.format.tags import MAX_RUN
from captures.share.cache import open_any
from replay.clock import wall_ns
from replay.control.commands import Controls
from replay.control.request import ControlRequest
from replay.control.run_socket import ControlSocket
from replay.engine.preparation import prepare as load_kernels
from replay.json_file import ReportFile
from replay.linux.sockets.udp_send import max_segments
from replay.machine.affinity import usable_cpus
from replay.machine.survey import situation, topology_of
from replay.path.choose import choose_path
from replay.path.loopback import lacking_settings
from replay.path.request import PathRequest
from replay.path.target import resolve
from replay.plan.pace import PaceRequest
from replay.plan.run_plan import RunPlan, check_limit, plan_run
from replay.plan.sending import SendRequest, choose
from replay.plan.workers import WorkerRequest, with_workers
from replay.receiver_host.beside import OwnHost
from replay.report.criteria import criteria_of
from replay.report.live_line import LiveLine
from replay.report.model import RunReport
from replay.report.run_report import run_report
from replay.request_checks import check_part, check_path, check_ports, check_within, checked_choice
from replay.rewrite.stamps_at_sending import Stamp
from replay.rewrite.tags import new_run
from replay.scenario.limits import Criteria
from replay.supervision.abort_on_loss import AbortOnLoss, AskedSink
from replay.supervision.outcome import Outcome
from replay.supervision.phase_accounts import PhaseAccounts
from replay.supervision.supervisor import Supervisor


@dataclass(frozen=True)
class RunRequest:
    """Everything that a user can ask of a run."""

    capture: Path
    target: str
    """The host to send to: a name or an address."""
    ports: Sequence[int]
    """The destination ports, one lane each."""
    time: PaceRequest
    """How fast to send, how much, and when to start."""
    family: int | None = None
    """AF_INET or AF_INET6, for a target name with addresses of both kinds; None: the first address is taken."""
    stamp: Stamp = Stamp.NOW
    run_id: int | None = None
    """The number of this run that is written into the tags; None: it is drawn at random."""
    keep_tags: bool = False
    """Send the tags as they are in the capture, which are zeros, instead of writing into them."""
    allow_public: bool = False
    """Let target and sources be addresses outside the private, loopback, link-local and benchmark ranges."""
    workers: WorkerRequest = field(default_factory=WorkerRequest)
    path: PathRequest = field(default_factory=PathRequest)
    send: SendRequest = field(default_factory=SendRequest)
    sink: AskedSink = field(default_factory=AskedSink)
    """Whom the run asks what has arrived, and when it ends for what has not."""
    criteria: Criteria = field(default_factory=Criteria)
    """What the run must keep to pass."""
    control: ControlRequest = field(default_factory=ControlRequest)

    @property
    def inputs(self) -> list[Path | None]:
        """The files that the run reads, which its report must not overwrite; None for a file that is not given."""
        return [self.capture, self.control.rate_file, self.send.calibration, self.sink.token_path]

    def check(self) -> None:
        """Refuse what no run can be asked for, as far as it shows before the capture is open. Raises InputError."""
        check_path("FILE", self.capture, needed=True)
        check_part("time", self.time, PaceRequest)
        check_part("workers", self.workers, WorkerRequest)
        check_part("path", self.path, PathRequest)
        check_part("send", self.send, SendRequest)
        check_part("sink", self.sink, AskedSink)
        check_part("criteria", self.criteria, Criteria)
        check_part("control", self.control, ControlRequest)
        self.time.check(wall_ns())
        self.workers.check()
        self.path.check()
        self.criteria.check()
        self.sink.check(self.criteria.needs_sink)
        self.control.check()


class PreparedRun(NamedTuple):
    """A run that has been checked and planned, and can be started."""

    request: RunRequest
    capture: Capture
    plan: RunPlan
    token: str | None
    """The secret of the sink that the run asks; None: it asks none, or one that has no secret."""


def run(request: RunRequest, report: Path | None = None) -> RunReport:
    """Send the capture, and return the report, which is also written to the file `report`, if one is given.

    Raises InputError for a request that makes no sense, PreflightError for one that this machine can't fulfil, and
    RunError for a failure while the run went on: in that case the report is written first.
    """
    prepared = prepare(request)
    with ReportFile(report, inputs=request.inputs) as report_file:
        return carry_out(prepared, report_file)


def prepare(request: RunRequest) -> PreparedRun:
    """Check the request, and make the plan of the run; nothing is sent. Raises InputError, PreflightError."""
    request.check()
    request = _without_sink(request)
    extent, ports = request.time.settled_extent, check_ports(request.ports)
    token = request.sink.token()
    capture = open_any(request.capture)
    _check_tags(capture, request.run_id, keep_tags=request.keep_tags)
    target = resolve(request.target, allow_public=request.allow_public, family=request.family)
    asked = request.path
    chosen = choose(
        request.send,
        asked,
        lambda: situation(target, asked.interface),
        lambda interface: lacking_settings(interface, target, asked.network),
    )
    plan = plan_run(
        capture,
        target=target,
        ports=ports,
        pace=request.time.pace,
        extent=extent,
        train_max=chosen.method.train_max,
        segments=max_segments() if chosen.method.gso else 1,
        stamp=checked_choice("--stamp", request.stamp, Stamp),
        run=None if request.keep_tags else request.run_id or new_run(),
        wire=choose_path(chosen.followed(asked), target, ports, capture, allow_public=request.allow_public),
        batch_trains=chosen.method.batch_trains,
        choices={"backend": chosen.why},
    )
    topology = topology_of(target, asked.interface, usable_cpus(request.workers.cpus))
    plan = with_workers(plan, request.workers, topology, worker_eps=chosen.worker_eps)
    plan = replace(plan, start_at_ns=request.time.start_at_ns)
    check_limit(plan, request.control.limit_eps)
    return PreparedRun(request, capture, plan, token)


def carry_out(prepared: PreparedRun, report_file: ReportFile) -> RunReport:
    """Run the plan to its end, and report on it. Once its code is loaded, the report is written, whatever happens.

    The report is also written when a signal ends the run before anything is sent.
    """
    request, capture, plan, token = prepared
    control = request.control
    load_kernels(wall_ns())
    with ExitStack() as stack:
        noted = stack.enter_context(held())
        supervisor, own_host = Supervisor(capture, plan), OwnHost(plan)
        if plan.start_at_ns is not None:
            notice(f"it starts at {iso_ms(plan.start_at_ns)}")
        listener = _control_socket(control.path, stack)
        line = stack.enter_context(LiveLine(plan))
        sink = AbortOnLoss(request.sink, token, plan, supervisor, line.say, shortest_bytes=capture.shortest)
        sink.begin()
        controls = stack.enter_context(Controls(supervisor, listener, control.rate_file, control.limit_eps, line.say))
        own_host.begin()
        phases = PhaseAccounts(plan.pace.course, supervisor.outcome)

        def note_early_signal() -> None:
            """Pass on a signal that came before the supervisor had installed its own signal handlers."""
            if noted.first:
                supervisor.outcome.interrupted_by = noted.first

        def each_tick() -> None:
            note_early_signal()
            controls.poll()
            phases.look()

        def each_second(outcome: Outcome) -> None:
            own_host.each_second()
            now = sink.look(outcome)
            phases.each_second(now)
            line.show(outcome, now)

        def settle(outcome: Outcome) -> None:
            sink.settle(outcome)
            own_host.settle()

        note_early_signal()
        failure = _conducted(supervisor, each_tick, each_second, settle)
        phases.end(sink.loss)
        report = _reported(prepared, supervisor.outcome, sink, own_host, phases)
        report_file.write(report.figures())
        if failure is not None:
            raise failure
    return report


def _conducted(
    supervisor: Supervisor,
    each_tick: Callable[[], None],
    each_second: Callable[[Outcome], None],
    settle: Callable[[Outcome], None],
) -> Exception | None:
    """Carry out the plan; returns what failed, which is raised when the report is written."""
    try:
        supervisor.run(each_tick, each_second, settle)
    except Exception as error:  # noqa: BLE001 - see above
        supervisor.outcome.failures.append(str(error) or type(error).__name__)
        return error
    return None


def _reported(
    prepared: PreparedRun, outcome: Outcome, sink: AbortOnLoss, own_host: OwnHost, phases: PhaseAccounts
) -> RunReport:
    """The report of a run that is over."""
    request, capture, plan, _ = prepared
    criteria = criteria_of(request.criteria, plan.pace.course)
    return run_report(capture, plan, outcome, criteria, sink.figures(), own_host.figures(), phases.accounts)


def _without_sink(request: RunRequest) -> RunRequest:
    """The request without what its scenario expects and only a sink can measure, if none is named; that is said."""
    course = request.time.pace.course
    if course is None or request.sink.place is not None or (judged := course.without_sink()) == course:
        return request
    notice(
        f"{course.name} expects a loss or a latency, which only a sink can measure: they are not judged without --sink"
    )
    return replace(request, time=replace(request.time, pace=replace(request.time.pace, course=judged)))


def _control_socket(path: Path | None, stack: ExitStack) -> ControlSocket | None:
    """The socket at which `replay ctl` finds the run. Without `--control` a run goes on if it can't be opened."""
    try:
        return stack.enter_context(ControlSocket(path))
    except PreflightError as error:
        if path is not None:
            raise
        notice(f"`replay ctl` can't reach this run: {error}")
        return None


def _check_tags(capture: Capture, run_id: int | None, *, keep_tags: bool) -> None:
    """Raise InputError for a flag about tags if the capture has no tags, or if the flags contradict each other.

    A capture of which some trains have tags has none; that is said.
    """
    check_within("--run-id", run_id, 1, MAX_RUN)
    flag = "--run-id" if run_id is not None else "--keep-tags"
    if not capture.tagged and capture.version > 1 and (tagged := np.count_nonzero(capture.trains["tag_kind"])):
        of_all = counted(len(capture.trains), "train")
        notice(f"{capture.path}: tags in {tagged:,} of {of_all} only; it is sent without")
    if (run_id is not None or keep_tags) and not capture.tagged:
        raise InputError(f"{capture.path}: has no tags for {flag}; build it with --tagged, or leave {flag} out")
    if run_id is not None and keep_tags:
        raise InputError("--run-id is written into the tags, and --keep-tags sends them blank; give one of the two")
