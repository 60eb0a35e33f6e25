"""Did a run meet its target? The verdict, a clause that says why, and the exit code. Pure.

A verdict is made of the figures of a report and of nothing else, so that a merged report is judged like that of a run.

When nobody listens at a port, the host answers with ICMP errors. The number of these answers does not say how many
events were lost: a host sends about one a second to each peer, for all of its ports together (icmp(7), icmp_ratelimit).
So if the answers go on, or are many for their port, all events that were sent to a port that they name count as errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from captures.console.errors import ExitCode
from captures.console.units import counted
from replay.board.errnos import UNREACHABLE
from replay.clock import SECOND_NS
from replay.ranges import format_ports
from replay.report.criteria import criterion_line
from replay.report.model import Ending, LaneFigures, RunReport
from replay.report.shortfall import shortfall

TOLERANCE: Final = 0.05
"""A run meets its target rate if it falls short of the rate by no more than this part."""

LATE_NS: Final = SECOND_NS // 20
"""How late the last event of any run may leave, however short the run is: 5% of a second. In a run of 10 ms, 5% of its
duration would be less than a sleep takes."""

MAX_ERROR_RATE: Final = 0.0001
"""A run with more errors than this part of its events is missed."""

MOMENT_ANSWERS: Final = 2
MOMENT_SECONDS: Final = 1
"""No more answers than MOMENT_ANSWERS, or answers in no more seconds than MOMENT_SECONDS, may be due to a listener that
started late: they do not show that nobody listened throughout."""

_EXIT_CODES: Final = {
    "failed": ExitCode.FAILED,
    "interrupted": ExitCode.INTERRUPTED,
    "missed": ExitCode.MISSED,
    "measured": ExitCode.MET,
    "met": ExitCode.MET,
}
VERDICTS: Final = tuple(_EXIT_CODES)
"""All verdicts, the worst first."""


def exit_code(report: RunReport) -> ExitCode:
    """The exit code for a run's verdict."""
    return _EXIT_CODES[report.verdict]


def judged(report: RunReport, ending: Ending) -> RunReport:
    """The report with its verdict, the reason for it in a clause, and the causes if the run missed its rate."""
    verdict, reason = _verdict(report, ending)
    short = report.achieved_eps < (1 - TOLERANCE) * (report.target_eps or 0)
    said = shortfall(report) if short else None
    if said and verdict == "missed":
        reason += f"; {said}"
    return replace(report, verdict=verdict, reason=reason, shortfall=said, ending=ending)


def _verdict(report: RunReport, ending: Ending) -> tuple[str, str]:
    """The verdict, and in a clause the reason for it."""
    if ending.failures:
        return "failed", "; ".join(ending.failures)
    if ending.interrupted_by:
        return "interrupted", f"{ending.interrupted_by} after {counted(report.sent_events, 'event')}"
    fault = ending.aborted or _fault(report) or _unsent(report, ending)
    missed = [criterion_line(row) for row in report.criteria if not row.met]
    for phase in report.phases:
        missed += [f"phase {phase.name}: {criterion_line(row)}" for row in phase.criteria if not row.met]
    if fault or missed:
        return "missed", fault or "; ".join(missed)
    found, reason = _rate_verdict(report, ending)
    return found, f"{reason}; stopped by {ending.stopped_by}" if ending.stopped_by else reason


def _fault(report: RunReport) -> str | None:
    """Errors, drops or a lost link that make a run miss its target at any rate; None: there were none."""
    errors, sent = sum(report.errors.values()), report.sent_events
    named = [lane for lane in report.lanes if _unreachable(lane)]
    deaf = _deaf(report, named)
    unheard = sum(lane.sent_events for lane in deaf)
    if max(errors, errors - sum(map(_unreachable, deaf)) + unheard) > MAX_ERROR_RATE * sent:
        said = f"{_nobody(named)}{counted(errors, 'error')} with {counted(sent, 'event')}"
        there = f", {unheard:,} of them sent there" if unheard and len(deaf) < len(report.lanes) else ""
        return f"{said}{there}, and at most {MAX_ERROR_RATE:.2%} are allowed"
    return _nic_fault(report.nic or {}, sent)


