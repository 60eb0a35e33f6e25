r"""Where in a text are tags, whatever surrounds them: syslog lines, JSON, CSV, records, packets? By their shape. Pure.

A tag is found by its shape alone: 24 characters with hyphens at 8 and 13 and hexadecimal digits elsewhere. The
characters beside it say nothing: a digit may follow if no line feed separates records (`...-000000002a2026-12-26`, or
an octet count). No UUID contains such a text (RFC 9562: its hyphens are at 8, 13, 18 and 23).

Two such texts may overlap: the last digits of a tag and what follows may look like the run of another tag. If both name
one run, the first is the tag. If they name different runs, both are returned: only one can be of the run that is asked
for.

Files are read block by block. A *window* is a block with the LEAD bytes before it. A tag that lies in two blocks is
found in the window where its last byte is new.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.format.tags import MARK, SD_ID, TAG_BYTES
from replay.linux.libc import memchr

LEAD: Final = 64
"""How many bytes before its block a window repeats: enough for a tag and another one that it may overlap, or for the
end of a line that was cut within the text that announces a tag."""
assert LEAD >= 2 * (TAG_BYTES - 1)
CLOSEST_BYTES: Final = 14
"""Tags begin at least so far apart: nearer ones would have hyphens where the other has digits."""
PORT_BITS: Final = 16

_FIRST_HYPHEN, _SECOND_HYPHEN = 8, 13
_HYPHEN, _NEWLINE = ord("-"), ord("\n")
_DIGIT: Final = np.array([int(chr(i), 16) if chr(i) in "0123456789abcdefABCDEF" else -1 for i in range(256)])
"""What each byte means as a hexadecimal digit; -1: it is none."""

_WORD: Final = MARK[:-1].encode()
_TEXTS: Final = (_WORD, b"=", SD_ID.encode()[len(_WORD) :], b"\\u003d")
"""The word of a marker, the text that announces a tag, and what may follow: as sent, and as some JSON writes it."""
_SIZES: Final = np.array([len(text) for text in _TEXTS])
_SMALL, _CAPITAL = (
    np.array([list(case(text).ljust(max(_SIZES))) for text in _TEXTS], np.uint8) for case in (bytes.lower, bytes.upper)
)
_WORD_BYTES: Final = len(_WORD)
_STEM: Final = b"stamped"
"""The start of the word, whose letters all differ: if one byte in so many is looked at, no word is missed."""
_STEM_BYTES: Final = len(_STEM)
_LETTER: Final = np.array([_STEM.find(bytes([byte]).lower()) for byte in range(256)])
"""Where in the stem a byte stands; -1: nowhere."""


class Rows(NamedTuple):
    """Tags with their lines, int64, shape (tags,) each, in the order of the file."""

    place: NDArray[np.int64]
    """How many bytes of the file are before the tag."""
    line: NDArray[np.int64]
    lane: NDArray[np.int64]
    """Run and port in one number: run << PORT_BITS | port."""
    sequence: NDArray[np.int64]

    def pick(self, which: slice | NDArray[np.bool_] | NDArray[np.int64]) -> "Rows":
        """The rows that `which` selects."""
        return Rows(*(column[which] for column in self))


def find_ends(window: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The places of the line feeds in the block of a window."""
    ends = np.empty(len(window) - LEAD, np.int64)
    return ends[: _find_ends(window, ends)]


@kernel
def _find_ends(window: NDArray[np.uint8], ends: NDArray[np.int64]) -> int:
    count, end = 0, _next(_NEWLINE, window, LEAD)
    while end < len(window):
        ends[count] = end
        count += 1
        end = _next(_NEWLINE, window, end + 1)
    return count


def new_rows(recent: Rows, window_bytes: int) -> Rows:
    """Room for the tags of a window of this size, behind the `recent` ones."""
    room = len(recent.place) + window_bytes // CLOSEST_BYTES + 1
    rows = Rows(*(np.empty(room, np.int64) for _ in recent))
    for column, kept in zip(rows, recent, strict=True):
        column[: len(kept)] = kept
    return rows


@kernel
def find_tags(
    window: NDArray[np.uint8], before: int, ends: NDArray[np.int64], rows: Rows, count: int, tagged: NDArray[np.bool_]
) -> int:
    """Write the tags whose last byte is new in a window behind the first `count` of `rows`; returns how many there are.

    `before` bytes of the file are before the window. `ends` are the places of the line feeds in its block. `tagged` has
    an item for each of these lines, and one for the line behind them; it is set where a line has a tag.
    """
    line, last, last_run = 0, -TAG_BYTES, -1
    hyphen = _next(_HYPHEN, window, _FIRST_HYPHEN)
    while hyphen + TAG_BYTES - _FIRST_HYPHEN <= len(window):
        place, second = hyphen - _FIRST_HYPHEN, hyphen + _SECOND_HYPHEN - _FIRST_HYPHEN
        hyphen = _next(_HYPHEN, window, hyphen + 1)
        if window[second] != _HYPHEN:
            continue
        run = _number(window, place, place + _FIRST_HYPHEN)
        port = _number(window, place + _FIRST_HYPHEN + 1, second)
        sequence = _number(window, second + 1, place + TAG_BYTES)
        if run < 0 or port < 0 or sequence < 0:
            continue
        within_another = place - last < TAG_BYTES and run == last_run
        last, last_run = place, run
        if within_another or place <= LEAD - TAG_BYTES:
            continue
        while line < len(ends) and ends[line] < place:
            line += 1
        tagged[line] = True
        rows.place[count], rows.line[count] = before + place, line
        rows.lane[count], rows.sequence[count] = run << PORT_BITS | port, sequence
        count += 1
    return count


@kernel
def _next(byte: int, window: NDArray[np.uint8], start: int) -> int:
    """The place of the next such byte, at `start` or behind it; the length of the window: there is none."""
    first = int64(window.ctypes.data)
    found = int64(memchr(first + start, byte, len(window) - start))
    return found - first if found else len(window)


@kernel
def _number(window: NDArray[np.uint8], start: int, end: int) -> int:
    """The number that these hexadecimal digits mean; -1: not all of them are digits."""
    number = 0
    for at in range(start, end):
        digit = int64(_DIGIT[window[at]])
        if digit < 0:
            return -1
        number = number << 4 | digit
    return number


@kernel
def find_marked(
    window: NDArray[np.uint8], ends: NDArray[np.int64], tagged: NDArray[np.bool_], marked: NDArray[np.bool_]
) -> None:
    """Set `marked` where a line has no tag, but a marker whose last byte is new: `stampede=` or `stampede@32473`.

    `tagged` and `marked` have an item for each line that ends at `ends`, and one for the line behind them.
    """
    start = 0
    for line in range(len(tagged)):
        end = ends[line] if line < len(ends) else len(window)
        if not tagged[line]:
            for looked_at in range(start + _STEM_BYTES - 1, end, _STEM_BYTES):
                word = looked_at - _LETTER[window[looked_at]]
                tail = word + _WORD_BYTES
                if word > looked_at or tail >= end or not _stands(0, window, word):
                    continue
                for text in range(1, len(_SIZES)):
                    behind = tail + _SIZES[text]
                    marked[line] |= LEAD < behind <= end and _stands(text, window, tail)
        start = end + 1


@kernel
def _stands(text: int, window: NDArray[np.uint8], start: int) -> bool:
    """Whether this one of _TEXTS stands at `start` and before the window's end, in small letters or capitals."""
    for i in range(_SIZES[text]):
        if window[start + i] != _SMALL[text, i] and window[start + i] != _CAPITAL[text, i]:
            return False
    return True
