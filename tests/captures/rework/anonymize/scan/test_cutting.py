"""What is cut out of matches, against a set of places."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.rework.anonymize.scan.cutting import without_addresses
from captures.rework.anonymize.scan.kinds import IPV4, MAC, PATTERN, USER

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=8)


def table(rows):
    return np.array(sorted(rows), np.int64).reshape(-1, 3)


@given(SPANS, st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9), st.sampled_from([IPV4, MAC, USER])), max_size=8))
def test_equals_the_places_of_each_match(matched, steps):
    found, at = [], 0
    for gap, size, kind in steps:
        found.append((at + gap, at + gap + size, kind))
        at += gap + size
    cut = {i for first, end, kind in found if kind <= MAC for i in range(first, end)}
    rows = table((first, first + size, PATTERN) for first, size in matched)
    expected = []
    for first, end, _ in rows.tolist():
        kept = [i for i in range(first, end) if i not in cut]
        starts = [i for i in kept if i == first or i - 1 in cut]
        expected.extend((i, next(k for k in range(i, end + 1) if k == end or k in cut), PATTERN) for i in starts)
    assert list(map(tuple, without_addresses(rows, table(found)).tolist())) == expected
