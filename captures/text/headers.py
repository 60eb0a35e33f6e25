"""Kernels that read the front of an event: byte order mark, priority, version, and the host behind or before its stamp.

The forms of a host, besides RFC 3164 (section 4.1.2) and RFC 5424 (section 6.2.4), are those of relays: syslog-ng's
chains `source@host/relay`, AIX's `Message forwarded from host: `, addresses in brackets, and Cisco's `12: host: ` in
front of the stamp (`logging origin-id`).
"""

from string import ascii_letters, digits
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.format.stamps.endings import NO_ZONE, named_zone_at
from captures.format.stamps.kinds import ENDING, STYLES
from captures.format.stamps.numbers import count_digits, digits_at, is_word
from captures.format.stamps.writing import NOTHING

NO_PRIORITY: Final = -1
MAX_PRIORITY: Final = 191
"""RFC 5424, section 6.2.1: 23 facilities and 8 severities."""
MAX_HOST_BYTES: Final = 255
"""RFC 5424, section 6: the longest HOSTNAME."""

_LEVELS: Final = np.array(
    [
        int.from_bytes(name.encode().ljust(8, b"\0"), "little")
        for name in (
            "INFO",
            "WARN",
            "WARNING",
            "ERROR",
            "DEBUG",
            "TRACE",
            "FATAL",
            "NOTICE",
            "CRITICAL",
            "SEVERE",
            "FINE",
        )
    ],
    np.int64,
)
"""What many programs write behind a stamp, and which is no host; as numbers of eight bytes."""
_HOST: Final = np.array([chr(byte) in digits + ascii_letters + ".-_:%" for byte in range(256)])
"""The bytes of names and addresses of hosts; a percent sign stands before the zone of an IPv6 address (RFC 4007)."""
_FORWARDED: Final = np.frombuffer(b"Message forwarded from ", np.uint8).copy()
_MARK: Final = np.frombuffer("\ufeff".encode(), np.uint8).copy()
_LESS, _GREATER, _SPACE, _COLON, _HYPHEN, _AT, _SLASH, _OPEN, _CLOSE, _ZERO, _PERCENT, _A, _Z = (
    ord(letter) for letter in "<> :-@/[]0%AZ"
)


@kernel
def stands_at(buffer: NDArray[np.uint8], at: int, end: int, text: NDArray[np.uint8]) -> bool:
    """Whether a text stands at `at`."""
    if at + len(text) > end:
        return False
    for i in range(len(text)):  # noqa: SIM110 - kernels have no generators
        if buffer[at + i] != text[i]:
            return False
    return True


@kernel
def header_at(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int, int]:
    """Priority, version of RFC 5424, and where the stamp should begin. The version 0: the event has none.

    A byte order mark before or behind the priority is passed over.
    """
    priority, version = NO_PRIORITY, 0
    if stands_at(buffer, at, end, _MARK):
        at += len(_MARK)
    if at < end and buffer[at] == _LESS:
        width = count_digits(buffer, at + 1, end, 4)
        if 1 <= width <= 3 and at + 1 + width < end and buffer[at + 1 + width] == _GREATER:
            number = digits_at(buffer, at + 1, width)
            if number <= MAX_PRIORITY:
                priority = number
                at += width + 2
    if stands_at(buffer, at, end, _MARK):
        at += len(_MARK)
    if priority != NO_PRIORITY and at < end and buffer[at] != _ZERO:
        width = count_digits(buffer, at, end, 4)
        behind = at + width + 1
        if 1 <= width <= 3 and behind < end and buffer[behind - 1] == _SPACE:
            dated = behind + 5 <= end and buffer[behind + 4] == _HYPHEN
            if dated or (buffer[behind] == _HYPHEN and (behind + 1 == end or buffer[behind + 1] == _SPACE)):
                version = digits_at(buffer, at, width)
                at = behind
    return priority, version, at


