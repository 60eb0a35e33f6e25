"""The heap of lanes: the first is always the one that is ready first; of two that are, the one with the lower row."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.engine.arrays import new_lanes
from replay.engine.heap import heapify, is_before, sift_down

instants = st.one_of(st.integers(0, 5), st.integers(0, 2**63 - 1), st.integers(2**32 - 2, 2**32 + 2))
lanes = st.lists(st.tuples(instants, st.booleans()), min_size=1, max_size=40)


@settings(max_examples=200)
@given(lanes=lanes, waits=st.lists(st.none() | instants, max_size=60))
def test_lanes_come_in_the_order_in_which_they_are_ready(
    lanes: list[tuple[int, bool]], waits: list[int | None]
) -> None:
    """Each lane in turn is ready again at another instant, or has no more to send (None)."""
    made = new_lanes(len(lanes))
    rows, heap = made.rows, made.heap
    rows["ready_ns"], rows["count"] = np.array([ready for ready, _ in lanes]), [held for _, held in lanes]
    size = heapify(heap, rows)
    plain = {i: ready for i, (ready, held) in enumerate(lanes) if held}
    assert size == len(plain)
    for ready in [*waits, *[None] * size]:
        if not size:
            break
        first = min(plain, key=lambda i: (plain[i], i))
        assert heap[0] == first
        assert sorted(heap[:size]) == sorted(plain)
        if ready is None:
            del plain[first]
            size -= 1
            heap[0] = heap[size]
        else:
            plain[first] = rows["ready_ns"][first] = ready
        sift_down(heap, size, rows, 0)


@given(one=instants, other=instants)
def test_before_is_by_instant_and_then_by_row(one: int, other: int) -> None:
    rows = new_lanes(2).rows
    rows["ready_ns"] = one, other
    assert is_before(rows, 0, 1) == ((one, 0) < (other, 1))
    assert is_before(rows, 1, 0) == ((other, 1) < (one, 0))
