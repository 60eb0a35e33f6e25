"""Tags: the fast way of reading them against the plain text."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from captures.format.tags import (
    BLANK,
    MAX_RUN,
    MAX_SEQUENCE,
    TAG_BYTES,
    Tags,
    parse_tags,
    tag_text,
)

TURN = 1 << 32
"""Where the last eight digits begin anew."""
RUNS, PORTS = st.integers(0, MAX_RUN), st.integers(0, 65535)
SEQUENCES = st.one_of(
    st.integers(0, MAX_SEQUENCE),
    st.integers(0, 9999),
    st.integers(TURN - 300, TURN + 300),
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
