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
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import MAX_TRAIN_EVENTS
from replay.linux.sockets.udp_receive import unwrapped


class SocketCharge:
    """What the sockets of one worker may have dropped, and what of it was charged to the gaps of ports."""

    def __init__(self, by_socket: NDArray[Any]) -> None:
        """Read from SOCKET_COUNTS rows whether messages come joined, and keep the kernel's counts of drops there."""
        self._by_socket = by_socket
        self._dropped = np.zeros(len(by_socket), np.int64)
        """By socket: how many events it may have dropped so far."""
        self._charged = [0] * len(by_socket)
        """By socket: how many lost events were charged to it."""
        self._heard: dict[tuple[int, int], int] = {}
        """By socket and port: how many events the socket may have dropped when the port's events came there last."""

    def dropped_before(self, socket: NDArray[np.int64], drops: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many events its socket may have dropped before each message, since the sink began; shape (messages,).

        `drops` is what the kernel told with each message: the packets that the socket had dropped modulo 2^32, or 0 if
        it told nothing.
        """
        before = self._dropped[socket]
        for one in np.unique(socket[drops > 0]).tolist():
            own, counts = np.flatnonzero(socket == one), self._by_socket[one : one + 1]
            told = own[drops[own] > 0]
            packets = unwrapped(np.concatenate([counts["drops"], drops[told]]))
            risen = np.zeros_like(drops)
            risen[told] = np.diff(packets) * (MAX_TRAIN_EVENTS if counts["joined"][0] else 1)
            before[own] += np.cumsum(risen[own])
            counts["drops"], self._dropped[one] = packets[-1], before[own[-1]]
        return before

    def chargeable(self, socket: int, port: int, dropped: int) -> tuple[int, int]:
        """How many events can be charged for a gap of a port that is noticed now, and how many for any gap.

        `dropped` is how many events the socket may have dropped before the message that shows the gap. From now on,
        these drops are before the port's last events.
        """
        uncharged = max(0, dropped - self._charged[socket])
        since = dropped - self._heard.get((socket, port), 0)
        self._heard[socket, port] = dropped
        return min(since, uncharged), uncharged

    def charge(self, socket: int, events: int) -> None:
        """Note that so many lost events were charged to the socket, so that they are not charged again."""
        self._charged[socket] += events


def charged_events(lost: int, chargeable: int, uncharged: int) -> int:
    """How many of a gap's `lost` events are charged to the socket: the earliest ones of the gap."""
    return min(lost, chargeable, uncharged)
