"""The instants of a repeated time axis, against the definition, one by one."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import RunError
from captures.format.instants import ramp, ramp_values
from replay.schedule.axis import LoopedAxis
from tests.captures.content import window_instants_ns
from tests.replay.axes import shapes, windows_of


@given(
    first=st.integers(-(10**30), 10**18),
    step=st.integers(0, 10**17),
    per=st.integers(1, 10**12),
    index=st.lists(st.integers(0, 20_000), min_size=1, max_size=20),
)
def test_a_ramp_is_exact(first: int, step: int, per: int, index: list[int]) -> None:
    first = first if per > 10**11 else first % 10**18
    step %= per * 10**6
    ramps = np.array([ramp(first, step, per)] * len(index))

    assert ramp_values(ramps, np.array(index)).tolist() == [(first + i * step) // per for i in index]


@given(shapes=shapes, loops=st.integers(1, 3), start_ns=st.integers(0, 10**18), data=st.data())
def test_every_event_of_every_loop_has_its_instant(
    shapes: list[tuple[int, int]], loops: int, start_ns: int, data: st.DataObject
) -> None:
    windows = windows_of(shapes)
    axis = LoopedAxis(windows)
    plain = window_instants_ns(windows)
    expected = np.concatenate([start_ns + loop * axis.loop_ns + plain for loop in range(loops)])
    first = event = data.draw(st.integers(0, len(expected) - 1))
    found: list[int] = []
    while event < len(expected):
        count, instants = axis.stretch(event, start_ns)
        found += ramp_values(np.array([instants] * count), np.arange(count)).tolist()
        event += count

    assert event == len(expected)
    assert found == expected[first:].tolist()


def test_a_stretch_ends_with_its_window_and_empty_windows_are_passed() -> None:
    axis = LoopedAxis(windows_of([(0, 5), (3, 10), (0, 100), (2, 7)]))

    assert [axis.stretch(event, 1000)[0] for event in range(6)] == [3, 2, 1, 2, 1, 3]
    assert [axis.stretch(event, 1000)[1].base for event in range(6)] == [1005, 1008, 1011, 1115, 1118, 1127]
    assert Fraction(axis.loop_ns) == 122


def test_instants_that_64_bits_can_not_hold_end_the_run() -> None:
    axis = LoopedAxis(windows_of([(1, 1 << 62)]))

    axis.stretch(0, 0)
    with pytest.raises(RunError, match="2262"):
        axis.stretch(1, 1 << 62)
