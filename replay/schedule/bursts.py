"""How much may be sent at once: in a train, in a batch, and by a lane that catches up. Pure: time is an argument.

An event is due when it gets its token, at the instant that the schedule says. A train may be sent when its last event
has its token. So a lane is never ahead of its schedule, does not burst at the start, and does not drift, whatever
happened before.

A lane that fell behind (the machine stalled) catches up, but at `CATCH_UP` times its rate at most: it has a token
bucket of that rate, `BURST_NS` deep. Otherwise a stall of our machine would become a flood at the receiver.
"""

from fractions import Fraction
from typing import Final

from captures.compiled.kernel import kernel

BURST_NS: Final = 2_000_000
"""The longest part of its lane's schedule that a train or a burst may span."""

STAMP_AGE_NS: Final = 500_000
"""The longest time that a batch should take, from its first stamp until it is sent."""

LATE_NS: Final = 1_250_000
"""How late the first train of a batch is sent, by intent: so long what falls due is gathered, so that one wake-up and
one system call do for all of it. At 4 M EPS these are some 30 trains. Without it a slow core is kept busy by batches of
one or two trains, at a rate that it could send with time to spare."""

CATCH_UP: Final = Fraction(3, 2)
"""The highest rate at which a lane catches up, as a multiple of its usual rate."""
FASTER, SLOWER = CATCH_UP.as_integer_ratio()


def train_limit(events: int, duration_ns: int, lanes: int, train_max: int) -> int:
    """The most events of one train, at least 1: it spans at most `BURST_NS` of its lane's schedule.

    All `lanes` together send `events` in `duration_ns`, which is 0 without a rate.
    """
    return max(1, min(train_max, events * BURST_NS // max(1, lanes * duration_ns)))


@kernel
def batch_room(room: int, most: int, took_ns: int) -> int:
    """How many trains the next batch may have, 1 to `most`, if a batch of `room` took `took_ns` to stage and send.

    Stamps are written before a batch is sent. Where sending is slow (without GSO, or when the kernel cuts the trains)
    batches shrink, so that no stamp is older than a millisecond when it is sent. One slow batch halves the next one
    at most, since it may have been slow by chance.
    """
    return max(1, room // 2, min(most, 2 * room, room * STAMP_AGE_NS // max(1, took_ns)))


@kernel
def gather_ns(took_ns: int) -> int:
    """How long a train that is ready waits for others, if to stage and send the last batch took `took_ns`.

    So the first train of a batch is sent `LATE_NS` late, at any rate.
    """
    return max(0, LATE_NS - took_ns)
