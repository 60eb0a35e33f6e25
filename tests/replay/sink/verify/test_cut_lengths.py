"""What was cut, by lengths: no more than there is evidence for, and nothing that evidence speaks against."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.sink.verify.cut_lengths import FEW, cut_traceless

LENGTHS = 600


def cut(traceless: dict[int, int], parted: dict[int, int], longest_whole_bytes: int) -> tuple[int, int, list[int]]:
    by_length = np.zeros((2, LENGTHS), np.int64)
    for row, counts in zip(by_length, (traceless, parted), strict=True):
        for length, events in counts.items():
            row[length] = events
    found = cut_traceless(*by_length, longest_whole_bytes)
    return found.events, found.doubtful_events, found.lengths.tolist()


@pytest.mark.parametrize(
    ("traceless", "parted", "longest_whole_bytes", "told"),
    [
        ({}, {}, 0, (0, 0, [])),
        ({180: 50}, {180: 3}, 180, (50, 0, [180])),
        ({180: 50}, {180: 3}, 0, (50, 0, [180])),  # nothing is there whole
        ({180: 50}, {}, 100, (0, 0, [])),  # the longest of all, again and again, and nobody cut it
        ({180: 50}, {180: 2}, 100, (0, 50, [180])),  # so few are no sign of a limit
        ({180: 50}, {180: 1, 181: 1, 182: 1}, 100, (0, 50, [180])),  # parted by chance
        ({180: 50}, {180: 900}, 182, (50, 0, [180])),  # one digit of a priority value, or three
        ({180: 50}, {180: 900}, 183, (0, 50, [180])),
        ({180: 50, 512: 9}, {180: 40, 512: 30}, 512, (9, 50, [180, 512])),  # two ways, of which only one is sure
        ({510: 5, 511: 6, 512: 7}, {510: 3, 511: 3, 512: 3}, 512, (18, 0, [510, 511, 512])),
        ({180: 50, 100: 7}, {180: 3}, 180, (43, 7, [180])),  # others write here, and are cut as well
        ({180: 50, 300: 7}, {180: 3}, 180, (43, 7, [180])),
        ({180: 50, 100: 999}, {180: 3}, 180, (0, 50, [180])),
    ],
)
def test_a_length_is_a_limit_by_what_is_parted_there(traceless, parted, longest_whole_bytes, told):
    assert cut(traceless, parted, longest_whole_bytes) == told


counts = st.dictionaries(st.integers(0, LENGTHS - 1), st.integers(1, 9), max_size=8)


@given(counts, counts, st.integers(0, LENGTHS))
def test_no_more_is_cut_than_is_as_long_as_something_parted(traceless, parted, longest_whole_bytes):
    events, doubtful, lengths = cut(traceless, parted, longest_whole_bytes)
    alike = sum(count for length, count in traceless.items() if length in parted)
    assert events >= 0
    assert doubtful >= 0
    assert events + doubtful == alike
    assert lengths == sorted(traceless.keys() & parted.keys())
    if max(parted.values(), default=0) < FEW:
        assert events == 0
