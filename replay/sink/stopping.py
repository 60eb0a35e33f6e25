"""When does a sink end? On a signal, after its time, after silence, or when a worker dies."""

from dataclasses import dataclass
from typing import Final

FAILURE: Final = "failure"
"""The reason in the report if a worker died or failed: from then on, events at its sockets were not read."""
HURRIED: Final = "second signal"
"""The reason in the report if a second signal ended the sink before the workers had read what had arrived."""


@dataclass
class Watch:
    """Decides when to end. Instants are nanoseconds of one monotonic clock; None means no such limit.

    Silence is counted from the last arrival, or from the start if nothing has arrived: a sink to which nobody sends
    ends as well. Messages that wait to be read count as arrived: the workers may have had no time to read them.
    """

    start_ns: int
    duration_ns: int | None
    idle_ns: int | None
    _heard_events: int = 0
    _heard_ns: int = 0

    def __post_init__(self) -> None:
        """Count silence from the start."""
        self._heard_ns = self.start_ns

    def ended_by(self, now_ns: int, events: int, *, waits: bool = False) -> str | None:
        """Why to end now: `duration`, `idle`, or None. `events` were received so far; `waits`: more wait to be read."""
        if waits or events != self._heard_events:
            self._heard_events, self._heard_ns = events, now_ns
        if self.duration_ns is not None and now_ns - self.start_ns >= self.duration_ns:
            return "duration"
        if self.idle_ns is not None and now_ns - self._heard_ns >= self.idle_ns:
            return "idle"
        return None
