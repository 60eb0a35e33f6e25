"""When a lane may send: a token bucket against a fixed anchor. Pure: time is an argument.

Event k of lane i (both from 0) of n lanes is event k * n + i of the run, and gets its token at
`anchor + (k * n + i + 1) / rate`. A train may go when its last event has its token. So a lane is never ahead
of its schedule, does not burst at the start, and does not drift, whatever happened before; quotas sum to the
whole because tokens are counted, not rates divided.

A lane that fell behind (the machine stalled) catches up, but at `CATCH_UP` times its rate at most: a second
bucket of that rate and `BURST_NS` depth. A stall of ours must not become a flood at the receiver.
"""

from fractions import Fraction
from typing import Final

from replay.clock import SECOND_NS

BURST_NS: Final = 2_000_000
"""No train spans more of its lane's schedule than this, and no burst is longer."""

STAMP_AGE_NS: Final = 500_000
"""How long a batch should take at most, from its first stamp until it has left."""

CATCH_UP: Final = Fraction(3, 2)
"""The most a lane sends while it catches up, as a multiple of its rate."""


def train_limit(rate_eps: int, lanes: int, train_max: int) -> int:
    """The most events of one train, so that it spans at most `BURST_NS` of its lane's schedule; at least 1."""
    return max(1, min(train_max, rate_eps * BURST_NS // (lanes * SECOND_NS)))


def batch_room(room: int, most: int, took_ns: int) -> int:
    """How many trains the next batch may have, 1 to `most`, when one of `room` took `took_ns` to stage and send.

    Stamps are written before a batch leaves. Where sending is slow (without GSO, or with trains cut by the
    kernel) batches shrink, so that even the last stamp is not older than a millisecond when it leaves.
    """
    if took_ns > STAMP_AGE_NS:
        return max(1, room // 2)
    return min(most, 2 * room) if 2 * took_ns <= STAMP_AGE_NS else room


class TokenBucket:
    """One lane's tokens; instants are nanoseconds of one clock."""

    __slots__ = ("_anchor_ns", "_divisor", "_event_ns", "_free_ns", "_lanes", "_rate_eps", "_tokens", "due_ns")

    def __init__(self, anchor_ns: int, rate_eps: int, lanes: int, lane: int) -> None:
        """Start empty at `anchor_ns`; `rate_eps` is that of all `lanes` together."""
        self._anchor_ns = anchor_ns
        self._rate_eps = rate_eps
        self._lanes = lanes
        self._tokens = lane + 1 - lanes
        """The run's tokens up to and with the lane's last spent one."""
        self._free_ns = self.due_ns = anchor_ns
        self._event_ns, self._divisor = (Fraction(lanes * SECOND_NS, rate_eps) / CATCH_UP).as_integer_ratio()

    def ready_ns(self, count: int) -> int:
        """When the next `count` events may be sent; when they all have their token is left in `due_ns`.

        The first is later than the second only while the lane catches up.
        """
        tokens = self._tokens + count * self._lanes
        self.due_ns = due_ns = self._anchor_ns - (-tokens * SECOND_NS // self._rate_eps)
        return max(due_ns, self._free_ns)

    def spend(self, count: int, now_ns: int) -> None:
        """Take the tokens of `count` events that are sent at `now_ns`."""
        self._tokens += count * self._lanes
        free_ns = max(self._free_ns, now_ns - BURST_NS)
        self._free_ns = free_ns + count * self._event_ns // self._divisor


class Unpaced:
    """As fast as it goes: a lane is always due, and lanes take turns."""

    __slots__ = ("due_ns",)

    def __init__(self) -> None:
        """Start at turn 0."""
        self.due_ns = 0

    def ready_ns(self, count: int) -> int:  # noqa: ARG002 - the same call as TokenBucket's
        """A number that is always in the past, and grows with each turn, so that the least of all is next."""
        return self.due_ns

    def spend(self, count: int, now_ns: int) -> None:  # noqa: ARG002 - the same call as TokenBucket's
        """Take a turn."""
        self.due_ns += 1
