"""How is a message counted? By socket, by time, by the age of its stamps, and by its tags: one look at each event."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from replay.clock import MICROSECOND_NS
from replay.histogram import record_one
from replay.linux.clocks import CLOCK_REALTIME, read_clock
from replay.linux.sockets.udp_receive import SLOT_BYTES, Slots, length_of, read_controls
from replay.sink.board import LENGTHS, NEVER_NS
from replay.sink.time_cells import TENTH_NS, cell_at
from replay.sink.verify.socket_charge import dropped_before
from replay.sink.verify.stamp_reading import BAD_US, COARSE_US, stamp_us
from replay.sink.verify.stretches import LEFT, Counters, begin_stretch, end_stretch, goes_on, may_go_on
from replay.sink.verify.tag_reading import PARTED, UNTAGGED, find_tag

_OLD_US: Final = 3600 * 1_000_000
"""A stamp older than this was not written when the event was sent, so its age is no latency."""


@kernel
def count_messages(
    counters: Counters, slots: Slots, socket: int, first: int, end: int, timespec: NDArray[np.int64]
) -> int:
    """Count the messages of a socket that lie in the slots from `first` to `end`. Returns up to where that was done.

    It is not done for a message that may leave more stretches for Python than there is room for.
    `timespec` is room for a struct timespec, shape (2,).
    """
    counts, stretch, head, message = (
        counters.by_socket[socket],
        counters.stretch[0],
        counters.head[0],
        counters.message[0],
    )
    ages, without, parted = counters.ages[socket], counters.without[socket], counters.parted[socket]
    for slot in range(first, end):
        told = read_message(slots, slot, message, timespec)
        if counters.state[LEFT] + message.events >= len(counters.left):
            return slot
        count_arrival(counts, message)
        place_message(message, counts, socket, counters.charges.dropped, counters.tenths, counters.start_ns, told)
        if not may_go_on(stretch, message):
            end_stretch(counters)
        said_us, alike, arrival_us = BAD_US, 0, message.arrival_ns // MICROSECOND_NS
        start, segment, length = slot * SLOT_BYTES, message.segment, message.length
        for at in range(start, start + max(length, 1), segment):
            size = min(segment, start + length - at)
            event_us = stamp_us(slots.data, slots.words, at, size, counters.minute)
            if event_us != said_us:
                count_stamps(counts, ages, said_us, arrival_us - said_us, alike)
                said_us, alike = event_us, 0
            alike += 1
            number = find_tag(slots.data, slots.words, at, size, counters.head)
            if number < 0:
                count_tagless(message, without, parted, number, size)
                continue
            if not goes_on(stretch, head, number):
                begin_stretch(counters, number)
            add_event(
                stretch, counts, size, message.arrival_ns, arrival_us - event_us if event_us > COARSE_US else NEVER_NS
            )
        count_stamps(counts, ages, said_us, arrival_us - said_us, alike)
        count_strange(counts, message, counters.untagged[socket], counters.malformed[socket])
    return end


@kernel
def read_message(slots: Slots, slot: int, message: Any, timespec: NDArray[np.int64]) -> int:
    """Note what the slot and the kernel say of a message. Returns what is told of the socket's drops.

    A message without bytes is one datagram. A message that came alone has no segments: it is its own.
    """
    length, (segment, arrival_ns, told) = length_of(slots, slot), read_controls(slots, slot)
    joined = 0 < segment < length
    message.length = length
    message.segment = segment if joined else max(length, 1)
    message.events = (length + segment - 1) // segment if joined else 1
    message.arrival_ns = arrival_ns or read_clock(CLOCK_REALTIME, timespec)
    message.untagged = message.malformed = 0
    return told


@kernel
def count_arrival(counts: Any, message: Any) -> None:
    """Count a message in a SOCKET_COUNTS row."""
    counts.events += message.events
    counts.bytes += message.length
    counts.first_ns = min(counts.first_ns, message.arrival_ns)
    counts.last_ns = max(counts.last_ns, message.arrival_ns)
    if message.events > 1:
        counts.joined = 1


@kernel
def place_message(
    message: Any,
    counts: Any,
    socket: int,
    dropped: NDArray[np.int64],
    tenths: NDArray[np.int64],
    start_ns: int,
    told: int,
) -> None:
    """Note the socket and the interval of a message, and what may have been dropped before it; count by interval."""
    message.socket, message.interval = socket, cell_at((message.arrival_ns - start_ns) // TENTH_NS)
    message.dropped = dropped_before(dropped, counts, socket, told)
    tenths[message.interval] += message.events


@kernel
def add_event(stretch: Any, counts: Any, size: int, arrival_ns: int, age_us: int) -> None:
    """Add an event to the stretch that it continues or begins."""
    stretch.events += 1
    stretch.first_ns, stretch.last_ns = min(stretch.first_ns, arrival_ns), max(stretch.last_ns, arrival_ns)
    stretch.age_us = min(stretch.age_us, age_us)
    counts.longest_tagged = max(counts.longest_tagged, size)


@kernel
def count_tagless(message: Any, without: NDArray[np.int64], parted: NDArray[np.int64], kind: int, size: int) -> None:
    """Count an event without a tag, and by its length if that may show later that it was cut."""
    if kind == UNTAGGED:
        message.untagged += 1
        without[min(size, LENGTHS - 1)] += 1
        return
    message.malformed += 1
    if kind == PARTED:
        parted[min(size, LENGTHS - 1)] += 1


@kernel
def count_strange(counts: Any, message: Any, untagged: NDArray[np.int64], malformed: NDArray[np.int64]) -> None:
    """Count a message's events without a tag in a SOCKET_COUNTS row, and by interval."""
    if message.untagged or message.malformed:
        counts.untagged += message.untagged
        counts.malformed += message.malformed
        untagged[message.interval] += message.untagged
        malformed[message.interval] += message.malformed


@kernel
def count_stamps(counts: Any, ages: NDArray[np.int64], instant_us: int, age_us: int, events: int) -> None:
    """Record how old the stamps of some events were on arrival, or count those that do not show an age."""
    if not events:
        return
    if instant_us == BAD_US:
        counts.bad_stamps += events
    elif instant_us == COARSE_US:
        counts.coarse_stamps += events
    else:
        counts.youngest_us = min(counts.youngest_us, age_us)
        if age_us < 0:
            counts.early_stamps += events
        elif age_us > _OLD_US:
            counts.old_stamps += events
        else:
            record_one(ages, age_us, events)
