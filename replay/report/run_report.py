"""The report of a run: figures from the board, the verdict, and a table for people."""

import errno
import platform
from typing import Any, Final

from captures import __version__
from captures.console.errors import ExitCode
from captures.console.units import counted, fitted, format_count, format_share, format_size
from captures.format.reader import Capture
from replay.board.layout import ERRNO_NAMES
from replay.clock import SECOND_NS
from replay.histogram import Histogram
from replay.host.table import run_lines
from replay.plan.run_plan import RunPlan
from replay.plan.view import describe_wire
from replay.ranges import format_ports
from replay.report.criteria import Criteria, criterion_line, judge
from replay.report.shortfall import shortfall
from replay.rewrite.stamps import iso_ms
from replay.supervision.health import Recovery
from replay.supervision.supervisor import Outcome

TOLERANCE: Final = 0.05
"""The most by which a run may miss its target rate and still meet it."""

LATE_NS: Final = SECOND_NS // 20
"""How late the last event of any run may leave, however short the run: 5% of a second. Of a run of 10 ms, 5% of its own
time would be less than a sleep takes."""

MAX_ERROR_RATE: Final = 0.0001
"""A run with more errors than this part of its events is missed."""

WAITS: Final[tuple[str, ...]] = ("EAGAIN", "ENOBUFS", "ENOMEM")
"""Answers that only made a worker wait: the send was repeated, and nothing was lost by them."""

_WAYS: Final = {
    "soft": "told to begin anew",
    "hard": "replaced on the same core",
    "moved": "replaced on another core",
}

_EXIT_CODES: Final = {
    "met": ExitCode.MET,
    "measured": ExitCode.MET,
    "missed": ExitCode.MISSED,
    "failed": ExitCode.FAILED,
    "interrupted": ExitCode.INTERRUPTED,
}


def exit_code(report: dict[str, Any]) -> ExitCode:
    """The exit code that a run's verdict stands for."""
    return _EXIT_CODES[report["verdict"]]


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
    report["verdict"], report["reason"] = _verdict(outcome, report)
    return _explained(report)


def _origin(capture: Capture, plan: RunPlan) -> dict[str, Any]:
    """What was sent, and by what."""
    return {
        "stamp": str(plan.stamp),
        "run_id": plan.run_id,
        "capture": {"path": str(capture.path), "digest": capture.digest, "events": capture.events},
        "host": {"kernel": platform.release(), "python": platform.python_version()},
        "version": __version__,
    }


def _explained(report: dict[str, Any]) -> dict[str, Any]:
    """The report, with what was short where the rate was missed: in a field, and in the reason of a missed run."""
    short = report["achieved_eps"] < (1 - TOLERANCE) * (report["target_eps"] or 0)
    report["shortfall"] = shortfall(report) if short else None
    if short and report["verdict"] == "missed":
        report["reason"] += f"; {report['shortfall']}"
    return report


def _asked(outcome: Outcome) -> int | None:
    """Events that the run was to send; None: as many as it could until its end."""
    unpaced = outcome.demand.schedule.mean_eps is None
    return None if outcome.stopped_by and unpaced else outcome.demand.tempo.total


def _verdict(outcome: Outcome, report: dict[str, Any]) -> tuple[str, str]:
    """The verdict and, in a clause, why."""
    sent = report["sent_events"]
    if failures := outcome.failures or _miscounts(outcome, report):
        return "failed", "; ".join(failures)
    if outcome.interrupted_by:
        return "interrupted", f"{outcome.interrupted_by} after {counted(sent, 'event')}"
    fault = outcome.aborted or _fault(outcome, report) or _shortfall(outcome, report)
    missed = [criterion_line(row) for row in report["criteria"] if not row["met"]]
    if fault or missed:
        return "missed", fault or "; ".join(missed)
    verdict, reason = _rate_verdict(outcome, report)
    return verdict, f"{reason}; stopped by {outcome.stopped_by}" if outcome.stopped_by else reason


