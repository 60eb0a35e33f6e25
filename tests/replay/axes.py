"""Time axes of any shape, and the plain way of reading them."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from captures.format.layout import WINDOW, Table
from replay.clock import SECOND_NS


def windows_of(shapes: Sequence[tuple[int, int]]) -> Table:
    """WINDOW rows of (events, duration_ns), a train each event."""
    rows = np.zeros(len(shapes), WINDOW)
    rows["events"], rows["duration_ns"] = np.transpose(shapes)
    rows["start_ns"] = np.cumsum(rows["duration_ns"]) - rows["duration_ns"]
    rows["trains"], rows["first_train"] = rows["events"], np.cumsum(rows["events"]) - rows["events"]
    return rows


events = st.one_of(st.just(0), st.integers(1, 40), st.integers(1, 3000))
durations_ns = st.one_of(st.integers(1, 50), st.integers(1, SECOND_NS // 10), st.integers(1, 60 * SECOND_NS))
shapes = st.lists(st.tuples(events, durations_ns), min_size=1, max_size=6).filter(
    lambda drawn: any(count for count, _ in drawn)
)
