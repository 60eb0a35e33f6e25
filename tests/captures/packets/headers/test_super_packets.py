"""Super-packets are told by the priorities in front of their events, and cut there."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IPOption_Router_Alert
from scapy.packet import Raw

from captures.packets.headers.dissector import Dissector
from captures.packets.headers.filters import DissectorOptions
from captures.packets.headers.key import signed_words_of
from captures.packets.headers.super_packets import (
    LONGEST_FRAME_BYTES,
    cut_pieces,
    look_at_datagrams,
    piece_length,
)
from captures.text.messages import MESSAGE
from tests.captures.packets.headers.encapsulations import TEXT, batch_of, ether, ip4, ip6, links_of, texts_of, udp

QUOTING = b" \t\"'`=:([{,"
EVENT = b"<13>Aug 30 10:15:30 host app: number %06d"


def has_priority(text: bytes) -> bool:
    found = re.match(rb"(?:\xef\xbb\xbf)?<(\d{1,3})>", text)
    return found is not None and int(found[1]) <= 191


def slow_piece_length(text: bytes) -> int:
    """The same as `piece_length`, of a text that begins with a priority, by trying all lengths."""
    starts = [at for at in range(1, len(text)) if text[at : at + 1] == b"<" and has_priority(text[at:])]
    for size in starts:
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        is_quoted = len(pieces[1]) < size and text[size - 1] in QUOTING
        if len(pieces) == 2 and (size != starts[0] or is_quoted):
            continue
        if all(map(has_priority, pieces)):
            return size
    return 0


def length_of_pieces(text: bytes, before: bytes = b"<1>") -> int:
    data = np.frombuffer(before + text + b"<2>", np.uint8)
    return int(piece_length(data, signed_words_of(data), len(before), len(before) + len(text)))


parts = st.sampled_from(
    [b"<13>", b"<191>", b"<192>", b"<1>", b"<", b">", b"a", b" ", b"abcdefgh", b"=", b"\xff\x7f\xbc"]
)
texts = st.lists(parts, max_size=12).map(lambda each: b"<13>" + b"".join(each))
trains = st.builds(
    lambda text, count, cut: (text * count)[: len(text) * count - cut], texts, st.integers(1, 9), st.integers(0, 9)
)


@given(texts | trains.filter(lambda text: text.startswith(b"<13>")), st.binary(max_size=9))
def test_the_kernel_says_the_same_as_trying_all_lengths(text, before):
    assert length_of_pieces(text, before) == slow_piece_length(text)


@pytest.mark.parametrize("count", [2, 3, 64, 129])
def test_events_of_one_length_are_told_apart_and_the_last_may_be_shorter(count):
    events = [EVENT % number for number in range(count)]
    assert length_of_pieces(b"".join(events)) == len(events[0])
    assert length_of_pieces(b"".join(events)[:-7]) == len(events[0])


@pytest.mark.parametrize(
    "text",
    [
        EVENT % 1,
        EVENT % 1 + b"." + EVENT % 2 + EVENT % 3,
        b"<13>Aug 30 10:15:30 host app: it was not understood: <34>Oct 11 x",
        b"<13>relay <34>Oct 11 22:14:15 host app: a long one",
        b"<13>a<200>b<300>c",
    ],
)
def test_one_event_is_no_super_packet(text):
    assert length_of_pieces(text) == 0


def frames_of(*payloads: bytes) -> list[bytes]:
    return [bytes(ether() / (ip4, ip6)[i % 2]() / udp(dport=514 + i) / Raw(text)) for i, text in enumerate(payloads)]


def read(frames: list[bytes], originals=None, **options):
    dissector = Dissector(DissectorOptions(**options))
    return dissector, dissector.messages(batch_of(frames, originals), links_of(1))


def test_super_packets_are_counted_and_cut_on_request_only():
    events = [EVENT % number for number in range(100)]
    slow = bytes(ether() / ip4(options=[IPOption_Router_Alert()]) / udp() / Raw(TEXT))
    frames = [slow, *frames_of(b"".join(events), TEXT, b"".join(events[:2]), b"", b"no priority")]
    dissector, whole = read(frames)
    assert texts_of(whole)[1] == b"".join(events)
    assert dissector.super_packets == 2
    dissector, cut = read(frames, split_trains=True)
    assert texts_of(cut) == [TEXT, *events, TEXT, *events[:2], b"", b"no priority"]
    assert cut.messages["instant_ns"].tolist() == [1, *[2] * 100, 3, 4, 4, 5, 6]
    assert cut.messages["original"].tolist() == cut.messages["length"].tolist()
    assert dissector.datagrams == dissector.packets == len(frames)
    assert np.flatnonzero(dissector.bare_ports).tolist() == [514 + 3, 514 + 4]


def test_what_python_read_keeps_its_place_among_the_pieces():

    events = [EVENT % number for number in range(5)]
    slow = bytes(ether() / ip4(options=[IPOption_Router_Alert()]) / udp() / Raw(TEXT))
    train = frames_of(b"".join(events))[0]
    _, cut = read([slow, train, slow, train, slow, slow], split_trains=True)
    assert texts_of(cut) == [TEXT, *events, TEXT, *events, TEXT, TEXT]


def test_what_a_snaplen_cut_stays_as_it_is():
    (frame,) = frames_of(EVENT % 1 + EVENT % 2)
    dissector, kept = read([frame[:-5]], [len(frame)], keep_cut=True, split_trains=True)
    assert texts_of(kept) == [(EVENT % 1 + EVENT % 2)[:-5]]
    assert kept.messages["original"].tolist() == [len(EVENT % 1 + EVENT % 2)]
    assert dissector.super_packets == 0


def test_a_datagram_that_no_network_carries_is_counted():
    long = b"x" * (LONGEST_FRAME_BYTES + 1)
    dissector, _ = read(frames_of(long, b"<13>" + long, long[:-1], (EVENT % 1) * 100 + b"." * 5000))
    assert dissector.long_datagrams == 3


def test_other_ports_are_counted_where_there_is_data():
    dissector, _ = read(frames_of(TEXT, TEXT, b""), ports={514})
    assert [(port, dissector.other_ports[port]) for port in np.flatnonzero(dissector.other_ports)] == [(515, 1)]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 50)), max_size=20))
def test_cutting_loses_no_byte(each):
    rows = np.zeros(len(each), MESSAGE)
    rows["length"] = rows["original"] = [length for length, _ in each]
    rows["place"] = np.cumsum(rows["length"]) - rows["length"]
    rows["flow"] = np.arange(len(each))
    pieces = np.array([size if size < length else 0 for length, size in each], np.int64)
    cut, of = cut_pieces(rows, pieces)
    firsts = np.searchsorted(of, np.arange(len(rows) + 1))
    for row, piece, first, end in zip(rows, pieces, firsts[:-1], firsts[1:], strict=True):
        mine = cut[first:end]
        assert set(mine["flow"]) == {row["flow"]}
        assert mine["length"].sum() == row["length"]
        assert (np.diff(mine["place"]) == piece).all()
        assert (mine["length"][:-1] == piece).all()
        assert (mine["length"] == mine["original"]).all()


def test_nothing_is_read_beside_the_data():
    data = np.frombuffer(b"<1><", np.uint8)
    rows = np.zeros(1, MESSAGE)
    rows["length"] = rows["original"] = 4
    pieces = np.empty(1, np.int64)
    assert look_at_datagrams(data, signed_words_of(data), rows, pieces, np.zeros(1 << 16, np.int64)) == 0
    assert pieces.tolist() == [0]
