"""Streams of TCP are put together, in one direction each, until the messages in them are whole: RFC 9293.

Segments that come again are dropped, those that come too early wait for the others. Where these never come, the stream
goes on behind the gap. Memory is bounded: of streams, and of what waits in one or in all of them.
"""

from collections import Counter, OrderedDict
from typing import Final, NamedTuple

from captures.packets.headers.reasons import CAME_AGAIN, ENCRYPTED, NO_DATA, NO_SYSLOG, SEGMENT, TCP_CROWDED_OUT
from captures.packets.headers.reassembly.framing import Framing, MessageStream
from captures.text.messages import NO_FLOW

MOST_STREAMS: Final = 1 << 14
MOST_BYTES: Final = 64 << 20
"""What waits in all streams. The stream that was idle for longest is given up first."""
MOST_AHEAD: Final = 256
MOST_AHEAD_BYTES: Final = 1 << 20
"""Segments of a stream that wait for one before them, and their bytes; beyond, it never comes."""
_OWN_BYTES: Final = 100
"""What a segment takes that waits, besides its bytes."""
_SEQUENCE: Final = 1 << 32
_FAR: Final = 1 << 30
"""A window is never larger (RFC 7323): a segment so far ahead belongs to another connection."""
_FAR_BEHIND: Final = 1 << 24
"""What is sent again was sent a short while ago: a segment so far behind belongs to another connection, too."""

_FIN: Final = 1
_SYN: Final = 2
_RST: Final = 4

_REASONS: Final = {Framing.ENCRYPTED: ENCRYPTED, Framing.NO_SYSLOG: NO_SYSLOG}


class Segment(NamedTuple):
    """A segment of TCP."""

    stream: bytes
    """Addresses and ports."""
    sequence: int
    flags: int
    payload: bytes
    length: int
    """More than is there, if a snaplen cut it."""
    instant_ns: int
    flow: int
    """NO_FLOW: it has no data, and no flag by which it may complete a message."""
    is_named: bool
    """Whether its port was asked for by number."""


class Ended(NamedTuple):
    """Messages that were complete once nothing could come before them any more."""

    messages: list[bytes]
    instant_ns: int
    flow: int