@kernel
def word_end(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """Where the word at `at` ends: at a space, or at `end`, or where it is too long for a host."""
    last = min(end, at + MAX_HOST_BYTES + 1)
    while at < last and buffer[at] != _SPACE:
        at += 1
    return at


@kernel
def is_level(buffer: NDArray[np.uint8], at: int, behind: int) -> bool:
    """Whether a word is the name of a level such as `INFO`."""
    if behind - at > 8 or behind - at < 4 or not _A <= buffer[at] <= _Z:
        return False
    number = int64(0)
    for i in range(behind - 1, at - 1, -1):
        number = number << 8 | int64(buffer[i])
    for level in _LEVELS:  # noqa: SIM110 - kernels have no generators
        if number == level:
            return True
    return False


@kernel
def host_in(buffer: NDArray[np.uint8], at: int, behind: int) -> tuple[int, int]:
    """Place and length of the host in a word; the length 0: the word is none."""
    for i in range(at, behind):
        if not _HOST[buffer[i]]:
            return host_of_chain(buffer, at, behind)
    known = at < behind <= at + MAX_HOST_BYTES and buffer[behind - 1] != _COLON and buffer[at] != _PERCENT
    return at, behind - at if known and not is_level(buffer, at, behind) else 0


@kernel
def host_of_chain(buffer: NDArray[np.uint8], at: int, behind: int) -> tuple[int, int]:
    """Place and length of the first host in `source@host/relay/relay`, or of an address in brackets."""
    for i in range(at, behind):
        if buffer[i] == _AT:
            at = i + 1
    for i in range(behind - 1, at - 1, -1):
        if buffer[i] == _SLASH:
            behind = i
    if behind - at > 2 and buffer[at] == _OPEN and buffer[behind - 1] == _CLOSE:
        at, behind = at + 1, behind - 1
    for i in range(at, behind):
        if not _HOST[buffer[i]]:
            return at, 0
    known = at < behind <= at + MAX_HOST_BYTES and buffer[behind - 1] != _COLON and buffer[at] != _PERCENT
    return at, behind - at if known else 0


@kernel
def host_behind(buffer: NDArray[np.uint8], at: int, end: int, kind: int) -> tuple[int, int]:
    """Place and length of the host behind a stamp of a kind that ends at `at`, as of RFC 3164; length 0: there is none.

    What is left of the stamp (digits that its kind has no place for, the name of a zone) is passed over.
    """
    if STYLES[kind, ENDING] == NOTHING:
        last = min(end, at + 10)
        while at < last and buffer[at] != _SPACE and buffer[at] != _COLON:
            at += 1
        if named_zone_at(buffer, at, end) != NO_ZONE:
            at = word_end(buffer, at + 1, end)
    if at >= end or buffer[at] != _SPACE:
        return at, 0
    at += 1
    if stands_at(buffer, at, end, _FORWARDED):
        at += len(_FORWARDED)
        behind = word_end(buffer, at, end)
        return host_in(buffer, at, behind - 1) if behind > at and buffer[behind - 1] == _COLON else (at, 0)
    behind = word_end(buffer, at, end)
    return host_in(buffer, at, behind) if behind < end and buffer[behind] == _SPACE else (at, 0)


@kernel
def host_field(buffer: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """Place and length of HOSTNAME behind the stamp of RFC 5424, which ends at `at`; length 0: it is not known."""
    if at >= end or buffer[at] != _SPACE:
        return at, 0
    behind = word_end(buffer, at + 1, end)
    width = behind - at - 1
    known = 1 <= width <= MAX_HOST_BYTES and not (width == 1 and buffer[at + 1] == _HYPHEN)
    return at + 1, width if known else 0


@kernel
def host_before(buffer: NDArray[np.uint8], at: int, stamp: int) -> tuple[int, int]:
    """Place and length of the host in `12: host: `, between an event's front and its stamp; length 0: there is none."""
    if stamp - at > MAX_HOST_BYTES:
        return at, 0
    number = count_digits(buffer, at, stamp, 20)
    host = at + number + 2
    if number == 0 or host >= stamp or buffer[host - 2] != _COLON or buffer[host - 1] != _SPACE:
        return at, 0
    behind = word_end(buffer, host, stamp)
    if behind < host + 2 or behind + 2 < stamp or buffer[behind - 1] != _COLON or not is_word(buffer[host]):
        return at, 0
    return host_in(buffer, host, behind - 1)
