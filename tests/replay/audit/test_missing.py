"""The longest ranges of missing numbers, against sorting all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.audit.missing import summarise
from replay.audit.sent import read_sent


@given(
    st.lists(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=30), max_size=60), st.integers(1, 40)
)
def test_the_longest_ranges_are_named_in_order(drawn, shown):
    parts, ranges, at = [], [], 0
    for part in drawn:
        own = []
        for gap, length in part:
            own.append((at + gap, at + gap + length))
            at += gap + length
        ranges += own
        parts.append(tuple(np.array(own, np.int64).reshape(-1, 2).T))
    found = summarise(parts, shown)
    longest = sorted(sorted(ranges, key=lambda each: (each[0] - each[1], each[0]))[:shown])
    assert found.longest == tuple((first, end - 1) for first, end in longest)
    assert (found.ranges, found.events) == (len(ranges), sum(end - first for first, end in ranges))


def test_many_ranges_are_summed_up_without_keeping_them():
    starts = np.arange(0, 20_000, 2)
    found = summarise(((starts + 20_000 * part, starts + 20_000 * part + 1) for part in range(20)), 5)
    assert (found.ranges, found.longest) == (200_000, tuple((number, number) for number in range(0, 10, 2)))


def test_a_sender_whose_total_is_not_the_sum_of_its_ports_is_refused():
    report = {"lanes": [{"port": 514, "sent_events": 10}, {"port": 515, "sent_events": 5}], "sent_events": 15}
    assert read_sent(report).lanes == {514: 10, 515: 5}
    with pytest.raises(ValueError, match="sent_events are not the 15 that those of its ports sum to"):
        read_sent(report | {"sent_events": 16})


def test_a_run_with_a_few_weak_intervals_still_has_times():
    report = {
        "lanes": [{"port": 514, "sent_events": 10}],
        "duration_s": 5.0,
        "achieved_eps": 2.0,
        "peak_eps": 2.0,
        "offered": {"below_95_percent": 2, "intervals": 50},
    }
    assert read_sent(report).steady_s == 5.0
    assert read_sent(report | {"offered": {"below_95_percent": 3, "intervals": 50}}).steady_s is None
    assert read_sent(report | {"offered": {"below_95_percent": "2", "intervals": 50}}).steady_s is None
