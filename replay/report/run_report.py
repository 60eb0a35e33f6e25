"""How is the report of a run made? From a last snapshot of the board, the plan, the outcome, and the sink's figures."""

import errno
import platform
from collections.abc import Sequence
from typing import Any

from captures import __version__
from captures.console.units import counted
from captures.format.capture import Capture
from captures.format.stamp_writing import iso_ms
from replay.board.errnos import errors_of, waits_of
from replay.board.snapshot import Snapshot, take_snapshot
from replay.clock import SECOND_NS, monotonic_ns
from replay.json_file import SCHEMA
from replay.plan.run_plan import RunPlan
from replay.plan.view import describe_wire
from replay.receiver_host.model import WatchedHost
from replay.report.buckets import Buckets
from replay.report.criteria import judge
from replay.report.model import (
    CaptureFigures,
    CoreFigures,
    Ending,
    HostFigures,
    IntervalFigures,
    LagFigures,
    LaneFigures,
    OfferedFigures,
    RecoveryFigures,
    RunReport,
    SinkFigures,
    StrainFigures,
    WorkerFigures,
)
from replay.report.phases import phase_figures
from replay.report.verdict import judged
from replay.scenario.limits import Criteria
from replay.supervision.health import Recovery
from replay.supervision.outcome import Outcome
from replay.supervision.phase_accounts import PhaseAccount


def run_report(
    capture: Capture,
    plan: RunPlan,
    outcome: Outcome,
    criteria: Criteria | None = None,
    sink: dict[str, Any] | None = None,
    collector_host: WatchedHost | None = None,
    phases: Sequence[PhaseAccount] = (),
) -> RunReport:
    """The report of a run that is over; figures that were not measured are None.

    The run is judged by the `criteria`. `sink` is what `SinkWatch.figures` returned, `collector_host` what
    `OwnHost.figures` returned; None: there was no sink, or the target is another host. `phases` are those of the plan's
    scenario that were reached.
    """
    now = take_snapshot(outcome.board, monotonic_ns())
    workers = _workers(plan, outcome, now)
    cpu = [worker.cpu_percent for worker in workers if worker.cpu_percent is not None]
    report = RunReport(
        schema=SCHEMA,
        verdict="",
        reason="",
        **_rates(plan, outcome, now),
        errors=now.errors,
        waits=now.waits,
        lag_ms=LagFigures.of(now.lag),
        lag_buckets=Buckets.of(now.lag),
        sink=None if sink is None else SinkFigures(**sink, settling_cut_by=outcome.settling_cut_by),
        collector_host=collector_host,
        cpu_percent_mean=round(sum(cpu), 2) if len(cpu) == len(workers) else None,
        memory_bytes_peak=outcome.memory_bytes_peak,
        lanes=_lanes(plan, now),
        workers=workers,
        strain=_strain(outcome),
        recoveries=[_recovery(recovery) for recovery in outcome.recoveries],
        gso_segments=int(now.workers["segments"].min()),
        **_way(plan, outcome),
        **_origin(capture, plan),
        intervals=_intervals(outcome),
        phases=phase_figures(plan.pace.course, phases),
    )
    return judged(judge(criteria or Criteria(), report), _ending(outcome, now))


def _rates(plan: RunPlan, outcome: Outcome, now: Snapshot) -> dict[str, Any]:
    """How much was sent, in which time, and how much was asked for."""
    duration_ns, sent = _duration_ns(now), now.sent_events
    achieved = sent * SECOND_NS / duration_ns if duration_ns else 0.0
    target_eps = outcome.demand.mean_eps(duration_ns)
    offered = outcome.offered.verdicts.figures()
    return {
        **plan.targets(),
        "target_eps": target_eps and round(target_eps, 3),
        "achieved_eps": round(achieved, 3),
        "peak_eps": round(max(outcome.offered.verdicts.peak_eps or 0.0, achieved), 3),
        "sent_events": sent,
        "asked_events": _asked(outcome),
        "sent_bytes": now.sent_bytes,
        "duration_s": duration_ns / SECOND_NS,
        "started": iso_ms(outcome.started_wall_ns) if now.start_ns else None,
        "started_ns": outcome.started_wall_ns if now.start_ns else None,
        "offered": None if offered is None else OfferedFigures(**offered),
    }


def _way(plan: RunPlan, outcome: Outcome) -> dict[str, Any]:
    """Where the events were sent, and how."""
    return {
        "target": plan.target.host,
        "backend": plan.backend,
        "nic": outcome.nic and {"name": plan.nic, **outcome.nic},
        "wire": describe_wire(plan.wire),
        "train_events_max": plan.train_limit,
        "batch_trains": plan.batch_trains,
        "choices": dict(plan.choices),
    }


