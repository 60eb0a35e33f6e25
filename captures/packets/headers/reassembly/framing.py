"""Where messages begin and end in a stream of TCP: RFC 6587, section 3.4.

Octet counting (`123 <34>...`) and trailers (LF, CRLF or NUL) are told apart by what a stream begins with, and one of
TLS by the header of its first record (RFC 8446, section 5.1). Where bytes are missing, or a capture began after the
stream did, what comes before the next message that can be made out is left out, and counted once.
"""

import re
from collections import Counter
from typing import Final, NamedTuple

from captures.packets.headers.reasons import (
    KEPT_CUT,
    LONGEST_BYTES,
    OF_OTHERS,
    TCP_CUT,
    TCP_EMPTY,
    TCP_GAP,
    TCP_PART,
    TCP_TOO_LONG,
)
from captures.packets.headers.reassembly.resuming import (
    BETWEEN,
    COUNT,
    PRI,
    TLS,
    TRAILER,
    CountSearch,
    Framing,
    begins_message,
    is_count_at,
)

FOREIGN: Final = (Framing.ENCRYPTED, Framing.NO_SYSLOG)
"""Streams without messages: their packets are counted."""
_FIRST: Final = (
    (Framing.COUNTED, re.compile(rb"[1-9][0-9]{0,8} <")),
    (Framing.TRAILERS, PRI),
    (Framing.ENCRYPTED, TLS),
    (Framing.UNKNOWN, re.compile(rb"(?:[1-9][0-9]{0,8} ?|<[0-9]{0,3}|[\x14-\x18]\x03?)?\Z")),
)
"""What a stream begins with, or may come to begin with."""


class Cut(NamedTuple):
    """What is there of a message that a snaplen cut."""

    text: bytes
    length: int
    """Of the whole message, in bytes."""