def _deaf(report: RunReport, named: Sequence[LaneFigures]) -> list[LaneFigures]:
    """Of the ports `named` in answers, those whose events all count as errors, by the rule of the module docstring."""
    answers = sum(map(_unreachable, named))
    seconds = max((worker.unreachable_seconds for worker in report.workers), default=0)
    if not seconds:  # the kernel refused the sends at once: nothing left, and it was sent again
        return []
    if answers > MOMENT_ANSWERS and seconds > MOMENT_SECONDS:
        return list(named)
    return [lane for lane in named if _unreachable(lane) > max(MOMENT_ANSWERS, MAX_ERROR_RATE * lane.sent_events)]


def _unreachable(lane: LaneFigures) -> int:
    return sum(lane.errors.get(name, 0) for name in UNREACHABLE)


def _nobody(named: Sequence[LaneFigures]) -> str:
    """The beginning of a clause that names the ports by the kind of answer that came; empty if there are no ports."""
    refused = tuple(lane.port for lane in named if "ECONNREFUSED" in lane.errors)
    others = tuple(lane.port for lane in named if "ECONNREFUSED" not in lane.errors)
    said = [f"nobody listens at {format_ports(refused)}"] * bool(refused)
    said += [f"no host answers for {format_ports(others)}"] * bool(others)
    return f"{', and '.join(said)}: " if said else ""


def _nic_fault(nic: Mapping[str, int | str | None], sent: int) -> str | None:
    """Drops or a lost link of the network card that make a run miss its target; None: there were none."""
    dropped, losses = (int(nic.get(name) or 0) for name in ("tx_dropped", "carrier_losses"))
    if losses:
        times = "once" if losses == 1 else f"{losses} times"
        drops = counted(dropped, "drop")
        return f"the network card's link was down {times}, and what was sent meanwhile is lost ({drops} counted)"
    if dropped > MAX_ERROR_RATE * sent:
        return f"the network card dropped {counted(dropped, 'packet')}, single or joined; see `ip -s link`"
    return None


def _unsent(report: RunReport, ending: Ending) -> str | None:
    """A clause that says that not all events were sent; None: all were, or the run had no number of events to send."""
    sent, asked = report.sent_events, report.asked_events
    if asked is None or sent >= asked or report.started is None:
        return None
    when = f"due by {ending.stopped_by}" if ending.stopped_by else "asked for in its time"
    return f"sent {sent:,} of {counted(asked, 'event')} {when}, {sent / asked:.2%} of the target rate"


def _rate_verdict(report: RunReport, ending: Ending) -> tuple[str, str]:
    """The verdict on the mean rate. If `min_eps` is set, that criterion judges the rate instead."""
    sent, duration_ns, target_eps = report.sent_events, round(report.duration_s * SECOND_NS), ending.mean_target_eps
    if not target_eps or report.started is None:
        why = "no target was set" if target_eps is None else "nothing was due yet"
        return "measured", f"{why}; {counted(sent, 'event')} sent"
    part = sent * SECOND_NS / duration_ns / target_eps if duration_ns else 0.0
    own = {row.name for row in report.criteria}
    if part >= 1 - TOLERANCE or "min_eps" in own:
        return "met", f"{part:.2%} of the target rate"
    if ending.late_ns is not None and ending.late_ns <= LATE_NS:
        late = f"{ending.late_ns / 1e6:.1f} ms after it was due"
        return (
            "met",
            f"the one event sent {late}" if sent == 1 else f"all {sent:,} events sent, the last of them {late}",
        )
    return "missed", f"{part:.2%} of the target rate, and {1 - TOLERANCE:.0%} were needed"
