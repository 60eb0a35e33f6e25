"""How do reports of several runs become one? The runs are of hosts that sent together, or phases of a load. Pure.

A merged report keeps the reports that it was made of (its parts), and each of its figures is made of all parts. So the
order of merging does not matter, and merged reports can be merged again. Counts are added, histograms are added bucket
by bucket, and intervals by time. A figure that can't be merged is None, and `unmerged` says why.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from captures import __version__
from captures.format.stamp_writing import iso_ms
from replay.clock import SECOND_NS
from replay.histogram import Histogram
from replay.json_file import SCHEMA
from replay.report.buckets import Buckets
from replay.report.criteria import loss_row
from replay.report.model import (
    CriterionFigures,
    Ending,
    LagFigures,
    LaneFigures,
    RecoveryFigures,
    RunReport,
    SinkFigures,
    WorkerFigures,
)
from replay.report.spans import duration_ns, offered, overlapping, peak_eps, spans, summed
from replay.report.verdict import VERDICTS, judged

_DESCRIBING: Final = (
    *("speed", "target", "backend", "wire", "gso_segments", "train_events_max", "batch_trains"),
    *("choices", "stamp", "run_id", "capture", "host"),
)
"""Fields that describe a run. The merged report has such a field if all parts agree on it."""


def merged(reports: Sequence[RunReport]) -> RunReport:
    """The report of all these runs together.

    Raises ValueError, with a clause, if there are not two reports at least, or if two hold the same events.
    """
    if len(reports) < 2:
        raise ValueError("there is nothing to merge: name two reports or more")
    parts = sorted((part for report in reports for part in report.parts or [report]), key=_order)
    _check_disjoint(parts)
    unmerged: list[str] = []
    workers, recoveries = _workers(parts)
    report = RunReport(
        schema=SCHEMA,
        verdict="",
        reason="",
        **_sums(parts),
        **_in_time(parts, unmerged),
        **_lag(parts, unmerged),
        **_described(parts, unmerged),
        sink=_sink(parts, unmerged),
        nic=_nic(parts, unmerged),
        workers=workers,
        recoveries=recoveries,
        version=__version__,
        unmerged=unmerged,
        parts=parts,
    )
    alone = [name for name in ("strain", "collector_host") if any(getattr(part, name) is not None for part in parts)]
    unmerged += [f"{name}: it is of one host and one time; see the parts" for name in alone]
    if any(part.phases for part in parts):
        unmerged.append("phases: each run has its own; see the parts")
    return _with_verdict(replace(report, criteria=_criteria(report)))


def _order(part: RunReport) -> tuple[int, str, str]:
    return part.start_ns or 0, part.run_id or "", json.dumps(part.figures(), sort_keys=True)


def _check_disjoint(parts: Sequence[RunReport]) -> None:
    """Raise ValueError if events would be counted twice: if two reports hold the same port of the same tagged run.

    Without tags, several hosts may send to the same ports from one instant on. So only the same report is refused.
    """
    seen = set()
    for part in (part for part in parts if part.run_id):
        for lane in (lane for lane in part.lanes if lane.sent_events):
            if (part.run_id, lane.port) in seen:
                raise ValueError(f"port {lane.port} of run {part.run_id} is in two of them, and would be counted twice")
            seen.add((part.run_id, lane.port))
    for one, other in pairwise(parts):  # in their order, the same reports stand side by side
        if one == other and one.sent_events:
            raise ValueError(f"the run that started at {one.started} is there twice, and would be counted twice")


def _sums(parts: Sequence[RunReport]) -> dict[str, Any]:
    """The figures that can always be added."""
    asked = [part.asked_events for part in parts if part.asked_events is not None]
    lanes: dict[int, LaneFigures] = {}
    for lane in sorted((lane for part in parts for lane in part.lanes), key=lambda each: each.port):
        before = lanes.get(lane.port, LaneFigures(lane.port, 0, 0))
        lanes[lane.port] = LaneFigures(
            lane.port,
            before.sent_events + lane.sent_events,
            before.sent_bytes + lane.sent_bytes,
            _added([before.errors, lane.errors]),
            _added([before.waits, lane.waits]),
        )
    return {
        "sent_events": sum(part.sent_events for part in parts),
        "sent_bytes": sum(part.sent_bytes for part in parts),
        "asked_events": sum(asked) if len(asked) == len(parts) else None,
        "errors": _added([part.errors for part in parts]),
        "waits": _added([part.waits for part in parts]),
        "lanes": list(lanes.values()),
    }


def _added(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    return {name: sum(each.get(name, 0) for each in counts) for each in counts for name in each}


def _in_time(parts: Sequence[RunReport], unmerged: list[str]) -> dict[str, Any]:
    """Rates and other figures that depend on when each of the runs took place."""
    groups, time_ns = spans(parts), duration_ns(parts)
    start_ns = min((part.start_ns for part in parts if part.start_ns is not None), default=None)
    found = {"peak_eps": peak_eps(groups), "offered": offered(groups), "intervals": summed(parts)}
    why = "the intervals of the runs lie on different grids, or some report has none; see the parts"
    wanted = {"peak_eps": True, "offered": any(part.offered for part in parts), "intervals": True}
    unmerged += [f"{name}: {why}" for name, value in found.items() if value is None and wanted[name]]
    memory = [part.memory_bytes_peak for part in parts if part.memory_bytes_peak is not None]
    if memory and overlapping(groups):
        unmerged.append("memory_bytes_peak: the runs overlap, and their peaks may not; see the parts")
    peaks = [part.target_peak_eps for part in parts if part.target_peak_eps is not None]
    totals = [sum(part.target_peak_eps or 0.0 for part in group) for group in groups]
    target_eps = _mean_target_eps(parts, time_ns)
    cpu = _mean([part.cpu_percent_mean for part in parts], parts, time_ns)
    return {
        **found,
        "started": None if start_ns is None else iso_ms(start_ns),
        "started_ns": start_ns,
        "duration_s": time_ns / SECOND_NS,
        "achieved_eps": round(sum(part.sent_events for part in parts) * SECOND_NS / time_ns, 3) if time_ns else 0.0,
        "target_eps": None if target_eps is None else round(target_eps, 3),
        "target_peak_eps": max(totals, default=None) if len(peaks) == len(parts) else None,
        "cpu_percent_mean": None if cpu is None else round(cpu, 2),
        "memory_bytes_peak": max(memory) if len(memory) == len(parts) and not overlapping(groups) else None,
    }


def _mean(values: Sequence[float | None], parts: Sequence[RunReport], time_ns: int) -> float | None:
    """The mean of the runs' values over the whole time, weighted by their durations; None if one value is not known."""
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not time_ns:
        return None
    shares = (Fraction(value) * round(part.duration_s * SECOND_NS) for value, part in zip(known, parts, strict=True))
    return float(sum(shares) / time_ns)


