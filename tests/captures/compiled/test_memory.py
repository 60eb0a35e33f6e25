"""Bytes are copied as slices of Python copy them, and nothing beside them changes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.compiled.memory import copy_bytes


@given(raw=st.binary(max_size=300), where=st.data())
def test_a_copy_is_a_copy(raw: bytes, where: st.DataObject) -> None:
    length = where.draw(st.integers(0, len(raw)))
    place, to = where.draw(st.integers(0, len(raw) - length)), where.draw(st.integers(0, 20))
    out, data = np.full(to + length + 9, 0xEE, np.uint8), np.frombuffer(raw, np.uint8)
    expected = out.copy()
    expected[to : to + length] = data[place : place + length]

    copy_bytes(out, to, data, place, length)

    assert out.tobytes() == expected.tobytes()