class MessageStream:
    """The bytes of one stream, in order, and the messages in them. Each ends in the bytes that complete it."""

    def __init__(self, counts: Counter[str], *, is_named: bool, is_begin: bool, keep_cut: bool = False) -> None:
        """`counts`: what is left out; `is_named`: it is syslog in any case; `is_begin`: nothing of it is missing.

        With `keep_cut`, messages are taken, too, of which a snaplen cut off the end.
        """
        self.framing = Framing.UNKNOWN
        self._counts = counts
        self._is_named, self._keep_cut = is_named, keep_cut
        self._is_lost = not is_begin
        self._is_told = False  # what is dropped before the next message is counted, or owed
        self._owes = False  # a part was dropped that is to be counted if the stream is syslog
        self._search = CountSearch()
        self._buffer, self._base = bytearray(), 0  # the stream from byte `_base` on
        self._seen = 0  # so many bytes of the buffer have no trailer
        self._skip = 0  # so many bytes are left of a message that is counted already
        self._trailer = b""

    def __len__(self) -> int:
        """The bytes that wait for others."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that the next bytes complete."""
        if self.framing in FOREIGN or not data:
            return []
        # Behind a digit, a segment may go on with a count.
        if self._is_lost and not self._buffer[-1:].isdigit() and begins_message(self.framing, data):
            self._lose(len(self._buffer))
            self._is_lost = False
        self._buffer += data
        messages: list[bytes] = []
        while self._goes_on(messages):
            pass
        return messages

    def gap(self) -> None:
        """Bytes are missing here."""
        if self.framing not in FOREIGN:
            self._counts[TCP_GAP] += 1
            self._lose_framing(is_told=self._drop_rest())

    def cut(self, missing_bytes: int) -> Cut | None:
        """A snaplen cut off so many bytes here. Returns the message that they cut, if such ones are kept."""
        if self.framing in FOREIGN:
            return None
        kept, is_line = None, self.framing is Framing.TRAILERS
        part, left = self._begun()
        if self._keep_cut and 0 < len(part) <= LONGEST_BYTES:
            # A line may be as long as the segment lets it: nobody knows where in it the trailer was.
            kept = Cut(part, min(len(part) + (missing_bytes if is_line else left), LONGEST_BYTES))
            self._counts[OF_OTHERS[KEPT_CUT]] += 1
        if not kept or (not is_line and left < missing_bytes):
            self._counts[TCP_CUT] += 1
        self._take(len(self._buffer))
        self._seen, self._skip = 0, max(0, left - missing_bytes)
        if left < missing_bytes:
            self._lose_framing(is_told=True)
        return kept

    def end(self, *, is_closed: bool) -> list[bytes]:
        """The stream ends; if it `is_closed` by its sender, that completes a line without a trailer."""
        messages: list[bytes] = []
        is_line = self.framing is Framing.TRAILERS or (self.framing is Framing.UNKNOWN and self._is_named)
        if is_closed and is_line and not self._is_lost and self._buffer:
            self._add(messages, bytes(self._buffer))
            self._take(len(self._buffer))
        self._is_told = self._drop_rest()
        return messages

    def _drop_rest(self) -> bool:
        """Drop what waits; returns whether what is lost here is counted."""
        is_told = self._skip > 0 or (self._is_lost and self._is_told)
        if self._owes or (not is_told and self._buffer.strip(BETWEEN)):
            self._count_part()
            is_told = True
        self._take(len(self._buffer))
        self._seen = self._skip = 0
        self._search = CountSearch()
        return is_told

    def _count_part(self) -> None:
        self._counts[TCP_PART] += 1
        self._owes = False

    def _lose_framing(self, *, is_told: bool) -> None:
        self._is_lost, self._is_told, self._seen = True, is_told, 0
        self._search = CountSearch()

    def _lose(self, count: int) -> None:
        """Drop so many bytes of which nothing can be made out."""
        if not self._is_told and self._buffer[:count].strip(BETWEEN):
            self._owes = self._is_told = True
        self._take(count)

    def _take(self, count: int) -> None:
        """Take so many bytes out of the buffer."""
        del self._buffer[:count]
        self._base += count

    def _goes_on(self, messages: list[bytes]) -> bool:
        """Take what can be taken by one rule; returns whether another one may go on."""
        if self._is_lost and not self._is_found():
            return False
        if self.framing is Framing.UNKNOWN:
            self.framing = self._first_framing()
        if self.framing is Framing.UNKNOWN:
            return False
        if self.framing in FOREIGN:
            self._owes = False
            self._take(len(self._buffer))
            return False
        if self._owes:
            self._count_part()
        return self._take_lines(messages) if self.framing is Framing.TRAILERS else self._take_counted(messages)

    def _first_framing(self) -> Framing:
        for framing, begins in _FIRST:
            if begins.match(self._buffer):
                return framing
        return Framing.TRAILERS if self._is_named else Framing.NO_SYSLOG

    def _is_found(self) -> bool:
        """Whether a message begins in the bytes behind a gap; what is before it is dropped."""
        end = self._base + len(self._buffer)
        places, needed = [], end
        if self.framing is not Framing.TRAILERS:
            place = self._search.found(self._buffer, self._base)
            places += [] if place is None else [place]
            needed = self._search.needed_from(end)
        if self.framing is not Framing.COUNTED:
            trailer = re.compile(re.escape(self._trailer)) if self._trailer else TRAILER
            places += [self._base + found.end() for found in [trailer.search(self._buffer, self._seen)] if found]
        self._lose(max(0, min(places, default=needed) - self._base))
        self._seen = 0 if places else len(self._buffer)
        self._is_lost = not places
        return bool(places)

    def _take_lines(self, messages: list[bytes]) -> bool:
        if not self._trailer:
            found = TRAILER.search(self._buffer, self._seen)
            self._trailer = found[0] if found else b""
        last = self._buffer.rfind(self._trailer, self._seen) if self._trailer else -1
        if last >= 0:
            for line in bytes(self._buffer[:last]).split(self._trailer):
                self._add(messages, line)
            self._take(last + 1)
        self._seen = len(self._buffer)
        if len(self._buffer) > LONGEST_BYTES + 1:
            self._counts[TCP_TOO_LONG] += 1
            self._take(len(self._buffer))
            self._lose_framing(is_told=True)
        return False

    def _add(self, messages: list[bytes], line: bytes) -> None:
        if self._trailer != b"\0":
            line = line.removesuffix(b"\r")
        if not line:
            self._counts[TCP_EMPTY] += 1
        elif len(line) > LONGEST_BYTES:
            self._counts[TCP_TOO_LONG] += 1
        else:
            messages.append(line)

    def _begun(self) -> tuple[bytes, int]:
        """What is there of a message that is not whole, and how many bytes of it are to come, if that is known."""
        if self._is_lost or self._skip:
            return b"", self._skip
        if self.framing is Framing.TRAILERS:
            return bytes(self._buffer).removesuffix(b"\r"), 0
        count = COUNT.match(self._buffer) if self.framing is Framing.COUNTED else None
        if not count:
            return b"", 0
        return bytes(self._buffer[count.end() :]), int(count[1]) - (len(self._buffer) - count.end())

    def _take_counted(self, messages: list[bytes]) -> bool:
        place = 0
        while True:
            step = min(self._skip, len(self._buffer) - place)
            self._skip -= step
            place += step
            while place < len(self._buffer) and self._buffer[place] in BETWEEN:
                place += 1
            found = COUNT.match(self._buffer, place)
            if self._skip or not found:
                break
            length = int(found[1])
            if length > LONGEST_BYTES:
                self._counts[TCP_TOO_LONG] += 1
                place, self._skip = found.end(), length
                continue
            if found.end() + length > len(self._buffer):
                break
            place = found.end() + length
            messages.append(bytes(self._buffer[found.end() : place]))
        self._take(place)
        return not is_count_at(self._buffer, 0) and self._is_misframed()

    def _is_misframed(self) -> bool:
        """Where a count should be, something else is: a line, or nothing that is known."""
        if PRI.match(self._buffer):
            self.framing = Framing.TRAILERS
        else:
            self._counts[TCP_PART] += 1
            self._lose_framing(is_told=True)
        return True
