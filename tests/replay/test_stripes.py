"""Dealing a looped capture to lanes: every event once a loop, whatever the lanes, the split and the cut."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.format import MAX_TRAIN_EVENTS, Table
from replay import stripes
from replay.stripes import Pieces, capture_runs, cut_pieces, lane_quota, lane_stripes
from tests.captures.content import content, noise

counts = st.lists(st.integers(1, MAX_TRAIN_EVENTS), min_size=1, max_size=12)


@pytest.fixture(autouse=True)
def short_stripes(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that small numbers already make many rounds."""
    monkeypatch.setattr(stripes, "STRIPE_EVENTS", 16)


def trains_of(counts: list[int]) -> Table:
    """Trains of these many events; each has a length of its own, and the long ones a stamp."""
    columns = [place % 3 for place in range(len(counts))]
    return content(noise((count, 20 + place) for place, count in enumerate(counts)), stamp_columns=columns).trains


def events_of(pieces: Pieces, trains: Table) -> list[int]:
    """The numbers of the events that pieces hold, found by where their bytes lie."""
    found: list[int] = []
    for (offset, size, length), count in zip(pieces.shapes.tolist(), pieces.count, strict=True):
        assert size == count * length
        train = trains[np.searchsorted(trains["offset"], offset, side="right") - 1]
        row, rest = divmod(offset - int(train["offset"]), length)
        assert (rest, length) == (0, train["length"])
        found += range(int(train["first_event"]) + row, int(train["first_event"]) + row + count)
    return found


@given(total=st.integers(0, 5000), lanes=st.integers(1, 50))
def test_quotas_sum_to_the_whole_and_differ_by_one_at_most(total: int, lanes: int) -> None:
    quotas = [lane_quota(total, lanes, lane) for lane in range(lanes)]

    assert sum(quotas) == total
    assert max(quotas) - min(quotas) <= 1


@given(total=st.integers(0, 5000), lanes=st.integers(1, 50))
def test_stripes_hold_each_event_of_the_stream_once(total: int, lanes: int) -> None:
    sent = Counter[int]()
    for lane in range(lanes):
        runs = list(lane_stripes(total, lanes, lane))
        assert sum(count for _, count in runs) == lane_quota(total, lanes, lane)
        assert all(first + count <= later for (first, count), (later, _) in pairwise(runs))
        for first, count in runs:
            sent.update(range(first, first + count))

    assert sent == Counter(range(total))


@given(lanes=st.integers(1, 50), lane=st.integers(0, 49))
def test_an_endless_stream_starts_as_a_long_one(lanes: int, lane: int) -> None:
    lane %= lanes
    endless, long = lane_stripes(None, lanes, lane), lane_stripes(10 * lanes * stripes.STRIPE_EVENTS, lanes, lane)

    assert [next(endless) for _ in range(10)] == list(long)


@given(
    counts=counts,
    lanes=st.integers(1, 9),
    loops=st.integers(1, 4),
    extra=st.integers(0, 2000),
    limit=st.integers(1, MAX_TRAIN_EVENTS),
    longest=st.integers(1, 3000),
)
def test_every_event_is_sent_once_a_loop(
    counts: list[int], lanes: int, loops: int, extra: int, limit: int, longest: int
) -> None:
    trains, events = trains_of(counts), sum(counts)
    total = loops * events + extra % events
    sent = Counter[int]()
    for lane in range(lanes):
        for first, count in capture_runs(lane_stripes(total, lanes, lane), events, longest):
            assert count <= longest
            pieces = cut_pieces(trains, first, count, limit)
            assert max(pieces.count) <= limit
            sent.update(events_of(pieces, trains))

    assert sent == Counter(event % events for event in range(total))


@given(counts=counts, limit=st.integers(1, MAX_TRAIN_EVENTS), data=st.data())
def test_pieces_lie_back_to_back_and_keep_their_train_s_stamps(
    counts: list[int], limit: int, data: st.DataObject
) -> None:
    trains, events = trains_of(counts), sum(counts)
    first = data.draw(st.integers(0, events - 1))
    pieces = cut_pieces(trains, first, data.draw(st.integers(1, events - first)), limit)

    offset, size, _ = pieces.shapes.T
    assert pieces.bounds == [*offset.tolist(), offset[-1] + size[-1]]
    assert offset[1:].tolist() == (offset + size)[:-1].tolist()
    row = trains[np.searchsorted(trains["offset"], offset, side="right") - 1]
    stamp = offset + row["stamp_column"]
    assert [list(range(*places)) for places in pieces.stamps] == [
        [int(first) + event * int(length) for event in range(count)] if stamped else []
        for first, length, count, stamped in zip(stamp, row["length"], pieces.count, row["stamp_kind"], strict=True)
    ]
