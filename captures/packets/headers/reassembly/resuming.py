"""Where does a message begin in a stream of which bytes are missing? Framing is that of RFC 6587, section 3.4."""

import re
from collections import OrderedDict
from enum import Enum, auto
from heapq import heappop, heappush
from typing import Final

from captures.packets.headers.reasons import LONGEST_BYTES


class Framing(Enum):
    """How messages of a stream are told apart."""

    UNKNOWN = auto()
    """Too little is there to tell."""
    TRAILERS = auto()
    COUNTED = auto()
    ENCRYPTED = auto()
    NO_SYSLOG = auto()


COUNT: Final = re.compile(rb"([1-9][0-9]{0,8}) ")
PRI: Final = re.compile(rb"<[0-9]{1,3}>")
TLS: Final = re.compile(rb"[\x14-\x18]\x03[\x00-\x04]")
TRAILER: Final = re.compile(rb"[\n\0]")
BETWEEN: Final = b"\n\r\0"
"""What some senders put behind a message besides its count."""
COUNTED: Final = re.compile(rb"(?<![0-9])([1-9][0-9]{0,4}) <[0-9]{1,3}>")
_COUNT_BEGINS: Final = re.compile(rb"[1-9][0-9]{0,8}\Z")
_MOST_COUNTED: Final = len("65507 <191>")


def is_count_at(buffer: bytes | bytearray, place: int) -> bool:
    """Whether a count stands there, or the end of what is there, or what there is of a count."""
    while place < len(buffer) and buffer[place] in BETWEEN:
        place += 1
    return place >= len(buffer) or any(begin.match(buffer, place) for begin in (COUNT, _COUNT_BEGINS))


def begins_message(framing: Framing, data: bytes) -> bool:
    """Whether a segment begins with a message, as nearly all do that are not full."""
    count = COUNTED.match(data)
    is_counted = bool(count and is_count_at(data, count.end(1) + 1 + int(count[1])))
    if framing is Framing.COUNTED:
        return is_counted
    is_line = bool(PRI.match(data))
    if framing is Framing.TRAILERS:
        return is_line
    # It may as well be a message whose count is missing: then no trailer comes, or another count behind it.
    trailer = TRAILER.search(data)
    is_line = is_line and trailer is not None and not COUNTED.match(data, trailer.end())
    return is_counted or is_line or bool(TLS.match(data))


class CountSearch:
    """Looks for a message with its count: one that the end of what is there follows, or another count.

    All places are counted from the beginning of the stream, and each byte is looked at once.
    """

    __slots__ = ("_by_end", "_scanned", "_waiting")

    def __init__(self) -> None:
        self._scanned = 0
        self._by_end: list[tuple[int, int]] = []  # a heap
        self._waiting = OrderedDict[int, None]()

    def found(self, buffer: bytearray, base: int) -> int | None:
        """Where a message begins in the bytes of `buffer`, which is the stream from `base` on."""
        end = base + len(buffer)
        for count in COUNTED.finditer(buffer, max(0, self._scanned - base)):
            self._scanned = base + count.end()
            if int(count[1]) <= LONGEST_BYTES:
                start = base + count.start()
                self._waiting[start] = None
                heappush(self._by_end, (base + count.end(1) + 1 + int(count[1]), start))
        self._scanned = max(self._scanned, end - _MOST_COUNTED + 1)
        whole = []
        while self._by_end and self._by_end[0][0] <= end:
            behind, start = heappop(self._by_end)
            del self._waiting[start]
            whole.append((start, behind))
        return next((start for start, behind in sorted(whole) if is_count_at(buffer, behind - base)), None)

    def needed_from(self, end: int) -> int:
        """The first byte that is needed yet of those before `end`."""
        return min(next(iter(self._waiting), end), end - _MOST_COUNTED)
