"""What was cut, by lengths: no more than there is evidence for, and nothing that evidence speaks against."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.sink.verify.cut_lengths import FEW, MUCH, PlaceLengths, cut_traceless

LENGTHS = 600


def place(
    traceless: dict[int, int], parted: dict[int, int], longest_whole_bytes: int, longest_sent_bytes: int | None = None
) -> PlaceLengths:
    by_length = np.zeros((2, LENGTHS), np.int64)
    for row, counts in zip(by_length, (traceless, parted), strict=True):
        for length, events in counts.items():
            row[length] = events
    return PlaceLengths(*by_length, longest_whole_bytes, longest_sent_bytes)


def cut(*places: PlaceLengths) -> list[tuple[int, int, list[int]]]:
    return [(found.events, found.doubtful_events, found.lengths.tolist()) for found in cut_traceless(places)]


@pytest.mark.parametrize(
    ("traceless", "parted", "longest_whole_bytes", "told"),
    [
        ({}, {}, 0, (0, 0, [])),
        ({180: 50}, {180: 3}, 180, (50, 0, [180])),
        ({180: 50}, {180: 3}, 0, (50, 0, [180])),  # nothing is there whole
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
    assert cut(place(traceless, parted, longest_whole_bytes)) == [told]


@pytest.mark.parametrize(
    ("traceless", "longest_whole_bytes", "longest_sent_bytes", "told"),
    [
        ({512: 2000}, 200, 600, (0, 2000, [512])),  # events of few lengths: nothing is parted
        ({512: 2000}, 200, None, (0, 2000, [512])),
        ({512: 2000}, 0, None, (0, 2000, [512])),  # no event is short enough to be whole
        ({512: 2000}, 514, 600, (0, 2000, [512])),
        ({512: 2000}, 515, 600, (0, 0, [])),  # one that is longer was not cut
        ({512: 2000}, 200, 513, (0, 2000, [512])),
        ({512: 2000}, 200, 512, (0, 0, [])),  # no event was longer, so none can be cut to this
        ({510: 20, 511: 20, 512: 20}, 200, 600, (0, 60, [510, 511, 512])),
        ({509: 20, 512: 20}, 200, 600, (0, 20, [512])),
        ({512: 2000, 513: 1}, 200, 600, (0, 2001, [512, 513])),
        ({512: 2000, 515: 1}, 200, 600, (0, 0, [])),  # what is longer was not cut, and is of the same way
        ({512: FEW}, 200, 600, (0, FEW, [512])),
        ({512: FEW - 1}, 200, 600, (0, 0, [])),
        ({100: 100 * (MUCH - 1), 512: 100}, 50, 600, (0, 100, [512])),
        ({100: 100 * (MUCH - 1) + 1, 512: 100}, 50, 600, (0, 0, [])),  # the longest of many lengths
    ],
)
def test_without_parted_ones_what_piles_up_at_the_greatest_length_may_be_cut(
    traceless, longest_whole_bytes, longest_sent_bytes, told
):
    assert cut(place(traceless, {}, longest_whole_bytes, longest_sent_bytes)) == [told]


def test_a_limit_is_one_of_the_way_and_not_of_a_port():
    """Each of 40 ports has too few of its own to show it."""
    few = [place({180: 36}, {180: 1} if port % 2 else {}, 179) for port in range(40)]
    assert cut(*few) == [(36, 0, [180])] * 40


def test_each_place_has_its_own_evidence_against_a_limit():
    narrow, wide = place({180: 40}, {180: 9}, 180), place({180: 7}, {}, 900)
    assert cut(narrow, wide) == [(40, 0, [180]), (0, 0, [])]


def test_what_is_parted_where_it_is_no_limit_is_no_evidence_elsewhere():
    parted_by_chance, short = place({}, {180: 9}, 900), place({180: 2}, {}, 100)
    assert cut(parted_by_chance, short) == [(0, 0, []), (0, 0, [])]


def test_few_of_each_place_pile_up_together():
    assert cut(place({512: 1}, {}, 200), place({512: 1}, {}, 200)) == [(0, 0, [])] * 2
    assert cut(*[place({512: 1}, {}, 200)] * FEW) == [(0, 1, [512])] * FEW


counts = st.dictionaries(st.integers(0, LENGTHS - 1), st.integers(1, 9), max_size=8)
places = st.builds(place, counts, counts, st.integers(0, LENGTHS), st.none() | st.integers(0, LENGTHS))


@given(st.lists(places, max_size=4))
def test_no_more_is_cut_than_is_as_long_as_something_parted(found):
    anywhere = {length for each in found for length in np.flatnonzero(each.parted).tolist()}
    for each, (events, doubtful, lengths) in zip(found, cut(*found), strict=True):
        assert events >= 0
        assert doubtful >= 0
        assert events + doubtful == each.traceless[lengths].sum()
        assert set(lengths) >= set(np.flatnonzero(each.traceless * each.parted).tolist())
        longest = max(np.flatnonzero(each.traceless).tolist(), default=0)
        assert all(length in anywhere or length >= longest - 2 for length in lengths)
        if sum(other.parted for other in found).max() < FEW:
            assert events == 0
