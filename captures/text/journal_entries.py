"""Kernels that read one entry of the Journal Export Format, and write it as a line of syslog.

An entry is a field a line, `NAME=value`, or for values with control characters `NAME`, LF, the size as 64 bits in
little-endian order, the value and LF. An empty line ends the entry (systemd, "Journal Export Formats"). A name is made
of capital letters, digits and underscores, 64 bytes at most. Where something else stands, the entry is broken, and the
next one is looked for.
"""

from string import ascii_uppercase, digits
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import allocating_kernel, int64, kernel
from captures.format.stamps.kinds import MAX_WIDTH, WIDTHS
from captures.format.stamps.numbers import digits_at
from captures.format.stamps.offsets import zone_at
from captures.format.stamps.writing import write_number, write_stamp
from captures.text.splitting import next_end
from captures.text.wrapping import append

WANTED: Final = (
    *("MESSAGE", "PRIORITY", "SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "_COMM", "SYSLOG_PID", "_PID", "_HOSTNAME"),
    "__REALTIME_TIMESTAMP",
)
MESSAGE, PRIORITY, FACILITY, IDENTIFIER, COMMAND, SYSLOG_PID, PID, HOSTNAME, REALTIME = range(len(WANTED))
WHOLE, UNFINISHED, LARGE, BROKEN = range(4)
"""What became of an entry: all of it was read; its end is not there yet; one of its fields is too large to be read, so
that it should be passed over; or it is no entry.
"""
LARGE_BYTES: Final = 1 << 20
MOST_SIZE_BYTES: Final = 768 << 20
"""Systemd itself takes no larger field (DATA_SIZE_MAX of its journal-importer.h): such a size is none."""
FRONT_BYTES: Final = 10
"""By so many bytes the front of an entry is told: the end of the line before it, and `__CURSOR=`."""
HEAD_BYTES: Final = 64
"""What a line has besides its fields is less than this."""

_NAMES: Final = np.array([list(name.ljust(24).encode()) for name in WANTED], np.uint8)
_FIELD_OF_WIDTH: Final = np.full(24, -1, np.int64)
"""The wanted field whose name has so many bytes; no two of them are as long."""
_FIELD_OF_WIDTH[[len(name) for name in WANTED]] = np.arange(len(WANTED))
_SECOND_US: Final = 1_000_000
_MOST_NAME_BYTES: Final = 64
_IN_NAME: Final = np.zeros(256, np.bool_)
_IN_NAME[[*(ascii_uppercase + digits + "_").encode()]] = True
_REMARK: Final = np.frombuffer(b"-- ", np.uint8)
_CURSOR: Final = np.frombuffer(b"__CURSOR=", np.uint8)
_SIZE_BYTES: Final = 8
_LF, _EQUALS, _SPACE, _LESS, _GREATER, _COLON, _OPEN, _CLOSE, _HYPHEN, _ONE, _UNDERSCORE, _TILDE = (
    ord(letter) for letter in "\n= <>:[]-1_~"
)
_USER, _INFO = 1, 6
"""The facility and the severity of entries that have none: those that journald itself takes when it forwards them."""


@kernel
def wanted_at(buffer: NDArray[np.uint8], at: int, width: int) -> int:
    """Which of the wanted fields has the name at `at`; -1: none."""
    field = _FIELD_OF_WIDTH[width] if width < len(_FIELD_OF_WIDTH) else -1
    if field >= 0:
        for i in range(width):
            if buffer[at + i] != _NAMES[field, i]:
                return -1
    return int64(field)


@kernel
def size_at(buffer: NDArray[np.uint8], at: int) -> int:
    """A size of 64 bits at `at`. One that is past 2^62 becomes 2^62."""
    size = int64(0)
    for i in range(_SIZE_BYTES - 1, -1, -1):
        if size >= 1 << 54:
            return int64(1 << 62)
        size = size << 8 | int64(buffer[at + i])
    return size


@kernel
def field_at(buffer: NDArray[np.uint8], words: NDArray[np.uint64], at: int, end: int) -> tuple[int, int, int, int]:
    """The field at `at`: how that went, where its name ends, where its value begins, and how long it is."""
    name_end = at
    while name_end < end and name_end - at <= _MOST_NAME_BYTES and _IN_NAME[buffer[name_end]]:
        name_end += 1
    if name_end - at > _MOST_NAME_BYTES:
        return BROKEN, name_end, name_end, 0
    if name_end == end:
        return UNFINISHED, name_end, name_end, 0
    if name_end > at and buffer[name_end] == _EQUALS:
        behind = next_end(buffer, words, name_end + 1, end)
        went = WHOLE if behind < end else LARGE if end - at > LARGE_BYTES else UNFINISHED
        return went, name_end, name_end + 1, behind - name_end - 1
    if name_end == at or buffer[name_end] != _LF:
        return BROKEN, name_end, name_end, 0
    value = name_end + 1 + _SIZE_BYTES
    if value > end:
        return UNFINISHED, name_end, value, 0
    size = size_at(buffer, name_end + 1)
    if size > MOST_SIZE_BYTES:
        return BROKEN, name_end, value, 0
    if value + size + 1 > end:
        return LARGE if size > LARGE_BYTES else UNFINISHED, name_end, value, size
    return WHOLE if buffer[value + size] == _LF else BROKEN, name_end, value, size


@kernel
def next_entry(buffer: NDArray[np.uint8], words: NDArray[np.uint64], at: int, end: int) -> int:
    """Where the next entry begins, looked for from a broken place on; -1: none begins before `end`.

    An entry is known by the empty line before it and the two underscores with which the fields of its address begin
    (`__CURSOR`, `__REALTIME_TIMESTAMP`), or by `__CURSOR=`, which journalctl writes first.
    """
    while True:
        at = next_end(buffer, words, at, end) + 1
        if at + 1 >= end:
            return -1
        if buffer[at] == _LF:
            if at + 2 < end and buffer[at + 1] == _UNDERSCORE and buffer[at + 2] == _UNDERSCORE:
                return at + 1
        elif at + len(_CURSOR) <= end:
            same = True
            for i in range(len(_CURSOR)):
                same = same and buffer[at + i] == _CURSOR[i]
            if same:
                return at


@kernel
def remark_at(buffer: NDArray[np.uint8], words: NDArray[np.uint64], at: int, end: int) -> tuple[int, int]:
    """Read a remark of journalctl, such as `-- Reboot --` or `-- cursor: s=1`: how that went, and where it ends."""
    for i in range(len(_REMARK)):
        if at + i < end and buffer[at + i] != _REMARK[i]:
            return BROKEN, at
    behind = next_end(buffer, words, at, end)
    if behind < end:
        return WHOLE, behind + 1
    return BROKEN if end - at > LARGE_BYTES else UNFINISHED, at


@kernel
def entry_at(
    buffer: NDArray[np.uint8],
    words: NDArray[np.uint64],
    at: int,
    end: int,
    places: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> tuple[int, int]:
    """Read the entry at `at`: how that went, and where it ends, or where the field begins at which that was not WHOLE.

    `places` and `lengths` get those of the wanted fields, shape (fields,); a length of -1: the entry has no such field.
    An entry has one time: at a second one it is broken, since the start of another entry was taken for its own field.
    A remark of journalctl is an entry without fields.
    """
    lengths[:] = -1
    if at < end and buffer[at] == _HYPHEN:
        return remark_at(buffer, words, at, end)
    while at < end:
        if buffer[at] == _LF:
            return WHOLE, at + 1
        went, name_end, value, size = field_at(buffer, words, at, end)
        if went != WHOLE:
            return went, at
        field = wanted_at(buffer, at, name_end - at)
        if field == REALTIME and lengths[field] >= 0:
            return BROKEN, places[field]  # the start of the other entry is looked for from its first time on
        if field >= 0:
            places[field], lengths[field] = value, size
        at = value + size + 1
    return UNFINISHED, at


@kernel
def number_of(buffer: NDArray[np.uint8], field: int, places: NDArray[np.int64], lengths: NDArray[np.int64]) -> int:
    """The number that a field says; -1: it says none."""
    if lengths[field] < 1 or lengths[field] > 18:
        return -1
    return digits_at(buffer, places[field], lengths[field])


@kernel
def write_word(
    out: NDArray[np.uint8], to: int, buffer: NDArray[np.uint8], place: int, length: int, longest: int
) -> int:
    """Write a field as one word of printable ASCII, cut at `longest`; `-` if it is empty. Returns where it ends."""
    if length <= 0:
        out[to] = _HYPHEN
        return to + 1
    length = min(length, longest)
    for i in range(length):
        byte = buffer[place + i]
        out[to + i] = byte if _SPACE < byte <= _TILDE else _UNDERSCORE
    return to + length


@allocating_kernel
def write_entry(
    buffer: NDArray[np.uint8],
    places: NDArray[np.int64],
    lengths: NDArray[np.int64],
    kind: int,
    zones: NDArray[np.int64],
    version: int,
    out: NDArray[np.uint8],
    to: int,
) -> int:
    """Write an entry at `to`, as of RFC 5424 if `version` is 1, or of RFC 3164 if it is 0. Returns where it ends.

    HOSTNAME, APP-NAME and PROCID are cut at what RFC 5424, section 6, allows.
    """
    facility, severity = number_of(buffer, FACILITY, places, lengths), number_of(buffer, PRIORITY, places, lengths)
    priority = 8 * (facility if 0 <= facility <= 23 else _USER) + (severity if 0 <= severity <= 7 else _INFO)
    digits = 1 if priority < 10 else 2 if priority < 100 else 3
    out[to] = _LESS
    write_number(out, to + 1, digits, priority)
    out[to + 1 + digits] = _GREATER
    to += 2 + digits
    if version:
        out[to], out[to + 1] = _ONE, _SPACE
        to += 2
    stamp = np.zeros(MAX_WIDTH, np.uint8)
    moment_us = number_of(buffer, REALTIME, places, lengths)
    write_stamp(stamp, kind, zone_at(zones, moment_us // _SECOND_US), 1000 * moment_us)
    to = append(out, to, stamp, 0, WIDTHS[kind])
    out[to] = _SPACE
    to = write_word(out, to + 1, buffer, places[HOSTNAME], lengths[HOSTNAME], 255)
    name = IDENTIFIER if lengths[IDENTIFIER] > 0 else COMMAND
    out[to] = _SPACE
    to = write_word(out, to + 1, buffer, places[name], lengths[name], 48)
    process = SYSLOG_PID if lengths[SYSLOG_PID] > 0 else PID
    known = lengths[process] > 0
    if version or known:
        out[to] = _SPACE if version else _OPEN
        to = write_word(out, to + 1, buffer, places[process], lengths[process], 128)
    if version:
        for _ in range(2):
            out[to], out[to + 1] = _SPACE, _HYPHEN
            to += 2
    else:
        if known:
            out[to] = _CLOSE
            to += 1
        out[to] = _COLON
        to += 1
    out[to] = _SPACE
    return append(out, to + 1, buffer, places[MESSAGE], lengths[MESSAGE])
