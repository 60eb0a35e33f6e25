"""When a sink ends: told by a signal, after its time, after silence, or when a worker dies."""

from dataclasses import dataclass
from typing import Final

FAILURE: Final = "failure"
"""What a sink's report says where a worker died or failed: its events from then on were not read."""
HURRIED: Final = "second signal"
"""The same where somebody did not wait until the workers had read what had arrived."""


@dataclass
class Watch:
    """Decides when to end. Instants are nanoseconds of one monotonic clock; None means no such limit.

    Silence is counted from the last arrival, and before the first one from the start: a sink that nobody
    sends to ends as well. What waits to be read has arrived: its workers may have had no time for it.
    """

    start_ns: int
    duration_ns: int | None
    idle_ns: int | None
    _heard_events: int = 0
    _heard_ns: int = 0

    def __post_init__(self) -> None:
        """Silence begins with the start."""
        self._heard_ns = self.start_ns

    def ended_by(self, now_ns: int, events: int, *, waits: bool = False) -> str | None:
        """Why to end now, having received `events` so far, more of which may wait: `duration`, `idle`, or None."""
        if waits or events != self._heard_events:
            self._heard_events, self._heard_ns = events, now_ns
        if self.duration_ns is not None and now_ns - self.start_ns >= self.duration_ns:
            return "duration"
        if self.idle_ns is not None and now_ns - self._heard_ns >= self.idle_ns:
            return "idle"
        return None
