"""Instants: those of the plain formula, however long the window lasts and however many events it has."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.format.instants import instants, ramp_values

DAY_NS = 86_400 * 10**9


@given(
    st.integers(0, 2**62),
    st.integers(1, 366 * DAY_NS) | st.integers(1, 9),
    st.integers(1, 9) | st.integers(1, 6 * 10**10),
    st.data(),
)
def test_instants_are_those_of_the_formula_at_both_ends_of_a_window(start_ns, duration_ns, events, data):
    """No rate has more than 6 * 10^10 events in a window, and no more than a million are made at once."""
    first = data.draw(st.integers(0, events - 1) | st.just(0) | st.integers(max(0, events - 9), events - 1))
    index = sorted(data.draw(st.sets(st.integers(0, min(events - first, 1 << 20) - 1), min_size=1, max_size=9)))
    ramps = np.array([instants(start_ns, duration_ns, events, first)] * len(index))
    plain = [start_ns + (first + i) * duration_ns // events for i in index]
    assert ramp_values(ramps, np.array(index)).tolist() == plain
