import random
from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from captures.packets.headers.reasons import (
    CAME_AGAIN,
    ENCRYPTED,
    KEPT_CUT,
    NO_DATA,
    NO_SYSLOG,
    OF_OTHERS,
    SEGMENT,
    TCP_CROWDED_OUT,
    TCP_CUT,
    TCP_GAP,
    TCP_PART,
)
from captures.packets.headers.reassembly import stream as stream_module
from captures.packets.headers.reassembly import streams as module
from captures.packets.headers.reassembly.segments import Completed, Origin, Segment
from captures.packets.headers.reassembly.streams import ACKNOWLEDGED_WAIT_NS, MOST_WAIT_NS, Streams

FIN, SYN, RST, ACK = 1, 2, 4, 16


class Sender:
    """Adds segments of a stream, and notes what comes of them."""

    def __init__(self, sequence: int = 1000, *, is_named: bool = True, keep_cut: bool = False) -> None:
        self.first, self.is_named = sequence, is_named
        self.counts = Counter()
        self.ready = Completed()
        self.streams = Streams(self.counts, self.ready, keep_cut=keep_cut)
        self.outcomes = []
        self.instant_ns = self.packets = 0
        self.messages = []
        """All of them, with their packets."""

    def send(self, place: int, payload: bytes = b"", flags: int = ACK, *, missing: int = 0, stream: bytes = b"a"):
        self.instant_ns += 1
        self.packets += 1
        sequence = (self.first + place) % (1 << 32)
        length, origin = len(payload) + missing, Origin(self.packets - 1, self.instant_ns, 7)
        self.outcomes.append(self.streams.add(Segment(stream, sequence, flags, payload, length, origin, self.is_named)))
        return self.taken()

    def acknowledge(self, place: int, stream: bytes = b"a"):
        self.streams.acknowledge(stream, (self.first + place) % (1 << 32), self.instant_ns)
        return self.taken()

    def pass_time(self, wait_ns: int):
        self.instant_ns += wait_ns
        self.streams.give_up_old(self.instant_ns)
        return self.taken()

    def end(self):
        self.streams.end_all()
        return self.taken()

    def taken(self):
        """The texts of the messages since the last call."""
        packets = [packet for count, packet, _, _ in self.ready.origins for _ in range(count)]
        messages = list(zip(self.ready.texts, packets, strict=True))
        self.ready.clear()
        self.messages += messages
        return [text for text, _ in messages]


LINES = [b"<1>line %d" % number for number in range(40)]
DATA = b"".join(line + b"\n" for line in LINES)


@given(st.lists(st.integers(1, len(DATA) - 1), max_size=20), st.randoms(use_true_random=False), st.booleans())
def test_any_order_and_any_repetition_give_the_stream(places, draw: random.Random, wraps):
    ends = sorted({0, len(DATA), *places})
    pieces = [(begin, DATA[begin:end]) for begin, end in pairwise(ends)]
    overlapping = [(max(0, begin - draw.randint(0, 30)), begin + len(piece)) for begin, piece in pieces]
    pieces += [(begin, DATA[begin:end]) for begin, end in overlapping]
    draw.shuffle(pieces)
    sender = Sender(2**32 - 100 if wraps else 1000)
    messages = sender.send(-1, b"", SYN)
    for begin, piece in pieces:
        messages += sender.send(begin, piece)
    assert messages == LINES
    assert not sender.counts
    assert sender.end() == []


def test_a_message_comes_with_the_segment_that_completes_it():
    sender = Sender()
    sender.send(-1, b"", SYN)
    assert sender.send(0, b"<1>a") == []
    assert sender.send(9, b"\n<3>c\n") == []
    assert sender.send(4, b"\n<2>b") == [b"<1>a", b"<2>b", b"<3>c"]
    assert sender.outcomes == [NO_DATA, SEGMENT, SEGMENT, SEGMENT]


