"""Texts written word by word are those written byte by byte, and nothing beside them changes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.compiled.words import WORD_BYTES, hexadecimal, repeat_text, words_of

numbers = st.one_of(st.integers(0, 2**63 - 1), st.integers(0, 300), st.integers(2**32 - 2, 2**32 + 2))


@settings(max_examples=300)
@given(number=numbers)
def test_eight_hexadecimal_digits_are_python_s(number: int) -> None:
    assert np.uint64(hexadecimal(number)).tobytes() == b"%08x" % (number & 0xFFFF_FFFF)


@given(raw=st.binary(min_size=WORD_BYTES, max_size=40))
def test_each_item_is_the_eight_bytes_from_there_on(raw: bytes) -> None:
    words = words_of(np.frombuffer(raw, np.uint8))

    assert [word.tobytes() for word in words] == [raw[at : at + 8] for at in range(len(raw) - 7)]


@settings(max_examples=200)
@given(
    text=st.binary(min_size=WORD_BYTES, max_size=32),
    place=st.integers(0, 20),
    gap=st.integers(0, 30),
    count=st.integers(0, 12),
    behind=st.integers(0, 3),
)
def test_a_text_is_repeated_and_nothing_else_changes(
    text: bytes, place: int, gap: int, count: int, behind: int
) -> None:
    step = len(text) + gap
    before = bytes(range(256)) * 4
    buffer = np.frombuffer(before[: place + count * step + behind + WORD_BYTES], np.uint8).copy()
    expected = bytearray(buffer.tobytes())
    for at in range(place, place + count * step, step):
        expected[at : at + len(text)] = text

    repeat_text(words_of(buffer), place, step, count, words_of(np.frombuffer(text, np.uint8)), len(text))

    assert buffer.tobytes() == bytes(expected)
