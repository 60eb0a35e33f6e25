"""Which tag does an event have? Bytes in, a run, a port and a number out.

An event's tag stands at its end, or else anywhere behind `stampede=`, or in structured data (`captures.format.tags`);
what follows it does not matter. Of several, the first one that is sound counts. Capitals are not sound, since
`replay run` writes none. At most MOST_EVENT_BYTES of an event are searched.

The kernels read bytes from `buffer`, dtype u1, and from `words`, the same memory by `words_of`. They read no byte
behind an event's end, but for words that begin before it; so the buffer goes on for WORD_BYTES behind the last event.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.compiled.words import WORD_BYTES
from captures.format.tags import BLANK, HEAD_BYTES, SD_ID, SD_PARAM, SUFFIX, TAG_BYTES

MOST_EVENT_BYTES: Final = 2048
"""How many bytes of an event are searched for a tag: as many as the longest event of a capture has."""

UNTAGGED: Final = -1
"""Instead of a number: the event has no tag, nor anything of one."""
MALFORMED: Final = -2
"""It has what should be a tag and is none."""
PARTED: Final = -3
"""It ends in the first part of a tag: it was cut there."""

HEAD: Final = np.dtype(
    (np.record, [("first", "<u8"), ("second", "<u8"), ("run", "<i8"), ("port", "<i8"), ("high", "<i8")])
)
"""The first HEAD_BYTES of the last tag that was read, as two words of text, and what they mean: most events share
them. `high` is the part of the number that is a multiple of 2^32."""

_MARK: Final = SD_ID.partition("@")[0].encode()
"""Stands before every tag."""
_PLAIN: Final = SUFFIX.strip().encode()
_IN_DATA: Final = f'[{SD_ID} {SD_PARAM}="'.encode()
"""The texts one of which stands right before a tag that is not at the end of its event."""
assert len(_MARK) == WORD_BYTES
assert HEAD_BYTES == 2 * WORD_BYTES
assert _PLAIN == _MARK + b"="
assert _IN_DATA.startswith(b"[" + _MARK)

_MARK_WORD: Final = np.frombuffer(_MARK, "<u8")[0]
_FOURTH: Final = 3
_FIRSTS, _FOURTHS = (np.uint64(int.from_bytes(_MARK[place : place + 1] * WORD_BYTES)) for place in (0, _FOURTH))
"""Eight times the marker's first letter, and its fourth: few texts have the one that far before the other."""
_DATA_REST: Final = np.frombuffer(_IN_DATA[1 + WORD_BYTES :], np.uint8)
"""What stands between the marker and the tag in structured data."""
_REST_BYTES: Final = len(_DATA_REST)
_REST_FIRST: Final = np.frombuffer(_DATA_REST[:WORD_BYTES], "<u8")[0]
_REST_LAST: Final = np.frombuffer(_DATA_REST[-WORD_BYTES:], "<u8")[0]
_LONGEST_PART: Final = len(_IN_DATA) + TAG_BYTES
_IS_HYPHEN: Final = np.array([letter == "-" for letter in BLANK])
_EQUALS, _BRACKET, _HYPHEN, _ZERO, _NINE, _A, _F = (ord(letter) for letter in "=[-09af")
_IS_BLANK: Final = np.array([bytes([byte]).isspace() for byte in range(256)])

_ONES: Final = np.uint64(0x0101010101010101)
_HIGH_HALVES: Final = np.uint64(0xF0F0F0F0F0F0F0F0)
_LOW_HALVES: Final = np.uint64(0x0F0F0F0F0F0F0F0F)
_SEVENS: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
_ALL: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
_SIXES: Final = np.uint64(0x0606060606060606)
_ZEROS: Final = np.uint64(0x3030303030303030)
_TO_LETTER: Final = np.uint64(_A - _NINE - 1)
_BYTES, _PAIRS, _FOURS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF), np.uint64(0xFFFFFFFF)
_HYPHEN_MASK: Final = np.uint64(0x0000FF00000000FF)
_HYPHENS: Final = np.uint64(0x00002D000000002D)
_ZEROS_THERE: Final = np.uint64(0x0000300000000030)
"""The hyphens of a tag in the second of its three words, and zeros in their place."""


def new_head() -> NDArray[Any]:
    """Room for the last head, shape (1,). At first it is that of a tag that no run writes."""
    head = np.zeros(1, HEAD)
    head["first"], head["second"] = np.frombuffer(BLANK[:HEAD_BYTES].encode(), "<u8")
    return head


