import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.packets.headers.dissector import _frames
from captures.packets.headers.key import KEY_WORDS, key_of
from captures.packets.headers.reasons import FRAGMENT, MESSAGE, OF_PACKETS, SEGMENT, SLOW
from captures.packets.headers.scan import read_headers
from captures.packets.headers.slow_path import read_slowly
from tests.captures.packets.headers.encapsulations import batch_of, links_of, made

ODD = [0, 1, 2, 4, 5, 6, 8, 17, 20, 0x45, 0x46, 0x60, 0x81, 0x88, 0x86, 0xDD, 0xA8, 0x91, 0xFF]


def compare(frame: bytes, original: int, link_type: int) -> int:
    """What the kernel says of a packet, held against the slow path unless it leaves the packet to that."""
    batch = batch_of([frame], [original])
    key, payload = np.zeros(KEY_WORDS, np.int64), np.full(4, -1)
    frames, (row,) = _frames(batch, links_of(link_type)), batch.packets.tolist()
    outcome = int(read_headers(frames.data, frames.words, *row[:3], link_type, key, payload))
    read = read_slowly(frame, original, 1, 0, link_type)
    assert read.outcome in OF_PACKETS or read.outcome in (MESSAGE, SEGMENT, FRAGMENT)
    assert 0 <= len(read.payload) <= read.length
    if outcome == SLOW:
        return outcome
    assert outcome == read.outcome
    if outcome in (MESSAGE, SEGMENT):
        place, there, length, transport = payload.tolist()
        assert key.tolist() == key_of(read.flow).tolist()
        assert batch.data[place : place + there].tobytes() == read.payload
        assert length == read.length
        assert outcome == MESSAGE or batch.data[transport : transport + 20].tobytes() == read.transport
    return outcome


@pytest.mark.parametrize("known", made(), ids=lambda known: known.name)
def test_kernel_and_slow_path_say_the_same_of_each_encapsulation(known):
    outcome = compare(known.frame, len(known.frame), known.link_type)
    assert (outcome != SLOW) == known.is_common
    assert (outcome == MESSAGE) == (known.is_common and known.is_message)
    for count in range(len(known.frame)):
        compare(known.frame[:count], len(known.frame), known.link_type)
        compare(known.frame[:count], count, known.link_type)


@settings(max_examples=300)
@given(
    st.sampled_from(made()),
    st.dictionaries(st.integers(0, 110), st.sampled_from(ODD) | st.integers(0, 255), max_size=4),
    st.integers(0, 200),
    st.integers(0, 70_000),
)
def test_kernel_and_slow_path_say_the_same_of_damaged_packets(known, changes, count, more):
    frame = bytearray(known.frame)
    for place, value in changes.items():
        if place < len(frame):
            frame[place] = value
    compare(bytes(frame[:count]), len(frame[:count]) + more, known.link_type)


@given(st.binary(max_size=120), st.integers(0, 100), st.sampled_from((0, 1, 9, 50, 101, 104, 108, 113, 228, 276, 147)))
def test_kernel_and_slow_path_say_the_same_of_noise(frame, more, link_type):
    compare(frame, len(frame) + more, link_type)
