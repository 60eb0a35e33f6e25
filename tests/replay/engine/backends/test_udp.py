"""The udp backend on loopback sockets: trains and single events deliver the same datagrams."""

import errno
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from captures.format.layout import MAX_TRAIN_EVENTS
from replay.board.journal import LOADED, SENT, STAGED_TRAINS, TRAINS, Journal, clear, new_journal, settle
from replay.board.layout import LANE
from replay.engine.backends.udp import UdpBackend, sockaddr
from replay.engine.messages import describe
from replay.linux.sockets.mmsg import UIO_MAXIOV
from replay.linux.sockets.udp_send import max_segments
from tests.captures.content import Content, content, noise
from tests.replay.engine.worked import arrived, listening

SO_NO_CHECK = 11


@pytest.fixture(scope="module")
def receivers() -> Iterator[list[socket.socket]]:
    """Three ports of loopback, each with room for all that a test sends."""
    with listening(3) as sockets:
        yield sockets


@dataclass
class Batch:
    """Trains that lie in a buffer, and are noted in a journal."""

    journal: Journal
    buffer: NDArray[np.uint8]


def staged(held: Content, lanes: list[int]) -> Batch:
    """A batch of all trains, the first to lane `lanes[0]` and so on."""
    journal, through = new_journal(), [(0, 0)] * 9
    for place, (row, lane) in enumerate(zip(held.trains, lanes, strict=True)):
        count, length = int(row["count"]), int(row["length"])
        through[lane] = through[lane][0] + count, through[lane][1] + count * length
        note = journal.staged[place]
        note["lane"], note["count"], note["length"], note["place"] = lane, count, length, row["offset"]
        note["events"], note["bytes"] = through[lane]
    journal.state[STAGED_TRAINS] = len(lanes)
    return Batch(journal, np.concatenate([held.payload, np.zeros(8, np.uint8)]))


def backend_to(receivers: list[socket.socket], batch: Batch, *, gso: bool) -> UdpBackend:
    addresses = [receiver.getsockname() for receiver in receivers]
    return UdpBackend(socket.AF_INET, addresses, batch.journal, batch.buffer, max_segments() if gso else 1)


def load(backend: UdpBackend) -> None:
    """Make messages of the batch, as the worker's loop does."""
    describe(backend._journal, backend.messages, 0, not backend.gso)


def send_first(backend: UdpBackend, messages: int) -> None:
    """Send so many messages, and no more of those that are loaded."""
    state = backend._journal.state
    whole = int(state[LOADED])
    state[LOADED] = min(whole, state[SENT] + messages)
    if backend.pending:
        backend.send()
    state[LOADED] = whole


def expected(held: Content, lanes: list[int], count: int) -> list[list[bytes]]:
    by_lane: list[list[bytes]] = [[] for _ in range(count)]
    for row, lane in zip(held.trains, lanes, strict=True):
        start, length = int(row["offset"]), int(row["length"])
        by_lane[lane] += [
            held.payload[start + i * length : start + (i + 1) * length].tobytes() for i in range(row["count"])
        ]
    return by_lane


def send_all(backend: UdpBackend) -> None:
    load(backend)
    send_rest(backend)


def send_rest(backend: UdpBackend) -> None:
    for _ in range(100):
        if not backend.pending:
            return
        backend.send()
    pytest.fail("a hundred sends did not empty the batch")


@pytest.mark.parametrize("gso", [True, False])
@given(
    trains=st.lists(st.tuples(st.integers(1, 64), st.integers(1, 300), st.integers(0, 2)), min_size=1, max_size=TRAINS)
)
def test_a_batch_arrives_whole_and_in_order(
    trains: list[tuple[int, int, int]],
    gso: bool,
    receivers: list[socket.socket],
) -> None:
    held, lanes = content(noise((count, length) for count, length, _ in trains)), [lane for *_, lane in trains]
    batch = staged(held, lanes)

    backend = backend_to(receivers, batch, gso=gso)
    send_all(backend)
    backend.socket.close()

    assert arrived(receivers) == expected(held, lanes, 3)


@pytest.mark.parametrize("sent", [0, 1, 2])
def test_what_gso_is_refused_for_goes_out_event_by_event(sent: int, receivers: list[socket.socket]) -> None:
    held, lanes = content(noise([(5, 50), (1, 70), (9, 60)])), [0, 1, 0]
    batch = staged(held, lanes)
    backend = backend_to(receivers, batch, gso=True)
    load(backend)
    send_first(backend, sent)

    backend.fall_back()
    assert backend.pending == sum([5, 1, 9][sent:])
    while backend.pending:
        backend.send()

    assert not backend.gso
    assert arrived(receivers) == expected(held, lanes, 3)
    send_all(backend)
    assert arrived(receivers) == expected(held, lanes, 3)