def test_what_comes_again_is_counted():
    sender = Sender()
    sender.send(-1, b"", SYN)
    sender.send(0, b"<1>a\n")
    assert sender.send(0, b"<1>a\n") == []
    assert sender.send(4, b"\n") == []
    assert sender.send(2, b">a\n<2>b\n") == [b"<2>b"]
    assert sender.outcomes[1:] == [SEGMENT, CAME_AGAIN, CAME_AGAIN, SEGMENT]


def test_the_stream_goes_on_behind_a_segment_that_never_comes(monkeypatch):
    monkeypatch.setattr(stream_module, "MOST_AHEAD_BYTES", 3 * (stream_module._OWN_BYTES + 10))
    sender = Sender()
    messages = sender.send(-1, b"", SYN) + sender.send(0, b"<1>a\n<2>")
    for number in range(4):
        messages += sender.send(20 + 10 * number, b"b\n<3>abcd\n")
    assert messages == [b"<1>a", *[b"<3>abcd", b"b"] * 3, b"<3>abcd"]
    assert sender.counts == {TCP_GAP: 1, TCP_PART: 1}


def test_each_message_is_of_its_own_packet_though_it_waited():
    sender = Sender()
    sender.send(-1, b"", SYN)
    for number in range(5):
        sender.send(10 + 5 * number, b"<%d>a\n" % number)
    assert sender.streams.first_waiting == 1
    sender.send(5, b"<7>b\n")
    sender.send(0, b"<8>c\n")
    assert sender.messages == [(b"<8>c", 7), (b"<7>b", 6), *((b"<%d>a" % number, 1 + number) for number in range(5))]
    assert sender.streams.first_waiting is None


def test_what_the_receiver_has_is_waited_for_no_longer():
    sender = Sender()
    sender.send(-1, b"", SYN)
    assert sender.send(10, b"<1>a\n<2>b") == []
    assert sender.acknowledge(0) == sender.acknowledge(9) == sender.acknowledge(10) == []
    assert sender.pass_time(ACKNOWLEDGED_WAIT_NS) == []
    assert sender.pass_time(1) == [b"<1>a"]
    assert sender.send(30, b"<3>c\n") == []
    assert sender.acknowledge(35, b"other") == sender.acknowledge(1 << 30 | 1 << 29) == []
    assert sender.pass_time(ACKNOWLEDGED_WAIT_NS + 1) == []
    assert sender.acknowledge(35) == []
    assert sender.pass_time(ACKNOWLEDGED_WAIT_NS + 1) == [b"<3>c"]
    assert sender.counts == {TCP_GAP: 2, TCP_PART: 1}
    assert not sender.streams.has_gaps


def test_an_acknowledgement_may_be_recorded_before_the_segment():
    sender = Sender()
    sender.send(-1, b"", SYN)
    sender.send(5, b"<2>b\n")
    assert sender.acknowledge(10) == []
    assert sender.send(0, b"<1>a\n") == [b"<1>a", b"<2>b"]
    assert sender.pass_time(MOST_WAIT_NS + 1) == []
    assert not sender.counts


