"""The longest ranges of missing numbers, against sorting all of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from replay.audit.missing import summarise


@given(
    st.lists(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=30), max_size=60), st.integers(1, 40)
)
def test_the_longest_ranges_are_named_in_order(drawn, shown):
    parts, ranges, at = [], [], 0
    for part in drawn:
        own = []
        for gap, length in part:
            own.append((at + gap, at + gap + length))
            at += gap + length
        ranges += own
        parts.append(tuple(np.array(own, np.int64).reshape(-1, 2).T))
    found = summarise(parts, shown)
    longest = sorted(sorted(ranges, key=lambda each: (each[0] - each[1], each[0]))[:shown])
    assert found.longest == tuple((first, end - 1) for first, end in longest)
    assert (found.ranges, found.events) == (len(ranges), sum(end - first for first, end in ranges))


def test_many_ranges_are_summed_up_without_keeping_them():
    starts = np.arange(0, 20_000, 2)
    found = summarise(((starts + 20_000 * part, starts + 20_000 * part + 1) for part in range(20)), 5)
    assert (found.ranges, found.longest) == (200_000, tuple((number, number) for number in range(0, 10, 2)))
