"""Does a regular expression repeat what can be read in two ways? Then hostile text can make `re` try for ever.

`re` goes back and tries the other way. Where each of n rounds of a repetition has two ways, there are 2^n to try. The
next byte must always say how to go on within a round: which alternative, whether an inner repetition goes on or is
left, and where the next round begins. This is the rule of the deterministic expressions of SGML and XML (Brueggemann-
Klein and Wood, "One-unambiguous regular languages", 1998), asked of what is repeated.
"""

from functools import reduce
from operator import or_
from re import _constants as ops  # type: ignore[attr-defined]  # mypy does not know the parser of `re`
from typing import Any

from captures.rework.anonymize.scan.byte_sets import ALL_BYTES, REPEATS, bytes_of


def ambiguous(parsed: Any) -> bool:
    """Whether a repetition in a parsed expression repeats what is ambiguous."""
    for op, argument in parsed:
        if op in REPEATS and argument[1] > 1 and _unclear(argument[2], _first(argument[2], 0)):
            return True
        if any(ambiguous(part) for part in _parts(op, argument)):
            return True
    return False


def _parts(op: Any, argument: Any) -> list[Any]:
    """The expressions inside of one."""
    if op in REPEATS:
        return [argument[2]]
    if op is ops.SUBPATTERN:
        return [argument[3]]
    if op is ops.BRANCH:
        return list(argument[1])
    if op in (ops.ASSERT, ops.ASSERT_NOT):
        return [argument[1]]
    if op is ops.ATOMIC_GROUP:
        return [argument]
    return [part or [] for part in argument[1:]] if op is ops.GROUPREF_EXISTS else []


def _first(parsed: Any, follow: int) -> int:
    """The bytes with which an expression can begin, where `follow` are those that can stand behind it."""
    for op, argument in reversed(parsed):
        if op in (ops.AT, ops.ASSERT, ops.ASSERT_NOT):
            continue
        held = bytes_of(op, argument, fold=True)
        if held is not None:
            follow = held
        elif op in REPEATS:
            again = _first(argument[2], follow)
            follow = again | (follow if argument[0] == 0 else 0)
        else:
            parts = _parts(op, argument)
            follow = reduce(or_, (_first(part, follow) for part in parts), 0) if parts else ALL_BYTES
    return follow


def _unclear(parsed: Any, follow: int) -> bool:
    """Whether a byte does not always say how to go on in an expression, behind which those of `follow` can stand."""
    for op, argument in reversed(parsed):
        parts = _parts(op, argument)
        behind = follow
        if op in REPEATS:
            again = _first(argument[2], 0)
            if argument[0] != argument[1] and again & follow:
                return True
            behind = follow | again if argument[1] > 1 else follow
        elif len(parts) > 1:
            taken = 0
            for part in parts:
                begins = _first(part, follow)
                if begins & taken:
                    return True
                taken |= begins
        if op not in (ops.ASSERT, ops.ASSERT_NOT) and any(_unclear(part, behind) for part in parts):
            return True
        follow = _first([(op, argument)], follow)
    return False
