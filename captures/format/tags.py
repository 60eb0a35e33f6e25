"""Tags: the text by which each event of a run says who sent it, to which port, and as which one.

    1f3a9c07-15a6-000000002a
    run      port sequence         hexadecimal, lower case, with leading zeros

The run is a number that each run draws anew, the port is the one that the event was sent to, and the sequence counts
the port's events from 0. Before it is sent, an event has zeros there. A tag stands behind `stampede=`, at the end of
the message or at its front, or in the structured data of RFC 5424 (section 6.3), under the enterprise number that RFC
5612 sets aside for examples.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import TAG_WIDTHS, TagKind

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
"""Events that follow each other on a port differ in the last eight digits of their tags: what is before these."""
assert len(BLANK) == TAG_BYTES == HEAD_BYTES + 8

MAX_RUN: Final = (1 << 32) - 1
MAX_SEQUENCE: Final = (1 << 40) - 1
"""The last number that a port can count to: at 100,000 events a second it is reached after 127 days."""


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
    """The text of one tag."""
    return b"%08x-%04x-%010x" % (run, port, sequence)


def parse_tags(texts: NDArray[np.uint8]) -> Tags:
    """Tags out of texts, shape (tags, TAG_BYTES); capitals will do, since some that read and store events write them.

    Eight digits are one word, and its bytes are worked on together: three times as quick as digit by digit.
    """
    words = np.ascontiguousarray(np.ascontiguousarray(texts).view("<u8").T)
    hyphens = words[1] & _HYPHEN_MASK == _HYPHENS
    words[1] = words[1] & ~_HYPHEN_MASK | _ZEROS
    values, sound = _digits(words)
    run, middle, low = values.view(np.int64)
    return Tags(run, middle >> 12 & 0xFFFF, (middle & 0xFF) << 32 | low, sound.all(axis=0) & hyphens)


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
