"""Streams of TCP are followed until the messages in them are whole: RFC 9293.

Where a segment never comes, its stream goes on behind the gap: soon after the receiver acknowledged what is missing, so
only the recorder missed it, and else once time enough has passed for sending it again. Memory is bounded: of streams,
and of what waits in one or in all.
"""

from collections import Counter, OrderedDict
from typing import Final

from captures.packets.headers.reasons import NO_DATA, TCP_CROWDED_OUT, TCP_PART
from captures.packets.headers.reassembly.framing import FOREIGN, MessageStream
from captures.packets.headers.reassembly.segments import FIN, RST, SEQUENCE, SYN, Completed, Segment
from captures.packets.headers.reassembly.stream import FAR, Stream

MOST_STREAMS: Final = 1 << 14
MOST_BYTES: Final = 64 << 20
"""What waits in all streams. The gap that waits for longest is given up first, then the stream that was idle so."""
MOST_WAIT_NS: Final = 3_000_000_000
"""As long is waited for a segment, by the instants of the capture.

A segment is sent again after a second, and if that is lost, too, after two more (RFC 6298, section 2), most often much
earlier.
"""

ACKNOWLEDGED_WAIT_NS: Final = 50_000_000
"""So long it is waited for what the receiver has acknowledged: two directions that were recorded by two queues of a
card, or at two ports, may change places in the recording."""


class Streams:
    """All streams that are followed."""

    def __init__(self, counts: Counter[str], ready: Completed, *, keep_cut: bool = False) -> None:
        """`counts`: what is left out of streams; `ready`: the messages that are completed.

        With `keep_cut`, messages are taken, too, that a snaplen cut.
        """
        self._counts, self._ready, self._keep_cut = counts, ready, keep_cut
        self._streams = OrderedDict[bytes, Stream]()
        self._gaps = OrderedDict[bytes, int]()
        """Since when a stream waits for the segment that is missing in it; the longest first."""
        self._acknowledged = OrderedDict[bytes, tuple[int, int]]()
        """Of streams with a gap: up to which place their bytes are acknowledged, and since when; the longest first."""
        self._bytes = 0

    @property
    def has_gaps(self) -> bool:
        """Whether something waits for a segment before it."""
        return bool(self._gaps)

    @property
    def first_waiting(self) -> int | None:
        """The number of the first packet that waits for others before it."""
        waiting = (next(iter(self._streams[name].ahead.values())) for name in self._gaps)
        return min((piece.origin.packet for piece in waiting), default=None)

    def add(self, segment: Segment) -> int:
        """Take a segment; returns its outcome."""
        self.give_up_old(segment.origin.instant_ns)
        is_syn = bool(segment.flags & SYN)
        sequence = (segment.sequence + is_syn) % SEQUENCE
        stream = self._streams.get(segment.stream)
        if stream and is_syn and stream.place(sequence) not in (stream.first, stream.next):
            self._end(segment.stream)
            stream = None
        if stream is None:
            if not segment.length and not is_syn:
                return NO_DATA
            stream = self._begin(segment, is_begin=is_syn)
        self._streams.move_to_end(segment.stream)
        place = stream.place(sequence)
        outcome = stream.put(segment, place, self._ready) if segment.length else NO_DATA
        if segment.flags & FIN:
            self._close(stream, segment, place + segment.length)
        self._changed(segment.stream, stream, segment.origin.instant_ns)
        if segment.flags & RST or (stream.closing and stream.messages.framing in FOREIGN):
            self._end(segment.stream)
        self._make_room()
        return outcome

    def acknowledge(self, name: bytes, sequence: int, now_ns: int) -> None:
        """The other side has all bytes of a stream before `sequence`: what of them is missing here is not recorded."""
        if name in self._gaps:
            stream = self._streams[name]
            place = stream.place(sequence)
            if 0 < place - stream.next <= FAR:
                since_ns = self._acknowledged[name][1] if name in self._acknowledged else now_ns
                self._acknowledged[name] = place, since_ns

    def give_up_old(self, now_ns: int) -> None:
        """Wait no longer for what is missing for too long at an instant."""
        while self._gaps and now_ns - next(iter(self._gaps.values())) > MOST_WAIT_NS:
            self._give_up_oldest(now_ns)
        while self._acknowledged and now_ns - next(iter(self._acknowledged.values()))[1] > ACKNOWLEDGED_WAIT_NS:
            name, (place, _) = self._acknowledged.popitem(last=False)
            if name in self._gaps:
                self._streams[name].skip_gaps(self._ready, place)
                self._changed(name, self._streams[name], now_ns)

    def end_all(self) -> None:
        """Take what is complete without what is missing, stream by stream."""
        for name in list(self._streams):
            self._end(name)

    def _begin(self, first: Segment, *, is_begin: bool) -> Stream:
        messages = MessageStream(self._counts, is_named=first.is_named, is_begin=is_begin, keep_cut=self._keep_cut)
        stream = self._streams[first.stream] = Stream(first, messages)
        return stream

    def _close(self, stream: Stream, segment: Segment, place: int) -> None:
        """Note where a stream ends; what is missing before that is waited for."""
        if stream.next <= place <= stream.next + FAR:
            stream.closing = place, segment.origin
            if place > stream.next and place not in stream.ahead and not segment.length:
                stream.wait(segment, place)

    def _changed(self, name: bytes, stream: Stream, now_ns: int) -> None:
        """Note that a stream went on, and what it waits for now."""
        if stream.closing and stream.is_closed:  # it is kept, to know what comes again
            stream.end(self._ready)
        if stream.is_early:
            stream.is_early = False
            self._counts[TCP_PART] += 1
        waiting_bytes = stream.waiting_bytes
        self._bytes += waiting_bytes - stream.counted_bytes
        stream.counted_bytes = waiting_bytes
        if stream.ahead and (name not in self._gaps or stream.waits_at != stream.next):
            stream.waits_at = stream.next
            self._gaps[name] = now_ns
            self._gaps.move_to_end(name)
            self._acknowledged.pop(name, None)
        elif not stream.ahead and self._gaps:
            self._gaps.pop(name, None)
            self._acknowledged.pop(name, None)

    def _give_up_oldest(self, now_ns: int) -> None:
        name = next(iter(self._gaps))
        stream = self._streams[name]
        stream.skip_gaps(self._ready)
        self._changed(name, stream, now_ns)

    def _end(self, name: bytes) -> None:
        stream = self._streams.pop(name)
        self._gaps.pop(name, None)
        self._acknowledged.pop(name, None)
        self._bytes -= stream.counted_bytes
        stream.skip_gaps(self._ready)
        stream.end(self._ready)

    def _make_room(self) -> None:
        while self._gaps and self._bytes > MOST_BYTES:
            self._give_up_oldest(next(iter(self._gaps.values())))
        while len(self._streams) > MOST_STREAMS or self._bytes > MOST_BYTES:
            self._end(next(iter(self._streams)))
            self._counts[TCP_CROWDED_OUT] += 1