def test_a_segment_is_waited_for_as_long_as_it_may_be_sent_again():
    sender = Sender()
    sender.send(-1, b"", SYN)
    sender.send(10, b"<1>a\n")
    assert sender.pass_time(MOST_WAIT_NS) == []
    assert sender.pass_time(1) == [b"<1>a"]
    sender.send(20, b"<2>b\n")
    sender.instant_ns += MOST_WAIT_NS
    assert sender.send(40, b"<3>c\n", stream=b"other") == [b"<2>b", b"<3>c"]
    # What is filled in part is waited for anew.
    sender.send(30, b"<4>d\n")
    sender.pass_time(MOST_WAIT_NS // 2)
    sender.send(25, b"<5>")
    assert sender.pass_time(MOST_WAIT_NS - 1) == []
    assert sender.pass_time(2) == [b"<4>d"]


def test_what_is_missing_before_the_end_is_a_gap():
    sender = Sender()
    sender.send(-1, b"", SYN)
    sender.send(0, b"<1>a\n<2>")
    assert sender.send(12, b"", FIN | ACK) == []
    assert sender.send(12, b"", FIN | ACK) == []
    assert sender.pass_time(MOST_WAIT_NS + 1) == []
    assert sender.counts == {TCP_GAP: 1, TCP_PART: 1}
    assert sender.end() == []
    assert sender.counts == {TCP_GAP: 1, TCP_PART: 1}


def test_what_came_before_the_first_segment_is_counted_and_what_keeps_alive_is_not():
    sender = Sender()
    assert sender.send(0, b"<1>a\n<2>b\n") == [b"<1>a", b"<2>b"]
    assert sender.send(-1, b"\0") == []
    assert not sender.counts
    assert sender.send(-5, b"<0>z\n") == []
    assert sender.outcomes == [SEGMENT, CAME_AGAIN, SEGMENT]
    assert sender.counts == {TCP_PART: 1}


def test_a_syn_that_comes_again_begins_nothing():
    sender = Sender()
    sender.send(-1, b"", SYN)
    sender.send(0, b"<1>a")
    sender.send(-1, b"", SYN)
    assert sender.send(4, b"\n") == [b"<1>a"]
    assert not sender.counts


def test_a_gap_that_waits_goes_before_a_stream_that_is_idle(monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 3000)
    sender = Sender()
    sender.send(0, b"<1>a" * 100, SYN, stream=b"idle")
    sender.send(-1, b"", SYN)
    for number in range(10):
        sender.send(10 + 5 * number, b"<%d>b\n" % number)
    assert sender.counts[TCP_CROWDED_OUT] == 0
    assert sender.counts[TCP_GAP] == 1
    assert len(sender.messages) >= 5


def test_what_waits_in_the_end_is_taken():
    sender = Sender()
    sender.send(-1, b"", SYN)
    sender.send(0, b"<1>a\n<2>")
    sender.send(20, b"b\n<3>c\n")
    assert sender.end() == [b"<3>c"]
    assert sender.counts == {TCP_GAP: 1, TCP_PART: 1}


def test_bytes_that_a_snaplen_cut_off_are_counted_so():
    sender = Sender()
    sender.send(-1, b"", SYN)
    assert sender.send(0, b"<1>a\n<2>bb", missing=10) == [b"<1>a"]
    assert sender.send(20, b"bb\n<3>c\n") == [b"<3>c"]
    assert sender.counts == {TCP_CUT: 1}


def test_what_is_there_of_a_cut_message_is_kept_where_that_is_asked_for():
    sender = Sender(keep_cut=True)
    sender.send(-1, b"", SYN)
    assert sender.send(0, b"<1>a\n<2>bb", missing=10) == [b"<1>a", b"<2>bb"]
    assert sender.send(20, b"<3>", missing=10) == [b"<3>"]
    assert sender.counts == {OF_OTHERS[KEPT_CUT]: 2}


def test_streams_that_are_no_syslog_have_neither_gaps_nor_cut_segments():
    sender = Sender(is_named=False)
    sender.send(-1, b"", SYN)
    sender.send(0, b"GET / HTTP/1.1\r\n", missing=100)
    sender.send(500, b"more")
    sender.send(600, b"still more", missing=1)
    assert sender.end() == []
    assert not sender.counts
    assert sender.outcomes[1] == NO_SYSLOG


def test_a_stream_is_picked_up_in_the_middle():
    sender = Sender()
    assert sender.send(0, b"art\n<2>b\n") == [b"<2>b"]
    assert sender.send(9, b"<3>c\n") == [b"<3>c"]
    other = Sender()
    assert other.send(0, b"<2>b\n<3>") == [b"<2>b"]


def test_fin_completes_a_line_and_what_comes_again_behind_it_does_not():
    sender = Sender()
    sender.send(-1, b"", SYN)
    assert sender.send(0, b"<1>a\n<2>b", ACK | FIN) == [b"<1>a", b"<2>b"]
    assert sender.send(0, b"<1>a\n<2>b", ACK | FIN) == []
    assert sender.send(10, b"", ACK) == []
    assert sender.end() == []
    assert not sender.counts


def test_fin_may_come_before_what_is_in_front_of_it():
    sender = Sender()
    sender.send(-1, b"", SYN)
    assert sender.send(5, b"<2>b", ACK | FIN) == []
    assert sender.send(0, b"<1>a\n") == [b"<1>a", b"<2>b"]


def test_rst_ends_a_stream_and_its_line_is_a_part():
    sender = Sender()
    sender.send(-1, b"", SYN)
    sender.send(0, b"<1>a")
    assert sender.send(4, b"", RST) == []
    assert sender.counts == {TCP_PART: 1}


def test_a_new_connection_between_the_same_ports_begins_anew():
    sender = Sender()
    sender.send(-1, b"", SYN)
    sender.send(0, b"<1>a\n<2>")
    sender.send(99_999, b"", SYN)
    assert sender.send(100_000, b"<3>c\n") == [b"<3>c"]
    # Without a SYN, too, if its numbers are far away.
    assert sender.send(3_000_000_000, b"<4>d\n") == [b"<4>d"]
    assert sender.counts == {TCP_PART: 1, TCP_GAP: 1}


def test_encrypted_streams_and_those_without_syslog_are_counted():
    sender = Sender()
    sender.send(-1, b"", SYN)
    sender.send(0, b"\x16\x03\x01\x02\x00")
    sender.send(5, b"more\n")
    assert sender.outcomes[1:] == [ENCRYPTED, ENCRYPTED]
    sender = Sender(is_named=False)
    sender.send(-1, b"", SYN)
    sender.send(0, b"GET / HTTP/1.1\r\n")
    assert sender.outcomes[1:] == [NO_SYSLOG]
    assert not sender.end()


def test_streams_and_bytes_are_bounded(monkeypatch):
    monkeypatch.setattr(module, "MOST_STREAMS", 3)
    sender = Sender()
    for name in (b"a", b"b", b"c"):
        sender.send(-1, b"", SYN, stream=name)
        sender.send(0, b"<1>a", stream=name)
    sender.send(4, b"a", stream=b"a")
    sender.send(0, b"<1>a\n", SYN, stream=b"d")
    assert sender.counts == {TCP_CROWDED_OUT: 1, TCP_PART: 1}
    assert sender.send(5, b"\n", stream=b"a") == [b"<1>aa"]
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    sender.send(4, b"x" * 990, stream=b"c")
    sender.send(5, b"x" * 990, stream=b"d")
    assert sender.counts[TCP_CROWDED_OUT] >= 2


@given(
    st.lists(
        st.tuples(
            st.integers(-5, 40) | st.integers(-(2**31), 2**32),
            st.binary(max_size=6) | st.sampled_from([b"<1>a\n", b"5 <1>ab", b"\n"]),
            st.integers(0, 63),
            st.integers(0, 3),
            st.sampled_from([b"a", b"b"]),
        ),
        max_size=40,
    )
)
def test_any_segments_are_taken_and_each_is_counted(segments):
    sender = Sender()
    for place, payload, flags, missing, stream in segments:
        sender.send(place, payload, flags, missing=missing, stream=stream)
    assert len(sender.outcomes) == len(segments)
    held = sender.streams
    assert held._bytes == sum(stream.waiting_bytes for stream in held._streams.values())
    assert all(stream._ahead_bytes >= 0 for stream in held._streams.values())
    assert list(held._gaps) == [name for name in held._gaps if held._streams[name].ahead]
    assert len(held._gaps) == sum(bool(stream.ahead) for stream in held._streams.values())
    sender.end()
    assert held._bytes == 0
    assert not held.has_gaps
