"""Which events are cut on a port of the sink: each port by its own seats."""

import psutil
import pytest

from replay.sink.board import shared_tally
from replay.sink.report.cut_events import Cut, cut_events
from replay.sink.workers import seating


@pytest.mark.parametrize(
    ("longest", "without", "parted", "cut"),
    [
        (180, {}, {}, Cut(0, 0, 0, None)),
        (180, {180: 50}, {180: 3}, Cut(50, 3, 0, {"min": 180, "max": 180})),
        (500, {180: 50}, {180: 3}, Cut(0, 3, 50, {"min": 180, "max": 180})),
        (180, {180: 50}, {}, Cut(0, 0, 0, None)),
    ],
)
def test_cut_events_are_told_by_port(longest, without, parted, cut):
    tally = shared_tally((514, 515), *seating(2, 1), 0)
    tally.lanes["longest_tagged"] = longest, 900
    for name, counts in (("without", without), ("parted", parted)):
        for length, events in counts.items():
            tally.tagless[name][0, length] = events
    tally.lanes["untagged"][0], tally.lanes["malformed"][0] = sum(without.values()), sum(parted.values())
    assert cut_events(tally, 0) == cut
    assert cut_events(tally, 1).events == 0


def test_of_ports_to_which_nothing_came_without_a_tag_no_page_of_the_tables_is_read():
    """To read one would make it: a thousand seats have a gigabyte of them."""
    ports = tuple(range(1, 101))
    tally = shared_tally(ports, *seating(len(ports), 1), 0)
    tally.lanes["longest_tagged"] = 150
    before = resident_bytes()
    assert {cut_events(tally, place).events for place in range(len(ports))} == {0}
    assert resident_bytes() - before < tally.tagless["without"].nbytes // 2


def resident_bytes():
    return psutil.Process().memory_info().rss