def _distance(sequence: int, other: int) -> int:
    """How far `sequence` is ahead of `other`, from -2^31 on: numbers begin anew at 2^32."""
    return (sequence - other + _SEQUENCE // 2) % _SEQUENCE - _SEQUENCE // 2


class _Stream:
    """One direction of a connection."""

    __slots__ = ("ahead", "ahead_bytes", "end", "flow", "instant_ns", "next", "stream")

    def __init__(self, first: Segment, stream: MessageStream) -> None:
        self.stream = stream
        self.next = (first.sequence + bool(first.flags & _SYN)) % _SEQUENCE
        self.ahead: dict[int, tuple[bytes, int]] = {}
        self.ahead_bytes = 0
        self.end: int | None = None
        self.instant_ns, self.flow = first.instant_ns, first.flow

    @property
    def waiting_bytes(self) -> int:
        """What waits in it."""
        return len(self.stream) + self.ahead_bytes

    def put(self, segment: Segment, sequence: int, messages: list[bytes]) -> int:
        """Take a segment with payload; returns its outcome."""
        distance = _distance(sequence, self.next)
        if not -_FAR_BEHIND <= distance <= _FAR:
            self.skip_gaps(messages)
            self.stream.gap()
            self.next, distance = sequence, 0
        if distance <= -segment.length or self._waits_already(sequence, segment.length):
            return CAME_AGAIN
        if distance > 0:
            self._wait(sequence, segment.payload, segment.length)
            if len(self.ahead) > MOST_AHEAD or self.ahead_bytes > MOST_AHEAD_BYTES:
                self._skip_gap(messages)
            return SEGMENT
        self._take(segment.payload[-distance:], segment.length + distance, messages)
        self._take_waiting(messages)
        return _REASONS.get(self.stream.framing, SEGMENT)

    def skip_gaps(self, messages: list[bytes]) -> None:
        """Take all that waits."""
        while self.ahead:
            self._skip_gap(messages)

    def _waits_already(self, sequence: int, length: int) -> bool:
        return sequence in self.ahead and self.ahead[sequence][1] >= length

    def _wait(self, sequence: int, payload: bytes, length: int) -> None:
        shorter = self.ahead.pop(sequence, None)
        if shorter is not None:
            self.ahead_bytes -= len(shorter[0]) + _OWN_BYTES
        self.ahead[sequence] = payload, length
        self.ahead_bytes += len(payload) + _OWN_BYTES

    def _take(self, payload: bytes, length: int, messages: list[bytes]) -> None:
        """Take the next `length` bytes, of which `payload` is there."""
        messages += self.stream.feed(payload)
        self.next = (self.next + length) % _SEQUENCE
        if len(payload) < length:
            self.stream.gap()

    def _skip_gap(self, messages: list[bytes]) -> None:
        self.stream.gap()
        self.next = min(self.ahead, key=lambda sequence: _distance(sequence, self.next))
        self._take_waiting(messages)

    def _take_waiting(self, messages: list[bytes]) -> None:
        """Take the segments that waited for what is there now."""
        while self.ahead:
            sequence = min(self.ahead, key=lambda sequence: _distance(sequence, self.next))
            distance = _distance(sequence, self.next)
            if distance > 0:
                return
            payload, length = self.ahead.pop(sequence)
            self.ahead_bytes -= len(payload) + _OWN_BYTES
            if length > -distance:
                self._take(payload[-distance:], length + distance, messages)


class Streams:
    """All streams that are followed."""

    def __init__(self, counts: Counter[str]) -> None:
        """`counts`: what is left out of streams."""
        self._counts = counts
        self._streams = OrderedDict[bytes, _Stream]()
        self._bytes = 0

    def add(self, segment: Segment) -> tuple[int, list[bytes]]:
        """The outcome of a segment, and the messages that it completes."""
        messages: list[bytes] = []
        is_syn = bool(segment.flags & _SYN)
        sequence = (segment.sequence + is_syn) % _SEQUENCE
        stream = self._streams.get(segment.stream)
        if stream and is_syn and stream.next != sequence:
            messages += self._end(segment.stream, is_closed=False)
            stream = None
        if stream is None:
            if not segment.length and not is_syn:
                return NO_DATA, messages
            stream = self._begin(segment, is_begin=is_syn)
        self._streams.move_to_end(segment.stream)
        if segment.flow != NO_FLOW:
            stream.instant_ns, stream.flow = segment.instant_ns, segment.flow
        before, outcome = stream.waiting_bytes, NO_DATA
        if segment.length:
            outcome = stream.put(segment, sequence, messages)
        if segment.flags & _FIN:
            stream.end = (sequence + segment.length) % _SEQUENCE
        if stream.end == stream.next:  # it is kept, to know what comes again
            stream.end = None
            messages += stream.stream.end(is_closed=True)
        self._bytes += stream.waiting_bytes - before
        if segment.flags & _RST or (stream.end is not None and stream.stream.framing in _REASONS):
            messages += self._end(segment.stream, is_closed=False)
        self._make_room()
        return outcome, messages

    def end_all(self) -> list[Ended]:
        """What is complete without what is missing, stream by stream."""
        ended = []
        for name in list(self._streams):
            stream = self._streams[name]
            ended.append(Ended(self._end(name, is_closed=False), stream.instant_ns, stream.flow))
        return [one for one in ended if one.messages]

    def _begin(self, first: Segment, *, is_begin: bool) -> _Stream:
        stream = _Stream(first, MessageStream(self._counts, is_named=first.is_named, is_begin=is_begin))
        self._streams[first.stream] = stream
        return stream

    def _end(self, name: bytes, *, is_closed: bool) -> list[bytes]:
        stream = self._streams.pop(name)
        self._bytes -= stream.waiting_bytes
        messages: list[bytes] = []
        stream.skip_gaps(messages)
        return messages + stream.stream.end(is_closed=is_closed)

    def _make_room(self) -> None:
        while len(self._streams) > MOST_STREAMS or self._bytes > MOST_BYTES:
            _, stream = self._streams.popitem(last=False)
            self._bytes -= stream.waiting_bytes
            stream.stream.end(is_closed=False)
            self._counts[TCP_CROWDED_OUT] += 1
