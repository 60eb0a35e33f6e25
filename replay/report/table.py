"""What does a run show people at its end? The verdict, the figures, and the ports with errors. Pure."""

from collections.abc import Iterator
from typing import Final

from captures.console.units import counted, fitted, format_count, format_share, format_size
from replay.receiver_host.table import run_lines
from replay.report.criteria import criterion_line
from replay.report.model import OfferedFigures, RecoveryFigures, RunReport, SinkFigures, StrainFigures, WorkerFigures
from replay.report.phases import phase_line

_ACTION_TEXTS: Final = {
    "soft": "told to begin anew",
    "hard": "replaced on the same core",
    "moved": "replaced on another core",
}


def run_table(report: RunReport) -> str:
    """The report as text: the verdict, the figures, and the ports that had errors."""
    verdict = f"{report.verdict}: {report.reason}" + (f"; run {report.run_id}" if report.run_id else "")
    lines = [*_figure_lines(report)]
    if report.sink:
        lines.append(f"  sink      {_sink_line(report.sink, report.sent_events)}")
    if report.collector_host:
        lines += run_lines(report.collector_host)
    lines += [f"  phase     {phase_line(phase)}" for phase in report.phases]
    lines += [f"  criterion {criterion_line(row)}" for row in report.criteria]
    for worker in report.workers:
        lines += _worker_lines(worker)
    lines += [_recovery_line(recovery) for recovery in report.recoveries]
    lines += [f"  port {lane.port:<5} {_explain(lane.errors)}" for lane in report.lanes if lane.errors]
    lines += [f"  unmerged  {said}" for said in report.unmerged]
    return "\n".join([fitted(verdict, 4), *map(fitted, lines)])


def _figure_lines(report: RunReport) -> Iterator[str]:
    """What was sent, how fast, how evenly, how late, and what went wrong."""
    where = f"in {report.duration_s:.2f} s to {counted(len(report.lanes), 'port')}"
    yield f"  sent      {counted(report.sent_events, 'event', 16)}, {format_size(report.sent_bytes)}, {where}"
    target = format_count(report.target_eps) if report.target_eps else "none"
    if report.target_eps and report.target_peak_eps and report.speed:
        target += f" at speed {report.speed:g}, {format_count(report.target_peak_eps)} at its peak"
    peak = "the best second is not known" if report.peak_eps is None else f"{report.peak_eps:,.0f} in the best second"
    yield f"  rate      {report.achieved_eps:>16,.0f} EPS mean, {peak}; target {target}"
    if offered := report.offered:
        yield (
            f"  offered   {offered.below_95_percent:>16,} of {counted(offered.intervals, 'interval')} of "
            f"{offered.interval_ms:.0f} ms below 95% of the target; the worst had {offered.worst_percent:.1f}%"
            + (f"; {offered.not_measured:,} were not measured" if offered.not_measured else "")
            + _stolen_clause(offered, report.strain)
        )
    if lag := report.lag_ms:
        yield f"  lag       {lag.p50:>16.3f} ms p50, {lag.p99:.3f} ms p99, {lag.max:.3f} ms max"
    yield f"  errors    {_counts(report.errors):>16}; waits: {_counts(report.waits)}"


def _stolen_clause(offered: OfferedFigures, strain: StrainFigures | None) -> str:
    """Says of short intervals whether the host of a virtual machine took time from a worker's core meanwhile."""
    if not offered.below_95_percent or strain is None or strain.short_intervals_stolen is None:
        return ""
    return (
        f"; {strain.short_intervals_stolen:,} of the short ones fell into seconds in which the host took a core's time"
    )


def _worker_lines(worker: WorkerFigures) -> Iterator[str]:
    cpu = "not measured" if worker.cpu_percent is None else f"{worker.cpu_percent:.1f}%"
    yield (
        f"  worker {worker.id:<2} {counted(worker.sent_events, 'event', 16)}, core {worker.core}, "
        f"CPU {cpu}, {counted(len(worker.ports), 'port')}"
    )
    if worker.gso_refused:
        yield f"             {fallback_line(worker.gso_refused)}"


def _sink_line(sink: SinkFigures, sent: int) -> str:
    if sink.lost_events is None:
        why = "did not answer at the end" if sink.silent else "had not read all of it at the end"
        if sink.settling_cut_by:
            why = f"was not waited for, since {sink.settling_cut_by} came"
        return f"{sink.address} {why}: loss was not measured"
    share = format_share(sink.lost_events, sent)
    return f"{counted(sink.lost_events, 'event', 16)} lost, {share}; {sink.received_events:,} arrived"


def _recovery_line(recovery: RecoveryFigures) -> str:
    done = _ACTION_TEXTS.get(recovery.way, recovery.way)
    line = f"  worker {recovery.worker:<2} {recovery.cause} at {recovery.at_s or 0:.1f} s; {done}"
    if recovery.silent_s is None:
        return f"{line}; it sent nothing after that"
    line += f"; silent for {recovery.silent_s:.2f} s"
    if recovery.events_behind is None:
        return line
    caught_up = (
        "not caught up before its next failure or the end"
        if recovery.recovered_s is None
        else f"caught up {recovery.recovered_s:.2f} s after the failure"
    )
    return f"{line}, {counted(recovery.events_behind, 'event')} behind, {caught_up}"


def fallback_line(name: str) -> str:
    """What to say when the kernel refused GSO with the errno `name`."""
    return f"GSO was refused ({name}); events go out one by one from here on, which is slower"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _explain(errors: dict[str, int]) -> str:
    said = _counts(errors)
    said = said.replace("EMSGSIZE", "too long for the way: EMSGSIZE")
    return said.replace("ECONNREFUSED", "nobody listens: ECONNREFUSED")
