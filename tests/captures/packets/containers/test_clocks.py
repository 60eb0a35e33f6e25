"""Ticks of any clock become the instants that fractions say."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.packets.containers.clocks import CLOCK, LAST_SECOND, clock_row, instant_of, resolution_of

SAID = st.one_of(st.integers(0, 19), st.integers(128, 191))
TICKS = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 2**20), st.sampled_from([2**63 - 1, 2**63, 2**64 - 1]))
OFFSETS = st.one_of(st.just(0), st.integers(-(2**63), 2**63 - 1), st.integers(-(2**35), 2**35))


@settings(max_examples=500)
@given(said=SAID, ticks=TICKS, offset_s=OFFSETS)
def test_an_instant_is_the_fraction_rounded_down_or_does_not_fit(said: int, ticks: int, offset_s: int) -> None:
    resolution = resolution_of(said)
    assert resolution is not None
    clock = np.zeros(1, CLOCK)
    clock[0] = clock_row(resolution, offset_s)

    exact = Fraction(ticks * 10**9, resolution.per_second) + offset_s * 10**9

    fits = 0 <= exact < (LAST_SECOND + 1) * 10**9
    assert instant_of(np.uint64(ticks), clock[0]) == (exact.__floor__() if fits else -1)


@pytest.mark.parametrize("said", [20, 127, 192, 255])
def test_a_clock_that_is_finer_than_any_is_refused(said):
    assert resolution_of(said) is None
