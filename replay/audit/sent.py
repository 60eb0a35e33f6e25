"""What the sender's report says of a run: how many events each port got, and when they left."""

from dataclasses import dataclass
from typing import Any, Final

from replay.tags import parse_run

_STEADY: Final = 0.05
"""How far the best second may be above the mean in a run at one rate."""
_WEAK: Final = 0.05
"""The part of the intervals that may be weak: instants are as much of the run from the truth at most."""


@dataclass(frozen=True)
class Sent:
    """A run as its sender tells it."""

    run: int | None
    """None: its events had no tags."""
    lanes: dict[int, int]
    """Events sent, by port."""
    steady_s: float | None
    """How long it took, if it was at one rate throughout; else None."""


def read_sent(report: dict[str, Any]) -> Sent:
    """The parts of a sender's report that an audit needs. Raises ValueError, with a clause, if they are not there."""
    lanes = report.get("lanes")
    if not isinstance(lanes, list) or not lanes or not all(_has_counts(lane) for lane in lanes):
        raise ValueError("a sender's report has lanes with the counts port, sent_events")
    total, of_ports = report.get("sent_events"), sum(lane["sent_events"] for lane in lanes)
    if total not in (None, of_ports):
        raise ValueError(f"its sent_events are not the {of_ports:,} that those of its ports sum to")
    text = report.get("run_id")
    if not (text is None or isinstance(text, str)):
        raise ValueError("its run_id is not eight hexadecimal digits")
    run = None if text is None else parse_run(text)
    return Sent(run, {lane["port"]: lane["sent_events"] for lane in lanes}, _steady_s(report))


def _has_counts(lane: object) -> bool:
    return isinstance(lane, dict) and all(
        type(lane.get(name)) is int and lane[name] >= 0 for name in ("port", "sent_events")
    )


def _steady_s(report: dict[str, Any]) -> float | None:
    """The length of a run at one rate, with few intervals behind it and no second above it; None for any other."""
    offered, duration_s, mean_eps, peak_eps = (
        report.get(name) for name in ("offered", "duration_s", "achieved_eps", "peak_eps")
    )
    if not isinstance(offered, dict) or offered.get("not_measured"):
        return None
    if not _is_even(offered.get("below_95_percent"), offered.get("intervals")):
        return None
    if report.get("speed") is not None or report.get("recoveries"):
        return None
    if not all(isinstance(value, int | float) and value > 0 for value in (duration_s, mean_eps, peak_eps)):
        return None
    assert duration_s is not None
    assert mean_eps is not None
    assert peak_eps is not None
    return float(duration_s) if peak_eps <= mean_eps * (1 + _STEADY) else None


def _is_even(weak: object, intervals: object) -> bool:
    """Whether so few intervals were weak that the rest tells when an event was sent."""
    if weak == 0:
        return True
    return type(weak) is int and type(intervals) is int and 0 <= weak <= _WEAK * intervals
