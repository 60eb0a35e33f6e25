"""Tags: the fast ways of writing and reading them against the plain one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from captures.format.layout import MAX_TRAIN_EVENTS
from captures.format.tags import (
    BLANK,
    MAX_RUN,
    MAX_SEQUENCE,
    TAG_BYTES,
    TAIL_BLOCK,
    TAIL_BYTES,
    Tags,
    head_text,
    parse_tags,
    same_head,
    tag_text,
    tail_block,
    tails,
)

TURN = 1 << 32
"""Where tails begin anew."""
RUNS, PORTS = st.integers(0, MAX_RUN), st.integers(0, 65535)
SEQUENCES = st.one_of(
    st.integers(0, MAX_SEQUENCE),
    st.integers(0, 9999),
    st.integers(TURN - 300, TURN + 300),
    st.integers(0, MAX_SEQUENCE // TAIL_BLOCK).map(lambda block: max(0, block * TAIL_BLOCK - 100)),
)


def texts(*tags: bytes) -> NDArray[np.uint8]:
    return np.array([[*tag] for tag in tags], np.uint8)


def read(tags: Tags) -> list[tuple[int, int, int] | None]:
    """Each tag in numbers; None: it is none."""
    columns = zip(*(column.tolist() for column in tags), strict=True)
    return [(run, port, sequence) if sound else None for run, port, sequence, sound in columns]


def test_a_tag_by_the_letter() -> None:
    assert tag_text(0x1F3A9C07, 5542, 42) == b"1f3a9c07-15a6-000000002a"
    assert tag_text(0, 0, 0) == BLANK.encode()
    assert len(tag_text(MAX_RUN, 65535, MAX_SEQUENCE)) == TAG_BYTES == 24


@given(RUNS, PORTS, SEQUENCES, st.integers(1, MAX_TRAIN_EVENTS))
def test_head_and_tails_are_the_tag(run: int, port: int, sequence: int, count: int) -> None:
    """Across 2^32 the head changes as the tails begin anew."""
    count = min(count, MAX_SEQUENCE + 1 - sequence)
    made = tails(sequence, count)
    assert (made.shape, made.dtype) == ((count,), f"S{TAIL_BYTES}")
    plain = [tag_text(run, port, sequence + i) for i in range(count)]
    assert [head_text(run, port, sequence + i) + bytes(tail) for i, tail in enumerate(made)] == plain
    same = same_head(sequence, count)
    assert same == sum(tag[:16] == plain[0][:16] for tag in plain) >= 1
    assert all(tag[:16] == head_text(run, port, sequence) for tag in plain[:same])


@pytest.mark.parametrize("sequence", [TURN - 1, TURN - 128, TURN - 127, 3 * TURN - 5, TAIL_BLOCK - 1, TURN, 0])
def test_tails_around_their_turn(sequence: int) -> None:
    expected = [b"%08x" % ((sequence + i) % TURN) for i in range(128)]
    assert [bytes(tail) for tail in tails(sequence, 128)] == expected
    assert same_head(sequence, 128) == min(128, TURN - sequence % TURN)


@given(st.integers(0, (MAX_SEQUENCE + 1) // TAIL_BLOCK - 1))
def test_a_block_of_tails_reaches_a_train_further(block: int) -> None:
    made = tail_block(block)
    first = block * TAIL_BLOCK
    assert len(made) == TAIL_BLOCK + MAX_TRAIN_EVENTS
    for place in (0, 1, TAIL_BLOCK - 1, TAIL_BLOCK, len(made) - 1):
        assert made[place] == b"%08x" % ((first + place) % TURN)
    assert not made.flags.writeable


@given(st.lists(st.tuples(RUNS, PORTS, SEQUENCES), max_size=20), st.booleans())
def test_what_is_written_is_read(tags: list[tuple[int, int, int]], capitals: bool) -> None:
    written = [tag_text(*tag).upper() if capitals else tag_text(*tag) for tag in tags]
    assert read(parse_tags(texts(*written).reshape(len(tags), TAG_BYTES))) == tags


@given(st.tuples(RUNS, PORTS, SEQUENCES), st.integers(0, TAG_BYTES - 1), st.integers(0, 255))
def test_a_byte_that_does_not_belong_there_makes_it_none(tag: tuple[int, int, int], place: int, byte: int) -> None:
    raw = bytearray(tag_text(*tag))
    raw[place] = byte
    allowed = b"-" if place in (8, 13) else b"0123456789abcdefABCDEF"
    (found,) = read(parse_tags(texts(raw)))
    if byte not in allowed:
        assert found is None
    else:
        run, port, sequence = raw.decode().split("-")
        assert found == (int(run, 16), int(port, 16), int(sequence, 16))


@given(st.lists(st.binary(min_size=TAG_BYTES, max_size=TAG_BYTES), min_size=1, max_size=5))
def test_each_text_is_judged_by_itself(drawn: list[bytes]) -> None:
    sound = tag_text(7, 514, 3)
    found = read(parse_tags(texts(sound, *drawn, sound)))
    assert (found[0], found[-1]) == ((7, 514, 3), (7, 514, 3))
    assert found[1:-1] == [None] * len(drawn)
