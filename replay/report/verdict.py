"""The verdict on a run, the clause that says why, and the exit code that it stands for."""

from typing import Any, Final

from captures.console.errors import ExitCode
from captures.console.units import counted
from replay.clock import SECOND_NS
from replay.ports import format_ports
from replay.report.criteria import criterion_line
from replay.report.shortfall import shortfall
from replay.supervision.supervisor import Outcome

TOLERANCE: Final = 0.05
"""The most by which a run may miss its target rate and still meet it."""

LATE_NS: Final = SECOND_NS // 20
"""How late the last event of any run may leave, however short the run: 5% of a second. Of a run of 10 ms, 5% of its own
time would be less than a sleep takes."""

MAX_ERROR_RATE: Final = 0.0001
"""The most errors, as a part of the events sent, with which a run is met."""

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


def verdict(outcome: Outcome, report: dict[str, Any]) -> tuple[str, str]:
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
    found, reason = _rate_verdict(outcome, report)
    return found, f"{reason}; stopped by {outcome.stopped_by}" if outcome.stopped_by else reason


def _miscounts(outcome: Outcome, report: dict[str, Any]) -> list[str]:
    """Where the workers say that they have sent all, and the lanes' counts do not sum to what was asked for."""
    sent, asked = report["sent_events"], report["asked_events"]
    if not outcome.done or asked is None or sent == asked or (sent > asked and outcome.demand.changed):
        return []
    return [f"the workers say that they have sent all {asked:,} events, and {sent:,} are counted"]


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
    when = f"were due by {outcome.stopped_by}" if outcome.stopped_by else "were asked for in its time"
    return f"{sent:,} events of {asked:,} that {when} were sent, {sent / asked:.2%} of the target rate"


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
        return "met", f"all {counted(sent, 'event')} sent, the last of them {late_ns / 1e6:.1f} ms after it was due"
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
        return f"the network card dropped {dropped:,} packets or trains; see `ip -s link`"
    return None


def explain(report: dict[str, Any]) -> dict[str, Any]:
    """The report, with what was short where the rate was missed: in a field, and in the reason of a missed run."""
    short = report["achieved_eps"] < (1 - TOLERANCE) * (report["target_eps"] or 0)
    report["shortfall"] = shortfall(report) if short else None
    if short and report["verdict"] == "missed":
        report["reason"] += f"; {report['shortfall']}"
    return report