@kernel
def digits_of(word: np.uint64) -> int:
    """The number that a word of eight hexadecimal digits in small letters means; -1: some are none.

    All digits are worked on at once. A digit's value is its low half, and for letters, which have the bit 0x40, 9 more.
    It was one if the value is below 16, and the digit of that value is what stands there.
    """
    values = (word & _LOW_HALVES) + (word >> np.uint64(6) & _ONES) * np.uint64(9)
    letters = values + _SIXES >> np.uint64(4) & _ONES
    if (values + _ZEROS + letters * _TO_LETTER ^ word) | (values & _HIGH_HALVES):
        return -1
    # The first digit is the lowest byte, and counts most: halves of a byte become bytes, these words, and so on.
    values = (values << np.uint64(4) | values >> np.uint64(8)) & _BYTES
    values = (values << np.uint64(8) | values >> np.uint64(16)) & _PAIRS
    values = (values << np.uint64(16) | values >> np.uint64(32)) & _FOURS
    return int64(values)


@kernel
def number_at(words: NDArray[np.uint64], at: int, last: NDArray[Any]) -> int:
    """The number of the tag at `at`, -1: there is none. The run and the port of that tag are then in `last`.

    `last` is a HEAD row, shape (1,).
    """
    low, head = digits_of(words[at + HEAD_BYTES]), last[0]
    if low < 0:
        return -1
    first, second = words[at], words[at + WORD_BYTES]
    if first != head.first or second != head.second:
        run, middle = digits_of(first), digits_of(second & ~_HYPHEN_MASK | _ZEROS_THERE)
        if run < 0 or middle < 0 or second & _HYPHEN_MASK != _HYPHENS:
            return -1
        head.first, head.second = first, second
        head.run, head.port, head.high = run, middle >> 12 & 0xFFFF, (middle & 0xFF) << 32
    high: int = head.high
    return high + low


@kernel
def next_mark(words: NDArray[np.uint64], at: int, end: int) -> int:
    """Where the next marker is whole between `at` and `end`; -1: nowhere. Eight places are looked at together.

    A byte that is not zero has its highest bit set when the lowest seven of 0x7f are added to its own, or by itself.
    """
    while at + WORD_BYTES <= end:
        first, fourth = words[at] ^ _FIRSTS, words[at + _FOURTH] ^ _FOURTHS
        differ = (first & _SEVENS) + _SEVENS | first | (fourth & _SEVENS) + _SEVENS | fourth
        if differ | _SEVENS != _ALL:
            for place in range(at, min(at + WORD_BYTES, end - WORD_BYTES + 1)):
                if words[place] == _MARK_WORD:
                    return place
        at += WORD_BYTES
    return -1


@kernel
def find_tag(buffer: NDArray[np.uint8], words: NDArray[np.uint64], start: int, length: int, last: NDArray[Any]) -> int:
    """The number of an event's tag, or UNTAGGED, MALFORMED or PARTED. The event is `length` bytes from `start` on.

    The run and the port of the tag are then in `last`, a HEAD row.
    """
    if length >= TAG_BYTES:
        number = number_at(words, start + length - TAG_BYTES, last)
        if number >= 0:
            return number
    end = start + min(length, MOST_EVENT_BYTES)
    mark = next_mark(words, start, end)
    if mark < 0:
        return UNTAGGED
    while mark >= 0:
        at = mark + WORD_BYTES
        if at < end and buffer[at] == _EQUALS:
            at += 1
        elif mark > start and buffer[mark - 1] == _BRACKET and at + _REST_BYTES + TAG_BYTES <= end:
            opened = words[at] == _REST_FIRST and words[at + _REST_BYTES - WORD_BYTES] == _REST_LAST
            at = at + _REST_BYTES if opened else end
        else:
            at = end
        if at + TAG_BYTES <= end:
            number = number_at(words, at, last)
            if number >= 0:
                return number
        mark = next_mark(words, mark + 1, end)
    return PARTED if is_parted(buffer, words, max(start, end - _LONGEST_PART), end) else MALFORMED


@kernel
def is_parted(buffer: NDArray[np.uint8], words: NDArray[np.uint64], start: int, end: int) -> bool:
    """Whether there is a marker behind `start`, and the first part of a tag and blanks are all that follows it."""
    mark = next_mark(words, start, end)
    while mark >= 0:
        at, opened = mark + WORD_BYTES, False
        if at < end and buffer[at] == _EQUALS:
            at, opened = at + 1, True
        else:
            rest = 0
            while rest < _REST_BYTES and at < end and buffer[at] == _DATA_REST[rest]:
                at, rest = at + 1, rest + 1
            opened = rest == _REST_BYTES
        digit = 0
        while opened and digit < TAG_BYTES - 1 and at < end and is_of_tag(buffer[at], digit):
            at, digit = at + 1, digit + 1
        while at < end and _IS_BLANK[buffer[at]]:
            at += 1
        if at == end:
            return True
        mark = next_mark(words, mark + 1, end)
    return False


@kernel
def is_of_tag(byte: int, place: int) -> bool:
    """Whether a byte may stand at a place of a tag."""
    if _IS_HYPHEN[place]:
        return byte == _HYPHEN
    return _ZERO <= byte <= _NINE or _A <= byte <= _F
