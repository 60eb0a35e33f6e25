"""The regular expressions of the rules: where they match in events, with a scan before them that is compiled.

Python's `re` is asked of those events alone that hold what each match of the expression must hold: a few bytes in a
row, each of a set, which are read from the parsed expression.
"""

import math
import re
from collections.abc import Iterator
from re import _constants as ops  # type: ignore[attr-defined]  # mypy does not know the parser of `re`
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.console.errors import InputError

_MOST_BYTES: Final = 16
_ALL: Final = (1 << 256) - 1
_REPEATS: Final = (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT)


class Pattern(NamedTuple):
    """A regular expression of the rules."""

    name: str
    expression: re.Pattern[bytes]
    row: NDArray[np.bool_]
    """What each match holds: bytes in a row, of these sets; shape (bytes, 256). No bytes: nothing is known of it."""


def pattern_of(name: str, text: str) -> Pattern:
    """The pattern of an expression, whose group 1 is the value, or the whole match where it has no group.

    Raises InputError for what is no regular expression, and for one whose time on hostile text is not bounded.
    """
    try:
        expression = re.compile(text.encode())
        parsed = parser.parse(text.encode())
    except (re.error, OverflowError, RecursionError, UnicodeEncodeError) as error:
        raise InputError(f"pattern {name}: {error}") from None
    if _nested(parsed, inside=False):
        raise InputError(f"pattern {name}: a repetition inside of a repetition can take for ever; write it without")
    if expression.fullmatch(b""):
        raise InputError(f"pattern {name}: it matches nothing at all; a value has a byte at least")
    best = max(_rows(parsed, bool(expression.flags & re.IGNORECASE)), key=_rarity, default=[])
    row = np.zeros((len(best), 256), np.bool_)
    for i, held in enumerate(best):
        row[i] = [held >> byte & 1 for byte in range(256)]
    return Pattern(name, expression, row)


def _nested(parsed: Any, *, inside: bool) -> bool:
    """Whether a repetition without a small limit stands inside of another one."""
    for op, argument in parsed:
        again = op in _REPEATS and argument[1] > 64
        if again and inside:
            return True
        for part in _parts(op, argument):
            if _nested(part, inside=inside or again):
                return True
    return False


def _parts(op: Any, argument: Any) -> list[Any]:
    """The expressions inside of one."""
    if op in _REPEATS:
        return [argument[2]]
    if op is ops.SUBPATTERN:
        return [argument[3]]
    if op is ops.BRANCH:
        return list(argument[1])
    if op in (ops.ASSERT, ops.ASSERT_NOT):
        return [argument[1]]
    if op is ops.ATOMIC_GROUP:
        return [argument]
    return [part for part in argument[1:] if part] if op is ops.GROUPREF_EXISTS else []


def _rarity(row: list[int]) -> float:
    """The more, the fewer texts hold these bytes in a row."""
    return sum(8 - math.log2(held.bit_count()) for held in row)


def _rows(parsed: Any, fold: bool) -> Iterator[list[int]]:  # noqa: FBT001 - a flag of the expression, passed on
    """The sets of bytes, as numbers of 256 bits, that stand in a row in each match."""
    row: list[int] = []
    for op, argument in parsed:
        held, least, most = _one(op, argument, fold), 1, 1
        if held is None and op in _REPEATS and len(argument[2]) == 1:
            least, most, inner = argument
            held = _one(inner[0][0], inner[0][1], fold)
        if held is not None:
            row = [*row, *[held] * min(least, _MOST_BYTES)][:_MOST_BYTES]
            if least != most and row:
                yield row
                row = [held] * min(least, _MOST_BYTES)
        elif op is not ops.AT:
            yield row
            row = []
            if op is ops.SUBPATTERN and not argument[1] and not argument[2]:
                yield from _rows(argument[3], fold)
    yield row


def _one(op: Any, argument: Any, fold: bool) -> int | None:  # noqa: FBT001 - as above
    """The set of bytes that one part of an expression matches, or None if it is no set."""
    if op not in (ops.LITERAL, ops.NOT_LITERAL, ops.IN, ops.ANY):
        return None
    others = {byte: ord(chr(byte).swapcase()) if fold and byte < 128 else byte for byte in range(256)}
    return sum(1 << byte for byte in range(256) if _has(op, argument, byte) or _has(op, argument, others[byte])) or None


def _has(op: Any, argument: Any, byte: int) -> bool:
    """Whether a part matches a byte."""
    if op is ops.ANY:
        return True
    if op is ops.IN:
        return _in(argument, byte)
    return bool((byte == argument) == (op is ops.LITERAL))


_CATEGORIES: Final = {
    ops.CATEGORY_DIGIT: rb"\d",
    ops.CATEGORY_NOT_DIGIT: rb"\D",
    ops.CATEGORY_SPACE: rb"\s",
    ops.CATEGORY_NOT_SPACE: rb"\S",
    ops.CATEGORY_WORD: rb"\w",
    ops.CATEGORY_NOT_WORD: rb"\W",
}


def _in(items: Any, byte: int) -> bool:
    """Whether a byte is of a set in brackets."""
    negated = False
    found = False
    for op, argument in items:
        if op is ops.NEGATE:
            negated = True
        elif op is ops.LITERAL:
            found = found or byte == argument
        elif op is ops.RANGE:
            found = found or argument[0] <= byte <= argument[1]
        else:
            found = found or re.fullmatch(_CATEGORIES[argument], bytes([byte])) is not None
    return found != negated


@kernel
def events_with(buffer: NDArray[np.uint8], trains: Any, row: NDArray[np.bool_], held: NDArray[np.bool_]) -> None:
    """Which events of TRAIN rows, whose offsets are places of `buffer`, hold such bytes in a row: shape (events,)."""
    number = 0
    for train in trains:
        length, at = int64(train.length), int64(train.offset)
        for _ in range(int64(train.count)):
            held[number] = holds(buffer, at, at + length, row)
            number += 1
            at += length


@kernel
def holds(buffer: NDArray[np.uint8], at: int, end: int, row: NDArray[np.bool_]) -> bool:
    """Whether some bytes in a row are of these sets. The last one is looked at first."""
    while at + len(row) <= end:
        i = len(row) - 1
        while i >= 0 and row[i, buffer[at + i]]:
            i -= 1
        if i < 0:
            return True
        at += 1
    return False


def matches(
    pattern: Pattern, buffer: NDArray[np.uint8], trains: Any, starts: NDArray[np.int64]
) -> Iterator[tuple[int, int, int]]:
    """The number of an event, the place and the end of each value that a pattern finds.

    `starts` says where the events of the trains begin: shape (events,).
    """
    held = np.zeros(len(starts), np.bool_)
    events_with(buffer, trains, pattern.row, held)
    lengths = np.repeat(trains["length"].astype(np.int64), trains["count"])
    group, find = min(pattern.expression.groups, 1), pattern.expression.finditer
    for event in np.flatnonzero(held).tolist():
        start = int(starts[event])
        for match in find(buffer[start : start + int(lengths[event])].tobytes()):
            first, end = match.span(group)
            if end > first >= 0:
                yield event, start + first, start + end
