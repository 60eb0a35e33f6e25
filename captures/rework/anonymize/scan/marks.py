"""Kernels that find values by the marks in and before them: addresses, e-mail addresses, hosts of URLs."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from captures.rework.anonymize.scan.forms import (
    WORD,
    address_4_at,
    address_6_at,
    digits_before,
    is_digit,
    mac_at,
    near_mark,
)
from captures.rework.anonymize.scan.kinds import IPV4, IPV6, MAC, MAIL, URL, USER, Place, enter
from captures.rework.anonymize.tokens.names import LABEL

MOST_MAIL_BYTES: Final = 64
"""The longest part before the at sign (RFC 5321, section 4.5.3.1.1)."""
_MOST_URL_BYTES: Final = 320
_COLON, _AT, _POINT, _HYPHEN = (ord(letter) for letter in ":@.-")
_LOCAL: Final = np.array([LABEL[byte] or chr(byte) in ".+%" for byte in range(256)])
_URL_END: Final = np.array([byte <= 32 or chr(byte) in "/?#\"'<>(),;\\" for byte in range(256)])


@kernel
def address_at(buffer: NDArray[np.uint8], start: int, at: int, end: int, place: Place) -> tuple[int, int]:
    """Where the address of IPv4, IPv6 or Ethernet at `at` ends, and its kind; -1: there is none.

    The event is from `start` to `end`. A longer row of pairs than a MAC address has (netfilter's `MAC=`, a fingerprint)
    is read as one MAC address behind the other.
    """
    if not near_mark(buffer, at, end):
        return -1, -1
    if is_digit(buffer[at]):
        behind = address_4_at(buffer, start, at, end, place.numbers)
        if behind > 0:
            return behind, IPV4
    if at > start and WORD[buffer[at - 1]]:
        return -1, -1
    width = digits_before(buffer, at, end)
    behind = mac_at(buffer, at, end, width)
    if behind > 0 and (behind == end or not WORD[buffer[behind]]):
        return behind, MAC
    if width > 4 or at + width >= end or buffer[at + width] != _COLON:
        return -1, -1
    behind, _ = address_6_at(buffer, at, end, place.units, place.numbers)
    if behind > at + 2 and (behind == end or not WORD[buffer[behind]]):
        return behind, IPV6
    return -1, -1


@kernel
def dotted_end(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """The place and the end of the last label behind the point at `at`; the place -1: there is none."""
    last = -1
    while at + 1 < end and buffer[at] == _POINT and LABEL[buffer[at + 1]]:
        last = at + 1
        at = last
        while at < end and LABEL[buffer[at]]:
            at += 1
    return last, at


@kernel
def name_end(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Where the labels at `at` end that have points between them."""
    behind = at
    while behind < end and LABEL[buffer[behind]]:
        behind += 1
    return dotted_end(buffer, behind, end)[1] if behind > at else at


@kernel
def around_at_sign(
    buffer: NDArray[np.uint8],
    low: int,
    at: int,
    host: int,
    end: int,
    on: NDArray[np.bool_],
    place: Place,
    count: int,
) -> tuple[int, int]:
    """Find the e-mail address around the at sign at `at`, whose front is not before `low`; returns where it goes on.

    `host` is the place behind the sign. A number there is no host: this is the name of an element of RFC 5424 (section
    6.3.2).
    """
    first, behind = at, name_end(buffer, host, end)
    while first > max(low, at - MOST_MAIL_BYTES) and _LOCAL[buffer[first - 1]]:
        first -= 1
    named = False
    for i in range(host, behind):
        named = named or not is_digit(buffer[i])
    if not named:
        return count, max(host, behind)
    if first < at:
        count = enter(place.rows, count, first, at, MAIL, on)
    if address_at(buffer, host, host, end, place)[0] > 0:
        return count, host
    return enter(place.rows, count, host, behind, MAIL, on), behind


@kernel
def behind_slashes(
    buffer: NDArray[np.uint8], start: int, at: int, end: int, on: NDArray[np.bool_], place: Place, count: int
) -> tuple[int, int]:
    """Find the user and the host of the URL behind `://`, which begins at `at`; returns where it goes on."""
    last, sign, i = min(end, at + _MOST_URL_BYTES), -1, at
    while i < last and not _URL_END[buffer[i]]:
        if buffer[i] == _AT:
            sign = i
        i += 1
    if sign > at:
        count = enter(place.rows, count, at, sign, USER, on)
    if sign >= 0:
        at = sign + 1
    if at >= end or address_at(buffer, start, at, end, place)[0] > 0:
        return count, at
    behind = name_end(buffer, at, end)
    if behind == at:
        return count, at
    return enter(place.rows, count, at, behind, URL, on), behind