@pytest.mark.parametrize("gso", [True, False])
def test_the_kernel_says_in_the_journal_what_it_took(gso: bool, receivers: list[socket.socket]) -> None:
    """As a supervisor finds it when the worker was killed in the middle of a batch."""
    held = content(noise([(5, 50), (1, 70), (9, 60)]))
    batch = staged(held, [0, 1, 0])
    backend, lanes = backend_to(receivers, batch, gso=gso), np.zeros(3, LANE)
    counts, sent = [5, 1, 9] if gso else [1] * 15, 0
    load(backend)
    for messages in (1, 1, 4, 20):
        assert settle(batch.journal, lanes) == 0
        before = sum(counts[: batch.journal.state[SENT]])
        send_first(backend, messages)
        sent = sum(counts[: batch.journal.state[SENT]])
        assert settle(batch.journal, lanes) == sent - before
        assert lanes["sent_events"].tolist() == [min(sent, 5) + max(sent - 6, 0), int(sent > 5), 0]

    assert (backend.pending, sent) == (0, 15)
    assert lanes["sent_bytes"].tolist() == [5 * 50 + 9 * 60, 70, 0]
    arrived(receivers)
    clear(batch.journal)
    assert settle(batch.journal, np.zeros(3, LANE)) == 0


@pytest.mark.parametrize("gso", [True, False])
def test_the_lane_of_what_is_next_is_known(gso: bool, receivers: list[socket.socket]) -> None:
    backend = backend_to(receivers, staged(content(noise([(5, 50), (1, 70), (9, 60)])), [0, 1, 2]), gso=gso)
    load(backend)
    backend._journal.state[SENT] = 1 if gso else 5

    assert backend.next_lane() == 1


def test_a_socket_that_can_not_checksum_refuses_trains(receivers: list[socket.socket]) -> None:
    """A refusal by the kernel itself: GSO needs a checksum to be filled in later (net/ipv4/udp.c)."""
    batch = staged(content(noise([(5, 50)])), [0])
    backend = backend_to(receivers, batch, gso=True)
    backend.socket.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    load(backend)

    with pytest.raises(OSError, match="Invalid argument|Input/output error"):
        backend.send()

    assert backend.pending == 1


def test_a_port_where_nobody_listens_is_named(receivers: list[socket.socket]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        closed = gone.getsockname()
    batch = staged(content(noise([(5, 50)])), [1])
    backend = UdpBackend(socket.AF_INET, [receivers[0].getsockname(), closed], batch.journal, batch.buffer, 1)
    send_some(backend)

    assert Counter(backend.errors()) == {(errno.ECONNREFUSED, 1): 1}


def send_some(backend: UdpBackend) -> None:
    """One datagram, whose refusal comes back at once on loopback."""
    load(backend)
    send_first(backend, 1)


def test_a_socket_address_is_the_kernel_s() -> None:
    assert sockaddr(socket.AF_INET, ("127.0.0.2", 514)) == bytes.fromhex("0200 0202 7f000002 0000000000000000")
    assert sockaddr(socket.AF_INET6, ("::1", 514, 0, 3)) == (
        bytes.fromhex("0a00 0202 00000000") + bytes(15) + b"\x01" + bytes.fromhex("03000000")
    )


def test_waiting_for_a_socket_that_takes_more_ends_at_once(receivers: list[socket.socket]) -> None:
    batch = staged(content(noise([(1, 50)])), [0])
    backend_to(receivers, batch, gso=False).wait(60_000)


def test_every_message_has_a_row_of_its_own(receivers: list[socket.socket]) -> None:
    """A full batch of the longest trains without GSO is more than one sendmmsg takes."""
    held = content(noise([(MAX_TRAIN_EVENTS, 30)] * TRAINS))
    lanes = [place % 3 for place in range(TRAINS)]
    backend = backend_to(receivers, staged(held, lanes), gso=False)
    load(backend)

    assert backend.pending == TRAINS * MAX_TRAIN_EVENTS
    backend.send()
    assert backend.pending == TRAINS * MAX_TRAIN_EVENTS - UIO_MAXIOV
    send_rest(backend)
    assert arrived(receivers) == expected(held, lanes, 3)
