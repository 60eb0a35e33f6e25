from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.packets.headers.reasons import LONGEST_BYTES, TCP_EMPTY, TCP_GAP, TCP_PART, TCP_TOO_LONG
from captures.packets.headers.reassembly import resuming
from captures.packets.headers.reassembly.framing import MessageStream
from captures.packets.headers.reassembly.resuming import COUNTED, Framing

MESSAGES = [b"<34>one", b"<5>two 12 <13> three", b"<191>" + b"x" * 300, b"<1>"]
TLS = bytes.fromhex("160301 0200 01")


def counted(*messages: bytes) -> bytes:
    return b"".join(b"%d %s" % (len(message), message) for message in messages)


def fed(*pieces: bytes, is_named=True, is_begin=True, is_closed=False):
    """The messages of a stream that comes in pieces, what is left out, and its framing."""
    counts = Counter()
    stream = MessageStream(counts, is_named=is_named, is_begin=is_begin)
    messages = [message for piece in pieces for message in stream.feed(piece)]
    return messages + stream.end(is_closed=is_closed), counts, stream.framing


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(ends)]


FRAMINGS = {
    "lf": (b"".join(message + b"\n" for message in MESSAGES), Framing.TRAILERS),
    "crlf": (b"".join(message + b"\r\n" for message in MESSAGES), Framing.TRAILERS),
    "nul": (b"".join(message + b"\0" for message in MESSAGES), Framing.TRAILERS),
    "counted": (counted(*MESSAGES), Framing.COUNTED),
    "counted, and a line feed behind": (
        b"".join(b"%d %s\n" % (len(message), message) for message in MESSAGES),
        Framing.COUNTED,
    ),
}


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize("name", FRAMINGS)
@given(st.lists(st.integers(0, 400), max_size=30))
def test_framings_are_told_apart_however_the_stream_is_cut(name, is_named, places):
    data, framing = FRAMINGS[name]
    assert fed(*cut(data, places), is_named=is_named) == (MESSAGES, {}, framing)


@pytest.mark.parametrize("name", FRAMINGS)
@given(st.integers(1, 300))
def test_a_stream_is_picked_up_in_the_middle(name, missing):
    # Without what looks like another message inside.
    texts, (data, framing) = [text.replace(b"<13>", b"<a>") for text in MESSAGES], FRAMINGS[name]
    data = data.replace(b"20 <5>", b"19 <5>").replace(b"<13>", b"<a>") * 2
    messages, counts, found = fed(data[missing:], is_begin=False)
    assert found is framing
    assert len(messages) >= 4
    assert messages == (texts * 2)[-len(messages) :]
    assert set(counts) <= {TCP_PART}
    assert counts[TCP_PART] <= 1


@pytest.mark.parametrize("name", FRAMINGS)
def test_behind_a_gap_the_stream_goes_on_with_the_next_message(name):
    data, _ = FRAMINGS[name]
    counts = Counter()
    stream = MessageStream(counts, is_named=True, is_begin=True)
    messages = stream.feed(data[:10])
    stream.gap()
    messages += stream.feed(data[20:])
    messages += stream.end(is_closed=False)
    assert messages[-2:] == MESSAGES[2:]
    assert set(messages) <= set(MESSAGES)
    assert counts[TCP_GAP] == 1


def test_embedded_line_feeds_stay_in_messages_with_a_count_or_a_nul():
    text = b"<34>one\ntwo\n"
    assert fed(counted(text) * 3)[0] == [text] * 3
    # Which trailer a stream has is told by the first that comes.
    assert fed(b"<1>a\0<2>b\nc\0")[0] == [b"<1>a", b"<2>b\nc"]


def test_a_named_stream_may_hold_bare_lines():
    assert fed(b"15 Nov bare\nline\n", is_named=True)[0] == [b"15 Nov bare", b"line"]
    assert fed(b"GET / HTTP/1.1\r\n\r\n", is_named=False) == ([], {}, Framing.NO_SYSLOG)


