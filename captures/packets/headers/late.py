"""Messages that Python made, and the place of each among those that the scan found: that of its packet.

What waits in a stream for a segment before it comes late. So long what comes behind it is held back, as far as memory
allows.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.events.gathering import gathered
from captures.packets.headers.reassembly.segments import Completed
from captures.text.messages import MESSAGE, Messages

MOST_HELD_BYTES: Final = 64 << 20
"""What is held back. Beyond, what comes late has a later place than its packet."""


def among(
    data: NDArray[np.uint8], messages: NDArray[Any], packets: NDArray[np.int64], late: Completed
) -> tuple[Messages, NDArray[np.int64]]:
    """All messages by the numbers of their packets, and these numbers.

    `messages` are MESSAGE rows whose bytes are in `data`, of `packets`, which ascend.
    """
    if not late.texts:
        return Messages(data, messages), packets
    count, packet, instant_ns, flow = np.array(late.origins, np.int64).T
    both = np.empty(len(messages) + len(late.texts), MESSAGE)
    both[: len(messages)], rows = messages, both[len(messages) :]
    rows["length"] = rows["original"] = list(map(len, late.texts))
    rows["place"] = len(data) + np.cumsum(rows["length"]) - rows["length"]
    rows["instant_ns"], rows["flow"] = np.repeat(instant_ns, count), np.repeat(flow, count)
    for number, length in late.lengths:
        rows["original"][number] = length
    texts = np.frombuffer(b"".join(late.texts), np.uint8)
    numbers = np.concatenate((packets, np.repeat(packet, count)))
    return _in_order(Messages(np.concatenate((data, texts)), both), numbers)


class HeldBack:
    """Messages that wait for others whose packets came before theirs."""

    def __init__(self) -> None:
        self._held: list[tuple[Messages, NDArray[np.int64]]] = []
        self._bytes = 0

    def passed(self, messages: Messages, packets: NDArray[np.int64], first_waiting: int | None) -> Messages:
        """What may go on: nothing of a packet before it comes any more, but for what is there already.

        `packets` are the numbers of the messages' packets and ascend, shape (messages,); `first_waiting` is the first
        packet whose messages may come yet. None: there is no such one.
        """
        count = len(packets) if first_waiting is None else int(np.searchsorted(packets, first_waiting))
        if count == len(packets) and not self._held:
            return messages
        if len(packets):
            self._hold(_packed(messages), packets)
        if first_waiting is not None and self._bytes > MOST_HELD_BYTES:
            first_waiting = None
        if not self._held or (first_waiting is not None and first_waiting <= self._first):
            return Messages(messages.data[:0], messages.messages[:0])
        return self._before(first_waiting)

    @property
    def _first(self) -> int:
        return min((int(packets[0]) for _, packets in self._held), default=0)

    def _hold(self, messages: Messages, packets: NDArray[np.int64]) -> None:
        self._held.append((messages, packets))
        self._bytes += len(messages.data) + messages.messages.nbytes + packets.nbytes

    def _before(self, first_waiting: int | None) -> Messages:
        """All that is held of packets before that one, which is held no longer."""
        messages = _joined([messages for messages, _ in self._held])
        both, packets = _in_order(messages, np.concatenate([packets for _, packets in self._held]))
        count = len(packets) if first_waiting is None else int(np.searchsorted(packets, first_waiting))
        self._held, self._bytes = [], 0
        if count < len(packets):
            self._hold(_packed(Messages(both.data, both.messages[count:])), packets[count:])
        return Messages(both.data, both.messages[:count])


def _in_order(messages: Messages, packets: NDArray[np.int64]) -> tuple[Messages, NDArray[np.int64]]:
    order = np.argsort(packets, kind="stable")
    return Messages(messages.data, messages.messages[order]), packets[order]


def _packed(messages: Messages) -> Messages:
    """The same, in memory that holds nothing else."""
    rows = messages.messages.copy()
    place, length = messages.messages["place"].copy(), messages.messages["length"].copy()
    rows["place"] = np.cumsum(length) - length
    return Messages(gathered(messages.data, place, length), rows)


def _joined(each: list[Messages]) -> Messages:
    """The messages of several batches."""
    first = np.cumsum([0, *(len(messages.data) for messages in each[:-1])])
    rows = np.empty(sum(len(messages.messages) for messages in each), MESSAGE)
    np.concatenate([messages.messages for messages in each], out=rows)
    rows["place"] += np.repeat(first, [len(messages.messages) for messages in each])
    return Messages(np.concatenate([messages.data for messages in each]), rows)
