"""Fragments of IP are put together: RFC 791, RFC 8200 section 4.5, RFC 5722 (overlaps), RFC 6946 (atomic fragments)."""

from bisect import bisect_left, insort
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from captures.packets.headers.reasons import BROKEN, FRAGMENT_AGAIN, FRAGMENT_ALONE, FRAGMENT_OVERLAPS

MOST_AGE_NS: Final = 60_000_000_000
"""A packet whose first fragment is older is given up (RFC 8200, section 4.5), by the instants of the capture."""
MOST_BYTES: Final = 64 << 20
"""All fragments that wait together. The oldest packet is given up first."""
_OWN_BYTES: Final = 500
"""What a fragment takes besides its bytes, at least."""
_MOST_IP_BYTES: Final = 65_535


class Fragment(NamedTuple):
    """A piece of a packet."""

    packet: bytes
    """What all fragments of a packet have in common: addresses, identification, protocol."""
    offset: int
    """Where the piece begins in what is put together."""
    piece: bytes
    is_last: bool
    protocol: int
    """Of what is put together: the first fragment's counts."""
    instant_ns: int


class Whole(NamedTuple):
    """What fragments make."""

    protocol: int
    payload: bytes


@dataclass
class _Waiting:
    """A packet that is not whole yet."""

    first_ns: int
    pieces: dict[int, bytes] = field(default_factory=dict)
    """By offset."""
    offsets: list[int] = field(default_factory=list)
    """Ascending."""
    piece_bytes: int = 0
    protocol: int = 0
    end: int | None = None
    """Where the last fragment ends."""
    overlaps: bool = False
    """Nothing of it is taken any more."""

    @property
    def kept_bytes(self) -> int:
        """What it takes."""
        return self.piece_bytes + (1 + len(self.pieces)) * _OWN_BYTES

    def contradicts(self, fragment: Fragment) -> bool:
        """Whether a fragment overlaps another one, or the end that is known."""
        begin, end = fragment.offset, fragment.offset + len(fragment.piece)
        if self.end is not None and (fragment.is_last or end > self.end):
            return True
        place = bisect_left(self.offsets, begin)
        if place < len(self.offsets) and (fragment.is_last or self.offsets[place] < end):
            return True
        before = self.offsets[place - 1] if place else None
        return before is not None and before + len(self.pieces[before]) > begin

    def put(self, fragment: Fragment) -> None:
        """Keep a fragment that contradicts no other one."""
        self.pieces[fragment.offset] = fragment.piece
        insort(self.offsets, fragment.offset)
        self.piece_bytes += len(fragment.piece)
        if fragment.offset == 0:
            self.protocol = fragment.protocol
        if fragment.is_last:
            self.end = fragment.offset + len(fragment.piece)

    def forget(self) -> None:
        """Take nothing any more."""
        self.pieces.clear()
        self.offsets.clear()
        self.piece_bytes = 0
        self.overlaps = True


class Fragments:
    """All fragments that wait for others."""

    def __init__(self, counts: Counter[int]) -> None:
        """`counts`: fragments that are left out, by reason."""
        self._counts = counts
        self._waiting = OrderedDict[bytes, _Waiting]()
        self._bytes = 0
        self.used = 0
        """Fragments of packets that became whole."""

    def add(self, fragment: Fragment) -> Whole | None:
        """What `fragment` completes."""
        self._give_up_old(fragment.instant_ns)
        end = fragment.offset + len(fragment.piece)
        if end > _MOST_IP_BYTES or not fragment.piece or (not fragment.is_last and len(fragment.piece) % 8):
            self._counts[BROKEN] += 1
            return None
        waiting = self._waiting.get(fragment.packet)
        if waiting is None:
            waiting = self._waiting[fragment.packet] = _Waiting(fragment.instant_ns)
            self._bytes += waiting.kept_bytes
        if waiting.pieces.get(fragment.offset) == fragment.piece:
            self._counts[FRAGMENT_AGAIN] += 1
            return None
        if waiting.overlaps or waiting.contradicts(fragment):
            self._refuse(waiting)
            return None
        return self._put(waiting, fragment)

    def give_up_all(self) -> None:
        """Count what still waits."""
        while self._waiting:
            self._give_up_oldest()

    def _put(self, waiting: _Waiting, fragment: Fragment) -> Whole | None:
        waiting.put(fragment)
        self._bytes += len(fragment.piece) + _OWN_BYTES
        if waiting.piece_bytes == waiting.end:
            self.used += len(waiting.pieces)
            self._bytes -= waiting.kept_bytes
            del self._waiting[fragment.packet]
            return Whole(waiting.protocol, b"".join(waiting.pieces[offset] for offset in waiting.offsets))
        while self._bytes > MOST_BYTES:
            self._give_up_oldest()
        return None

    def _refuse(self, waiting: _Waiting) -> None:
        """Forget the pieces of a packet, and take no other ones of it (RFC 5722, section 4)."""
        self._bytes -= waiting.kept_bytes
        self._counts[FRAGMENT_OVERLAPS] += len(waiting.pieces) + 1
        waiting.forget()
        self._bytes += waiting.kept_bytes

    def _give_up_old(self, now_ns: int) -> None:
        while self._waiting and now_ns - next(iter(self._waiting.values())).first_ns > MOST_AGE_NS:
            self._give_up_oldest()

    def _give_up_oldest(self) -> None:
        _, waiting = self._waiting.popitem(last=False)
        self._bytes -= waiting.kept_bytes
        self._counts[FRAGMENT_ALONE] += len(waiting.pieces)
