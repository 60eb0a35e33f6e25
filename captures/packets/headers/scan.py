"""From packets to messages: the compiled way, for nearly all of them.

It goes through a whole batch at once. What it leaves to Python is noted: segments of TCP, whose streams Python follows,
those that answer them, and what only the slow path can read.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel, long_kernel
from captures.packets.headers.filters import Filters, is_from_ports, is_of_hosts, is_to_ports
from captures.packets.headers.flow_table import FlowTable, number_flow
from captures.packets.headers.ip_headers import TCP, UDP, read_ipv4, read_ipv6, read_tcp, read_udp
from captures.packets.headers.key import KEY_WORDS, LOW_16
from captures.packets.headers.link_headers import IPV4, IPV6, read_link
from captures.packets.headers.reasons import (
    CUT,
    KEPT_CUT,
    LONGEST_BYTES,
    MESSAGE,
    OTHER_HOST,
    OTHER_PORT,
    OTHER_TIME,
    SEGMENT,
    SLOW,
    TOO_LONG,
)
from captures.text.messages import MESSAGE as MESSAGE_ROW
from captures.text.messages import NO_FLOW

COMPLETING: Final = 0b111
"""The flags of TCP (FIN, SYN, RST) by which a segment without data may complete a message."""
NO_LINK_TYPE: Final = -1
"""Of an interface of which nothing is known."""

REST: Final = np.dtype(
    (
        np.record,
        [
            ("packet", "<i8"),  # its number in the batch
            ("outcome", "<i8"),  # SEGMENT, SLOW, or OTHER_PORT: a segment that answers what is asked for
            ("place", "<i8"),  # where the payload begins
            ("there", "<i8"),  # how many bytes of the payload are there
            ("length", "<i8"),  # how many it had
            ("transport", "<i8"),  # where the header of UDP or TCP begins
            ("flow", "<i8"),  # the number of a segment's flow
        ],
    )
)
"""A packet that is left to Python, and what the kernel knows of it; a SLOW one has only its number."""


class Rest(NamedTuple):
    """A row of REST."""

    packet: int
    outcome: int
    place: int
    there: int
    length: int
    transport: int
    flow: int


assert Rest._fields == REST.names

SCANNED: Final = np.dtype((np.record, [("messages", "<i8"), ("rest", "<i8"), ("first_flow", "<i8")]))
"""How many rows a scan has written; the number of the flow in row 0 of the new ones."""


class Frames(NamedTuple):
    """The packets of a batch, as kernels read them."""

    data: NDArray[np.uint8]
    words: NDArray[np.int64]
    """`signed_words_of(data)`"""
    packets: NDArray[Any]
    """PACKET rows."""
    link_types: NDArray[np.int64]
    """Of each interface."""


class Taken(NamedTuple):
    """What a scan writes. Each table has room for a row of each packet."""

    messages: NDArray[Any]
    """MESSAGE rows."""
    packets: NDArray[np.int64]
    """The number in the batch of the packet of each message."""
    rest: NDArray[Any]
    """REST rows."""
    rest_keys: NDArray[np.int64]
    """Keys of the flows of the segments in `rest`; shape (packets, KEY_WORDS)."""
    new_flows: NDArray[np.int64]
    """Keys of flows; shape (packets, KEY_WORDS)."""
    counts: NDArray[np.int64]
    """Packets by outcome; shape (CODES,)."""
    other_ports: NDArray[np.int64]
    """Packets with data to each port that is not asked for; shape (65536,)."""
    scanned: NDArray[Any]
    """SCANNED; shape (1,)."""
    key: NDArray[np.int64]
    """Room for the key of the packet that is looked at; shape (KEY_WORDS,)."""
    payload: NDArray[np.int64]
    """Room for what `read_headers` says of its payload; shape (4,)."""


def room_for(packets: int, counts: NDArray[np.int64], other_ports: NDArray[np.int64]) -> Taken:
    """Tables for scans of up to so many packets; their memory is taken as they fill."""
    keys, flows = np.empty((2, packets, KEY_WORDS), np.int64)
    rows, rest, numbers = np.empty(packets, MESSAGE_ROW), np.empty(packets, REST), np.empty(packets, np.int64)
    key, payload = np.zeros(KEY_WORDS, np.int64), np.zeros(4, np.int64)
    return Taken(rows, numbers, rest, keys, flows, counts, other_ports, np.zeros(1, SCANNED), key, payload)


@kernel
def read_headers(
    data: NDArray[np.uint8],
    words: NDArray[np.int64],
    place: int,
    captured: int,
    original: int,
    link_type: int,
    key: NDArray[np.int64],
    payload: NDArray[np.int64],
) -> int:
    """Read the headers of a packet into `key` and `payload`; returns its outcome.

    `captured` bytes from `place` on are there of `original` ones. `words` is `signed_words_of(data)`; `key`, shape
    (KEY_WORDS,), has no more than the link in it. `payload` says then where it begins, how much of it is there, its
    length, and where the header of UDP or TCP begins.
    """
    end, wire_end = place + captured, place + original
    outcome, place = read_link(data, words, place, end, link_type, key)
    if outcome == IPV4:
        outcome, place, there, length = read_ipv4(data, words, place, end - place, wire_end - place, key)
    elif outcome == IPV6:
        outcome, place, there, length = read_ipv6(data, words, place, end - place, wire_end - place, key)
    else:
        return outcome
    payload[3] = place
    if outcome == UDP:
        outcome, payload[0], payload[1], payload[2] = read_udp(data, place, there, length, key)
    elif outcome == TCP:
        outcome, payload[0], payload[1], payload[2] = read_tcp(data, place, there, length, key)
    return outcome


@kernel
def is_in_time(filters: Filters, instant_ns: int) -> bool:
    """Whether an instant is asked for."""
    return filters.from_ns <= instant_ns < filters.to_ns


@kernel
def filtered(filters: Filters, key: NDArray[np.int64], outcome: int, there: int, length: int) -> int:
    """The outcome of a packet whose headers were read, once it is asked whether it is asked for."""
    if outcome not in (MESSAGE, SEGMENT):
        return outcome
    if not is_of_hosts(filters.networks, key):
        return OTHER_HOST
    if not is_to_ports(filters.ports, key):
        return OTHER_PORT
    if outcome == SEGMENT:
        return SEGMENT
    if length > LONGEST_BYTES:
        return TOO_LONG
    if there < length and filters.keep_cut == 0:
        return CUT
    return MESSAGE


@kernel
def _add_rest(taken: Taken, number: int, outcome: int, flow: int) -> None:
    """Note the packet that was just read for Python."""
    scanned, payload = taken.scanned[0], taken.payload
    for word in range(KEY_WORDS):
        taken.rest_keys[scanned.rest, word] = taken.key[word]
    rest = taken.rest[scanned.rest]
    rest.packet = number
    rest.outcome = outcome
    rest.place = payload[0]
    rest.there = payload[1]
    rest.length = payload[2]
    rest.transport = payload[3]
    rest.flow = flow
    scanned.rest += 1


@long_kernel
def scan(frames: Frames, filters: Filters, table: FlowTable, taken: Taken) -> None:
    """Find the messages in packets, count what is left out, and note what is left to Python."""
    scanned, key, payload = taken.scanned[0], taken.key, taken.payload
    first_flow = int64(scanned.first_flow)
    data, words, link_types = frames.data, frames.words, frames.link_types
    for number in range(len(frames.packets)):
        packet = frames.packets[number]
        instant_ns, link = int64(packet.instant_ns), int64(packet.link)
        if not is_in_time(filters, instant_ns):
            taken.counts[OTHER_TIME] += 1
            continue
        for word in range(KEY_WORDS):
            key[word] = 0
        key[1] = (link & LOW_16) << 48
        place, captured, original = int64(packet.place), int64(packet.captured), int64(packet.original)
        link_type = int64(link_types[link]) if 0 <= link < len(link_types) else NO_LINK_TYPE
        read = read_headers(data, words, place, captured, original, link_type, key, payload)
        outcome = filtered(filters, key, read, payload[1], payload[2])
        if outcome == MESSAGE:
            taken.packets[scanned.messages] = number
            message = taken.messages[scanned.messages]
            message.place = payload[0]
            message.length = payload[1]
            message.original = payload[2]
            message.instant_ns = instant_ns
            message.flow = number_flow(table, key, taken.new_flows, first_flow)
            scanned.messages += 1
            taken.counts[KEPT_CUT] += payload[1] < payload[2]
        elif outcome in (SLOW, SEGMENT):
            is_numbered = outcome == SEGMENT and (payload[2] > 0 or data[payload[3] + 13] & COMPLETING)
            flow = number_flow(table, key, taken.new_flows, first_flow) if is_numbered else NO_FLOW
            _add_rest(taken, number, outcome, flow)
        else:
            taken.counts[outcome] += 1
            if outcome == OTHER_PORT and payload[2] > 0:
                taken.other_ports[int64(key[0]) >> 48 & LOW_16] += 1
            if read == SEGMENT and outcome == OTHER_PORT and is_from_ports(filters.ports, key):
                _add_rest(taken, number, OTHER_PORT, NO_FLOW)
    taken.counts[MESSAGE] += scanned.messages