def _mean_target_eps(parts: Sequence[RunReport], time_ns: int) -> float | None:
    targets = [part.target_eps if part.ending is None else part.ending.mean_target_eps for part in parts]
    return _mean(targets, parts, time_ns)


def _lag(parts: Sequence[RunReport], unmerged: list[str]) -> dict[str, Any]:
    """How late events left, from the histograms of all parts together."""
    if any(part.lag_ms and not part.lag_buckets for part in parts):
        unmerged.append("lag_ms: percentiles can't be merged, and a report of an earlier version has no buckets")
        return {"lag_ms": None, "lag_buckets": None}
    total: Buckets | None = None
    for part in parts:
        if part.lag_buckets:
            total = total + part.lag_buckets if total else part.lag_buckets
    return {"lag_ms": LagFigures.of(total.histogram() if total else Histogram()), "lag_buckets": total}


def _described(parts: Sequence[RunReport], unmerged: list[str]) -> dict[str, Any]:
    """The fields that describe the runs, as far as the runs agree on them."""
    first, found, differing = parts[0], {}, []
    for name in _DESCRIBING:
        same = all(getattr(part, name) == getattr(first, name) for part in parts)
        found[name] = getattr(first, name) if same else {} if name == "choices" else None
        if not same:
            differing.append(name)
    if differing:
        unmerged.append(f"{', '.join(differing)}: the runs differ; see the parts")
    return found


def _workers(parts: Sequence[RunReport]) -> tuple[list[WorkerFigures], list[RecoveryFigures]]:
    """The workers of all runs, numbered anew, and their recoveries; the times are those of each worker's own run."""
    workers: list[WorkerFigures] = []
    recoveries: list[RecoveryFigures] = []
    for part in parts:
        first = len(workers)
        workers += [replace(worker, id=first + worker.id) for worker in part.workers]
        recoveries += [replace(recovery, worker=first + recovery.worker) for recovery in part.recoveries]
    return workers, recoveries


