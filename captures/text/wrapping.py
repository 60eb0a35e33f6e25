"""Bare lines become syslog: a header of choice is written before each, mostly with an instant of its own.

The instants are those that the lines say, or evenly spaced ones.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import allocating_kernel, int64, kernel
from captures.compiled.memory import copy_bytes
from captures.console.units import SECOND_NS
from captures.format.instants import ramp, ramp_values
from captures.format.layout import MAX_TRAIN_BYTES
from captures.format.stamps.kinds import MAX_WIDTH, WIDTHS, StampKind
from captures.format.stamps.offsets import zone_at
from captures.format.stamps.reading import NO_STAMP
from captures.format.stamps.writing import write_fraction, write_second
from captures.format.stamps.zones import UTC, Zone
from captures.text.finding import SLACK_BYTES, Found
from captures.text.messages import NO_INSTANT, Messages


@dataclass(frozen=True)
class Header:
    """What is written before a line: `before`, a stamp if `kind` is not NONE, and `after`."""

    before: bytes
    kind: StampKind
    zone: Zone
    after: bytes


def rfc3164_header(priority: int, host: str, tag: str, zone: Zone = UTC) -> Header:
    """`<13>Aug 30 10:15:30 host tag: `, as of RFC 3164, section 4.1."""
    return Header(f"<{priority}>".encode(), StampKind.RFC3164, zone, f" {host} {tag}: ".encode())


def rfc5424_header(priority: int, host: str, tag: str) -> Header:
    """`<13>1 2025-08-30T10:15:30.123456Z host tag - - - `, as of RFC 5424, section 6."""
    return Header(f"<{priority}>1 ".encode(), StampKind.RFC3339_US, UTC, f" {host} {tag} - - - ".encode())


def bare_header(priority: int) -> Header:
    """`<13>` alone, for lines that have their stamp and host already, as servers of syslog write their files."""
    return Header(f"<{priority}>".encode(), StampKind.NONE, UTC, b"")


def said_instants(found: Found) -> NDArray[np.int64]:
    """The instant that each event says it is of, in ns since 1970, shape (events,); NO_INSTANT: it says none."""
    instants: NDArray[np.int64] = np.where(found.events["dated"] > 0, found.fields["instant_ns"][:, 0], NO_INSTANT)
    return instants


def filled_instants(instants_ns: NDArray[np.int64], before_ns: int) -> NDArray[np.int64]:
    """Instants in which each that is missing is that of the event before it; of the first events it is `before_ns`."""
    if not (instants_ns == NO_INSTANT).any():
        return instants_ns
    known = np.maximum.accumulate(np.where(instants_ns != NO_INSTANT, np.arange(1, len(instants_ns) + 1), 0))
    filled: NDArray[np.int64] = np.concatenate([np.array([before_ns], np.int64), instants_ns])[known]
    return filled


def even_instants(start_ns: int, rate_eps: int, first: int, count: int) -> NDArray[np.int64]:
    """The instants of `count` events from number `first` on, so many a second from `start_ns` on, rounded down."""
    numbers = ramp(start_ns * rate_eps + first * SECOND_NS, SECOND_NS, rate_eps)
    return ramp_values(np.tile(np.array(numbers, np.int64), (count, 1)), np.arange(count, dtype=np.int64))


def wrapped(batch: Messages, instants_ns: NDArray[np.int64], header: Header) -> tuple[Messages, int]:
    """The events of a batch with a header, and how many are left out, since they are too long with it.

    `instants_ns`, shape (events,), is what the stamps say; the events get it as their own instants.
    """
    more = len(header.before) + int(WIDTHS[header.kind]) + len(header.after)
    fits = batch.messages["length"] + more <= MAX_TRAIN_BYTES
    rows, instants_ns = batch.messages[fits], instants_ns[fits]
    lengths = rows["length"] + more
    out = np.empty(int(lengths.sum()) + SLACK_BYTES, np.uint8)
    before, after = (np.frombuffer(text, np.uint8) for text in (header.before, header.after))
    data = batch.data.view()
    data.flags.writeable = False
    wrap_all(data, rows, instants_ns, before, after, int(header.kind), header.zone.table, out)
    rows = rows.copy()
    rows["place"] = np.cumsum(lengths) - lengths
    rows["length"] = rows["original"] = lengths
    rows["instant_ns"] = instants_ns
    return Messages(out, rows), int(len(fits) - fits.sum())


@kernel
def append(out: NDArray[np.uint8], to: int, data: NDArray[np.uint8], place: int, length: int) -> int:
    """Copy some bytes of `data` on to `to` in `out`. Returns where the copy ends."""
    copy_bytes(out, to, data, place, length)
    return to + length


@allocating_kernel
def wrap_all(
    buffer: NDArray[np.uint8],
    messages: NDArray[Any],
    instants_ns: NDArray[np.int64],
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    kind: int,
    zones: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> None:
    """Write each message with its header into `out`, back to back."""
    stamp = np.zeros(MAX_WIDTH, np.uint8)
    to, second = 0, int64(-1)
    for i in range(len(messages)):
        if kind != NO_STAMP and instants_ns[i] // SECOND_NS != second:
            second = instants_ns[i] // SECOND_NS
            write_second(stamp, kind, zone_at(zones, second), second)
        write_fraction(stamp, kind, instants_ns[i] - second * SECOND_NS)
        to = append(out, to, before, 0, len(before))
        to = append(out, to, stamp, 0, WIDTHS[kind])
        to = append(out, to, after, 0, len(after))
        to = append(out, to, buffer, int64(messages[i].place), int64(messages[i].length))
