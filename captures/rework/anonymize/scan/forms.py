"""Kernels that read addresses in text: where one ends, what it says, and how its token is written in its place.

IPv4 has four numbers of up to three digits; IPv6 the forms of RFC 4291, section 2.2, compressed or not, with IPv4 at
its end or not; a MAC address six pairs of digits with colons or hyphens between them, or three groups of four with
points.
What stands around an address (a port, brackets, a zone) is not of it, and stays.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.rework.anonymize.tokens.addresses import UNITS_4, UNITS_6

MOST_BYTES_4: Final = 15
MOST_BYTES_6: Final = 45
PAIRED_BYTES: Final = 17
"""Bytes of a MAC address of pairs."""
DOTTED_BYTES: Final = 14
"""Bytes of one in the form of Cisco."""
NO_DIGIT: Final = 16
HEX: Final = np.array(
    [int(chr(byte), 16) if chr(byte) in "0123456789abcdefABCDEF" else NO_DIGIT for byte in range(256)], np.int64
)
"""The value of each hexadecimal digit."""
MAC_DIGITS: Final = 12
MARK: Final = np.array([chr(byte) in ":.-_" for byte in range(256)])
"""The bytes that stand between the parts of an address."""
WORD: Final = np.array([byte > 127 or chr(byte).isalnum() for byte in range(256)])
"""The bytes of words: letters and digits."""
_ZERO, _NINE, _POINT, _COLON, _HYPHEN, _A, _SMALL_A, _SMALL_F = (ord(letter) for letter in "09.:-Aaf")
_GROUPS: Final = 8


@kernel
def is_digit(byte: int) -> bool:
    """Whether a byte is a decimal digit."""
    return bool(_ZERO <= byte <= _NINE)


@kernel
def near_mark(buffer: NDArray[np.uint8], at: int, end: int) -> bool:
    """Whether an address may begin at `at`: at a hexadecimal digit or a colon, with one of its marks close behind.

    This rules most words out before any function is called for them.
    """
    if HEX[buffer[at]] == NO_DIGIT and buffer[at] != _COLON:
        return False
    i, last = at + 1, min(end, at + 5)
    while i < last and not MARK[buffer[i]]:
        i += 1
    return i < last


@kernel
def digits_before(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """How many hexadecimal digits stand at `at`; of more than twelve some."""
    behind = at
    while behind < end and behind - at <= MAC_DIGITS and HEX[buffer[behind]] != NO_DIGIT:
        behind += 1
    return behind - at


@kernel
def number_at(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """The decimal number of up to three digits at `at`, and its width; the width 0: there is none up to 255."""
    number, width = 0, 0
    while at + width < end and width < 4 and is_digit(buffer[at + width]):
        number = number * 10 + int64(buffer[at + width]) - _ZERO
        width += 1
    return number, width if width < 4 and number < 256 else 0


@kernel
def read_4(buffer: NDArray[np.uint8], at: int, end: int, mark: int, units: NDArray[np.int64]) -> int:
    """Read four numbers with a mark between them into `units`; returns where they end, or -1."""
    for i in range(UNITS_4):
        number, width = number_at(buffer, at, end)
        if width == 0:
            return -1
        units[i] = number
        at += width
        if i < UNITS_4 - 1:
            if at >= end or buffer[at] != mark:
                return -1
            at += 1
    return at


@kernel
def address_4_at(buffer: NDArray[np.uint8], start: int, at: int, end: int, units: NDArray[np.int64]) -> int:
    """Where the IPv4 address ends that begins at `at` of an event from `start` to `end`; -1: there is none.

    A row of more than four numbers (an OID of SNMP, a long version) is none.
    """
    if at > start and (
        is_digit(buffer[at - 1]) or (buffer[at - 1] == _POINT and at - 1 > start and is_digit(buffer[at - 2]))
    ):
        return -1
    behind = read_4(buffer, at, end, _POINT, units)
    if behind > 0 and behind + 1 < end and buffer[behind] == _POINT and is_digit(buffer[behind + 1]):
        return -1
    return behind


@kernel
def write_4(buffer: NDArray[np.uint8], at: int, units: NDArray[np.int64]) -> None:
    """Write the numbers over those that stand at `at`, each as wide as it was; zeros in front stay."""
    for i in range(UNITS_4):
        behind = at
        while behind < at + 3 and behind < len(buffer) and is_digit(buffer[behind]):
            behind += 1
        number = units[i]
        for place in range(behind - 1, at - 1, -1):
            buffer[place] = _ZERO + number % 10
            number //= 10
        at = behind + 1


@kernel
def group_at(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """The hexadecimal number of up to four digits at `at`, and its width; the width 0: there is none."""
    number, width = 0, 0
    while at + width < end and width < 5 and HEX[buffer[at + width]] != NO_DIGIT:
        number = number << 4 | HEX[buffer[at + width]]
        width += 1
    return number, width if width < 5 else 0


@kernel
def address_6_at(
    buffer: NDArray[np.uint8], at: int, end: int, units: NDArray[np.int64], numbers: NDArray[np.int64]
) -> tuple[int, int]:
    """Where the IPv6 address at `at` ends, and where the IPv4 address at its end begins, or -1; -1, -1: there is none.

    `units` gets its digits, shape (32,), and `numbers` those of the IPv4 address, shape (4,).
    """
    count, gap, first, tail = 0, -1, at, -1
    if at + 1 < end and buffer[at] == _COLON and buffer[at + 1] == _COLON:
        gap, at = 0, at + 2
    behind = at if gap == 0 else -1
    while count < _GROUPS:
        number, width = group_at(buffer, at, end)
        if width == 0:
            break
        last = tail_at(buffer, at, end, count, gap, units, numbers)
        if last > 0:
            count, tail, behind = count + 2, at, last
            break
        set_digits(units, 4 * count, number, 4)
        count, at = count + 1, at + width
        behind = at
        if count == _GROUPS or at + 1 >= end or buffer[at] != _COLON:
            break
        if buffer[at + 1] == _COLON:
            if gap >= 0:
                break
            gap, at = count, at + 2
            behind = at
        else:
            at += 1
    if behind < 0 or behind - first < 2 or (gap < 0) != (count == _GROUPS):
        return -1, -1
    spread(units, gap, count)
    return behind, tail


@kernel
def tail_at(
    buffer: NDArray[np.uint8],
    at: int,
    end: int,
    count: int,
    gap: int,
    units: NDArray[np.int64],
    numbers: NDArray[np.int64],
) -> int:
    """Where the IPv4 address at `at` ends that takes the place of the last two groups of an IPv6 address; -1: none."""
    if count > _GROUPS - 2 or (gap < 0 and count != _GROUPS - 2):
        return -1
    last = read_4(buffer, at, end, _POINT, numbers)
    if last > 0:
        for i in range(UNITS_4):
            set_digits(units, 4 * count + 2 * i, numbers[i], 2)
    return last


@kernel
def set_digits(units: NDArray[np.int64], at: int, number: int, count: int) -> None:
    """Put the hexadecimal digits of a number into `units`."""
    for i in range(count):
        units[at + i] = number >> 4 * (count - 1 - i) & 15


@kernel
def spread(units: NDArray[np.int64], gap: int, count: int) -> None:
    """Move the groups behind `::`, which stands before group `gap`, to the end, and fill its place with zeros."""
    if gap < 0:
        return
    moved = 4 * (count - gap)
    for i in range(moved):
        units[UNITS_6 - 1 - i] = units[4 * count - 1 - i]
    for i in range(4 * gap, UNITS_6 - moved):
        units[i] = 0


@kernel
def write_6(buffer: NDArray[np.uint8], at: int, end: int, units: NDArray[np.int64]) -> None:
    """Write the digits over those of a text without an IPv4 address; each group stays as wide as it was."""
    capital, groups = has_capital(buffer, at, end), 0
    i = at
    while i < end:
        groups += buffer[i] != _COLON and (i == at or buffer[i - 1] == _COLON)
        i += 1
    group, i = 0, at
    if buffer[at] == _COLON:
        group, i = _GROUPS - groups, at + 2
    while i < end:
        width = 0
        while i + width < end and buffer[i + width] != _COLON:
            width += 1
        for k in range(width):
            buffer[i + k] = digit_text(units[4 * group + 4 - width + k], capital)
        group, groups, i = group + 1, groups - 1, i + width + 1
        if i < end and buffer[i] == _COLON:
            group, i = _GROUPS - groups, i + 1


@kernel
def has_capital(buffer: NDArray[np.uint8], at: int, end: int) -> bool:
    """Whether a text has a capital letter."""
    while at < end and not _A <= buffer[at] <= _A + 25:
        at += 1
    return at < end


@kernel
def digit_text(digit: int, capital: bool) -> int:  # noqa: FBT001 - numba knows arguments by place
    """The byte of a hexadecimal digit."""
    if digit < 10:
        return _ZERO + digit
    return (_A if capital else _SMALL_A) + digit - 10


@kernel
def mac_at(buffer: NDArray[np.uint8], at: int, end: int, width: int) -> int:
    """Where the MAC address at `at` ends, whose first digits are `width`: in pairs, or as Cisco writes it; -1: none."""
    if width == 2:
        return pairs_at(buffer, at, end)
    return dotted_at(buffer, at, end) if width == 4 else -1


@kernel
def pairs_at(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Where six pairs of digits at `at` end that have colons, or hyphens, between them; -1: there are none."""
    if at + PAIRED_BYTES > end:
        return -1
    mark = buffer[at + 2]
    if mark not in (_COLON, _HYPHEN):
        return -1
    for i in range(PAIRED_BYTES):
        if i % 3 == 2:
            if buffer[at + i] != mark:
                return -1
        elif HEX[buffer[at + i]] == NO_DIGIT:
            return -1
    return at + PAIRED_BYTES


@kernel
def dotted_at(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Where the MAC address in three groups at `at` ends, as Cisco writes it; -1: there is none."""
    if at + DOTTED_BYTES > end or buffer[at + 4] != _POINT or buffer[at + 9] != _POINT:
        return -1
    for i in range(DOTTED_BYTES):
        if i % 5 != 4 and HEX[buffer[at + i]] == NO_DIGIT:
            return -1
    return at + DOTTED_BYTES


@kernel
def read_mac(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """The number that the hexadecimal digits of a text are."""
    number = int64(0)
    for i in range(at, end):
        if HEX[buffer[i]] != NO_DIGIT:
            number = number << 4 | HEX[buffer[i]]
    return number


@kernel
def write_mac(buffer: NDArray[np.uint8], at: int, end: int, number: int) -> None:
    """Write the digits of a number over those of a text."""
    capital = has_capital(buffer, at, end)
    for i in range(end - 1, at - 1, -1):
        if HEX[buffer[i]] != NO_DIGIT:
            buffer[i] = digit_text(number & 15, capital)
            number >>= 4
