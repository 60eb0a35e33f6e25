"""Tags at sending: each event says its run, its port and its number on that port, and nothing else of it changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.compiled.words import words_of
from captures.format.tags import MAX_RUN, MAX_SEQUENCE, TAG_BYTES, tag_text
from replay.rewrite.tagging import tag_train


@settings(max_examples=300)
@given(
    run=st.integers(1, MAX_RUN),
    port=st.integers(0, 65535),
    first=st.one_of(
        st.integers(0, MAX_SEQUENCE - 128),
        st.integers(1, 255).flatmap(lambda high: st.integers((high << 32) - 200, (high << 32) + 5)),
    ),
    count=st.integers(1, 128),
    place=st.integers(0, 40),
    gap=st.integers(0, 100),
)
def test_each_event_has_the_tag_that_the_definition_says(
    run: int, port: int, first: int, count: int, place: int, gap: int
) -> None:
    step = TAG_BYTES + gap
    buffer = np.random.default_rng(1).integers(0, 256, place + count * step, np.uint8)
    expected = bytearray(buffer.tobytes())
    for event in range(count):
        at = place + event * step
        expected[at : at + TAG_BYTES] = tag_text(run, port, first + event)

    tag_train(words_of(buffer), place, step, count, run, port, first)

    assert buffer.tobytes() == bytes(expected)


@pytest.mark.parametrize("first", [0, (1 << 32) - 1, MAX_SEQUENCE - 1])
def test_the_first_the_last_and_those_where_the_high_digits_change(first: int) -> None:
    buffer = np.zeros(2 * TAG_BYTES, np.uint8)
    tag_train(words_of(buffer), 0, TAG_BYTES, 2, MAX_RUN, 65535, first)

    assert buffer.tobytes() == tag_text(MAX_RUN, 65535, first) + tag_text(MAX_RUN, 65535, first + 1)
