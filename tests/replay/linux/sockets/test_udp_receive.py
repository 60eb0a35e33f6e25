"""The kernel's side of receiving: trains, times, drops, on real sockets over loopback."""

import errno
import os
import socket
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.linux.sockets.udp_receive import (
    CONTROL_BYTES,
    MOST_PER_CALL,
    SLOT_BYTES,
    ask_for_buffer,
    ask_for_trains,
    buffer_bytes_of,
    dropped_packets,
    fill,
    length_of,
    new_slots,
    open_receiver,
    read_controls,
    unwrapped,
    waiting_bytes,
)

UDP_SEGMENT = 103
UDP_GRO = 104
SO_RCVBUFFORCE = 33
SO_RXQ_OVFL = 40
SO_RCVMARK = 75
TIME = struct.pack("=Qiiqq", 32, socket.SOL_SOCKET, 35, 5, 7)
TRAIN = struct.pack("=Qiii4x", 20, socket.IPPROTO_UDP, 104, 150)
OVERFLOW = struct.pack("=QiiI4x", 20, socket.SOL_SOCKET, SO_RXQ_OVFL, 9)


@pytest.fixture
def receiver():
    with open_receiver("127.0.0.1", 0, 1 << 20) as opened:
        assert ask_for_trains(opened)
        yield opened


@pytest.fixture
def sender(receiver):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.connect(receiver.getsockname())
        yield opened


def taken(slots, receiver):
    """What came: lengths, segments, arrivals and drops."""
    told = [(length_of(slots, slot), *read_controls(slots, slot)) for slot in range(fill(slots, receiver.fileno()))]
    return [list(column) for column in zip(*told, strict=True)]


def test_nothing_waits(receiver):
    assert fill(new_slots(), receiver.fileno()) == 0


def test_what_waits_is_seen_until_it_is_read(receiver, sender):
    slots = new_slots()
    assert waiting_bytes(receiver) == 0
    sender.send(b"plain")
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 150)
    sender.send(b"t" * (3 * 150 + 20))
    assert waiting_bytes(receiver) >= 5 + 470
    assert fill(slots, receiver.fileno()) == 2
    assert waiting_bytes(receiver) == 0


def test_a_train_comes_whole_with_its_segment_size_and_arrival(receiver, sender):
    slots = new_slots()
    sender.send(b"plain")
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 150)
    sender.send(b"t" * (3 * 150 + 20))
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)
    sender.send(b"")
    lengths, segments, arrivals_ns, drops = taken(slots, receiver)
    assert drops == [0, 0, 0]
    assert lengths == [5, 470, 0]
    assert segments == [0, 150, 0]
    assert 0 < arrivals_ns[0] <= arrivals_ns[1] <= arrivals_ns[2]
    assert slots.data[:5].tobytes() == b"plain"
    assert slots.data[SLOT_BYTES : SLOT_BYTES + 471].tobytes() == b"t" * 470 + b"\0"


def test_slots_are_ready_again_after_they_were_taken(receiver, sender):
    slots = new_slots()
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 100)
    sender.send(b"t" * 300)
    assert taken(slots, receiver)[:2] == [[300], [100]]
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)
    sender.send(b"plain")
    assert taken(slots, receiver)[:2] == [[5], [0]]
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 60)
    sender.send(b"t" * 300)
    assert taken(slots, receiver)[:2] == [[300], [60]]


def test_a_call_takes_no_more_than_its_share(receiver, sender):
    slots = new_slots()
    for _ in range(MOST_PER_CALL + 1):
        sender.send(b"event")
    assert fill(slots, receiver.fileno()) == MOST_PER_CALL
    assert fill(slots, receiver.fileno()) == 1


def test_a_socket_that_cant_be_read_says_why(tmp_path):
    slots = new_slots()
    assert fill(slots, -1) == -errno.EBADF
    with (tmp_path / "file").open("wb") as file:
        assert fill(slots, file.fileno()) == -errno.ENOTSOCK


def test_other_control_messages_are_walked_over(receiver, sender):
    """The kernel writes this one (SO_MARK, net/socket.c) behind the time and before the segment size."""
    receiver.setsockopt(socket.SOL_SOCKET, SO_RCVMARK, 1)
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 150)
    sender.send(b"t" * 300)
    lengths, segments, arrivals_ns, drops = taken(new_slots(), receiver)
    assert (lengths, segments, drops) == ([300], [150], [0])
    assert arrivals_ns[0] > 0


def test_a_socket_without_times_says_so_with_zero():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        assert ask_for_trains(receiver)
        sender.connect(receiver.getsockname())
        sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 150)
        sender.send(b"t" * 300)
        assert taken(new_slots(), receiver) == [[300], [150], [0], [0]]


LONG = struct.pack("=Qii", 2**64 - 4, 1, 2)


