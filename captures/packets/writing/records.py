"""Packets as they stand in files: records of pcap, and enhanced packet blocks of pcapng, with nanoseconds.

draft-ietf-opsawg-pcap, section 5, and draft-ietf-opsawg-pcapng, section 4.3. All numbers are little-endian.
"""

import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.console.units import SECOND_NS
from captures.packets.writing.frames import MOST_HEADER_BYTES, write_frame

SNAPLEN: Final = 262_144
"""Longer than any frame that is written."""
_ETHERNET: Final = 1
_RECORD_BYTES: Final = 16
_BLOCK_BYTES: Final = 28
_ENHANCED_PACKET: Final = 6
MOST_RECORD_BYTES: Final = _BLOCK_BYTES + MOST_HEADER_BYTES + 3 + 4
"""So many bytes stand around an event in either file at most."""
_MOST_COMMENT_BYTES: Final = 65_000

PCAP_HEADER: Final = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, SNAPLEN, _ETHERNET)
"""The header of a pcap file with nanoseconds, of Ethernet."""


def pcapng_header(comments: list[str], program: str) -> bytes:
    """The section header with comments, and the only interface: Ethernet, nanoseconds.

    A comment that is longer than an option can be is left out.
    """
    options = [_option(1, text.encode()) for text in comments if len(text.encode()) <= _MOST_COMMENT_BYTES]
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + b"".join(options) + _option(4, program.encode()) + _option(0)
    interface = struct.pack("<HHI", _ETHERNET, 0, SNAPLEN) + _option(9, b"\x09") + _option(0)
    return _block(0x0A0D0D0A, section) + _block(1, interface)


def _option(code: int, value: bytes = b"") -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


@kernel
def put_two(words: NDArray[np.uint64], at: int, first: int, second: int) -> None:
    """Write two numbers of 32 bits, little-endian, of larger ones their low bits."""
    words[at] = np.uint64(first & 0xFFFFFFFF | second << 32)


@kernel
def write_packets(
    out: NDArray[np.uint8],
    words: NDArray[np.uint64],
    payload: NDArray[np.uint8],
    places: NDArray[np.int64],
    lengths: NDArray[np.int64],
    originals: NDArray[np.int64],
    instants_ns: NDArray[np.int64],
    flow_of: NDArray[np.int64],
    flows: NDArray[Any],
    pcapng: bool,  # noqa: FBT001 - a kernel has no keywords
) -> int:
    """Write the packets of events into `out`, which has room for them; returns how many bytes.

    `words` is the view of `out` by `words_of`.
    The events are where `places` and `lengths` say, shape (events,), and had `originals` bytes once. `flows` are
    FLOW_RECORD rows, and `instants_ns` are since 1970 UTC.
    """
    at = int64(0)
    for i in range(len(places)):
        head = at + (_BLOCK_BYTES if pcapng else _RECORD_BYTES)
        end = write_frame(out, words, head, flows[flow_of[i]], payload, places[i], lengths[i])
        captured = end - head
        original = captured + max(originals[i] - lengths[i], 0)
        if pcapng:
            padded = captured + 3 & ~3
            for byte in range(end, head + padded):
                out[byte] = 0
            whole = _BLOCK_BYTES + padded + 4
            put_two(words, at, _ENHANCED_PACKET, whole)
            put_two(words, at + 8, 0, instants_ns[i] >> 32)
            put_two(words, at + 16, instants_ns[i], captured)
            for byte in range(4):
                out[at + 24 + byte] = original >> 8 * byte & 0xFF
                out[at + whole - 4 + byte] = whole >> 8 * byte & 0xFF
            at += whole
        else:
            put_two(words, at, instants_ns[i] // SECOND_NS, instants_ns[i] % SECOND_NS)
            put_two(words, at + 8, captured, original)
            at = end
    return at
