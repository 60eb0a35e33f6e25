"""Stamps written by the kernels are those of `captures.format.stamp_writing`, and fill no byte beside them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.format.stamp_writing import stamp_texts
from captures.format.stamps.kinds import MAX_WIDTH, STAMP_WIDTHS, ZONED, StampKind
from captures.format.stamps.writing import write_fraction, write_stamp

KINDS = [kind for kind in StampKind if kind]
instants_ns = st.integers(86_400 * 10**9, 9_000_000_000_000_000_000)


@settings(max_examples=500)
@given(
    kind=st.sampled_from(KINDS), zone=st.integers(-1439, 1439), instant_ns=instants_ns, later_ns=st.integers(0, 10**9)
)
def test_a_stamp_is_the_calendar_s(kind, zone, instant_ns, later_ns):
    zone = zone if ZONED[kind] else 0
    text = np.full(MAX_WIDTH + 8, ord("x"), np.uint8)
    write_stamp(text, kind, zone, instant_ns)
    width = STAMP_WIDTHS[kind]
    assert text.tobytes() == stamp_texts(kind, zone, np.array([instant_ns])).tobytes() + b"x" * (MAX_WIDTH + 8 - width)

    later_ns %= 10**9
    write_fraction(text, kind, later_ns)
    instant_ns += later_ns - instant_ns % 10**9
    assert text[:width].tobytes() == stamp_texts(kind, zone, np.array([instant_ns])).tobytes()
