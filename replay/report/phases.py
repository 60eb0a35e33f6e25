"""What is told of the phases of a scenario, and whether each kept what was expected of it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from captures.console.units import counted, format_count, format_duration, format_share
from replay.clock import SECOND_NS
from replay.report.criteria import measured_text
from replay.report.model import CriterionFigures, LagFigures, PhaseFigures
from replay.scenario.course import Course
from replay.scenario.limits import PhaseLimits
from replay.scenario.phases import Phase
from replay.supervision.phase_accounts import PhaseAccount


def phase_figures(course: Course | None, accounts: Sequence[PhaseAccount]) -> list[PhaseFigures]:
    """A row for each phase of the course; those that were not reached have no figures."""
    if course is None:
        return []
    reached = [_reached(phase, account) for phase, account in zip(course.phases, accounts, strict=False)]
    return [*reached, *map(_not_reached, course.phases[len(accounts) :])]


def _not_reached(phase: Phase) -> PhaseFigures:
    return PhaseFigures(name=phase.name, verdict="not reached", target_eps=_round(phase.mean_eps))


def _round(rate_eps: Fraction) -> float:
    return round(float(rate_eps), 3)


def _reached(phase: Phase, account: PhaseAccount) -> PhaseFigures:
    counted_here, duration_ns = account.counted, max(1, account.end_ns - account.start_ns)
    sent, lost = counted_here.sent_events, account.lost_events
    cpu = counted_here.workers["cpu_ns"].max() / duration_ns
    short_ns = account.short_until_ns
    figures = PhaseFigures(
        name=phase.name,
        verdict="",
        target_eps=_round(phase.mean_eps),
        start_s=round(account.start_ns / SECOND_NS, 3),
        duration_s=round(duration_ns / SECOND_NS, 3),
        due_events=account.due_events,
        sent_events=sent,
        achieved_eps=round(sent * SECOND_NS / duration_ns, 3),
        offered_percent=round(100 * sent / account.due_events, 2) if account.due_events else None,
        lag_ms=LagFigures.of(counted_here.lag),
        errors=counted_here.errors,
        cpu_percent=round(100 * float(cpu), 2),
        lost_events=lost,
        loss_percent=None if lost is None or not sent else round(100 * lost / sent, 4),
        short_s=None if short_ns is None else round(short_ns / SECOND_NS, 3),
    )
    criteria = [*_criteria(phase.limits, figures, account)]
    verdict = "cut short" if not account.whole else "met" if all(row.met for row in criteria) else "missed"
    return replace(figures, verdict=verdict if criteria or not account.whole else "measured", criteria=criteria)


def _criteria(limits: PhaseLimits, found: PhaseFigures, account: PhaseAccount) -> Iterator[CriterionFigures]:
    """A row for each limit of the phase."""
    if (least := limits.min_eps) is not None:
        eps = found.achieved_eps or 0.0
        yield CriterionFigures("min_eps", _round(least), eps, eps >= least)
    if (most := limits.max_loss) is not None:
        lost = account.lost_events
        kept = lost is not None and lost <= most * (found.sent_events or 0)
        yield CriterionFigures("max_loss_percent", float(100 * most), found.loss_percent, kept)
    if (most := limits.max_cpu) is not None:
        cpu = found.cpu_percent or 0.0
        yield CriterionFigures("max_cpu_percent", float(100 * most), cpu, cpu <= 100 * most)
    if (limit_ns := limits.recovery_ns) is not None:
        short_ns = account.short_until_ns
        kept = short_ns is not None and short_ns <= limit_ns
        yield CriterionFigures("recovery_s", limit_ns / SECOND_NS, found.short_s, kept)


def phase_line(found: PhaseFigures) -> str:
    """A phase as text."""
    if found.duration_s is None:
        return f"{found.name}: not reached; target {format_count(found.target_eps)}"
    lost = "" if found.lost_events is None else f", {format_share(found.lost_events, found.sent_events or 0)} lost"
    missed = "; ".join(measured_text(row) for row in found.criteria if not row.met)
    return (
        f"{found.name}: {found.verdict}: {counted(found.sent_events or 0, 'event')} in "
        f"{format_duration(round(found.duration_s * SECOND_NS))}, {found.achieved_eps or 0:,.0f} EPS of "
        f"{found.target_eps:,.0f}{lost}{f'; {missed}' if missed else ''}"
    )
