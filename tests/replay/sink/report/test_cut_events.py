"""Which events are cut: by the first part of a tag, or by their length."""

import pytest

from replay.sink.board import shared_tally
from replay.sink.report.cut_events import Cut, cut_events
from replay.sink.workers import seating


@pytest.mark.parametrize(
    ("longest", "without", "parted", "cut"),
    [
        (180, {}, {}, Cut(0, 0, None)),
        (180, {180: 50, 100: 7}, {}, Cut(50, 0, {"min": 180, "max": 180})),
        (180, {180: 2}, {}, Cut(0, 0, None)),  # so few are no sign of a limit
        (500, {180: 50}, {}, Cut(0, 0, None)),
        (500, {180: 50, 100: 7}, {180: 3}, Cut(50, 3, {"min": 180, "max": 180})),
        (500, {180: 50}, {180: 1, 190: 1}, Cut(0, 2, {"min": 180, "max": 190})),
        (180, {180: 1}, {180: 2}, Cut(1, 2, {"min": 180, "max": 180})),
    ],
)
def test_cut_events_are_known_by_what_is_left(longest, without, parted, cut):
    tally = shared_tally((514, 515), *seating(2, 1), 0)
    tally.lanes["longest"] = longest, 900
    for name, counts in (("without", without), ("parted", parted)):
        for length, events in counts.items():
            tally.tagless[name][0, length] = events
    assert cut_events(tally, 0) == cut
    assert cut_events(tally, 1).events == 0
