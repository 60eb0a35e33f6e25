"""The verdict on a run, the clause that says why, and the exit code that it stands for. Pure.

A verdict is made of the figures of a report and of nothing else, so that merged reports are judged like those of a run.

Answers that nobody is there can't be compared with the events that were lost: a host sends about one of them a second
to each peer, for all of its ports together (icmp(7), icmp_ratelimit), however many events it could not deliver. So
where they keep coming, or are many for their port, all that was sent to a port that they name counts as an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from captures.console.errors import ExitCode
from captures.console.units import counted
from replay.board.layout import UNREACHABLE
from replay.clock import SECOND_NS
from replay.ranges import format_ports
from replay.report.criteria import criterion_line
from replay.report.model import Ending, LaneFigures, RunReport
from replay.report.shortfall import shortfall

TOLERANCE: Final = 0.05
"""The most by which a run may miss its target rate and still meet it."""

LATE_NS: Final = SECOND_NS // 20
"""How late the last event of any run may leave, however short the run: 5% of a second. Of a run of 10 ms, 5% of its own
time would be less than a sleep takes."""

MAX_ERROR_RATE: Final = 0.0001
"""A run with more errors than this part of its events is missed."""

MOMENT_ANSWERS: Final = 2
MOMENT_SECONDS: Final = 1
"""So many answers that nobody is there, or all of them in so few seconds, may be of a moment: a listener was late."""

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
    """The exit code that a run's verdict stands for."""
    return _EXIT_CODES[report.verdict]


def judged(report: RunReport, ending: Ending) -> RunReport:
    """The report with its verdict, the reason in a clause, and what was short where the rate was missed."""
    verdict, reason = _verdict(report, ending)
    short = report.achieved_eps < (1 - TOLERANCE) * (report.target_eps or 0)
    said = shortfall(report) if short else None
    if said and verdict == "missed":
        reason += f"; {said}"
    return replace(report, verdict=verdict, reason=reason, shortfall=said, ending=ending)


def _verdict(report: RunReport, ending: Ending) -> tuple[str, str]:
    """The verdict and, in a clause, why."""
    if ending.failures:
        return "failed", "; ".join(ending.failures)
    if ending.interrupted_by:
        return "interrupted", f"{ending.interrupted_by} after {counted(report.sent_events, 'event')}"
    fault = ending.aborted or _fault(report) or _unsent(report, ending)
    missed = [criterion_line(row) for row in report.criteria if not row.met]
    if fault or missed:
        return "missed", fault or "; ".join(missed)
    found, reason = _rate_verdict(report, ending)
    return found, f"{reason}; stopped by {ending.stopped_by}" if ending.stopped_by else reason


def _fault(report: RunReport) -> str | None:
    """What makes a run miss, whatever its rate; None: nothing."""
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
    """Those of the ports `named` by answers all of whose events count as errors, by the rule above."""
    answers = sum(map(_unreachable, named))
    seconds = max((worker.unreachable_seconds for worker in report.workers), default=0)
    if not seconds:  # what the kernel refused at once has not left, and was tried again
        return []
    if answers > MOMENT_ANSWERS and seconds > MOMENT_SECONDS:
        return list(named)
    return [lane for lane in named if _unreachable(lane) > max(MOMENT_ANSWERS, MAX_ERROR_RATE * lane.sent_events)]


def _unreachable(lane: LaneFigures) -> int:
    return sum(lane.errors.get(name, 0) for name in UNREACHABLE)


def _nobody(named: Sequence[LaneFigures]) -> str:
    """The beginning of a clause that names those ports, by what was answered of them; empty where there is none."""
    refused = tuple(lane.port for lane in named if "ECONNREFUSED" in lane.errors)
    others = tuple(lane.port for lane in named if "ECONNREFUSED" not in lane.errors)
    said = [f"nobody listens at {format_ports(refused)}"] * bool(refused)
    said += [f"no host answers for {format_ports(others)}"] * bool(others)
    return f"{', and '.join(said)}: " if said else ""


def _nic_fault(nic: Mapping[str, int | str | None], sent: int) -> str | None:
    """What a network card counted that makes a run miss; None: nothing."""
    dropped, losses = (int(nic.get(name) or 0) for name in ("tx_dropped", "carrier_losses"))
    if losses:
        times = "once" if losses == 1 else f"{losses} times"
        drops = counted(dropped, "drop")
        return f"the network card's link was down {times}, and what was sent meanwhile is lost ({drops} counted)"
    if dropped > MAX_ERROR_RATE * sent:
        return f"the network card dropped {counted(dropped, 'packet')}, single or joined; see `ip -s link`"
    return None


def _unsent(report: RunReport, ending: Ending) -> str | None:
    """That not all was sent that was asked for; None: it was, or nothing could be asked for."""
    sent, asked = report.sent_events, report.asked_events
    if asked is None or sent >= asked or report.started is None:
        return None
    when = f"due by {ending.stopped_by}" if ending.stopped_by else "asked for in its time"
    return f"sent {sent:,} of {counted(asked, 'event')} {when}, {sent / asked:.2%} of the target rate"


def _rate_verdict(report: RunReport, ending: Ending) -> tuple[str, str]:
    """The verdict on the mean rate, for which `min_eps` may have set another limit."""
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
