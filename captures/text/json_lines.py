"""Lines of JSON, of which one field is the event: a text in the object, or in one within it (RFC 8259).

`n.message` is the field of that name, or else the field `message` of the object in the field `n`. Only as much of a
line is read as leads to the field, and only its structure is looked at.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.compiled.memory import copy_bytes
from captures.compiled.words import words_of
from captures.format.layout import MAX_TRAIN_BYTES
from captures.text.finding import SLACK_BYTES
from captures.text.messages import Messages, as_messages

NO_TEXT: Final = -1
MOST_LINE_BYTES: Final = 1 << 20
"""A line has other fields besides, and its text may be longer with its escapes."""
_QUOTE, _BACKSLASH, _OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST, _COLON, _COMMA, _SPACE, _U, _POINT = (
    ord(letter) for letter in '"\\{}[]:, u.'
)
_QUOTES: Final = np.uint64(0x2222222222222222)
_BACKSLASHES: Final = np.uint64(0x5C5C5C5C5C5C5C5C)
_LOW: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
_HIGH: Final = np.uint64(0x8080808080808080)
"""By these two the bytes that are zero are found: all others have their highest bit set, or get it by adding 127."""
_REPLACEMENT: Final = 0xFFFD
_ESCAPED: Final = np.zeros(256, np.uint8)
_ESCAPED[[*b'"\\/bfnrt']] = [*b'"\\/\b\f\n\r\t']
_HEXADECIMAL: Final = np.full(256, -1, np.int64)
for _base, _digits in ((0, b"0123456789"), (10, b"abcdef"), (10, b"ABCDEF")):
    _HEXADECIMAL[[*_digits]] = np.arange(_base, _base + len(_digits))


class Texts(NamedTuple):
    """The texts of a field of some lines."""

    batch: Messages
    missing: int
    """How many lines have no such text, or an empty one."""
    long: int
    """How many texts are longer than the payload of a UDP datagram can be."""


def json_texts(batch: Messages, name: str) -> Texts:
    """The texts of a field of JSON lines as events."""
    rows = batch.messages
    out = np.empty(int(rows["length"].sum()) + SLACK_BYTES, np.uint8)
    places, lengths = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    data = batch.data.view()
    data.flags.writeable = False
    wanted = np.frombuffer(name.encode(), np.uint8)
    count, long = take_all(
        data, words_of(data), rows["place"].copy(), rows["length"].copy(), wanted, out, places, lengths
    )
    return Texts(as_messages(out, places[:count], lengths[:count]), len(rows) - count - long, long)


@kernel
def take_all(
    buffer: NDArray[np.uint8],
    words: NDArray[np.uint64],
    place: NDArray[np.int64],
    length: NDArray[np.int64],
    name: NDArray[np.uint8],
    out: NDArray[np.uint8],
    places: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> tuple[int, int]:
    """Write the texts of a field into `out`, back to back; an empty text is none.

    Returns how many lines have it, and how many more have one that is too long.
    """
    count, long, to = 0, 0, int64(0)
    for i in range(len(place)):
        end = place[i] + length[i]
        at = value_on_path(buffer, words, place[i], end, name)
        if at == NO_TEXT or buffer[at] != _QUOTE:
            continue
        behind = write_text(buffer, words, at + 1, end, out, to)
        if behind - to > MAX_TRAIN_BYTES:
            long += 1
        elif behind > to:
            places[count], lengths[count] = to, behind - to
            count, to = count + 1, behind
    return count, long


@kernel
def value_on_path(
    buffer: NDArray[np.uint8], words: NDArray[np.uint64], at: int, end: int, name: NDArray[np.uint8]
) -> int:
    """Where the value of a field begins, in the object at `at` or in one within it; NO_TEXT: there is none."""
    value = value_at(buffer, words, at, end, name)
    if value != NO_TEXT:
        return value
    first = 0
    for i in range(len(name)):
        if name[i] == _POINT:
            at = value_at(buffer, words, at, end, name[first:i])
            if at == NO_TEXT:
                return NO_TEXT
            first = i + 1
    return value_at(buffer, words, at, end, name[first:]) if first else NO_TEXT


@kernel
def next_mark(buffer: NDArray[np.uint8], words: NDArray[np.uint64], at: int, end: int) -> int:
    """Where the next quotation mark or backslash stands from `at` on, looked for eight bytes at a time; or `end`."""
    while at + 8 <= end:
        quotes, backslashes = words[at] ^ _QUOTES, words[at] ^ _BACKSLASHES
        if ~(((quotes & _LOW) + _LOW | quotes) & ((backslashes & _LOW) + _LOW | backslashes)) & _HIGH:
            break
        at += 8
    while at < end and buffer[at] != _QUOTE and buffer[at] != _BACKSLASH:
        at += 1
    return at


@kernel
def past_space(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Where white space ends that begins at `at`."""
    while at < end and buffer[at] <= _SPACE:
        at += 1
    return at


