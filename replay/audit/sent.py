"""What does an audit read of the sender's report? How many events were sent to each port, and when they left."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from captures.console.errors import InputError
from replay.rewrite.tags import parse_run

if TYPE_CHECKING:
    from replay.ledger.models import sent as sender

_STEADY: Final = 0.05
"""In a run at one rate, the best second may exceed the mean rate by this part."""
_WEAK: Final = 0.05
"""The part of the intervals that may have sent less than 95% of what was due. The times of events are then wrong by
this part of the run at most."""


@dataclass(frozen=True)
class SentRun:
    """A run as its sender reports it."""

    run: int | None
    """The run's number in the tags; None: its events had no tags."""
    lanes: dict[int, int]
    """How many events were sent, by port."""
    steady_s: float | None
    """How long the run took, in seconds, if it sent at one rate throughout; else None."""
    event_bytes: tuple[int, int] | None = None
    """The lengths of its capture's shortest and longest event; None: they are not known."""
    capture_events: int | None = None
    """How many events its capture has."""
    late_s: float = 0.0
    """By how many seconds an event may have left before or after the time that follows from its number."""
    untimed: str | None = None
    """A clause that says why it is not known when an event was sent; None: it follows from `steady_s`."""


def read_sent(path: Path) -> SentRun:
    """Read what an audit needs from the file of a sender's report. Raises InputError, in one line."""
    from replay.ledger.models.reading import read_checked  # noqa: PLC0415 - pydantic takes a while to load
    from replay.ledger.models.sent import Sent  # noqa: PLC0415

    try:
        return sent_of(read_checked(Sent, path))
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def sent_of(report: "sender.Sent") -> SentRun:
    """Take what an audit needs from a report that is already checked. Raises ValueError if it is of several runs."""
    report.check_one_run()
    run = None if report.run_id is None else parse_run(report.run_id)
    lanes = {lane.port: lane.sent_events for lane in report.lanes}
    events = report.capture.events if report.capture else None
    untimed = _untimed(report)
    late_s = report.lag_ms.max / 1000 if untimed is None and report.lag_ms and _is_due_evenly(report.intervals) else 0.0
    steady_s = report.duration_s if untimed is None else None
    return SentRun(run, lanes, steady_s, _event_bytes(report.capture), events, late_s, untimed)


def _event_bytes(capture: "sender.SentCapture | None") -> tuple[int, int] | None:
    if capture is None or capture.shortest_bytes is None or capture.longest_bytes is None:
        return None
    return capture.shortest_bytes, capture.longest_bytes


def _untimed(report: "sender.Sent") -> str | None:
    """A clause that says why an event's number does not show when it was sent; None: it does show it.

    It shows it in a run at one rate. If events were due evenly, no event left later than the greatest lag. If it is not
    known what was due, few intervals may be weak, and no second may exceed the mean.
    """
    if not (report.duration_s and report.achieved_eps and report.peak_eps):
        return "the sender's report does not say how long it sent"
    if report.parts:
        return "the sender's report is a merged one, and its hosts may not have begun together"
    if report.speed is not None:
        return "the run followed the time axis of its capture"
    if report.recoveries:
        return "a worker of the run failed, and what it had to send was late"
    if report.lag_ms and _is_due_evenly(report.intervals):
        return None
    even = _is_even(report.offered) and report.peak_eps <= report.achieved_eps * (1 + _STEADY)
    return None if even else "the run was not at one rate"


def _is_due_evenly(intervals: "sender.DueIntervals | None") -> bool:
    """Whether each second of the schedule had about as many events as any other, by what was due."""
    if intervals is None or None in intervals.due_events:
        return False
    due = [events or 0 for events in intervals.due_events]
    each = max(1, round(1000 / max(intervals.interval_ms * intervals.joined, 1)))
    seconds = [sum(due[first : first + each]) for first in range(0, len(due) - each, each)]  # the last is not whole
    mean = sum(seconds) / max(len(seconds), 1)
    return mean > 0 and all(abs(second - mean) <= _STEADY * mean for second in seconds)


def _is_even(offered: "sender.OfferedPart | None") -> bool:
    """Whether so few intervals were weak that the number of an event shows when it was sent."""
    if offered is None or offered.not_measured or offered.below_95_percent is None:
        return False
    return offered.below_95_percent <= _WEAK * (offered.intervals or 0)
