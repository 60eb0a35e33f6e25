"""Events are brought together as slices of Python would be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.events.gathering import as_lines, gathered, joined


def texts(draw: st.DataObject, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[bytes]]:
    """Some memory, and places and lengths in it in any order, with what stands there."""
    raw = draw.draw(st.binary(max_size=60) | st.text("a\n", max_size=60).map(str.encode))
    ends = st.integers(0, len(raw))
    spans = [sorted((draw.draw(ends), draw.draw(ends))) for _ in range(count)]
    place = np.array([first for first, _ in spans], np.int64)
    length = np.array([last - first for first, last in spans], np.int64)
    return np.frombuffer(raw, np.uint8), place, length, [raw[first:last] for first, last in spans]


@pytest.mark.parametrize("writeable", [True, False])
@given(count=st.integers(0, 6), draw=st.data())
def test_texts_stand_one_behind_the_other(writeable: bool, count: int, draw: st.DataObject) -> None:
    left, left_place, left_length, left_texts = texts(draw, count)
    right, right_place, right_length, right_texts = texts(draw, count)
    if writeable:
        left = left.copy()
    assert gathered(left, left_place, left_length).tobytes() == b"".join(left_texts)
    assert as_lines(left, left_place, left_length).tobytes() == b"".join(
        text if text.endswith(b"\n") else text + b"\n" for text in left_texts
    )
    both = joined(left, left_place, left_length, ord("|"), right, right_place, right_length)
    assert both.tobytes() == b"".join(one + b"|" + two for one, two in zip(left_texts, right_texts, strict=True))
