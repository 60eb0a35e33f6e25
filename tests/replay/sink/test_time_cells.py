"""Time in a table of fixed size."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from replay.sink.time_cells import CELLS, FINE, OCTAVE, cell_at, tenths_of


@given(st.lists(st.integers(0, 1 << 34), min_size=1))
def test_every_tenth_lies_in_its_cell(tenths):
    cells = np.array([cell_at(tenth) for tenth in tenths])
    tenths = np.array(tenths)
    first, lasting = tenths_of(cells)
    assert (first <= tenths).all()
    assert (tenths < first + lasting).all()
    assert (lasting <= 1 + tenths // OCTAVE).all()
    assert (lasting[tenths < FINE] == 1).all()


def test_cells_follow_each_other_without_a_gap_and_are_all_there_is():
    first, lasting = tenths_of(np.arange(CELLS))
    assert (first[1:] == first[:-1] + lasting[:-1]).all()
    years = (first[-1] + lasting[-1]) / 10 / 86400 / 365
    assert years > 100
    assert [cell_at(tenth) for tenth in (-5, 1 << 45, 1 << 62, -1 << 40)] == [0, CELLS - 1, CELLS - 1, 0]