def _origin(capture: Capture, plan: RunPlan) -> dict[str, Any]:
    """The capture that was sent, and the host and version of the program that sent it."""
    return {
        "stamp": str(plan.stamp),
        "run_id": plan.run_id,
        "capture": CaptureFigures(str(capture.path), capture.digest, capture.events, capture.shortest, capture.longest),
        "host": HostFigures(platform.release(), platform.python_version()),
        "version": __version__,
    }


def _duration_ns(now: Snapshot) -> int:
    """The time from the start of the schedule to the end of the last batch; 0 if the run never started."""
    return max(0, now.last_send_ns - now.start_ns) if now.start_ns else 0


def _asked(outcome: Outcome) -> int | None:
    """How many events the run had to send; None: as many as it could until it was stopped."""
    unpaced = outcome.demand.schedule.mean_eps is None
    return None if outcome.stopped_by and unpaced else outcome.demand.time_scale.total


def _ending(outcome: Outcome, now: Snapshot) -> Ending:
    """How the run ended."""
    end_ns = outcome.demand.end_ns
    return Ending(
        failures=outcome.failures or _miscounts(outcome, now),
        interrupted_by=outcome.interrupted_by,
        stopped_by=outcome.stopped_by,
        aborted=outcome.aborted,
        done=now.done,
        late_ns=now.last_send_ns - now.start_ns - end_ns if now.done and end_ns is not None else None,
        mean_target_eps=outcome.demand.mean_eps(_duration_ns(now)),
    )


def _miscounts(outcome: Outcome, now: Snapshot) -> list[str]:
    """A failure if the workers say that they have sent all events, but the counts of the ports have another sum."""
    sent, asked = now.sent_events, _asked(outcome)
    if not now.done or asked is None or sent == asked or (sent > asked and outcome.demand.changed):
        return []
    return [f"the workers say that they have sent all of {counted(asked, 'event')}, and the lanes count {sent:,}"]


def _intervals(outcome: Outcome) -> IntervalFigures:
    """The events that were sent and due in each interval."""
    series, rows = outcome.offered.series, outcome.offered.series.rows
    return IntervalFigures(
        interval_ms=outcome.offered.interval_ns * series.joined / 1e6,
        joined=series.joined,
        sent_events=[row and row[0] for row in rows],
        due_events=[row and row[1] for row in rows],
    )


def _lanes(plan: RunPlan, now: Snapshot) -> list[LaneFigures]:
    return [
        LaneFigures(
            port=port,
            sent_events=int(row["sent_events"]),
            sent_bytes=int(row["sent_bytes"]),
            errors=errors_of(row["errors"]),
            waits=waits_of(row["errors"]),
        )
        for port, row in zip(plan.ports, now.lanes, strict=True)
    ]


def _workers(plan: RunPlan, outcome: Outcome, now: Snapshot) -> list[WorkerFigures]:
    rows = []
    for index, (worker, row) in enumerate(zip(plan.workers, now.workers, strict=True)):
        lanes = slice(worker.lanes.start, worker.lanes.stop)
        duration_ns = int(row["last_send_ns"]) - now.start_ns
        rows.append(
            WorkerFigures(
                id=index,
                core=outcome.cores[index],
                ports=list(plan.ports[lanes]),
                sent_events=int(now.lanes["sent_events"][lanes].sum()),
                cpu_percent=round(100 * int(row["cpu_ns"]) / duration_ns, 2) if duration_ns > 0 else None,
                gso_refused=errno.errorcode.get(int(row["fallback_errno"])),
                unreachable_seconds=int(row["unreachable_seconds"]),
            )
        )
    return rows


def _strain(outcome: Outcome) -> StrainFigures | None:
    if outcome.strain is None:
        return None
    figures = outcome.strain.figures(outcome.cores, outcome.offered.verdicts.below)
    return StrainFigures(**figures | {"cores": [CoreFigures(**core) for core in figures["cores"]]})


def _recovery(recovery: Recovery) -> RecoveryFigures:
    def seconds(ns: int | None) -> float | None:
        return None if ns is None else round(ns / SECOND_NS, 3)

    return RecoveryFigures(
        worker=recovery.worker,
        cause=recovery.cause,
        way=str(recovery.action),
        core=recovery.core,
        at_s=seconds(recovery.failed_ns),
        silent_s=seconds(recovery.silent_ns),
        events_behind=recovery.events_behind,
        recovered_s=seconds(recovery.recovered_ns),
    )
