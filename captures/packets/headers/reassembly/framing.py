"""Where messages begin and end in a stream of TCP: RFC 6587, section 3.4.

Octet counting (`123 <34>...`) and trailers (LF, CRLF or NUL) are told apart by what a stream begins with, and one of
TLS by the header of its first record (RFC 8446, section 5.1). Where bytes are missing, or a capture began after the
stream did, what comes before the next message that can be made out is left out.
"""

import re
from collections import Counter
from enum import Enum, auto
from typing import Final

from captures.packets.headers.reasons import LONGEST_BYTES, TCP_EMPTY, TCP_GAP, TCP_PART, TCP_TOO_LONG


class Framing(Enum):
    """How messages of a stream are told apart."""

    UNKNOWN = auto()
    """Too little is there to tell."""
    TRAILERS = auto()
    COUNTED = auto()
    ENCRYPTED = auto()
    NO_SYSLOG = auto()


_COUNT: Final = re.compile(rb"([1-9][0-9]{0,8}) ")
_COUNT_BEGINS: Final = re.compile(rb"[1-9][0-9]{0,8}\Z")
_COUNTED: Final = re.compile(rb"(?<![0-9])([1-9][0-9]{0,4}) <[0-9]{1,3}>")
_PRI: Final = re.compile(rb"<[0-9]{1,3}>")
_TLS: Final = re.compile(rb"[\x14-\x18]\x03[\x00-\x04]")
_TRAILER: Final = re.compile(rb"[\n\0]")
_FIRST: Final = (
    (Framing.COUNTED, re.compile(rb"[1-9][0-9]{0,8} <")),
    (Framing.TRAILERS, _PRI),
    (Framing.ENCRYPTED, _TLS),
    (Framing.UNKNOWN, re.compile(rb"(?:[1-9][0-9]{0,8} ?|<[0-9]{0,3}|[\x14-\x18]\x03?)?\Z")),
)
"""What a stream begins with, or may come to begin with."""
_BETWEEN: Final = b"\n\r\0"
"""What some senders put behind a message besides its count."""
_KEPT_LOST: Final = 16
"""Bytes at the end of what is lost that may be the beginning of a count."""


def _is_count_at(buffer: bytes | bytearray, place: int) -> bool:
    """Whether a count stands there, or the end of what is there, or what there is of a count."""
    while place < len(buffer) and buffer[place] in _BETWEEN:
        place += 1
    return place >= len(buffer) or any(begin.match(buffer, place) for begin in (_COUNT, _COUNT_BEGINS))


