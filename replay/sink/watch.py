"""When a sink ends: told by a signal, after its time, after silence, or when a worker dies."""

import signal
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Final, Self

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Watch:
    """Decides when to end. Instants are nanoseconds of one monotonic clock; None means no such limit.

    Silence is counted from the last arrival, and before the first one from the start: a sink that nobody
    sends to ends as well.
    """

    start_ns: int
    duration_ns: int | None
    idle_ns: int | None
    _heard_events: int = 0
    _heard_ns: int = 0

    def __post_init__(self) -> None:
        """Silence begins with the start."""
        self._heard_ns = self.start_ns

    def ended_by(self, now_ns: int, events: int) -> str | None:
        """Why to end now, having received `events` so far: `duration`, `idle`, or None to go on."""
        if events != self._heard_events:
            self._heard_events, self._heard_ns = events, now_ns
        if self.duration_ns is not None and now_ns - self.start_ns >= self.duration_ns:
            return "duration"
        if self.idle_ns is not None and now_ns - self._heard_ns >= self.idle_ns:
            return "idle"
        return None


class StopSignals:
    """While entered, a first SIGINT or SIGTERM is noted in `asked`, a second raises KeyboardInterrupt."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self.asked = False
        self._before: list[object] = []

    def __enter__(self) -> Self:
        """Take the signals over."""
        self._before = [signal.signal(number, self._note) for number in _STOPPING]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give them back."""
        for number, handler in zip(_STOPPING, self._before, strict=True):
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