@pytest.mark.parametrize(
    ("control", "found"),
    [
        (b"", (0, 0, 0)),
        (TIME, (0, 5_000_000_007, 0)),
        (TIME + TRAIN, (150, 5_000_000_007, 0)),
        (TRAIN + TIME, (150, 5_000_000_007, 0)),
        (TIME + OVERFLOW + TRAIN, (150, 5_000_000_007, 9)),
        (OVERFLOW, (0, 0, 9)),
        (TIME[:20], (0, 0, 0)),
        (TRAIN[:19], (0, 0, 0)),
        (struct.pack("=Qii", 0, 0, 0) + TIME, (0, 5_000_000_007, 0)),
        (LONG + TIME, (0, 5_000_000_007, 0)),
        (struct.pack("=Qii", 2**62, 1, 2) + TIME, (0, 0, 0)),
        (TRAIN[:8] + TRAIN[8:] * 5, (150, 0, 0)),
    ],
)
def test_walking(control, found):
    slots = new_slots()
    slots.controls.view(np.uint8)[3, : len(control)] = np.frombuffer(control, np.uint8)
    slots.control_lengths[3] = len(control)
    assert read_controls(slots, 3) == found


@given(
    st.lists(st.one_of(st.sampled_from([TIME, TRAIN, OVERFLOW]), st.binary(max_size=24)), max_size=6),
    st.integers(0, 400),
)
def test_no_control_message_leads_out_of_its_room(parts, length):
    slots, control = new_slots(), b"".join(parts)[:CONTROL_BYTES]
    slots.controls.view(np.uint8)[-1, : len(control)] = np.frombuffer(control, np.uint8)
    slots.control_lengths[-1] = length
    assert all(number >= 0 for number in read_controls(slots, MOST_PER_CALL - 1)[::2])


@pytest.mark.parametrize(
    ("counted", "told", "found"),
    [
        (0, 3, 3),
        (5, 3, 5),
        ((1 << 32) - 2, 4, (1 << 32) + 4),
        ((3 << 32) + 1, (1 << 32) - 1, (3 << 32) + 1),
        ((3 << 32) + 1, 1, (3 << 32) + 1),
    ],
)
def test_counts_of_drops_go_on_behind_2_to_the_32(counted, told, found):
    assert unwrapped(counted, told) == found


def test_drops_are_those_that_so_rxq_ovfl_tells(receiver, sender):
    """A dropped train counts as one packet, and SO_MEMINFO knows it before another message comes."""
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    assert dropped_packets(receiver) == 0
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 150)
    for _ in range(10):
        sender.send(b"t" * (150 * 128))
    lengths, *_ = taken(new_slots(), receiver)
    drops = dropped_packets(receiver)
    assert drops == 10 - len(lengths) > 0
    sender.send(b"t" * 300)
    _, control, _, _ = receiver.recvmsg(SLOT_BYTES, 256)
    told = [body for level, kind, body in control if (level, kind) == (socket.SOL_SOCKET, SO_RXQ_OVFL)]
    assert int(np.frombuffer(told[0], np.uint32)[0]) == drops


@pytest.mark.parametrize("segment", [0, 150])
def test_each_message_tells_the_drops_before_it(receiver, sender, segment):
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slots = new_slots()
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, segment)
    told, dropped = [], []
    for _ in range(3):
        for _ in range(20):
            sender.send(b"t" * 300)
        lengths, segments, _, drops = taken(slots, receiver)
        assert 0 < len(lengths) < 20
        assert set(segments) == {segment}
        told.append(drops)
        dropped.append(dropped_packets(receiver))
    assert [drops[0] for drops in told] == [0, dropped[0], dropped[1]]
    assert [drops[-1] for drops in told] == [0, dropped[0], dropped[1]]


def test_a_shared_port_may_be_bound_again():
    with open_receiver("127.0.0.1", 0, 1 << 16, shared=True) as first:
        open_receiver("127.0.0.1", first.getsockname()[1], 1 << 16, shared=True).close()
        with pytest.raises(OSError, match="in use"):
            open_receiver("127.0.0.1", first.getsockname()[1], 1 << 16)


def test_without_trains_each_dropped_datagram_counts():
    with (
        open_receiver("127.0.0.1", 0, 2048) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        sender.connect(receiver.getsockname())
        sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 150)
        sender.send(b"t" * (150 * 100))
        lengths, *_ = taken(new_slots(), receiver)
        assert dropped_packets(receiver) == 100 - len(lengths) > 0


def test_buffers_are_read_back_as_they_were_asked_for(receiver):
    assert buffer_bytes_of(receiver) == 1 << 20


class Stubborn:
    """A socket on another kernel: it refuses one option."""

    def __init__(self, refused, code):
        self.refused, self.code, self.options = refused, code, {}

    def setsockopt(self, level, option, value):
        if option == self.refused:
            raise OSError(self.code, os.strerror(self.code))
        self.options[level, option] = value


def test_a_kernel_without_joined_trains_is_no_failure():
    assert not ask_for_trains(Stubborn(UDP_GRO, errno.ENOPROTOOPT))
    assert ask_for_trains(Stubborn(None, 0))
    with pytest.raises(OSError, match="Bad file descriptor"):
        ask_for_trains(Stubborn(UDP_GRO, errno.EBADF))


def test_without_the_right_to_pass_the_limit_the_buffer_is_asked_for_within_it():
    plain = Stubborn(SO_RCVBUFFORCE, errno.EPERM)
    ask_for_buffer(plain, 1 << 20)
    assert plain.options == {(socket.SOL_SOCKET, socket.SO_RCVBUF): 1 << 20}


def test_a_port_in_use_is_an_error(receiver):
    with pytest.raises(OSError, match="in use"):
        open_receiver("127.0.0.1", receiver.getsockname()[1], 1 << 20)
