"""What should the supervisor do about a worker that died or hangs? Pure: time is an argument.

A worker beats each time it looks at the board, at least every 50 ms. The soft way with a worker that does not beat is
to wake it (SIGCONT) and to tell it to open its socket and its lanes anew. If that does not help within a second, or
helps for less than a minute, the worker is killed. A dead worker is replaced by a new process on the same core, and if
that dies as well, by one on another core. A worker that fails again and again is given up, since then the cause must
lie elsewhere.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from replay.clock import SECOND_NS

FROZEN_NS: Final = 2 * SECOND_NS
"""A worker that did not beat for this long hangs. A slow disk may delay a worker, but not for so long."""
SOFT_PATIENCE_NS: Final = SECOND_NS
MOST_FAILURES: Final = 3
"""How often one worker may fail within `MEMORY_NS`; after one more failure the run is given up."""
MEMORY_NS: Final = 60 * SECOND_NS


class Action(StrEnum):
    """What to do about a worker."""

    NONE = "none"
    SOFT = "soft"
    """Wake the worker up, and have it begin anew."""
    KILL = "kill"
    """Kill the worker; the next check finds it dead and replaces it."""
    HARD = "hard"
    """Start a new process on the same core."""
    MOVE = "moved"
    """Start a new process on another core."""
    GIVE_UP = "given up"


@dataclass
class Health:
    """The recent failures of one worker, and what was done about them."""

    deaths_ns: list[int] = field(default_factory=list)
    """The instants at which it died within the last minute."""
    told_ns: int | None = None
    """When the worker was last told to begin anew."""
    killed: bool = False

    def choose(self, now_ns: int, beat_ns: int, *, dead: bool) -> Action:
        """What to do now. This remembers the action as done. `beat_ns` is when the worker last beat."""
        if dead:
            self.told_ns, self.killed = None, False
            self.deaths_ns = [at_ns for at_ns in self.deaths_ns if now_ns - at_ns < MEMORY_NS] + [now_ns]
            if len(self.deaths_ns) > MOST_FAILURES:
                return Action.GIVE_UP
            return Action.HARD if len(self.deaths_ns) == 1 else Action.MOVE
        if self.killed:
            return Action.NONE
        if now_ns - beat_ns <= FROZEN_NS:
            return Action.NONE
        if self.told_ns is None or now_ns - self.told_ns > MEMORY_NS:
            self.told_ns = now_ns
            return Action.SOFT
        if now_ns - self.told_ns <= SOFT_PATIENCE_NS:
            return Action.NONE
        self.killed = True
        return Action.KILL


@dataclass
class Recovery:
    """A failure of a worker, and how it recovered. Instants count from the start of the run."""

    worker: int
    cause: str
    action: Action
    core: int
    failed_ns: int
    """When the worker was last known to work."""
    silent_ns: int | None = None
    """How long the worker sent nothing after the failure; None: it has not sent again."""
    events_behind: int | None = None
    """How many events were due and not sent when the worker sent again; None: it has not, or the run has no rate."""
    recovered_ns: int | None = None
    """The time from the failure until the worker had caught up; None: it did not before its next failure or the end."""

    def observe(self, now_ns: int, sent_ns: int, behind: int | None, tolerable: int) -> None:
        """Note how far the worker is at `now_ns`: it last sent at `sent_ns`, and is `behind` events behind.

        It has caught up as soon as it is no more than `tolerable` events behind.
        """
        if self.silent_ns is None:
            if sent_ns <= self.failed_ns:
                return
            self.silent_ns, self.events_behind = now_ns - self.failed_ns, behind
        if self.recovered_ns is None and (behind is None or behind <= tolerable):
            self.recovered_ns = now_ns - self.failed_ns
