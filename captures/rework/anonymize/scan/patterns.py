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
from captures.rework.anonymize.scan.ambiguity import ambiguous
from captures.rework.anonymize.scan.byte_sets import REPEATS, bytes_of

_MOST_BYTES: Final = 16


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
    if ambiguous(parsed):
        raise InputError(
            f"pattern {name}: it repeats what can be read in two ways, which can take for ever: another repetition, or "
            "alternatives that begin alike; write it so that the next byte always says how to go on"
        )
    if expression.fullmatch(b""):
        raise InputError(f"pattern {name}: it matches nothing at all; a value has a byte at least")
    best = max(_rows(parsed, bool(expression.flags & re.IGNORECASE)), key=_rarity, default=[])
    row = np.zeros((len(best), 256), np.bool_)
    for i, held in enumerate(best):
        row[i] = [held >> byte & 1 for byte in range(256)]
    return Pattern(name, expression, row)


def _rarity(row: list[int]) -> float:
    """The more, the fewer texts hold these bytes in a row."""
    return sum(8 - math.log2(held.bit_count()) for held in row)


def _rows(parsed: Any, fold: bool) -> Iterator[list[int]]:  # noqa: FBT001 - a flag of the expression, passed on
    """The sets of bytes, as numbers of 256 bits, that stand in a row in each match."""
    row: list[int] = []
    for op, argument in parsed:
        held, least, most = bytes_of(op, argument, fold), 1, 1
        if held is None and op in REPEATS and len(argument[2]) == 1:
            least, most, inner = argument
            held = bytes_of(inner[0][0], inner[0][1], fold)
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
