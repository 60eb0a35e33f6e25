from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.packets.headers.reasons import BROKEN, FRAGMENT_AGAIN, FRAGMENT_ALONE, FRAGMENT_OVERLAPS
from captures.packets.headers.reassembly import fragments as module
from captures.packets.headers.reassembly.fragments import MOST_AGE_NS, Fragment, Fragments, Whole

DATA = bytes(range(200))


def piece(begin: int, end: int, *, instant_ns: int = 0, packet: bytes = b"a", protocol: int = 17) -> Fragment:
    """A fragment of DATA."""
    return Fragment(packet, begin, DATA[begin:end], end == len(DATA), protocol, instant_ns)


def added(*pieces: Fragment):
    """What is whole, and what is left out."""
    counts = Counter()
    fragments = Fragments(counts)
    wholes = [whole for whole in map(fragments.add, pieces) if whole]
    fragments.give_up_all()
    assert fragments._bytes == 0
    assert fragments.used + counts.total() == len(pieces)
    return wholes, +counts


@given(st.sets(st.integers(1, 24)), st.randoms(use_true_random=False))
def test_pieces_in_any_order_are_put_together(places, draw):
    ends = [0, *(8 * place for place in sorted(places)), len(DATA)]
    pieces = [piece(begin, end) for begin, end in pairwise(ends)]
    draw.shuffle(pieces)
    assert added(*pieces) == ([Whole(17, DATA)], {})


def test_the_first_fragment_says_which_protocol_it_is():
    assert added(piece(80, 200, protocol=60), piece(0, 80, protocol=17)) == ([Whole(17, DATA)], {})


def test_packets_are_told_apart():
    other = [piece(0, 80, packet=b"b"), piece(80, 200, packet=b"b")]
    assert added(piece(0, 80), *other) == ([Whole(17, DATA)], {FRAGMENT_ALONE: 1})


def test_what_comes_again_is_harmless():
    assert added(piece(0, 80), piece(0, 80), piece(80, 200)) == ([Whole(17, DATA)], {FRAGMENT_AGAIN: 1})


@pytest.mark.parametrize(
    "overlap",
    [
        piece(0, 88),
        piece(8, 80),
        piece(72, 160),
        Fragment(b"a", 0, bytes(80), False, 17, 0),
        Fragment(b"a", 80, DATA[80:100], True, 17, 0),
        Fragment(b"a", 40, DATA[40:80], True, 17, 0),
    ],
)
def test_a_packet_whose_fragments_overlap_is_refused_and_stays_so(overlap):
    pieces = [piece(0, 80), piece(160, 200), overlap, piece(80, 160)]
    assert added(*pieces) == ([], {FRAGMENT_OVERLAPS: 4})


def test_fragments_beyond_the_end_are_refused():
    beyond = Fragment(b"a", 208, b"x" * 8, False, 17, 0)
    assert added(piece(160, 200), beyond)[1] == {FRAGMENT_OVERLAPS: 2}
    assert added(beyond, piece(160, 200))[1] == {FRAGMENT_OVERLAPS: 2}


def test_fragments_of_impossible_lengths_are_broken():
    for begin, data, is_last in ((0, b"abc", False), (0, b"", True), (65_528, b"x" * 8, True)):
        assert added(Fragment(b"a", begin, data, is_last, 17, 0))[1] == {BROKEN: 1}


def test_old_fragments_are_given_up_by_the_instants_of_the_capture():
    late = piece(80, 200, instant_ns=MOST_AGE_NS + 1)
    assert added(piece(0, 80), late) == ([], {FRAGMENT_ALONE: 2})
    assert added(piece(0, 80), late._replace(instant_ns=MOST_AGE_NS)) == ([Whole(17, DATA)], {})


def test_memory_is_bounded_and_the_oldest_goes_first(monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 3000)
    pieces = [piece(0, 80, packet=bytes([number])) for number in range(10)]
    wholes, counts = added(*pieces, piece(80, 200, packet=b"\x09"), piece(80, 200, packet=b"\x00"))
    assert wholes == [Whole(17, DATA)]
    assert counts == {FRAGMENT_ALONE: 10}
