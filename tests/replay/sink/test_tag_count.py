"""Counting tags: whose events they are, and what is charged to the socket."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from replay.clock import SECOND_NS
from replay.sink.tag_check import TagRows
from replay.sink.tag_count import TagCounter
from replay.sink.tally import shared_tally
from replay.sink.workers import seating

PORTS = (514, 515)
RUN, OTHER = 7, 8
START_NS = 1_700_000_000 * SECOND_NS


class Counted:
    """A counter fed by hand: rows of message, run, port, first, events; messages of seat, interval, droppable."""

    def __init__(self):
        self.tally = shared_tally(PORTS, *seating(len(PORTS), 1), START_NS)
        self.counter = TagCounter(self.tally.part(0))

    def take(self, messages, rows, untagged=(), malformed=()):
        columns = np.array(rows, np.int64).reshape(-1, 5).T
        strange = [np.array(counts or [0] * len(messages), np.int64) for counts in (untagged, malformed)]
        seat, interval, droppable = np.array(messages, np.int64).reshape(-1, 3).T
        self.counter.count(TagRows(*columns, *strange), seat, interval, droppable)

    def lost(self, port):
        row = self.tally.sequences[PORTS.index(port)]
        return int(row["next"] - row["arrived"]), int(row["lost_in_socket"])


def test_the_first_run_that_is_heard_counts_and_all_else_is_foreign():
    counted = Counted()
    rows = [(0, RUN, 514, 0, 10), (1, OTHER, 514, 0, 5), (2, RUN, 515, 0, 3), (0, RUN, 514, 10, 2)]
    counted.take([(0, 0, 0), (0, 0, 0), (0, 1, 0)], rows, untagged=[0, 4, 0], malformed=[0, 0, 6])
    tally = counted.tally
    assert tally.run.tolist() == [RUN]
    assert tally.sequences["arrived"].tolist() == [12, 0]
    # The third message is of port 515 and came to 514.
    assert [tally.lanes[name].tolist() for name in ("foreign", "untagged", "malformed")] == [[8, 0], [4, 0], [6, 0]]
    assert tally.strange["foreign"][0, :3].tolist() == [5, 3, 0]
    assert tally.others[0][:2].tolist() == [(RUN, 3), (OTHER, 5)]


def test_a_run_that_was_asked_for_counts_though_another_is_heard_first():
    counted = Counted()
    counted.tally.run[0] = RUN
    counted.take([(0, 0, 0)] * 2, [(0, OTHER, 514, 0, 5), (1, RUN, 514, 0, 5)])
    assert counted.tally.sequences["arrived"].tolist() == [5, 0]


def test_more_other_runs_than_there_is_room_for_are_foreign_all_the_same():
    counted = Counted()
    counted.tally.run[0] = RUN
    counted.take([(0, 0, 0)], [(0, 100 + run, 514, 0, 1) for run in range(40)])
    assert counted.tally.lanes["foreign"].tolist() == [40, 0]
    assert counted.tally.others["events"].sum() == 16


def test_a_gap_behind_drops_is_the_sockets_and_one_without_is_not():
    counted = Counted()
    counted.take(
        [(0, 0, 0), (0, 0, 128), (1, 0, 0), (1, 0, 0)],
        [(0, RUN, 514, 0, 10), (1, RUN, 514, 60, 10), (2, RUN, 515, 0, 5), (3, RUN, 515, 9, 1)],
    )
    assert (counted.lost(514), counted.lost(515)) == ((50, 50), (4, 0))


def test_a_drop_counts_for_the_next_event_of_the_run_and_for_no_later_one():
    counted = Counted()
    counted.take([(0, 0, 0), (0, 0, 8)], [(0, RUN, 514, 0, 10), (1, OTHER, 514, 0, 1)])
    counted.take([(0, 0, 0), (0, 1, 0)], [(0, RUN, 514, 20, 10), (1, RUN, 514, 40, 10)])
    assert counted.lost(514) == (20, 8)
    counted.take([(0, 2, 4), (0, 2, 0)], [(0, RUN, 514, 50, 10), (1, RUN, 514, 70, 10)])
    assert counted.lost(514) == (30, 8)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(1, 9)), max_size=40), st.integers(1, 40))
def test_rounds_of_any_size_come_to_the_same(steps, size):
    """Stretches of each port with gaps between them, counted one by one or many at once."""
    reached, messages, rows = [0, 0], [], []
    for number, (seat, gap, events) in enumerate(steps):
        first = reached[seat] + (gap if gap > 1 else 0)
        messages.append((seat, number // 7, 0))
        rows.append((number, RUN, PORTS[seat], first, events))
        reached[seat] = first + events
    single, several = Counted(), Counted()
    for message, row in zip(messages, rows, strict=True):
        single.take([message], [(0, *row[1:])])
    for at in range(0, len(steps), size):
        several.take(messages[at : at + size], [(row[0] - at, *row[1:]) for row in rows[at : at + size]])
    assert single.tally.sequences.tobytes() == several.tally.sequences.tobytes()
    for name, plane in single.tally.planes.items():
        assert (plane[:, :10] == several.tally.planes[name][:, :10]).all()
