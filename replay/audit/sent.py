"""What the sender's report says of a run: how many events each port got, and when they left."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from replay.rewrite.tags import parse_run

if TYPE_CHECKING:
    from replay.ledger import report_models

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
    event_bytes: tuple[int, int] | None = None
    """The lengths of its capture's shortest and longest event; None: they are not known."""
    capture_events: int | None = None
    """How many events its capture has."""


def read_sent(path: Path) -> Sent:
    """The parts of the sender's report in a file that an audit needs. Raises InputError, in one line."""
    from replay.ledger import report_models  # noqa: PLC0415 - pydantic takes a while to load

    return sent_of(report_models.read_checked(report_models.Sent, path))


def sent_of(report: "report_models.Sent") -> Sent:
    """The same of a report that was checked."""
    run = None if report.run_id is None else parse_run(report.run_id)
    lanes = {lane.port: lane.sent_events for lane in report.lanes}
    events = report.capture.events if report.capture else None
    return Sent(run, lanes, _steady_s(report), _event_bytes(report.capture), events)


def _event_bytes(capture: "report_models.SentCapture | None") -> tuple[int, int] | None:
    if capture is None or capture.shortest_bytes is None or capture.longest_bytes is None:
        return None
    return capture.shortest_bytes, capture.longest_bytes


def _steady_s(report: "report_models.Sent") -> float | None:
    """The length of a run at one rate, with few intervals behind it and no second above it; None for any other."""
    if report.speed is not None or report.recoveries or not _is_even(report.offered):
        return None
    if not (report.duration_s and report.achieved_eps and report.peak_eps):
        return None
    return report.duration_s if report.peak_eps <= report.achieved_eps * (1 + _STEADY) else None


def _is_even(offered: "report_models.Offered | None") -> bool:
    """Whether so few intervals were weak that the rest tells when an event was sent."""
    if offered is None or offered.not_measured or offered.below_95_percent is None:
        return False
    return offered.below_95_percent <= _WEAK * (offered.intervals or 0)
