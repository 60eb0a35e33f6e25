"""The report of a run for people: the verdict, the figures, and the ports that differ from the rest. Pure."""

from typing import Any, Final

from captures.console.units import counted, fitted, format_count, format_share, format_size
from replay.host.table import run_lines
from replay.report.criteria import criterion_line

_WAYS: Final = {
    "soft": "told to begin anew",
    "hard": "replaced on the same core",
    "moved": "replaced on another core",
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
