"""A lane's pages: every piece once and in order, and the next page asked for in time."""

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from replay.engine.batch import Batch
from replay.engine.lane import Lane
from replay.schedule.pieces import Pieces

from replay.board.journal import TRAINS, Journal
from replay.rewrite.stamps_at_sending import Stamp
from replay.schedule.bursts import RoundRobin
from tests.captures.content import content, noise
from tests.replay.pages import page_of

PAGE_EVENTS = 40


@given(
    counts=st.lists(st.integers(1, 20), min_size=1, max_size=20),
    turns=st.lists(st.integers(1, TRAINS), min_size=1, max_size=10),
    phase=st.floats(0, 1, exclude_max=True),
)
def test_every_piece_is_sent_once_and_in_order(counts: list[int], turns: list[int], phase: float) -> None:
    held = content(noise((count, 30) for count in counts))
    asked: list[int] = []

    def pages() -> Iterator[Pieces]:
        for first in range(0, sum(counts), PAGE_EVENTS):
            asked.append(first)
            yield page_of(held, first, min(PAGE_EVENTS, sum(counts) - first), (first, 30 * first))

    lane = Lane(3, RoundRobin(), pages(), phase)
    sent, events = b"", 0
    for turn in range(1000):
        if lane.ready_ns() is None:
            break
        batch = Batch(held.payload, Stamp.KEEP, Journal())
        index, _, events, size = lane.take_turn(batch, turns[turn % len(turns)], 0)
        assert (index, batch.trains <= turns[turn % len(turns)]) == (3, True)
        sent += batch.buffer[: size - len(sent)].tobytes()

    assert (sent, events) == (held.payload.tobytes(), sum(counts))
    assert asked == list(range(0, sum(counts), PAGE_EVENTS))


def test_lanes_in_step_ask_for_their_pages_at_different_times() -> None:
    """Ten lanes, each with pages of ten trains, send a train each in turn: one page is asked for at a time."""
    held = content(noise((1, 30) for _ in range(40)))
    asked: list[int] = []

    def pages(lane: int) -> Iterator[Pieces]:
        for first in (0, 10, 20, 30):
            if first > 10:  # two are at hand from the start
                asked.append(lane)
            yield page_of(held, first, 10)

    lanes = [Lane(index, RoundRobin(), pages(index), index / 10) for index in range(10)]
    per_round = []
    for _ in range(20):
        before = len(asked)
        for lane in lanes:
            lane.take_turn(Batch(held.payload, Stamp.KEEP, Journal()), 1, 0)
        per_round.append(len(asked) - before)

    assert per_round == [1] * 20
    assert np.array_equal(asked, [*range(10), *range(10)])
