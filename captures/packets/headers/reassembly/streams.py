"""Streams of TCP are put together, in one direction each, until the messages in them are whole: RFC 9293.

Segments that come again are dropped, those that come too early wait for the others. Where these never come, the stream
goes on behind the gap: once the receiver acknowledged what is missing, so that only the recorder missed it, and else
once time enough has passed for sending it again. Memory is bounded: of streams, and of what waits in one or in all.
"""

from collections import Counter, OrderedDict
from heapq import heappop, heappush
from typing import Final, NamedTuple

from captures.packets.headers.reasons import (
    CAME_AGAIN,
    ENCRYPTED,
    NO_DATA,
    NO_SYSLOG,
    SEGMENT,
    TCP_CROWDED_OUT,
    TCP_PART,
)
from captures.packets.headers.reassembly.framing import Message, MessageStream, Origin
from captures.packets.headers.reassembly.resuming import Framing

MOST_STREAMS: Final = 1 << 14
MOST_BYTES: Final = 64 << 20
"""What waits in all streams. The gap that waits for longest is given up first, then the stream that was idle so."""
MOST_AHEAD_BYTES: Final = 8 << 20
"""What waits in a stream for a segment before it, a window of the largest that are usual; beyond, it never comes."""
MOST_WAIT_NS: Final = 3_000_000_000
"""As long is waited for a segment, by the instants of the capture.

A segment is sent again after a second, and if that is lost, too, after two more (RFC 6298, section 2), most often much
earlier.
"""
_OWN_BYTES: Final = 400
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
    origin: Origin
    """Without a flow if it has no data, and no flag by which it may complete a message."""
    is_named: bool
    """Whether its port was asked for by number."""


class _Piece(NamedTuple):
    """A segment that waits for those before it."""

    payload: bytes
    length: int
    origin: Origin


class _Stream:
    """One direction of a connection. Places in it are counted from what came of it first."""

    def __init__(self, first: Segment, messages: MessageStream) -> None:
        self.messages = messages
        self.first = self.next = 0
        """The places of what came first, and of what comes next."""
        self._sequence = (first.sequence + bool(first.flags & _SYN)) % _SEQUENCE
        self.ahead = OrderedDict[int, _Piece]()
        """What waits, by its place, in the order in which it came."""
        self._places: list[int] = []  # of what waits: a heap
        self._ahead_bytes = 0
        self.closing: tuple[int, Origin] | None = None
        """Where it ends, and the packet that says so."""
        self.is_early = False
        """Whether there was data before what came first."""

    @property
    def waiting_bytes(self) -> int:
        """What waits in it."""
        return self.messages.waiting_bytes + self._ahead_bytes

    def place(self, sequence: int) -> int:
        """The place of a sequence number, which is less than 2^31 from what comes next: numbers begin anew at 2^32."""
        half = _SEQUENCE // 2
        return self.next + (sequence - self._sequence - self.next + half) % _SEQUENCE - half

    def put(self, segment: Segment, place: int, ready: list[Message]) -> int:
        """Take a segment with payload; returns its outcome."""
        end = place + segment.length
        if not -_FAR_BEHIND <= place - self.next <= _FAR:
            self.skip_gaps(ready)
            self.messages.gap()
            self.first = self.next = place
            self.closing = None
        elif (
            place < self.first and segment.length > 1
        ):  # else it only asks whether the other side is there: RFC 9293, 3.8.4
            self.is_early = True
            if end <= self.first:
                return SEGMENT
        waits = self.ahead.get(place)
        if end <= self.next or (waits and waits.length >= segment.length):
            return CAME_AGAIN
        if place > self.next:
            self.wait(segment, place)
            while self._ahead_bytes > MOST_AHEAD_BYTES:
                self.skip_gap(ready)
            return SEGMENT
        self._take(place, _Piece(segment.payload, segment.length, segment.origin), ready)
        self._take_waiting(ready)
        return _REASONS.get(self.messages.framing, SEGMENT)

    def wait(self, segment: Segment, place: int) -> None:
        """Keep a segment until those before it are there."""
        shorter = self.ahead.pop(place, None)
        if shorter is None:
            heappush(self._places, place)
        else:
            self._ahead_bytes -= len(shorter.payload) + _OWN_BYTES
        self.ahead[place] = _Piece(segment.payload, segment.length, segment.origin)
        self._ahead_bytes += len(segment.payload) + _OWN_BYTES

    def skip_gaps(self, ready: list[Message], up_to: int | None = None) -> None:
        """Go on behind all gaps, or behind those before a place."""
        while self.ahead and (up_to is None or self._places[0] <= up_to):
            self.skip_gap(ready)

    def skip_gap(self, ready: list[Message]) -> None:
        """Go on behind the first gap: there is one if something waits."""
        self.messages.gap()
        self.next = self._places[0]
        self._take_waiting(ready)

    def _take(self, place: int, piece: _Piece, ready: list[Message]) -> None:
        """Take what a piece has of the bytes that come next."""
        payload, end = piece.payload[self.next - place :], place + piece.length
        ready += self.messages.feed(payload, piece.origin)
        missing_bytes = end - self.next - len(payload)
        if missing_bytes:
            ready += self.messages.cut(missing_bytes, piece.origin)
        self.next = end

    def _take_waiting(self, ready: list[Message]) -> None:
        """Take the segments that waited for what is there now."""
        while self.ahead and self._places[0] <= self.next:
            place = heappop(self._places)
            piece = self.ahead.pop(place)
            self._ahead_bytes -= len(piece.payload) + _OWN_BYTES
            if place + piece.length > self.next:
                self._take(place, piece, ready)