class MessageStream:
    """The bytes of one stream, in order, and the messages in them."""

    __slots__ = ("_buffer", "_counts", "_is_lost", "_is_named", "_seen", "_skip", "_trailer", "framing")

    def __init__(self, counts: Counter[str], *, is_named: bool, is_begin: bool) -> None:
        """`counts`: what is left out; `is_named`: it is syslog in any case; `is_begin`: nothing of it is missing."""
        self.framing = Framing.UNKNOWN
        self._counts = counts
        self._is_named, self._is_lost = is_named, not is_begin
        self._buffer = bytearray()
        self._seen = 0  # so many bytes of it have no trailer
        self._skip = 0  # so many bytes are left of a message that is too long
        self._trailer = b""

    def __len__(self) -> int:
        """The bytes that wait for others."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that the next bytes complete."""
        if self._is_lost and self._begins_message(data):
            self._is_lost = False
            self._buffer.clear()
        self._buffer += data
        messages: list[bytes] = []
        while self._goes_on(messages):
            pass
        return messages

    def gap(self) -> None:
        """Bytes are missing here."""
        self._counts[TCP_GAP] += 1
        self._drop_part()
        self._is_lost = True

    def end(self, *, is_closed: bool) -> list[bytes]:
        """The stream ends; if it `is_closed` by its sender, that completes a line without a trailer."""
        messages: list[bytes] = []
        is_line = self.framing is Framing.TRAILERS or (self.framing is Framing.UNKNOWN and self._is_named)
        if is_closed and is_line and not self._is_lost and self._buffer:
            self._add(messages, bytes(self._buffer))
            self._buffer.clear()
        self._drop_part()
        return messages

    def _drop_part(self) -> None:
        if self._skip or (self._buffer and not self._is_lost):
            self._counts[TCP_PART] += 1
        self._buffer.clear()
        self._seen = self._skip = 0

    def _goes_on(self, messages: list[bytes]) -> bool:
        """Take what can be taken by one rule; returns whether another one may go on."""
        if self._is_lost and not self._is_found():
            return False
        if self.framing is Framing.UNKNOWN:
            self.framing = self._first_framing()
        if self.framing is Framing.TRAILERS:
            return self._take_lines(messages)
        if self.framing is Framing.COUNTED:
            return self._take_counted(messages)
        if self.framing is not Framing.UNKNOWN:
            self._buffer.clear()
        return False

    def _first_framing(self) -> Framing:
        for framing, begins in _FIRST:
            if begins.match(self._buffer):
                return framing
        return Framing.TRAILERS if self._is_named else Framing.NO_SYSLOG

    def _begins_message(self, data: bytes) -> bool:
        """Whether a segment begins with a message, as nearly all do that are not full."""
        count = _COUNTED.match(data)
        is_counted = bool(count and _is_count_at(data, count.end(1) + 1 + int(count[1])))
        if self.framing is Framing.COUNTED:
            return is_counted
        is_line = bool(_PRI.match(data))
        if self.framing is Framing.TRAILERS:
            return is_line
        # It may as well be a message whose count is missing: then no trailer comes, or another count behind it.
        trailer = _TRAILER.search(data)
        is_line = is_line and trailer is not None and not _COUNTED.match(data, trailer.end())
        return is_counted or is_line or bool(_TLS.match(data))

    def _is_found(self) -> bool:
        """Whether a message begins in the bytes behind a gap; what is before it is dropped."""
        places, waits = [], max(0, len(self._buffer) - _KEPT_LOST)
        if self.framing is not Framing.TRAILERS:
            place, waits = self._counted_place(waits)
            places += [place] if place >= 0 else []
        if self.framing is not Framing.COUNTED:
            trailer = re.compile(re.escape(self._trailer)) if self._trailer else _TRAILER
            places += [found.end() for found in [trailer.search(self._buffer)] if found]
        del self._buffer[: min(places, default=waits)]
        self._seen = 0
        self._is_lost = not places
        return bool(places)

    def _counted_place(self, none: int) -> tuple[int, int]:
        """Where a message with its count begins, or -1; and where one may begin that is not all there, or `none`.

        It must be followed by the end of what is there, or by another count.
        """
        waits = none
        for found in _COUNTED.finditer(self._buffer):
            length = int(found[1])
            end = found.end(1) + 1 + length
            if length > LONGEST_BYTES:
                continue
            if end > len(self._buffer):
                waits = min(waits, found.start())
            elif _is_count_at(self._buffer, end):
                return found.start(), waits
        return -1, waits

    def _take_lines(self, messages: list[bytes]) -> bool:
        if not self._trailer:
            found = _TRAILER.search(self._buffer, self._seen)
            self._trailer = found[0] if found else b""
        end = self._buffer.rfind(self._trailer, self._seen) if self._trailer else -1
        if end >= 0:
            for line in bytes(self._buffer[:end]).split(self._trailer):
                self._add(messages, line)
            del self._buffer[: end + 1]
        self._seen = len(self._buffer)
        if len(self._buffer) > LONGEST_BYTES + 1:
            self._counts[TCP_TOO_LONG] += 1
            self._buffer.clear()
            self._seen, self._is_lost = 0, True
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

    def _take_counted(self, messages: list[bytes]) -> bool:
        place = 0
        while True:
            step = min(self._skip, len(self._buffer) - place)
            self._skip -= step
            place += step
            while place < len(self._buffer) and self._buffer[place] in _BETWEEN:
                place += 1
            found = _COUNT.match(self._buffer, place)
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
        del self._buffer[:place]
        return not _is_count_at(self._buffer, 0) and self._is_misframed()

    def _is_misframed(self) -> bool:
        """Where a count should be, something else is: a line, or nothing that is known."""
        if _PRI.match(self._buffer):
            self.framing = Framing.TRAILERS
        else:
            self._counts[TCP_PART] += 1
            self._is_lost = True
        return True
