"""How much may leave at once: trains, batches, and what a lane sends while it catches up. Pure: time is an argument.

An event is due when it has its token, at the instant that the schedule says. A train may go when its last event has
its token. So a lane is never ahead of its schedule, does not burst at the start, and does not drift, whatever happened
before.

A lane that fell behind (the machine stalled) catches up, but at `CATCH_UP` times its rate at most: a bucket of that
rate and `BURST_NS` depth. A stall of ours must not become a flood at the receiver.
"""

from fractions import Fraction
from typing import Final

BURST_NS: Final = 2_000_000
"""No train spans more of its lane's schedule than this, and no burst is longer."""

STAMP_AGE_NS: Final = 500_000
"""How long a batch should take at most, from its first stamp until it has left."""

CATCH_UP: Final = Fraction(3, 2)
"""The most a lane sends while it catches up, as a multiple of its rate."""
_FASTER, _SLOWER = CATCH_UP.as_integer_ratio()


def train_limit(events: int, duration_ns: int, lanes: int, train_max: int) -> int:
    """The most events of one train, at least 1: it spans at most `BURST_NS` of its lane's schedule.

    All `lanes` together send `events` in `duration_ns`, which is 0 without a rate.
    """
    return max(1, min(train_max, events * BURST_NS // max(1, lanes * duration_ns)))


def batch_room(room: int, most: int, took_ns: int) -> int:
    """How many trains the next batch may have, 1 to `most`, when one of `room` took `took_ns` to stage and send.

    Stamps are written before a batch leaves. Where sending is slow (without GSO, or with trains cut by the
    kernel) batches shrink, so that even the last stamp is not older than a millisecond when it leaves. One that was
    late by chance halves the next at most.
    """
    return max(1, room // 2, min(most, 2 * room, room * STAMP_AGE_NS // max(1, took_ns)))


class TokenBucket:
    """When a lane that has a rate may send what is due; instants are nanoseconds of one clock."""

    __slots__ = ("_free_ns",)

    def __init__(self) -> None:
        """Start with nothing to catch up."""
        self._free_ns = 0

    def ready_ns(self, due_ns: int) -> int:
        """When what is due at `due_ns` may be sent: later than that only while the lane catches up."""
        free_ns = self._free_ns
        return due_ns if due_ns > free_ns else free_ns

    def spend(self, span_ns: int, now_ns: int) -> None:
        """Send, at `now_ns`, what takes `span_ns` of the lane's schedule."""
        behind_ns = now_ns - BURST_NS
        free_ns = self._free_ns
        self._free_ns = (behind_ns if behind_ns > free_ns else free_ns) + span_ns * _SLOWER // _FASTER


class RoundRobin:
    """When a lane without a rate may send, which goes as fast as it can: always, and the lanes take turns."""

    __slots__ = ("_turn",)

    def __init__(self) -> None:
        """Start at turn 0."""
        self._turn = 0

    def ready_ns(self, due_ns: int) -> int:  # noqa: ARG002 - the same call as TokenBucket's
        """A number that is always in the past, and grows with each turn, so that the least of all is next."""
        return self._turn

    def spend(self, span_ns: int, now_ns: int) -> None:  # noqa: ARG002 - the same call as TokenBucket's
        """Take a turn."""
        self._turn += 1
