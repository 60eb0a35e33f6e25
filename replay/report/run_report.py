"""The figures of a run: what the board, the plan and the outcome tell, as one report."""

import errno
import platform
from typing import Any, Final

from captures import __version__
from captures.format.reader import Capture
from replay.board.layout import ERRNO_NAMES
from replay.clock import SECOND_NS
from replay.histogram import Histogram
from replay.plan.run_plan import RunPlan, describe_wire
from replay.report.criteria import Criteria, judge
from replay.report.verdict import explain, verdict
from replay.rewrite.stamps import iso_ms
from replay.supervision.health import Recovery
from replay.supervision.supervisor import Outcome

WAITS: Final[tuple[str, ...]] = ("EAGAIN", "ENOBUFS", "ENOMEM")
"""Answers that only made a worker wait: the send was repeated, and nothing was lost by them."""


def run_report(
    capture: Capture,
    plan: RunPlan,
    outcome: Outcome,
    criteria: Criteria | None = None,
    sink: dict[str, Any] | None = None,
    collector_host: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """All that is known of a run, as JSON-ready values; what was not measured is None.

    It is judged by the `criteria` and by what a `sink` said (`SinkWatch.figures`); `collector_host`: `OwnHost.figures`.
    """
    board = outcome.board
    start_ns = int(board.control["start_ns"][0])
    duration_ns = max(0, int(board.workers["last_send_ns"].max()) - start_ns) if start_ns else 0
    sent = int(board.lanes["sent_events"].sum())
    achieved = sent * SECOND_NS / duration_ns if duration_ns else 0.0
    target_eps = outcome.demand.mean_eps(duration_ns)
    waits, errors = _errors(board.lanes["errors"].sum(axis=0))
    workers = _workers(plan, outcome, start_ns)
    cpu = [worker["cpu_percent"] for worker in workers]
    report: dict[str, Any] = {
        "verdict": "",
        "reason": "",
        **plan.targets(),
        "target_eps": target_eps and round(target_eps, 3),
        "achieved_eps": round(achieved, 3),
        "peak_eps": round(max(outcome.offered.peak_eps or 0.0, achieved), 3),
        "sent_events": sent,
        "asked_events": _asked(outcome),
        "sent_bytes": int(board.lanes["sent_bytes"].sum()),
        "duration_s": duration_ns / SECOND_NS,
        "started": iso_ms(outcome.started_wall_ns) if start_ns else None,
        "errors": errors,
        "waits": waits,
        "offered": outcome.offered.figures(),
        "lag_ms": _lag(board.workers["lag"]),
        "sink": sink and {**sink, "settling_cut_by": outcome.settling_cut_by},
        "collector_host": collector_host,
        "criteria": [],
        "cpu_percent_mean": None if None in cpu else round(sum(cpu), 2),
        "memory_bytes_peak": outcome.memory_bytes_peak,
        "lanes": [_lane(port, row) for port, row in zip(plan.ports, board.lanes, strict=True)],
        "workers": workers,
        "strain": outcome.strain and outcome.strain.figures(outcome.cores),
        "recoveries": [_recovery(recovery) for recovery in outcome.recoveries],
        "target": plan.target.host,
        "backend": plan.backend,
        "nic": outcome.nic and {"name": plan.nic, **outcome.nic},
        "wire": describe_wire(plan.wire),
        "gso_segments": int(board.workers["segments"].min()),
        "train_events_max": plan.train_limit,
        "batch_trains": plan.batch_trains,
        "choices": dict(plan.choices),
        **_origin(capture, plan),
    }
    report["criteria"] = judge(criteria or Criteria(), report)
    report["verdict"], report["reason"] = verdict(outcome, report)
    return explain(report)


def _origin(capture: Capture, plan: RunPlan) -> dict[str, Any]:
    """What was sent, and by what."""
    return {
        "stamp": str(plan.stamp),
        "run_id": plan.run_id,
        "capture": {"path": str(capture.path), "digest": capture.digest, "events": capture.events},
        "host": {"kernel": platform.release(), "python": platform.python_version()},
        "version": __version__,
    }


def _asked(outcome: Outcome) -> int | None:
    """Events that the run was to send; None: as many as it could until its end."""
    unpaced = outcome.demand.schedule.mean_eps is None
    return None if outcome.stopped_by and unpaced else outcome.demand.tempo.total


def _errors(counts: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Counts by ERRNO_NAMES as (waits, errors), zeros left out."""
    found = {name: int(count) for name, count in zip(ERRNO_NAMES, counts, strict=True) if count}
    waits = {name: found.pop(name) for name in WAITS if name in found}
    return waits, found


def error_total(outcome: Outcome) -> int:
    """All errors so far, waits left out."""
    return sum(_errors(outcome.board.lanes["errors"].sum(axis=0))[1].values())


def _lane(port: int, row: Any) -> dict[str, Any]:
    waits, errors = _errors(row["errors"])
    return {
        "port": port,
        "sent_events": int(row["sent_events"]),
        "sent_bytes": int(row["sent_bytes"]),
        "errors": errors,
        "waits": waits,
    }


def _lag(cells: Any) -> dict[str, float] | None:
    """How late events left against their schedule; None when they had none."""
    lag = Histogram()
    for worker in cells:
        lag.merge(Histogram(worker))
    if not lag.samples:
        return None
    figures = {"p50": lag.percentile_us(50), "p99": lag.percentile_us(99), "max": lag.max_us}
    return {name: round(value / 1000, 3) for name, value in figures.items() if value is not None}


def _workers(plan: RunPlan, outcome: Outcome, start_ns: int) -> list[dict[str, Any]]:
    rows = []
    for index, (worker, row) in enumerate(zip(plan.workers, outcome.board.workers, strict=True)):
        lanes = slice(worker.lanes.start, worker.lanes.stop)
        duration_ns = int(row["last_send_ns"]) - start_ns
        rows.append(
            {
                "id": index,
                "core": outcome.cores[index],
                "ports": list(plan.ports[lanes]),
                "sent_events": int(outcome.board.lanes["sent_events"][lanes].sum()),
                "cpu_percent": round(100 * int(row["cpu_ns"]) / duration_ns, 2) if duration_ns > 0 else None,
                "gso_refused": errno.errorcode.get(int(row["fallback_errno"])),
            }
        )
    return rows


def _recovery(recovery: Recovery) -> dict[str, Any]:
    def seconds(ns: int | None) -> float | None:
        return None if ns is None else round(ns / SECOND_NS, 3)

    return {
        "worker": recovery.worker,
        "cause": recovery.cause,
        "way": str(recovery.way),
        "core": recovery.core,
        "at_s": seconds(recovery.failed_ns),
        "silent_s": seconds(recovery.silent_ns),
        "events_behind": recovery.events_behind,
        "recovered_s": seconds(recovery.recovered_ns),
    }