@kernel
def past_text(buffer: NDArray[np.uint8], words: NDArray[np.uint64], at: int, end: int) -> int:
    """The place behind the text whose quotation mark stands at `at`; behind `end`: it has no end."""
    at = next_mark(buffer, words, at + 1, end)
    while at < end and buffer[at] == _BACKSLASH:
        at = next_mark(buffer, words, at + 2, end)
    return at + 1


@kernel
def past_value(buffer: NDArray[np.uint8], words: NDArray[np.uint64], at: int, end: int) -> int:
    """Where the value at `at` ends: before the comma or the bracket that follows it on its own level."""
    depth = 0
    while at < end:
        byte = buffer[at]
        if byte == _QUOTE:
            at = past_text(buffer, words, at, end)
            continue
        if depth == 0 and byte in (_COMMA, _CLOSE):
            break
        if byte in (_OPEN, _OPEN_LIST):
            depth += 1
        elif byte in (_CLOSE, _CLOSE_LIST):
            depth -= 1
        at += 1
    return at


@kernel
def is_name(buffer: NDArray[np.uint8], at: int, behind: int, name: NDArray[np.uint8]) -> bool:
    """Whether a field's name, with its quotation marks, is `name`, written without escapes."""
    if behind - at != len(name) + 2:
        return False
    same = True
    for i in range(len(name)):
        same = same and buffer[at + 1 + i] == name[i]
    return same


@kernel
def value_at(buffer: NDArray[np.uint8], words: NDArray[np.uint64], at: int, end: int, name: NDArray[np.uint8]) -> int:
    """Where the value of the first field of that name begins, in the object at `at`; NO_TEXT: there is none."""
    at = past_space(buffer, at, end)
    if at >= end or buffer[at] != _OPEN:
        return NO_TEXT
    while True:
        at = past_space(buffer, at + 1, end)
        if at >= end or buffer[at] != _QUOTE:
            return NO_TEXT
        behind = past_text(buffer, words, at, end)
        colon = past_space(buffer, behind, end)
        if colon >= end or buffer[colon] != _COLON:
            return NO_TEXT
        value = past_space(buffer, colon + 1, end)
        if value >= end:
            return NO_TEXT
        if is_name(buffer, at, behind, name):
            return value
        at = past_value(buffer, words, value, end)
        if at >= end or buffer[at] != _COMMA:
            return NO_TEXT


@kernel
def code_unit(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    r"""The four hexadecimal digits behind the `\u` at `at`; -1: there are none."""
    if at + 6 > end or buffer[at] != _BACKSLASH or buffer[at + 1] != _U:
        return -1
    number, sound = int64(0), True
    for i in range(at + 2, at + 6):
        sound = sound and _HEXADECIMAL[buffer[i]] >= 0
        number = number << 4 | (_HEXADECIMAL[buffer[i]] & 15)
    return number if sound else -1


@kernel
def write_utf8(out: NDArray[np.uint8], to: int, point: int) -> int:
    """Write a code point as UTF-8 (RFC 3629, section 3). Returns where it ends."""
    if point < 0x80:
        out[to] = point
        return to + 1
    width = 2 if point < 0x800 else 3 if point < 0x10000 else 4
    for back in range(width - 1, 0, -1):
        out[to + back] = 0x80 | (point & 0x3F)
        point >>= 6
    out[to] = (0xF00 >> width & 0xFF) | point
    return to + width


@kernel
def write_text(
    buffer: NDArray[np.uint8], words: NDArray[np.uint64], at: int, end: int, out: NDArray[np.uint8], to: int
) -> int:
    """Write the text that begins at `at`, behind its quotation mark, without escapes. Returns where it ends in `out`.

    It is never longer than with its escapes. Half a surrogate pair becomes U+FFFD. A text without an end, or with a
    wrong escape, is none: NO_TEXT.
    """
    while True:
        mark = next_mark(buffer, words, at, end)
        copy_bytes(out, to, buffer, at, mark - at)
        at, to = mark, to + mark - at
        if at >= end or buffer[at] == _QUOTE:
            return to if at < end else NO_TEXT
        if at + 1 < end and _ESCAPED[buffer[at + 1]]:
            out[to] = _ESCAPED[buffer[at + 1]]
            at, to = at + 2, to + 1
            continue
        point = code_unit(buffer, at, end)
        if point < 0:
            return NO_TEXT
        at += 6
        if 0xD800 <= point < 0xE000:
            low = code_unit(buffer, at, end) if point < 0xDC00 else -1
            if 0xDC00 <= low < 0xE000:
                point = 0x10000 + (point - 0xD800 << 10) + low - 0xDC00
                at += 6
            else:
                point = _REPLACEMENT
        to = write_utf8(out, to, point)
