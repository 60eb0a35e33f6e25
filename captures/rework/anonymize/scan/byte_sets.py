"""Which bytes a part of a parsed regular expression matches, as a number of 256 bits."""

import re
from re import _constants as ops  # type: ignore[attr-defined]  # mypy does not know the parser of `re`
from typing import Any, Final

REPEATS: Final = (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT)
ALL_BYTES: Final = (1 << 256) - 1


def bytes_of(op: Any, argument: Any, fold: bool) -> int | None:  # noqa: FBT001 - as above
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
