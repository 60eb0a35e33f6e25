"""Apportionment: exact at the end, near it at every place, and no part comes later than another."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from precompute.draws.apportionment import MAX_ERROR, Apportionment
from precompute.draws.streams import Purpose, stream

WEIGHTS = st.lists(st.integers(0, 9) | st.integers(0, 10**15), min_size=1, max_size=40).filter(any)
SEEDS = st.integers(0, 2**64 - 1)


def apportioned(weights, events, seed=1) -> Apportionment:
    return Apportionment(stream(seed, 0, Purpose.APPORTIONMENT), weights, events)


@given(WEIGHTS, st.integers(0, 5000) | st.integers(0, 10**15), SEEDS, st.data())
def test_what_lies_before_any_place_is_near_each_part_s_share_and_exact_at_the_end(weights, events, seed, data):
    made = apportioned(weights, events, seed)
    assert sum(made.totals) == events
    for total, weight in zip(made.totals, weights, strict=True):
        assert abs(total * sum(weights) - events * weight) < sum(weights)  # within one event, in integers
    places = sorted(data.draw(st.lists(st.integers(0, events), max_size=20)))
    before = made.before([0, *places, events])
    assert before.sum(axis=0).tolist() == [0, *places, events]
    assert (np.diff(before) >= 0).all()
    assert (before[:, -1] == made.totals).all()
    for total, counts in zip(made.totals, before.tolist(), strict=True):
        for place, count in zip([0, *places, events], counts, strict=True):
            assert abs(count * events - place * total) <= MAX_ERROR * events


@given(st.lists(st.integers(1, 50), min_size=2, max_size=6), st.integers(10, 300))
def test_every_stretch_can_be_told_by_itself(weights, events):
    made = apportioned(weights, events)
    whole = made.before(range(events + 1))
    assert (np.diff(whole).sum(axis=0) == 1).all()
    for place in range(events + 1):
        assert (made.before([place])[:, 0] == whole[:, place]).all()


def test_no_part_is_favoured_at_any_place():
    """A rare part comes anywhere on the line, and each event is of each part as often as its weight says."""
    weights, events = [1, 20, 30, 49], 100
    tables = [np.diff(apportioned(weights, events, seed).before(range(events + 1))) for seed in range(2000)]
    means = np.mean(tables, axis=0)
    for part, weight in enumerate(weights):
        assert abs(means[part].mean() - weight / 100) < 1e-9
        assert (abs(means[part] - weight / 100) < 5 * (weight / 100 / 2000) ** 0.5).all()


def test_powers_of_two_and_a_heavy_part_are_as_near():
    for weights in ([2**power for power in range(40)], [10**9, *[1] * 300], [1] * 999):
        made = apportioned(weights, 123_457)
        places = range(0, 123_457, 311)
        exact = np.outer(made.totals, places) / 123_457
        assert abs(made.before(places) - exact).max() < MAX_ERROR
