"""The blocks of a pcapng file that hold packets, scanned by a kernel: draft-ietf-opsawg-pcapng, section 4.

    0       4   type
    4       4   total length, a multiple of 4
    8       ... body
    total-4 4   total length, again

Of the body, from the beginning of the block:

    enhanced (6)    8 interface u4, 12 ticks high, 16 ticks low, 20 captured, 24 original, 28 packet, options
    packet (2)      8 interface u2, 10 drops u2, and on as the enhanced one (obsolete)
    simple (3)      8 original, 12 packet: as much as is there, the first interface and its snaplen allow

Blocks of unknown type are passed over.
"""

from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.packets.containers.clocks import CLOCK, instant_of
from captures.packets.containers.pcap_records import swap_halves
from captures.text.messages import NO_INSTANT

INTERFACE: Final = np.dtype((np.record, [("link", "<i8"), ("snaplen", "<i8"), ("clock", CLOCK)]))
"""An interface of a section: its row of LINK, the longest packet (0: no limit), and its clock."""
LEAST_BLOCK_BYTES: Final = 12
MOST_BLOCK_BYTES: Final = 16 << 20
"""The longest block that libpcap takes (sf-pcapng.c, INITIAL_MAX_BLOCKSIZE and MAX_BLOCKSIZE_FOR_SNAPLEN)."""


class Stop(IntEnum):
    """Why a scan came to an end."""

    NEEDS_MORE = 0
    """The next block is not all there."""
    FULL = 1
    """There is no room for further rows."""
    SECTION = 2
    """The next block begins a section."""
    INTERFACE = 3
    """The next block, which is all there, describes an interface."""
    BAD_LENGTH = 4
    LENGTHS_DIFFER = 5
    NO_INTERFACE = 6
    LONGER_THAN_BLOCK = 7
    NO_SUCH_INSTANT = 8


# Kernels know plain numbers.
_NEEDS_MORE, _FULL, _SECTION, _INTERFACE = (int(stop) for stop in list(Stop)[:4])
_BAD_LENGTH, _LENGTHS_DIFFER, _NO_INTERFACE, _LONGER_THAN_BLOCK, _NO_SUCH_INSTANT = (
    int(stop) for stop in list(Stop)[4:]
)
_PASS: Final = -1
SECTION_TYPE: Final = 0x0A0D0D0A  # the same in both byte orders
INTERFACE_TYPE: Final = 1
_PACKET_TYPE, _SIMPLE_TYPE, _ENHANCED_TYPE = 2, 3, 6
_LOW: Final = 0xFFFFFFFF


@kernel
def may_be_length(total: int) -> bool:
    """Whether a block can have this total length."""
    return LEAST_BLOCK_BYTES <= total <= MOST_BLOCK_BYTES and total % 4 == 0


@kernel
def _two_numbers(words: NDArray[np.uint64], place: int, swapped: int) -> np.uint64:
    """The two numbers of four bytes at `place`; the first is the low half."""
    return swap_halves(words[place]) if swapped else words[place]


@kernel
def _next_block(words: NDArray[np.uint64], place: int, stop: int, swapped: int) -> tuple[int, int, int]:
    """The type of a block of the section, its total length, and the Stop to make there; _PASS: it is sound."""
    if place + LEAST_BLOCK_BYTES > stop:
        return 0, 0, _NEEDS_MORE
    both = _two_numbers(words, place, swapped)
    kind, total = int64(both & np.uint64(_LOW)), int64(both >> np.uint64(32))
    if kind == SECTION_TYPE:
        return kind, total, _SECTION
    if not may_be_length(total):
        return kind, total, _BAD_LENGTH
    if place + total > stop:
        return kind, total, _NEEDS_MORE
    if int64(_two_numbers(words, place + total - 8, swapped) >> np.uint64(32)) != total:
        return kind, total, _LENGTHS_DIFFER
    return kind, total, _INTERFACE if kind == INTERFACE_TYPE else _PASS


@kernel
def scan_blocks(
    words: NDArray[np.uint64], place: int, stop: int, rows: NDArray[Any], interfaces: NDArray[Any], swapped: int
) -> tuple[int, int, int]:
    """Make PACKET rows of the blocks from `place` up to `stop`; returns how many, where the next begins, and a Stop.

    `words` is a view by `words_of` of the bytes, which reach to `stop` at least; `interfaces`: INTERFACE rows of the
    section, and `swapped`: 1 if it has the other byte order.
    """
    count = 0
    while True:
        kind, total, why = _next_block(words, place, stop, swapped)
        if why != _PASS:
            return count, place, why
        if kind in (_ENHANCED_TYPE, _PACKET_TYPE, _SIMPLE_TYPE):
            if count == len(rows):
                return count, place, _FULL
            why = _take_packet(words, place, kind, total, rows[count], interfaces, swapped)
            if why != _PASS:
                return count, place, why
            count += 1
        place += total


@kernel
def _take_packet(
    words: NDArray[np.uint64],
    place: int,
    kind: int,
    total: int,
    row: Any,
    interfaces: NDArray[Any],
    swapped: int,
) -> int:
    """Make a PACKET row of a block of a packet, which is all there; returns _PASS, or the Stop of a fault."""
    low = np.uint64(_LOW)
    half = np.uint64(32)
    head = 12 if kind == _SIMPLE_TYPE else 28
    if total < head + 4:
        return _BAD_LENGTH
    first = int64(_two_numbers(words, place + 8, swapped) & low)
    number = 0
    if kind == _ENHANCED_TYPE:
        number = first
    elif kind == _PACKET_TYPE:
        number = first >> 16 if swapped else first & 0xFFFF
    if number >= len(interfaces):
        return _NO_INTERFACE
    interface = interfaces[number]
    if kind == _SIMPLE_TYPE:
        original = first
        captured = min(original, total - head - 4)
        if interface.snaplen > 0:
            captured = min(captured, int64(interface.snaplen))
        instant_ns = NO_INSTANT
    else:
        ticks = _two_numbers(words, place + 12, swapped)
        instant_ns = instant_of((ticks & low) << half | ticks >> half, interface.clock)
        if instant_ns < 0:
            return _NO_SUCH_INSTANT
        lengths = _two_numbers(words, place + 20, swapped)
        captured, original = int64(lengths & low), int64(lengths >> half)
        if captured > total - head - 4:
            return _LONGER_THAN_BLOCK
    row.place = place + head
    row.captured = captured
    row.original = max(original, captured)
    row.instant_ns = instant_ns
    row.link = interface.link
    return _PASS