def _miscounts(outcome: Outcome, report: dict[str, Any]) -> list[str]:
    """Where the workers say that they have sent all, and the lanes' counts do not sum to what was asked for."""
    sent, asked = report["sent_events"], report["asked_events"]
    if not outcome.done or asked is None or sent == asked or (sent > asked and outcome.demand.changed):
        return []
    return [f"the workers say that they have sent all of {counted(asked, 'event')}, and the lanes count {sent:,}"]


def _fault(outcome: Outcome, report: dict[str, Any]) -> str | None:
    """What makes a run miss, whatever its rate; None: nothing."""
    errors, sent = sum(report["errors"].values()), report["sent_events"]
    if errors > MAX_ERROR_RATE * sent:
        refused = [lane["port"] for lane in report["lanes"] if "ECONNREFUSED" in lane["errors"]]
        nobody = f"nobody listens at {format_ports(tuple(refused))}: " if refused else ""
        said = f"{counted(errors, 'error')} with {counted(sent, 'event')}"
        return f"{nobody}{said}, and at most {MAX_ERROR_RATE:.2%} are allowed"
    return _nic_fault(outcome.nic or {}, sent)


def _shortfall(outcome: Outcome, report: dict[str, Any]) -> str | None:
    """That not all was sent that was asked for; None: it was, or nothing could be asked for."""
    sent, asked = report["sent_events"], report["asked_events"]
    if asked is None or sent >= asked or not outcome.start_ns:
        return None
    when = f"due by {outcome.stopped_by}" if outcome.stopped_by else "asked for in its time"
    return f"sent {sent:,} of {counted(asked, 'event')} {when}, {sent / asked:.2%} of the target rate"


def _rate_verdict(outcome: Outcome, report: dict[str, Any]) -> tuple[str, str]:
    """The verdict on the mean rate, for which `min_eps` may have set another limit."""
    sent, duration_ns = report["sent_events"], round(report["duration_s"] * SECOND_NS)
    target_eps = outcome.demand.mean_eps(duration_ns)
    if not target_eps or not outcome.start_ns:
        why = "no target was set" if target_eps is None else "nothing was due yet"
        return "measured", f"{why}; {counted(sent, 'event')} sent"
    # Not of the report's figures: they are rounded, which at one event an hour says nothing.
    part = sent * SECOND_NS / duration_ns / target_eps if duration_ns else 0.0
    own = {row["name"] for row in report["criteria"]}
    if part >= 1 - TOLERANCE or "min_eps" in own:
        return "met", f"{part:.2%} of the target rate"
    late_ns = _late_ns(outcome)
    if late_ns is not None and late_ns <= LATE_NS:
        late = f"{late_ns / 1e6:.1f} ms after it was due"
        return (
            "met",
            f"the one event sent {late}" if sent == 1 else f"all {sent:,} events sent, the last of them {late}",
        )
    return "missed", f"{part:.2%} of the target rate, and {1 - TOLERANCE:.0%} were needed"


def _late_ns(outcome: Outcome) -> int | None:
    """How long after its time the last event left; None: not all is sent, or it has no time."""
    end_ns = outcome.demand.end_ns
    if end_ns is None or not outcome.done:
        return None
    return int(outcome.board.workers["last_send_ns"].max()) - outcome.start_ns - end_ns


def _nic_fault(nic: dict[str, int], sent: int) -> str | None:
    """What a network card counted that makes a run miss; None: nothing."""
    dropped = nic.get("tx_dropped", 0)
    if losses := nic.get("carrier_losses", 0):
        times = "once" if losses == 1 else f"{losses} times"
        drops = counted(dropped, "drop")
        return f"the network card's link was down {times}, and what was sent meanwhile is lost ({drops} counted)"
    if dropped > MAX_ERROR_RATE * sent:
        return f"the network card dropped {counted(dropped, 'packet')}, single or joined; see `ip -s link`"
    return None


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


