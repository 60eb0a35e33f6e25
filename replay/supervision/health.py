"""What to do about a worker that died or stands still. Pure: time is an argument.

A worker beats each time it looks at the board, which is every 50 ms at least. One that does not is woken (SIGCONT) and
told to take up its socket and its lanes anew: the soft way. If that does not help within a second, or not for a minute,
it is killed. One that is dead is replaced by a new process on the same core, and if that dies as well, on another one.
What fails again and again is given up: then it is not the worker that is ill.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from replay.clock import SECOND_NS

FROZEN_NS: Final = 2 * SECOND_NS
"""A worker that is silent for so long stands still; a slow disk may hold one up for less."""
SOFT_PATIENCE_NS: Final = SECOND_NS
MOST_FAILURES: Final = 3
"""Of one worker within `MEMORY_NS`; one more, and the run is given up."""
MEMORY_NS: Final = 60 * SECOND_NS


class Action(StrEnum):
    """What to do about a worker."""

    NONE = "none"
    SOFT = "soft"
    """Wake it up and have it begin anew."""
    KILL = "kill"
    """It will be dead the next time."""
    HARD = "hard"
    """A new process on the same core."""
    MOVE = "moved"
    """A new process on another core."""
    GIVE_UP = "given up"


@dataclass
class Health:
    """What is known of one worker's health."""

    deaths_ns: list[int] = field(default_factory=list)
    """Of the last minute."""
    told_ns: int | None = None
    """When it was told to begin anew."""
    killed: bool = False

    def choose(self, now_ns: int, beat_ns: int, *, dead: bool) -> Action:
        """What to do now, which is then taken to be done; `beat_ns` is when it last beat."""
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
    """A failure and what became of it; instants count from the start of the run."""

    worker: int
    cause: str
    action: Action
    core: int
    failed_ns: int
    """When it was last known to work."""
    silent_ns: int | None = None
    """Until it sent again; None: it did not."""
    events_behind: int | None = None
    """What was due and not sent when it sent again; None: no rate was asked for, or it did not."""
    recovered_ns: int | None = None
    """From the failure until it had caught up; None: it did not before its next failure, or the end."""

    def observe(self, now_ns: int, sent_ns: int, behind: int | None, tolerable: int) -> None:
        """Take note of how far it is at `now_ns`: it last sent at `sent_ns` and is `behind` events.

        It has caught up as soon as it is no more than `tolerable` behind.
        """
        if self.silent_ns is None:
            if sent_ns <= self.failed_ns:
                return
            self.silent_ns, self.events_behind = now_ns - self.failed_ns, behind
        if self.recovered_ns is None and (behind is None or behind <= tolerable):
            self.recovered_ns = now_ns - self.failed_ns