class Streams:
    """All streams that are followed."""

    def __init__(self, counts: Counter[str], *, keep_cut: bool = False) -> None:
        """`counts`: what is left out of streams; with `keep_cut`, messages are taken that a snaplen cut."""
        self._counts, self._keep_cut = counts, keep_cut
        self._streams = OrderedDict[bytes, _Stream]()
        self._gaps = OrderedDict[bytes, int]()
        """Since when a stream waits for the segment that is missing in it; the longest first."""
        self._bytes = 0
        self._ready: list[Message] = []

    @property
    def has_gaps(self) -> bool:
        """Whether something waits for a segment before it."""
        return bool(self._gaps)

    @property
    def first_waiting(self) -> int | None:
        """The number of the first packet that waits for others before it."""
        waiting = (next(iter(self._streams[name].ahead.values())) for name in self._gaps)
        return min((piece.origin.packet for piece in waiting), default=None)

    def taken(self) -> list[Message]:
        """The messages that were completed since the last call."""
        ready, self._ready = self._ready, []
        return ready

    def add(self, segment: Segment) -> int:
        """Take a segment; returns its outcome."""
        self.give_up_old(segment.origin.instant_ns)
        is_syn = bool(segment.flags & _SYN)
        sequence = (segment.sequence + is_syn) % _SEQUENCE
        stream = self._streams.get(segment.stream)
        if stream and is_syn and stream.place(sequence) not in (stream.first, stream.next):
            self._end(segment.stream)
            stream = None
        if stream is None:
            if not segment.length and not is_syn:
                return NO_DATA
            stream = self._begin(segment, is_begin=is_syn)
        self._streams.move_to_end(segment.stream)
        before, outcome = (stream.waiting_bytes, stream.next), NO_DATA
        place = stream.place(sequence)
        if segment.length:
            outcome = stream.put(segment, place, self._ready)
        if segment.flags & _FIN:
            self._close(stream, segment, place + segment.length)
        self._changed(segment.stream, stream, before, segment.origin.instant_ns)
        if segment.flags & _RST or (stream.closing and stream.messages.framing in _REASONS):
            self._end(segment.stream)
        self._make_room()
        return outcome

    def acknowledge(self, name: bytes, sequence: int, now_ns: int) -> None:
        """The other side has all bytes of a stream before `sequence`: what of them is missing here is not recorded."""
        if name in self._gaps:
            stream = self._streams[name]
            before, place = (stream.waiting_bytes, stream.next), stream.place(sequence)
            if place - stream.next <= _FAR:
                stream.skip_gaps(self._ready, place)
                self._changed(name, stream, before, now_ns)

    def give_up_old(self, now_ns: int) -> None:
        """Wait no longer for what is missing for too long at an instant."""
        while self._gaps and now_ns - next(iter(self._gaps.values())) > MOST_WAIT_NS:
            self._give_up_oldest(now_ns)

    def end_all(self) -> None:
        """Take what is complete without what is missing, stream by stream."""
        for name in list(self._streams):
            self._end(name)

    def _begin(self, first: Segment, *, is_begin: bool) -> _Stream:
        messages = MessageStream(self._counts, is_named=first.is_named, is_begin=is_begin, keep_cut=self._keep_cut)
        stream = self._streams[first.stream] = _Stream(first, messages)
        return stream

    def _close(self, stream: _Stream, segment: Segment, place: int) -> None:
        """Note where a stream ends; what is missing before that is waited for."""
        if stream.next <= place <= stream.next + _FAR:
            stream.closing = place, segment.origin
            if place > stream.next and place not in stream.ahead and not segment.length:
                stream.wait(segment, place)

    def _changed(self, name: bytes, stream: _Stream, before: tuple[int, int], now_ns: int) -> None:
        """Note what a stream waits for now; `before` are the bytes that waited, and the place of what came next."""
        if stream.closing and stream.closing[0] == stream.next:  # it is kept, to know what comes again
            self._ready += stream.messages.end(stream.closing[1])
            stream.closing = None
        if stream.is_early:
            stream.is_early = False
            self._counts[TCP_PART] += 1
        self._bytes += stream.waiting_bytes - before[0]
        if not stream.ahead:
            self._gaps.pop(name, None)
        elif name not in self._gaps or stream.next != before[1]:
            self._gaps.pop(name, None)
            self._gaps[name] = now_ns

    def _give_up_oldest(self, now_ns: int) -> None:
        name = next(iter(self._gaps))
        stream = self._streams[name]
        before = stream.waiting_bytes, stream.next
        stream.skip_gaps(self._ready)
        self._changed(name, stream, before, now_ns)

    def _end(self, name: bytes) -> None:
        stream = self._streams.pop(name)
        self._gaps.pop(name, None)
        self._bytes -= stream.waiting_bytes
        stream.skip_gaps(self._ready)
        closing = stream.closing[1] if stream.closing and stream.closing[0] == stream.next else None
        self._ready += stream.messages.end(closing)

    def _make_room(self) -> None:
        while self._gaps and self._bytes > MOST_BYTES:
            self._give_up_oldest(next(iter(self._gaps.values())))
        while len(self._streams) > MOST_STREAMS or self._bytes > MOST_BYTES:
            self._end(next(iter(self._streams)))
            self._counts[TCP_CROWDED_OUT] += 1