def run_table(report: dict[str, Any]) -> str:
    """The report for people: the figures, and the lanes that differ from the rest."""
    target = format_count(report["target_eps"]) if report["target_eps"] else "none"
    if report["target_eps"] and report["speed"]:
        target += f" at speed {report['speed']:g}, {format_count(report['target_peak_eps'])} at its peak"
    achieved, peak = report["achieved_eps"], report["peak_eps"]
    verdict = f"{report['verdict']}: {report['reason']}" + (f"; run {report['run_id']}" if report["run_id"] else "")
    where = f"in {report['duration_s']:.2f} s to {counted(len(report['lanes']), 'port')}"
    lines = [
        f"  sent      {counted(report['sent_events'], 'event', 16)}, {format_size(report['sent_bytes'])}, {where}",
        f"  rate      {achieved:>16,.0f} EPS mean, {peak:,.0f} in the best second; target {target}",
    ]
    if report["offered"]:
        offered = report["offered"]
        lines.append(
            f"  offered   {offered['below_95_percent']:>16,} of {counted(offered['intervals'], 'interval')} of "
            f"{offered['interval_ms']:.0f} ms below 95% of the target; the worst had {offered['worst_percent']:.1f}%"
            + (f"; {offered['not_measured']:,} were not measured" if offered["not_measured"] else "")
        )
    if report["lag_ms"]:
        lag = report["lag_ms"]
        lines.append(f"  lag       {lag['p50']:>16.3f} ms p50, {lag['p99']:.3f} ms p99, {lag['max']:.3f} ms max")
    lines.append(f"  errors    {_counts(report['errors']):>16}; waits: {_counts(report['waits'])}")
    if report["sink"]:
        lines.append(f"  sink      {_sink_line(report['sink'], report['sent_events'])}")
    if report["collector_host"]:
        lines += run_lines(report["collector_host"])
    lines += [f"  criterion {criterion_line(row)}" for row in report["criteria"]]
    for worker in report["workers"]:
        cpu = "not measured" if worker["cpu_percent"] is None else f"{worker['cpu_percent']:.1f}%"
        lines.append(
            f"  worker {worker['id']:<2} {counted(worker['sent_events'], 'event', 16)}, core {worker['core']}, "
            f"CPU {cpu}, {counted(len(worker['ports']), 'port')}"
        )
        if worker["gso_refused"]:
            lines.append(f"             {fallback_line(worker['gso_refused'])}")
    lines += [_recovery_line(recovery) for recovery in report["recoveries"]]
    lines += [f"  port {lane['port']:<5} {_explain(lane['errors'])}" for lane in report["lanes"] if lane["errors"]]
    return "\n".join([verdict, *map(fitted, lines)])


def _sink_line(sink: dict[str, Any], sent: int) -> str:
    if sink["lost_events"] is None:
        why = "did not answer at the end" if sink["silent"] else "had not read all of it at the end"
        if cut_by := sink["settling_cut_by"]:
            why = f"was not waited for, since {cut_by} came"
        return f"{sink['address']} {why}: loss was not measured"
    share = format_share(sink["lost_events"], sent)
    return f"{counted(sink['lost_events'], 'event', 16)} lost, {share}; {sink['received_events']:,} arrived"


def _recovery_line(recovery: dict[str, Any]) -> str:
    line = f"  worker {recovery['worker']:<2} {recovery['cause']} at {recovery['at_s']:.1f} s; {_WAYS[recovery['way']]}"
    if recovery["silent_s"] is None:
        return f"{line}; it sent nothing after that"
    behind, recovered = recovery["events_behind"], recovery["recovered_s"]
    line += f"; silent for {recovery['silent_s']:.2f} s"
    if behind is None:
        return line
    caught_up = (
        "not caught up before its next failure or the end"
        if recovered is None
        else f"caught up {recovered:.2f} s after the failure"
    )
    return f"{line}, {counted(behind, 'event')} behind, {caught_up}"


def fallback_line(name: str) -> str:
    """What to say when the kernel refused GSO with the errno `name`."""
    return f"GSO was refused ({name}); events go out one by one from here on, which is slower"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _explain(errors: dict[str, int]) -> str:
    said = _counts(errors)
    said = said.replace("EMSGSIZE", "too long for the way: EMSGSIZE")
    return said.replace("ECONNREFUSED", "nobody listens: ECONNREFUSED")
