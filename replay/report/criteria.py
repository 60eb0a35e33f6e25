"""Did a run keep the limits that were set for it? For each limit: what was measured, and whether it was kept. Pure.

A limit whose figure was not measured counts as not kept.
"""

from dataclasses import replace
from fractions import Fraction
from typing import Final

from replay.clock import SECOND_NS
from replay.report.model import CriterionFigures, RunReport
from replay.scenario.course import Course
from replay.scenario.limits import Criteria

_MS_NS: Final = SECOND_NS // 1000


def criteria_of(criteria: Criteria, course: Course | None) -> Criteria:
    """What the user asked for, and else what the scenario expects of the whole run."""
    if course is None:
        return criteria
    expected = vars(course.limits)
    return Criteria(**{name: expected[name] if limit is None else limit for name, limit in vars(criteria).items()})


def judge(criteria: Criteria, report: RunReport) -> RunReport:
    """The run's report with a row for each limit that was set: the limit, what was measured, and whether it is met."""
    sink, eps = report.sink, report.achieved_eps
    cpu = [worker.cpu_percent for worker in report.workers]
    known = [each for each in cpu if each is not None]
    busiest = max(known) if known and len(known) == len(cpu) else None
    rows = []

    def add(name: str, limit: float, measured: float | None, *, met: bool) -> None:
        rows.append(CriterionFigures(name, limit, measured, measured is not None and met))

    if (share := criteria.max_loss) is not None:
        rows.append(loss_row(share, report))
    if (least := criteria.min_eps) is not None:
        add("min_eps", least, eps, met=eps >= least)
    if (limit_ns := criteria.max_latency_p99_ns) is not None:
        limit_ms, latency_ms = limit_ns / _MS_NS, None if sink is None else sink.latency_p99_ms
        add("max_latency_p99_ms", limit_ms, latency_ms, met=latency_ms is not None and latency_ms <= limit_ms)
    if (share := criteria.max_cpu) is not None:
        add("max_cpu_percent", float(share * 100), busiest, met=busiest is not None and busiest <= share * 100)
    if (most := criteria.max_memory_bytes) is not None:
        held = report.memory_bytes_peak
        add("max_memory_bytes", most, held, met=held is not None and held <= most)
    return replace(report, criteria=rows)


def loss_row(limit: Fraction, report: RunReport) -> CriterionFigures:
    """The row of the greatest loss. Numbers of events are compared: a rounded share could hide a single lost one."""
    sink = report.sink
    measured = None if sink is None else sink.loss_percent
    kept = sink is not None and sink.lost_events is not None and sink.lost_events <= limit * report.sent_events
    return CriterionFigures("max_loss_percent", float(limit * 100), measured, measured is not None and kept)


def criterion_line(row: CriterionFigures) -> str:
    """A row of `judge` as text, with whether it is met."""
    return f"{measured_text(row)}, {'met' if row.met else 'missed'}"


def measured_text(row: CriterionFigures) -> str:
    """A limit, and what was measured, as text."""
    measured = "not measured" if row.measured is None else f"{row.measured:,.10g}"
    return f"{row.name} {row.limit:,.10g}: {measured}"
