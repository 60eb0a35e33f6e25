"""The leak check: which bytes of the result are an original value that stood at the same place before.

The result has the same lengths, so its bytes lie over those of the origin. What an original value says, and what is
equal in both, is left over. A value that stands where another one was replaced is that one's token, by chance. The
check shares nothing with the scan but the readers of single addresses: it looks for names at each word, and those of
eight bytes or more inside of words, too; for addresses in forms that the scan does not know (`203-0-113-7`, twelve
digits of a MAC address in a row), and for what the patterns of the rules find.

Where fewer than a million others have an address's form (`10.0.0.1`, `fe80::1`), its token may be itself by chance.
That is told, and not taken for a leak.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.rework.anonymize.fronts import FRONT_BITS, HEAD_BITS, HEAD_BYTES, LEAST_BYTES, front_of, has_bit
from captures.rework.anonymize.originals import MOST_BYTES, Tables, address_hash, units_hash
from captures.rework.anonymize.replacing import Mapping
from captures.rework.anonymize.scan.forms import (
    HEX,
    MAC_DIGITS,
    MARK,
    NO_DIGIT,
    WORD,
    address_6_at,
    digits_before,
    is_digit,
    mac_at,
    number_at,
    read_4,
)
from captures.rework.anonymize.scan.kinds import AGAIN, IPV4, IPV6, MAC, Place
from captures.rework.anonymize.tokens.addresses import forms_of
from captures.rework.anonymize.tokens.escapes import PERCENT, escape_end
from captures.rework.anonymize.tokens.hash_set import ended, grown, place_in
from captures.rework.anonymize.tokens.names import LABEL

FEW_FORMS: Final = 1 << 20
"""An address of so many forms is not itself by chance."""
_POINT, _HYPHEN, _LINE, _COLON = (ord(letter) for letter in ".-_:")


@kernel
def check_all(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    words: NDArray[np.uint64],
    trains: Any,
    tables: Tables,
    mapping: Mapping,
    place: Place,
    counts: NDArray[np.int64],
) -> None:
    """Find what is left in the events of TRAIN rows, whose offsets are places of both buffers.

    `words` is a view of `after` by `words_of`.
    `counts`, shape (2,), is told how many values are left, and how many addresses are themselves by chance. As many of
    the first ones as there is room for are entered into the rows of `place`.
    """
    for row in trains:
        length, at = int64(row.length), int64(row.offset)
        for _ in range(int64(row.count)):
            check_event(before, after, words, at, at + length, tables, mapping, place, counts)
            at += length


@kernel
def check_event(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    words: NDArray[np.uint64],
    start: int,
    end: int,
    tables: Tables,
    mapping: Mapping,
    place: Place,
    counts: NDArray[np.int64],
) -> None:
    """Find what is left in one event."""
    at = fresh = start
    while at < end:
        byte = after[at]
        if byte == PERCENT:
            at = fresh = escape_end(after, start, at, end)
            continue
        if byte != before[at] or (not WORD[byte] and byte != _COLON):
            at += 1
            continue
        first = at == fresh or not WORD[after[at - 1]]
        if first:
            known = has_bit(tables.fronts, front_of(words[at], LEAST_BYTES, FRONT_BITS))
        else:
            known = at + HEAD_BYTES <= end and has_bit(tables.heads, front_of(words[at], HEAD_BYTES, HEAD_BITS))
        if is_front(after, start, at, end):
            behind = address_left(before, after, at, end, tables, mapping, place, counts)
            if behind > at:
                at = behind
                continue
        if known:
            behind = name_left(before, after, at, end, first, tables.names, mapping.seed)
            if behind > at:
                enter_left(at, behind, AGAIN, place, counts)
                at = behind
                continue
        at += 1


@kernel
def is_front(buffer: NDArray[np.uint8], start: int, at: int, end: int) -> bool:
    """Whether the digits, or the colon, at `at` and what stands behind them may begin an address.

    Most bytes are ruled out here, before an address is read. Within hexadecimal digits only an IPv4 address begins, at
    a digit behind a letter.
    """
    byte = buffer[at]
    if byte == _COLON:
        return bool(at + 1 < end and buffer[at + 1] == _COLON)
    if HEX[byte] == NO_DIGIT:
        return False
    digits = at
    while digits < end and digits - at <= 3 and is_digit(buffer[digits]):
        digits += 1
    if at < digits and digits + 1 < end and is_digit(buffer[digits + 1]) and MARK[buffer[digits]]:
        return bool(at == start or not is_digit(buffer[at - 1]))
    if at > start and HEX[buffer[at - 1]] != NO_DIGIT:
        return False
    width = digits_before(buffer, at, end)
    if width == MAC_DIGITS:
        return True
    behind = at + width
    return bool(width <= 4 and behind + 1 < end and MARK[buffer[behind]] and is_next(buffer[behind + 1]))


@kernel
def is_next(byte: int) -> bool:
    """Whether a byte may stand behind the first mark of an address."""
    return bool(byte == _COLON or HEX[byte] != NO_DIGIT)


@kernel
def enter_left(at: int, end: int, kind: int, place: Place, counts: NDArray[np.int64]) -> None:
    """Count what is left, and enter it if there is room."""
    if counts[0] < len(place.rows):
        place.rows[counts[0], 0], place.rows[counts[0], 1], place.rows[counts[0], 2] = at, end, kind
    counts[0] += 1


@kernel
def name_left(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    at: int,
    end: int,
    first: bool,  # noqa: FBT001 - numba knows arguments by place
    names: NDArray[np.uint64],
    seed: np.uint64,
) -> int:
    """Where the longest name ends that is left at `at`, or -1.

    Where a word begins, as `first` says, a name ends with a word; else it may end anywhere.
    """
    number, found, i, last = seed, -1, at, min(end, at + MOST_BYTES)
    while i < last and after[i] == before[i] and (LABEL[after[i]] or after[i] == _POINT):
        number = grown(number, after[i])
        i += 1
        long, whole = i - at >= HEAD_BYTES, i == end or not WORD[after[i]]
        if (long or (first and whole and i - at >= LEAST_BYTES)) and place_in(names, ended(number)) >= 0:
            found = i
    return found


@kernel
def address_left(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    at: int,
    end: int,
    tables: Tables,
    mapping: Mapping,
    place: Place,
    counts: NDArray[np.int64],
) -> int:
    """Where the address ends that is left at `at`, or -1."""
    _, width = number_at(after, at, end)
    if width and at + width < end and after[at + width] in (_POINT, _HYPHEN, _LINE):
        behind = read_4(after, at, end, after[at + width], place.numbers)
        left = behind > 0 and same(before, after, at, behind)
        if left and place_in(tables.addresses, units_hash(place.numbers, mapping.seed)) >= 0:
            return judge(at, behind, IPV4, forms_of(place.numbers, mapping.zones_4), place, counts)
    width = digits_before(after, at, end)
    behind = at + width if width == MAC_DIGITS else mac_at(after, at, end, width)
    left = behind > 0 and same(before, after, at, behind)
    if left and place_in(tables.addresses, address_hash(after, at, behind, MAC, mapping.seed, place)) >= 0:
        return judge(at, behind, MAC, mac_forms(after, at, behind), place, counts)
    behind, tail = address_6_at(after, at, end, place.units, place.numbers)
    if behind < 0 or tail >= 0 or not same(before, after, at, behind):
        return -1
    if place_in(tables.addresses, units_hash(place.units, mapping.seed)) < 0:
        return -1
    return judge(at, behind, IPV6, forms_of(place.units, mapping.zones_6), place, counts)


@kernel
def judge(at: int, end: int, kind: int, forms: float, place: Place, counts: NDArray[np.int64]) -> int:
    """Take an address that is left for a leak, or for one that stays or is itself by chance; returns where it ends."""
    if forms >= FEW_FORMS:
        enter_left(at, end, kind, place, counts)
    elif forms > 1:
        counts[1] += 1
    return end


@kernel
def mac_forms(buffer: NDArray[np.uint8], at: int, end: int) -> float:
    """How many MAC addresses the token of one is drawn from: a single one of those that name no host."""
    for byte in buffer[at:end]:
        if HEX[byte] != NO_DIGIT and HEX[byte] != HEX[buffer[at]]:
            return float(1 << 24)
    return 1.0 if HEX[buffer[at]] in (0, 15) else float(1 << 24)


@kernel
def same(before: NDArray[np.uint8], after: NDArray[np.uint8], at: int, end: int) -> bool:
    """Whether the bytes are equal in both."""
    while at < end and before[at] == after[at]:
        at += 1
    return at == end
