"""Tags: the text by which each event of a run says who sent it, to which port, and as which one.

    1f3a9c07-15a6-000000002a
    run      port sequence         hexadecimal, lower case, with leading zeros

The run is a number that each run draws anew, the port is the one that the event was sent to, and the sequence counts
the port's events from 0. Before it is sent, an event has zeros there. A tag stands behind `stampede=`, at the end of
the message or at its front, or in the structured data of RFC 5424 (section 6.3), under the enterprise number that RFC
5612 sets aside for examples.

Events that follow each other on a port differ in the last digits only, so their tags are a constant *head* of 16 bytes,
and a slice of a table of *tails* of 8: the sequence modulo 2^32.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import MAX_TRAIN_EVENTS, TAG_WIDTHS, TagKind

SD_ID: Final = "stampede@32473"
SD_PARAM: Final = "tag"
MARK: Final = "stampede="
"""What stands before a tag at the front of a message; a space stands behind the tag."""
SUFFIX: Final = f" {MARK}"
"""What stands before a tag at the end of a message."""

BLANK: Final = "00000000-0000-0000000000"
"""The text that stands in the place of a tag until the event is sent."""

TAG_BYTES: Final = TAG_WIDTHS[TagKind.HEX]
HEAD_BYTES: Final = 16
TAIL_BYTES: Final = 8
assert len(BLANK) == TAG_BYTES == HEAD_BYTES + TAIL_BYTES

MAX_RUN: Final = (1 << 32) - 1
MAX_SEQUENCE: Final = (1 << 40) - 1
"""The last number that a port can count to: at 100,000 events a second it is reached after 127 days."""

_TAIL_BITS: Final = 32
TAIL_BLOCK: Final = 4096
"""So many tails are made at once; they differ in their last three digits only."""
_CACHED_BLOCKS: Final = 64
"""So many blocks of tails are kept, which takes 2 MB. The lanes of a run count at about one pace, so few are in use."""

_DIGITS: Final = np.frombuffer(b"0123456789abcdef", np.uint8)
_LOW: Final = np.array([b"00000%03x" % (number % TAIL_BLOCK) for number in range(TAIL_BLOCK + MAX_TRAIN_EVENTS)]).view(
    "<u8"
) - np.frombuffer(b"00000\0\0\0", "<u8")
"""The last three digits of each tail of a block, and zeros for the five before: a text as a number."""


def _eight(byte: int) -> np.uint64:
    """A word of 64 bits that holds the same byte eight times."""
    return np.uint64(byte * 0x0101010101010101)


# The hyphens of a tag in the second of its three little-endian words, and zeros in their place.
_HYPHEN_MASK: Final = np.uint64(0x0000FF00000000FF)
_HYPHENS: Final = np.uint64(0x00002D000000002D)
_ZEROS: Final = np.uint64(0x0000300000000030)


class Tags(NamedTuple):
    """Tags read back, items of equal number: shape (tags,)."""

    run: NDArray[np.int64]
    port: NDArray[np.int64]
    sequence: NDArray[np.int64]
    sound: NDArray[np.bool_]
    """Whether the text is a tag. If not, the other three mean nothing."""


def tag_text(run: int, port: int, sequence: int) -> bytes:
    """The text of one tag, made in the plain way that the fast one is tested against."""
    return b"%08x-%04x-%010x" % (run, port, sequence)


def head_text(run: int, port: int, sequence: int) -> bytes:
    """What all tags of a run, a port and the 2^32 events around `sequence` begin with."""
    return tag_text(run, port, sequence)[:HEAD_BYTES]


def tails(sequence: int, count: int) -> NDArray[np.bytes_]:
    """The tails of `count` events from `sequence` on: shape (count,), dtype S8, read-only.

    At most MAX_TRAIN_EVENTS. Past 2^32 they begin anew, as the head of the tags changes there.
    """
    block, first = divmod(sequence, TAIL_BLOCK)
    return tail_block(block)[first : first + count]


def tail_block(block: int) -> NDArray[np.bytes_]:
    """The tails of a block, dtype S8, and behind them as many of the next block as a train can reach."""
    return _tail_block(block & ((1 << _TAIL_BITS) // TAIL_BLOCK - 1))


@lru_cache(_CACHED_BLOCKS)
def _tail_block(block: int) -> NDArray[np.bytes_]:
    texts = _LOW + np.frombuffer(b"%05x\0\0\0" % block, "<u8")
    texts[TAIL_BLOCK:] = _LOW[TAIL_BLOCK:] + np.frombuffer(b"%05x\0\0\0" % ((block + 1) & 0xFFFFF), "<u8")
    texts.flags.writeable = False
    block_texts: NDArray[np.bytes_] = texts.view(f"S{TAIL_BYTES}")
    return block_texts


def same_head(sequence: int, count: int) -> int:
    """How many of `count` events from `sequence` on have the same head; it changes once in 2^32 events."""
    return min(count, (1 << _TAIL_BITS) - (sequence & ((1 << _TAIL_BITS) - 1)))


def parse_tags(texts: NDArray[np.uint8]) -> Tags:
    """Tags out of texts, shape (tags, TAG_BYTES); capitals will do, since some that read and store events write them.

    Eight digits are one word, and its bytes are worked on together: three times as quick as digit by digit.
    """
    words = np.ascontiguousarray(np.ascontiguousarray(texts).view("<u8").T)
    hyphens = words[1] & _HYPHEN_MASK == _HYPHENS
    words[1] = words[1] & ~_HYPHEN_MASK | _ZEROS
    values, sound = _digits(words)
    run, middle, low = values.view(np.int64)
    return Tags(run, middle >> 12 & 0xFFFF, (middle & 0xFF) << _TAIL_BITS | low, sound.all(axis=0) & hyphens)


def _digits(words: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """The numbers that words of eight hexadecimal digits mean, and whether they are such; shape (words, tags).

    A digit's value is its low half, and for letters, which have the bit 0x40, 9 more. It was one if the value is below
    16, and the digit of that value is what stands there in small letters.
    """
    nine, to_letter = np.uint64(9), np.uint64(ord("a") - ord("9") - 1)
    values = (words & _eight(0x0F)) + (words >> np.uint64(6) & _eight(1)) * nine
    letters = values + _eight(6) >> np.uint64(4) & _eight(1)
    small = words | (words & _eight(0x40)) >> np.uint64(1)
    wrong = (values + _eight(ord("0")) + letters * to_letter ^ small) | (values & _eight(0xF0))
    # The first digit is the lowest byte, and counts most: halves of a byte become bytes, these words, and so on.
    for half, kept in ((4, 0x00FF00FF00FF00FF), (8, 0x0000FFFF0000FFFF), (16, 0x00000000FFFFFFFF)):
        values = (values << np.uint64(half) | values >> np.uint64(2 * half)) & np.uint64(kept)
    return values, np.equal(wrong, 0)
