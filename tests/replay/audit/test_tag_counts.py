"""Tags by run and lane: what a set and a counter per lane would say, however the collection is cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.format.tags import MAX_RUN, MAX_SEQUENCE
from replay.audit import tag_counts as module
from replay.audit.find import PORT_BITS
from replay.audit.lines import LineTags
from replay.audit.seen import STRETCH, Seen
from replay.audit.tag_counts import TagCounts
from tests.replay.audit import plain
from tests.replay.audit.plain import Tag

runs = st.sampled_from([1, 7, MAX_RUN])
numbers = st.integers(0, 20) | st.integers(STRETCH - 5, STRETCH + 5) | st.integers(0, MAX_SEQUENCE)
tags = st.lists(st.tuples(runs, st.sampled_from([0, 514, 65535]), numbers), max_size=80)


def rows(batch: list[Tag]) -> LineTags:
    run, port, number = np.array(batch, np.int64).reshape(-1, 3).T
    return LineTags(run << PORT_BITS | port, number)


@given(tags, st.integers(1, 40))
def test_the_fast_way_counts_as_the_plain_one_does(found: list[Tag], size: int) -> None:
    by_run, lanes = plain.counted(found)
    with Seen() as seen:
        tally = TagCounts(seen)
        for first in range(0, len(found), size):
            tally.take(rows(found[first : first + size]))
        assert tally.runs == by_run
        assert not tally.refused
        for run in by_run:
            told = tally.lanes(run)
            assert [lane.port for lane in told] == sorted(port for each, port in lanes if each == run)
            for lane in told:
                expected = lanes[run, lane.port]
                assert lane.received_events == len(expected.seen)
                assert lane.duplicated_events == expected.duplicated
                assert lane.reordered_events == expected.reordered
                assert lane.reorder_depth_max == expected.depth
                assert lane.highest == expected.highest


def test_only_the_run_that_is_asked_for_has_lanes() -> None:
    with Seen() as seen:
        tally = TagCounts(seen, 7)
        tally.take(rows([(1, 514, 0), (7, 514, 0), (7, 514, 3), (1, 514, 1)]))
        assert tally.runs == {1: 2, 7: 2}
        assert tally.lanes(1) == []
        assert [lane.received_events for lane in tally.lanes(7)] == [2]
        assert not tally.refused
        assert seen.pages == 1


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_runs_are_bounded(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RUNS", 2)
    found = [(run, 514, number) for number in range(4) for run in (5, 6, 7, 8)]
    with Seen() as seen:
        tally = TagCounts(seen, 8)
        for first in range(0, len(found), size):
            tally.take(rows(found[first : first + size]))
        assert tally.runs[8] == 4
        assert sum(tally.runs.values()) + tally.tags_of_other_runs == len(found)
        assert len(tally.runs) <= 3


def test_lanes_are_bounded_and_what_finds_no_room_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LANES", 2)
    found = [(5, port, number) for number in range(3) for port in (514, 515, 516)]
    with Seen() as seen:
        tally = TagCounts(seen)
        tally.take(rows(found))
        assert [lane.port for lane in tally.lanes(5)] == [514, 515]
        assert tally.refused == {5: 3}


def test_numbers_without_room_are_said() -> None:
    with Seen(max_pages=3) as seen:
        tally = TagCounts(seen)
        tally.take(rows([(5, 514, number * STRETCH) for number in range(4)]))
        assert tally.refused == {5: 2}
        assert [(lane.received_events, lane.highest) for lane in tally.lanes(5)] == [(2, STRETCH)]