def _nic(parts: Sequence[RunReport], unmerged: list[str]) -> dict[str, int | str | None] | None:
    """The sums of the network card's counters, if the runs used one card one after the other.

    A card counts all traffic, so runs that overlap in time would each have counted the events of the other.
    """
    cards = [part.nic for part in parts if part.nic is not None]
    if not cards:
        return None
    if len(cards) < len(parts) or overlapping(spans(parts)) or len({card.get("name") for card in cards}) > 1:
        unmerged.append("nic: a card counts all that goes through it, and these are not one card's; see the parts")
        return None
    counts = _added([{name: value for name, value in card.items() if isinstance(value, int)} for card in cards])
    return {"name": cards[0].get("name"), **counts}


def _sink(parts: Sequence[RunReport], unmerged: list[str]) -> SinkFigures | None:
    """The sums of what the sinks of all runs counted; None if the counts can't be added."""
    sinks = [part.sink for part in parts if part.sink is not None]
    if not sinks:
        return None
    shared = any(
        len({port for part in group for port in _ports(part)}) < sum(len(part.lanes) for part in group)
        for group in spans(parts)
    )
    if len(sinks) < len(parts) or (shared and not all(sink.tagged for sink in sinks)):
        unmerged.append("sink: not every run had one, or counts of untagged events to one port overlap; see the parts")
        return None
    if any(sink.latency_p99_ms is not None for sink in sinks):
        unmerged.append("sink.latency_p99_ms: percentiles can't be merged; see the parts, or the sinks' own reports")
    sent = sum(part.sent_events for part in parts)
    lost, received = (_total([getattr(sink, name) for sink in sinks]) for name in ("lost_events", "received_events"))
    return SinkFigures(
        address=", ".join(sorted({sink.address for sink in sinks})),
        tagged=all(sink.tagged for sink in sinks),
        answers=sum(sink.answers for sink in sinks),
        silent=any(sink.silent for sink in sinks),
        received_events=received,
        lost_events=lost,
        loss_percent=round(100 * (lost / sent), 6) if lost is not None and sent else None,
        latency_p99_ms=None,
        settling_cut_by=next((sink.settling_cut_by for sink in sinks if sink.settling_cut_by), None),
    )


def _ports(part: RunReport) -> set[int]:
    return {lane.port for lane in part.lanes}


def _total(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _criteria(report: RunReport) -> list[CriterionFigures]:
    """For each limit the worst row of any run; the loss is computed anew for all runs together, if it is known."""
    rows: dict[tuple[str, float], CriterionFigures] = {}
    for row in (row for part in report.parts for row in part.criteria):
        key = (row.name, row.limit)
        rows[key] = _worse(rows[key], row) if key in rows else row
    limits = [{(row.name, row.limit) for row in part.criteria} for part in report.parts]
    for name, limit in set.intersection(*limits):
        if name == "max_loss_percent" and report.sink and report.sink.lost_events is not None:
            rows[name, limit] = replace(loss_row(Fraction(str(limit)) / 100, report), limit=limit)
    return [rows[key] for key in sorted(rows)]


def _worse(one: CriterionFigures, other: CriterionFigures) -> CriterionFigures:
    """The worse of two rows: a missed limit is worse than a met one; then no measurement, then the worse figure."""

    def badness(row: CriterionFigures) -> tuple[bool, bool, float]:
        off = row.measured or 0.0
        return not row.met, row.measured is None, -off if row.name.startswith("min") else off

    return max(one, other, key=badness)


def _with_verdict(report: RunReport) -> RunReport:
    """The report with a new verdict, or with the worst verdict of its parts if figures that it needs are not merged."""
    parts, endings = report.parts, [part.ending for part in report.parts if part.ending is not None]
    nic_known = report.nic is not None or all(part.nic is None for part in parts)
    if len(endings) == len(parts) and nic_known:
        return judged(report, _ending(report, endings))
    worst = min((part.verdict for part in parts), key=VERDICTS.index)
    reasons = dict.fromkeys(part.reason for part in parts if part.verdict == worst)
    report.unmerged.append("verdict: it is the worst of the parts, since not all that it is made of could be merged")
    return replace(report, verdict=worst, reason="; ".join(reasons))


def _ending(report: RunReport, endings: Sequence[Ending]) -> Ending:
    late = [ending.late_ns for ending in endings if ending.late_ns is not None]
    aborted = [ending.aborted for ending in endings if ending.aborted]
    return Ending(
        failures=[failure for ending in endings for failure in ending.failures],
        interrupted_by=next((ending.interrupted_by for ending in endings if ending.interrupted_by), None),
        stopped_by=next((ending.stopped_by for ending in endings if ending.stopped_by), None),
        aborted="; ".join(aborted) or None,
        done=all(ending.done for ending in endings),
        late_ns=max(late) if len(late) == len(endings) else None,
        mean_target_eps=_mean_target_eps(report.parts, round(report.duration_s * SECOND_NS)),
    )
