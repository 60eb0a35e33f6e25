"""Which events are cut on a port of the sink: by the evidence of all, and against that of its own sockets."""

import numpy as np
import pytest

from replay.sink.board import Tally, shared_tally
from replay.sink.report.cut_events import Cut, cut_events
from replay.sink.workers import sockets_of_workers

PORTS = tuple(range(514, 554))


def tally_of(sockets: list[tuple[int, dict[int, int], dict[int, int]]]) -> Tally:
    """One with a port for each of these: its longest tagged event, what has no trace of a tag, and what is parted."""
    tally = shared_tally(PORTS[: len(sockets)], *sockets_of_workers(len(sockets), 1), 0)
    for socket, (longest, *tagless) in enumerate(sockets):
        tally.by_socket["longest_tagged"][socket] = longest
        for name, counts in zip(("without", "parted"), tagless, strict=True):
            for length, events in counts.items():
                tally.tagless[name][socket, length] = events
        tally.by_socket["untagged"][socket] = sum(tagless[0].values())
        tally.by_socket["malformed"][socket] = sum(tagless[1].values())
    return tally


@pytest.mark.parametrize(
    ("longest", "without", "parted", "cut"),
    [
        (180, {}, {}, Cut(0, 0, 0, None)),
        (180, {180: 50}, {180: 3}, Cut(50, 3, 0, {"min": 180, "max": 180})),
        (500, {180: 50}, {180: 3}, Cut(0, 3, 50, {"min": 180, "max": 180})),
        (180, {180: 50}, {}, Cut(0, 0, 50, {"min": 180, "max": 180})),
        (183, {180: 50}, {}, Cut(0, 0, 0, None)),
    ],
)
def test_cut_events_are_told_by_port(longest, without, parted, cut):
    assert cut_events(tally_of([(longest, without, parted), (900, {}, {})])) == [cut, Cut(0, 0, 0, None)]


def test_of_many_ports_with_few_cut_events_each_all_are_certain():
    rng = np.random.default_rng(1)
    parted = rng.integers(0, 3, len(PORTS)).tolist()
    tally = tally_of([(180, {180: 37 - count}, {180: count} if count else {}) for count in parted])
    assert all((cut.events, cut.doubtful) == (37, 0) for cut in cut_events(tally))


def test_only_ports_with_anything_odd_are_looked_at():
    """To read shared memory that was never written to would take it."""
    tally = tally_of([(180, {180: 50}, {180: 3})])
    tally.by_socket["untagged"] = tally.by_socket["malformed"] = 0
    assert cut_events(tally) == [Cut(0, 0, 0, None)]
