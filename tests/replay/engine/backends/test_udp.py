"""The udp backend on loopback sockets: trains and single events deliver the same datagrams."""

import errno
import socket
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay.engine.batch import Batch

from captures.format.layout import MAX_TRAIN_EVENTS
from replay.board.journal import TRAINS, Journal
from replay.board.layout import LANE
from replay.engine.backends.udp import UdpBackend, sockaddr
from replay.linux.sockets.mmsg import UIO_MAXIOV
from replay.linux.sockets.udp_send import max_segments
from replay.rewrite.stamps_at_sending import Stamp
from tests.captures.content import Content, content, noise
from tests.replay.pages import page_of

SO_NO_CHECK = 11


@pytest.fixture(scope="module")
def receivers() -> Iterator[list[socket.socket]]:
    """Three ports of loopback, each with room for all that a test sends."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    for receiver in sockets:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
    yield sockets
    for receiver in sockets:
        receiver.close()


def staged(held: Content, lanes: list[int]) -> Batch:
    """A batch of all trains, the first to lane `lanes[0]` and so on."""
    batch = Batch(held.payload, Stamp.KEEP, Journal())
    pieces = page_of(held)
    for place, lane in enumerate(lanes):
        batch.stage(lane, pieces, place, place + 1)
    batch.end()
    return batch


def backend_to(receivers: list[socket.socket], batch: Batch, *, gso: bool) -> UdpBackend:
    return UdpBackend(
        socket.AF_INET, [receiver.getsockname() for receiver in receivers], batch, max_segments() if gso else 1
    )


def arrived(receivers: list[socket.socket]) -> list[list[bytes]]:
    """The datagrams waiting on each port, in order."""
    return [list(iter(lambda receiver=receiver: take(receiver), None)) for receiver in receivers]


def take(receiver: socket.socket) -> bytes | None:
    try:
        return receiver.recv(65536)
    except BlockingIOError:
        return None


def expected(held: Content, lanes: list[int], count: int) -> list[list[bytes]]:
    by_lane: list[list[bytes]] = [[] for _ in range(count)]
    for row, lane in zip(held.trains, lanes, strict=True):
        start, length = int(row["offset"]), int(row["length"])
        by_lane[lane] += [
            held.payload[start + i * length : start + (i + 1) * length].tobytes() for i in range(row["count"])
        ]
    return by_lane


def send_all(backend: UdpBackend) -> None:
    backend.load()
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
    backend.load()
    backend._end = sent
    if sent:
        backend.send()
    backend._end = len(lanes)

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
    lanes["sent_events"] = [0, 5, 0]  # of the page of pieces that the lanes share here
    sent = 0
    backend.load()
    for messages in (1, 1, 20):
        assert batch.journal.settle(lanes) == 0
        whole = backend._end
        backend._end = min(whole, backend._next + messages)
        sent += backend.pending if not gso else sum([5, 1, 9][backend._next : backend._end])
        backend.send()
        backend._end = whole
        batch.journal.settle(lanes)
        expected_events = {0: max(min(sent, 5), sent if sent > 6 else 0), 1: 6 if sent > 5 else 5}
        assert {lane: int(lanes["sent_events"][lane]) for lane in (0, 1)} == expected_events

    assert (backend.pending, lanes["sent_events"].tolist()) == (0, [15, 6, 0])
    assert lanes["sent_bytes"].tolist() == [5 * 50 + 70 + 9 * 60, 5 * 50 + 70, 0]
    arrived(receivers)
    batch.begin()
    assert batch.journal.settle(np.zeros(3, LANE)) == 0


@pytest.mark.parametrize("gso", [True, False])
def test_the_lane_of_what_is_next_is_known(gso: bool, receivers: list[socket.socket]) -> None:
    backend = backend_to(receivers, staged(content(noise([(5, 50), (1, 70), (9, 60)])), [0, 1, 2]), gso=gso)
    backend.load()
    backend._next = 1 if gso else 5

    assert backend.next_lane() == 1


def test_a_socket_that_can_not_checksum_refuses_trains(receivers: list[socket.socket]) -> None:
    """A refusal by the kernel itself: GSO needs a checksum to be filled in later (net/ipv4/udp.c)."""
    batch = staged(content(noise([(5, 50)])), [0])
    backend = backend_to(receivers, batch, gso=True)
    backend.socket.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    backend.load()

    with pytest.raises(OSError, match="Invalid argument|Input/output error"):
        backend.send()

    assert backend.pending == 1


def test_a_port_where_nobody_listens_is_named(receivers: list[socket.socket]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        closed = gone.getsockname()
    batch = staged(content(noise([(5, 50)])), [1])
    backend = UdpBackend(socket.AF_INET, [receivers[0].getsockname(), closed], batch, 1)
    send_some(backend)

    assert Counter(backend.errors()) == {(errno.ECONNREFUSED, 1): 1}


def send_some(backend: UdpBackend) -> None:
    """One datagram, whose refusal comes back at once on loopback."""
    backend.load()
    backend._end = 1
    backend.send()


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
    backend.load()

    assert backend.pending == TRAINS * MAX_TRAIN_EVENTS
    backend.send()
    assert backend.pending == TRAINS * MAX_TRAIN_EVENTS - UIO_MAXIOV
    send_rest(backend)
    assert arrived(receivers) == expected(held, lanes, 3)
