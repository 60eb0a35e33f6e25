"""Messages of a batch: they hold each event's bytes once, by trains or singly, behind headers or with an address."""

import socket
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.board.journal import FIRST_TRAIN, LOADED, MESSAGES, SINGLY, STAGED_TRAINS, TRAINS, Journal, new_journal
from replay.engine.messages import Messages, describe
from replay.linux.sockets.mmsg import IOVEC, address_of
from replay.linux.sockets.udp_send import SEGMENT_CONTROL
from replay.path.headers import NO_HEADERS, headers_of
from replay.path.sources import FLOWS, Sources, flows_of

LANES, HEADER_BYTES = 3, 42
SOURCES = Sources(0xC6124001, 1000, range(50000, 50003), of_capture=True)

trains = st.lists(
    st.tuples(st.integers(0, LANES - 1), st.integers(1, 128), st.integers(0, 500), st.integers(0, 10**6)),
    min_size=1,
    max_size=TRAINS,
)


@pytest.fixture(scope="module")
def buffer() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, TRAINS * 65508, np.uint8)


def messages_in(buffer: np.ndarray, *, framed: bool) -> Messages:
    prototypes = [bytes([lane]) * 14 + bytes(28) for lane in range(LANES)]
    return Messages(
        parts=np.zeros((MESSAGES, 2), IOVEC),
        buffer=buffer,
        framed=framed,
        names=np.array([1000, 2000, 3000]),
        controls=np.zeros(TRAINS, SEGMENT_CONTROL),
        headers=headers_of(socket.AF_INET, prototypes, TRAINS) if framed else NO_HEADERS,
        flows=flows_of(SOURCES, 0) if framed else np.zeros(1, FLOWS),
    )


def staged(rows: list[tuple[int, int, int, int]]) -> tuple[Journal, list[list[int]]]:
    """A journal of trains (lane, count, length, source), and where each event of each train lies."""
    journal, place, places = new_journal(), 0, []
    for train, (lane, count, length, source) in enumerate(rows):
        note = journal.staged[train]
        note["lane"], note["count"], note["length"], note["source"] = lane, count, length, source
        note["place"] = place
        places.append([place + event * length for event in range(count)])
        place += count * length
    journal.state[STAGED_TRAINS] = len(rows)
    return journal, places


@settings(max_examples=100)
@given(rows=trains, singly=st.booleans(), framed=st.booleans(), data=st.data())
def test_each_event_is_in_one_message(
    rows: list[tuple[int, int, int, int]], singly: bool, framed: bool, data: st.DataObject, buffer: np.ndarray
) -> None:
    first = data.draw(st.integers(0, len(rows) - 1)) if singly else 0
    (journal, places), messages = staged(rows), messages_in(buffer, framed=framed)
    describe(journal, messages, first, singly)

    expected, wanted = [], []
    for train in range(first, len(rows)):
        lane, count, length, source = rows[train]
        cut = places[train] if singly else places[train][:1]
        expected += [(address_of(buffer) + place, length if singly else count * length) for place in cut]
        wanted += [(train, lane, length, source)] * len(cut)
    made = len(expected)
    assert messages.parts[:made, 1].tolist() == expected
    assert not messages.parts["base"][made:, 1].any()
    assert journal.state[[FIRST_TRAIN, LOADED, SINGLY]].tolist() == [first, made, singly]
    if framed:
        table = messages.headers.table
        for message, (train, lane, length, source) in enumerate(wanted):
            assert messages.parts["base"][message, 0] == address_of(table) + train * HEADER_BYTES_WITH_VNET
            cut = not singly and rows[train][1] > 1
            check_header(table[train].tobytes(), lane, length, expected[message][1], source, cut)
    else:
        assert journal.messages["name"][:made].tolist() == [1000 * (lane + 1) for _, lane, *_ in wanted]
        assert messages.controls["segment_bytes"][first : len(rows)].tolist() == [
            length if count > 1 and not singly else 0 for _, count, length, _ in rows[first:]
        ]


HEADER_BYTES_WITH_VNET = HEADER_BYTES + 10


def check_header(header: bytes, lane: int, length: int, size: int, source: int, cut: bool) -> None:
    """A virtio header, Ethernet, IPv4 and UDP: whose, from where, and how long."""
    virtio, frame = header[:10], header[10:]
    assert frame[0] == lane
    assert (virtio[1], int.from_bytes(virtio[4:6], "little")) == (5 if cut else 0, length)
    assert int.from_bytes(frame[26:30], "big") == 0xC6124001 + source % 1000
    assert int.from_bytes(frame[34:36], "big") == 50000 + source % 3
    assert int.from_bytes(frame[38:40], "big") == 8 + size


def test_a_train_that_the_capture_tells_no_source_of_has_the_next_one(buffer: np.ndarray) -> None:
    """One for each train, also where its events are sent singly."""
    journal, _ = staged([(0, 3, 10, 0)] * 4)
    messages: Any = messages_in(buffer, framed=True)._replace(flows=flows_of(Sources(7, 100), 0))
    describe(journal, messages, 0, True)
    stride = int(messages.flows["stride"][0])

    words = [int.from_bytes(messages.headers.table[train].tobytes()[36:40], "big") for train in range(4)]
    assert words == [7 + train * stride % 100 for train in range(4)]
