"""A stream of TCP in one direction is put in order: RFC 9293, section 3.10.7.4.

Segments that come again are dropped, those that come too early wait for the others.
"""

from collections import OrderedDict
from heapq import heappop, heappush
from typing import Final

from captures.packets.headers.reasons import CAME_AGAIN, ENCRYPTED, NO_SYSLOG, SEGMENT
from captures.packets.headers.reassembly.framing import FOREIGN, MessageStream
from captures.packets.headers.reassembly.resuming import Framing
from captures.packets.headers.reassembly.segments import SEQUENCE, SYN, Completed, Origin, Segment

MOST_AHEAD_BYTES: Final = 8 << 20
"""What waits in a stream for a segment before it, a window of the largest that are usual; beyond, it never comes."""
FAR: Final = 1 << 30
"""A window is never larger (RFC 7323): a segment so far ahead belongs to another connection."""
_FAR_BEHIND: Final = 1 << 24
"""What is sent again was sent a short while ago: a segment so far behind belongs to another connection, too."""
_OWN_BYTES: Final = 400
"""What a segment takes that waits, besides its bytes."""
_REASONS: Final = {Framing.ENCRYPTED: ENCRYPTED, Framing.NO_SYSLOG: NO_SYSLOG}


class Stream:
    """One direction of a connection. Places in it are counted from what came of it first."""

    def __init__(self, first: Segment, messages: MessageStream) -> None:
        self.messages = messages
        self.first = self.next = 0
        """The places of what came first, and of what comes next."""
        self._sequence = (first.sequence + bool(first.flags & SYN)) % SEQUENCE
        self.ahead = OrderedDict[int, Segment]()
        """What waits, by its place, in the order in which it came."""
        self._places: list[int] = []  # of what waits: a heap
        self._ahead_bytes = 0
        self.counted_bytes = 0
        """What waited in it when that was counted for all streams."""
        self.waits_at = 0
        """Where the gap is that is waited for."""
        self.closing: tuple[int, Origin] | None = None
        """Where it ends, and the packet that says so."""
        self.is_early = False
        """Whether there was data before what came first."""

    @property
    def waiting_bytes(self) -> int:
        """What waits in it."""
        return len(self.messages) + self._ahead_bytes

    def place(self, sequence: int) -> int:
        """The place of a sequence number, which is less than 2^31 from what comes next: numbers begin anew at 2^32."""
        half = SEQUENCE // 2
        return self.next + (sequence - self._sequence - self.next + half) % SEQUENCE - half

    def put(self, segment: Segment, place: int, ready: Completed) -> int:
        """Take a segment with payload; returns its outcome."""
        end = place + segment.length
        if not -_FAR_BEHIND <= place - self.next <= FAR:
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
        self._take(place, segment, ready)
        if self.ahead:
            self._take_waiting(ready)
        return _REASONS[self.messages.framing] if self.messages.framing in FOREIGN else SEGMENT

    def wait(self, segment: Segment, place: int) -> None:
        """Keep a segment until those before it are there."""
        shorter = self.ahead.pop(place, None)
        if shorter is None:
            heappush(self._places, place)
        else:
            self._ahead_bytes -= len(shorter.payload) + _OWN_BYTES
        self.ahead[place] = segment
        self._ahead_bytes += len(segment.payload) + _OWN_BYTES

    def skip_gaps(self, ready: Completed, up_to: int | None = None) -> None:
        """Go on behind all gaps, or behind those before a place."""
        while self.ahead and (up_to is None or self._places[0] <= up_to):
            self.skip_gap(ready)

    def skip_gap(self, ready: Completed) -> None:
        """Go on behind the first gap: there is one if something waits."""
        self.messages.gap()
        self.next = self._places[0]
        self._take_waiting(ready)

    @property
    def is_closed(self) -> bool:
        """Whether all of it came, to its end."""
        return self.closing is not None and self.closing[0] == self.next

    def end(self, ready: Completed) -> None:
        """Nothing comes any more."""
        texts = self.messages.end(is_closed=self.is_closed)
        if texts and self.closing:
            ready.add(texts, self.closing[1])
        self.closing = None

    def _take(self, place: int, piece: Segment, ready: Completed) -> None:
        """Take what a segment has of the bytes that come next."""
        payload, end = piece.payload[self.next - place :], place + piece.length
        texts = self.messages.feed(payload)
        if texts:
            ready.add(texts, piece.origin)
        missing_bytes = end - self.next - len(payload)
        cut = self.messages.cut(missing_bytes) if missing_bytes else None
        if cut:
            ready.add([cut.text], piece.origin, cut.length)
        self.next = end

    def _take_waiting(self, ready: Completed) -> None:
        """Take the segments that waited for what is there now."""
        while self.ahead and self._places[0] <= self.next:
            place = heappop(self._places)
            piece = self.ahead.pop(place)
            self._ahead_bytes -= len(piece.payload) + _OWN_BYTES
            if place + piece.length > self.next:
                self._take(place, piece, ready)
