"""When is a lost event charged to the socket? When the kernel says that the socket dropped packets before the gap.

An event is lost on the way to the sink, or at the sink's own socket, whose buffer was full. Only the kernel knows of
the latter: with each message it tells how many packets the socket had dropped when the message was queued
(SO_RXQ_OVFL of socket(7)), but not which packets. So this is the rule:

1. If that count has risen by n from one message of a socket to the next, the socket dropped n packets between the two.
   A packet is one event. But if messages come joined, a packet may have been a whole train, so it stands for up to
   MAX_TRAIN_EVENTS events.
2. A port's gap, the numbers that were passed over, is *chargeable* for as many events as the socket may have dropped
   since the port's events came there last. What it dropped earlier lies before those events, and not in the gap. The
   rest of the gap was lost on the way.
3. No dropped event is charged twice. If several ports come to one socket, its drops may be of any of them. The gap that
   is noticed first is charged first, and the others with what is left *uncharged*.
4. Of a gap that is longer than what can be charged, the earliest numbers are charged.

If a gap is not believed at once (`replay.sink.verify.event_numbers`), what was chargeable is remembered with the events
behind the gap, and charged when they are believed, if it is still uncharged then. A number that was charged and arrives
after all is not lost, so it is not charged any more; what the socket dropped must have been something else.

In the kernels, `charges` are those of the sockets of one worker. All counts are int64.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from captures.format.layout import MAX_TRAIN_EVENTS
from replay.linux.sockets.udp_receive import unwrapped


class Charges(NamedTuple):
    """What the sockets of one worker may have dropped, and what of it was charged to the gaps of ports."""

    dropped: NDArray[np.int64]
    """By socket: how many events it may have dropped so far."""
    charged: NDArray[np.int64]
    """By socket: how many lost events were charged to it."""
    heard: NDArray[np.int64]
    """By socket and row: how many events the socket may have dropped when the port's events came there last."""


def new_charges(sockets: int, rows: int) -> Charges:
    """Nothing was dropped yet."""
    dropped, charged = np.zeros((2, sockets), np.int64)
    return Charges(dropped, charged, np.zeros((sockets, rows), np.int64))


@kernel
def dropped_before(dropped: NDArray[np.int64], counts: Any, socket: int, told: int) -> int:
    """How many events a socket may have dropped before a message, since the sink began.

    `told` is what the kernel told with the message: the packets that the socket had dropped modulo 2^32, or 0 if it
    told nothing. `dropped` is that of the charges, and `counts` the SOCKET_COUNTS row of the socket, which says whether
    messages come joined, and what was told before.
    """
    if told:
        risen = unwrapped(counts.drops, told) - counts.drops
        counts.drops += risen
        dropped[socket] += risen * MAX_TRAIN_EVENTS if counts.joined else risen
    events: int = dropped[socket]
    return events


@kernel
def chargeable_events(charges: Charges, socket: int, row: int, dropped: int) -> tuple[int, int]:
    """How many events can be charged for a gap of a port that is noticed now, and how many for any gap.

    `dropped` is how many events the socket may have dropped before the message that shows the gap. From now on,
    these drops are before the port's last events.
    """
    uncharged = max(0, dropped - charges.charged[socket])
    since = dropped - charges.heard[socket, row]
    charges.heard[socket, row] = dropped
    return min(since, uncharged), uncharged


@kernel
def charged_events(lost: int, chargeable: int, uncharged: int) -> int:
    """How many of a gap's `lost` events are charged to the socket: the earliest ones of the gap."""
    return min(lost, chargeable, uncharged)