def test_tls_is_known_by_its_record():
    assert fed(TLS, b"\n\n", is_named=True) == ([], {}, Framing.ENCRYPTED)
    assert fed(b"\x17\x03\x03\x01\x00abc", is_begin=False)[2] is Framing.ENCRYPTED


def test_a_line_that_its_sender_did_not_end_is_ended_by_the_connection():
    assert fed(b"<1>a\n<2>b", is_closed=True)[0] == [b"<1>a", b"<2>b"]
    assert fed(b"<1>a\n<2>b", is_closed=False)[:2] == ([b"<1>a"], {TCP_PART: 1})
    assert fed(b"9 <1>a", is_closed=True)[:2] == ([], {TCP_PART: 1})


def test_empty_lines_are_counted():
    assert fed(b"<1>a\n\n\r\n<2>b\n")[:2] == ([b"<1>a", b"<2>b"], {TCP_EMPTY: 2})


@pytest.mark.parametrize("step", [1000, 1 << 20])
def test_messages_that_are_too_long_are_left_out(step):
    longest = b"<1>".ljust(LONGEST_BYTES, b"a")
    for data in (
        b"<1>a\n" + longest + b"\n" + longest + b"b\n<2>b\n",
        counted(b"<1>a", longest, longest + b"b", b"<2>b"),
    ):
        pieces = [data[place : place + step] for place in range(0, len(data), step)]
        assert fed(*pieces)[:2] == ([b"<1>a", longest, b"<2>b"], {TCP_TOO_LONG: 1})


def test_a_wrong_count_costs_what_cannot_be_made_out():
    messages, counts, _ = fed(counted(b"<1>one") + b"9 <2>two" + counted(b"<3>three", b"<4>four"), is_closed=True)
    assert messages[0] == b"<1>one"
    assert messages[-1] == b"<4>four"
    assert counts[TCP_PART] == 1
    assert fed(counted(b"<1>one") + b"<2>two\n<3>three\n")[0] == [b"<1>one", b"<2>two", b"<3>three"]


@settings(max_examples=200)
@given(
    st.lists(
        st.binary(max_size=20)
        | st.sampled_from([b"<1>", b"\n", b"\0", b"5 <1>ab", b"99999 <1>", b"7 ", TLS, b"1" * 12, b"\r\n"]),
        max_size=30,
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_any_bytes_are_taken(pieces, is_named, is_begin, is_closed):
    messages, _, _ = fed(*pieces, is_named=is_named, is_begin=is_begin, is_closed=is_closed)
    data = b"".join(pieces)
    assert all(0 < len(message) <= LONGEST_BYTES and message in data for message in messages)
    assert sum(map(len, messages)) <= len(data)


def test_what_is_lost_is_counted_once_a_stretch():
    assert fed(b"x" * 1000, b"y" * 1000, is_begin=False)[:2] == ([], {TCP_PART: 1})
    assert fed(b"end of one\n<13>two\n", is_begin=False)[:2] == ([b"<13>two"], {TCP_PART: 1})
    assert fed(b"\n<13>two\n", is_begin=False)[:2] == ([b"<13>two"], {})
    cut = b"essage " + counted(b"<13>0123456789abcdef") * 2
    assert fed(cut, is_begin=False)[:2] == ([b"<13>0123456789abcdef"] * 2, {TCP_PART: 1})
    # Packets of streams that are no syslog are counted by themselves.
    assert fed(b"of a page\nmore\nof it", is_begin=False, is_named=False)[1:] == ({}, Framing.NO_SYSLOG)


def test_a_lost_stream_is_looked_through_once(monkeypatch):
    looked = []

    class Pattern:
        match = COUNTED.match

        def finditer(self, buffer, place):
            looked.append(len(buffer) - place)
            return COUNTED.finditer(buffer, place)

    monkeypatch.setattr(resuming, "COUNTED", Pattern())
    stream = MessageStream(Counter(), is_named=True, is_begin=False)
    assert not any(stream.feed(piece) for piece in [b"65507 <1>", *[b"x"] * 3000])
    assert sum(looked) < 3010 * 15
    assert stream.feed(b"y" * (65507 - 3003)) == [b"<1>" + b"x" * 3000 + b"y" * (65507 - 3003)]
