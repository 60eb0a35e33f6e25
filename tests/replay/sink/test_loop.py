"""The loop of a worker on real sockets, in this process."""

import errno
import os
import socket
import struct

import numpy as np
import pytest

from captures.format.tags import tag_text
from replay.clock import wall_ns
from replay.linux.sockets.udp_receive import MOST_PER_CALL, ask_for_trains, open_receiver
from replay.sink.board import shared_tally
from replay.sink.loop import (
    MESSAGES,
    NAP_NS,
    decide,
    longest_nap_ns,
    nap_after,
    new_loop,
    prepare,
    read_ready,
    receive,
    serve,
)
from replay.sink.sockets import held_ns
from replay.sink.verify.tag_counter import TagCounter
from replay.sink.workers import sockets_of_workers

RUN, PORTS = 0x1F3A9C07, (514, 515)
UDP_SEGMENT = 103


@pytest.fixture
def sockets():
    with open_receiver("127.0.0.1", 0, 1 << 20) as first, open_receiver("127.0.0.1", 0, 1 << 20) as second:
        assert ask_for_trains(first)
        assert ask_for_trains(second)
        yield [first, second]


@pytest.fixture
def tally():
    return shared_tally(PORTS, *sockets_of_workers(len(PORTS), 1), wall_ns())


def send(receiver, port, first, count, *, joined=True):
    events = [b"<13>host app stampede=" + tag_text(RUN, port, number) for number in range(first, first + count)]
    way = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", len(events[0])))] if joined else []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(receiver.getsockname())
        for text in [b"".join(events)] if joined else events:
            sender.sendmsg([text], way)


def looped(sockets, tally, **changed):
    counter = TagCounter(tally.of_worker(0))
    counter.counters = counter.counters._replace(**changed)
    return new_loop(sockets, counter.counters, tally.stop), counter


def test_all_that_waits_is_counted_until_nothing_does(sockets, tally):
    loop, counter = looped(sockets, tally)
    for first in range(0, 40 * 50, 50):
        send(sockets[0], 514, first, 50)
    send(sockets[1], 515, 0, 300, joined=False)
    assert read_ready(loop, 0) == 2
    assert loop.state[MESSAGES] == 40 + 256
    assert read_ready(loop, 0) == 1
    assert read_ready(loop, 0) == 0
    counter.finish()
    assert tally.numbers["arrived"][:2].tolist() == [2000, 300]
    assert tally.by_socket["events"].tolist() == [2000, 300]
    assert tally.by_socket["joined"].tolist() == [1, 0]


def test_what_there_is_no_room_for_is_counted_when_there_is(sockets, tally):
    loop, counter = looped(sockets, tally, left=np.zeros(57, TagCounter(tally.of_worker(0)).counters.left.dtype))
    for first in (0, 100, 200):
        send(sockets[0], 514, first, 20)
    send(sockets[0], 514, 300, 55)
    assert read_ready(loop, 0) == 1
    assert tally.by_socket["events"][0] == 60
    decide(loop, counter)
    assert read_ready(loop, 0) == 0
    counter.finish()
    assert tally.by_socket["events"][0] == 115
    assert tally.numbers["next"][0] == 355
    assert tally.numbers["arrived"][0] == 115


def test_a_flood_that_python_has_to_decide_about_keeps_no_other_socket_waiting(sockets, tally):
    """There is room for one message of each call, and twice as many wait as the slots hold."""
    loop, counter = looped(sockets, tally, left=np.zeros(12, TagCounter(tally.of_worker(0)).counters.left.dtype))
    for receiver, port in zip(sockets, PORTS, strict=True):
        for first in range(0, 70 * 20, 20):
            send(receiver, port, first, 10)
    events = tally.by_socket["events"]
    while read_ready(loop, 0):
        decide(loop, counter)
        assert abs(int(events[0]) - int(events[1])) <= MOST_PER_CALL * 10
    assert events.tolist() == [700, 700]


def test_naps_follow_what_comes_and_are_never_longer_than_the_buffers_hold():
    naps_ms, nap_ns = [], 0
    for messages in (1, 7, 3, 1, 9, 15, 16, 31, 1, 32, 99, 8, 1, 16, 16, 16):
        nap_ns = nap_after(messages, nap_ns, 3_840_000)
        naps_ms.append(nap_ns / 1e6)
    assert naps_ms == [1, 2, 3.84, 3.84, 3.84, 3.84, 1.92, 1, 2, 0, 0, 1, 2, 1, 1, 1]


def test_buffers_hold_what_comes_in_the_longest_nap_at_four_times_their_rate():
    """As many kernels give at most without a privilege, 208 KiB hold 512 plain events: 5.12 ms of 100,000 a second."""
    assert held_ns(208 << 10) == 5_120_000
    assert [longest_nap_ns(held_ns(kib << 10)) for kib in (4, 208, 65536)] == [1_000_000, 1_280_000, 16_000_000]


def test_the_first_nap_after_a_silence_is_a_short_one(sockets, tally):
    """A burst may begin then, and must find room: no nap goes on as before the silence."""
    tally.run[0] = RUN
    loop, _ = looped(sockets, tally)
    assert loop.longest_nap_ns > 5_000_000
    loop.state[NAP_NS] = loop.longest_nap_ns
    serve(loop)
    assert loop.state[NAP_NS] == 0
    assert nap_after(1, 0, loop.longest_nap_ns) == 1_000_000


def test_a_known_run_is_accounted_without_python(sockets, tally):
    tally.run[0] = RUN
    loop, _ = looped(sockets, tally)
    send(sockets[0], 514, 0, 20)
    read_ready(loop, 0)
    assert tally.numbers["arrived"][0] == 20


def test_it_comes_back_when_python_has_to_decide_or_look_around(sockets, tally):
    loop, counter = looped(sockets, tally)
    serve(loop)
    assert loop.state[MESSAGES] == 0
    send(sockets[1], 600, 0, 2)
    serve(loop)
    assert tally.numbers["arrived"].sum() == 0
    counter.finish()
    assert tally.numbers["arrived"][2] == 2


def test_at_the_end_everything_that_arrived_is_counted(sockets, tally):
    send(sockets[0], 514, 0, 100, joined=False)
    tally.stop[0] = 1
    receive(sockets, tally.of_worker(0))
    assert tally.numbers["arrived"][0] == 100


def test_a_socket_that_cant_be_read_is_an_error(tally):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as unconnected:  # which poll(2) calls ready
        loop, counter = looped([unconnected], tally)
        serve(loop)
        with pytest.raises(OSError, match=os.strerror(errno.ENOTCONN)):
            decide(loop, counter)


def test_getting_ready_counts_nothing(tally):
    prepare(tally.of_worker(0))
    assert not tally.by_socket["events"].any()
    assert not tally.numbers["arrived"].any()
