"""Counting tags: whose events they are, and for which port."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from replay.clock import SECOND_NS
from replay.sink.board import NEVER_NS, shared_tally
from replay.sink.verify.port_account import MessageFacts, TagCounter
from replay.sink.verify.round_tags import Tagless, TagRows
from replay.sink.verify.which_run import FIRST_EVENTS
from replay.sink.workers import sockets_of_workers

PORTS = (514, 515)
RUN, OTHER = 7, 8
START_NS = 1_700_000_000 * SECOND_NS


class Counted:
    """A counter fed by hand: rows of message, run, port, first, events; messages of socket, interval, drops."""

    def __init__(self, run=RUN):
        self.tally = shared_tally(PORTS, *sockets_of_workers(len(PORTS), 1), START_NS)
        self.tally.run[0] = run
        self.counter = TagCounter(self.tally.of_worker(0))
        self.drops = [0] * len(PORTS)

    def take(self, messages, rows, untagged=(), malformed=(), lengths=(), arrived_ns=START_NS, ages_us=None):
        columns = np.array(rows, np.int64).reshape(-1, 5).T
        strange = [np.array(counts or [0] * len(messages), np.int64) for counts in (untagged, malformed)]
        tagless = Tagless(*np.array(lengths, np.int64).reshape(-1, 4).T)
        socket, interval, dropped = np.array(messages, np.int64).reshape(-1, 3).T
        drops = np.zeros_like(dropped)
        for own in range(len(PORTS)):
            drops[socket == own] = self.drops[own] + np.cumsum(dropped[socket == own])
            self.drops[own] += dropped[socket == own].sum()
        tagless = [tagless._replace(parted=tagless.parted.astype(bool))]
        arrived = np.full(len(socket), arrived_ns)
        ages = np.full(len(socket), NEVER_NS) if ages_us is None else np.array(ages_us)
        self.counter.count(TagRows(*columns, *strange, tagless), MessageFacts(socket, interval, drops, arrived, ages))

    def lost(self, port):
        row = self.tally.numbers[PORTS.index(port)]
        return int(row["next"] - row["arrived"]), int(row["lost_in_socket"])


def test_all_events_of_other_runs_are_foreign():
    counted = Counted()
    rows = [(0, RUN, 514, 0, 10), (1, OTHER, 514, 0, 5), (0, RUN, 514, 10, 2)]
    counted.take([(0, 0, 0), (0, 0, 0), (0, 1, 0)], rows, untagged=[0, 4, 0], malformed=[0, 0, 6])
    tally = counted.tally
    assert tally.run.tolist() == [RUN]
    assert tally.numbers["arrived"][:2].tolist() == [12, 0]
    assert [tally.by_socket[name].tolist() for name in ("foreign", "untagged", "malformed")] == [[5, 0], [4, 0], [6, 0]]
    assert tally.strange["foreign"][0, :3].tolist() == [5, 0, 0]
    assert tally.others[0][:1].tolist() == [(OTHER, 5)]


def test_a_stray_datagram_does_not_choose_the_run_and_nothing_of_the_run_is_missed():
    counted = Counted(run=0)
    counted.take([(0, 0, 0)], [(0, OTHER, 514, 900, 1)])
    for number in range(FIRST_EVENTS - 2):
        counted.take([(1, number, 0)], [(0, RUN, 515, number, 1)])
    assert counted.tally.run[0] == 0
    counted.take([(1, 0, 0), (0, 0, 0)], [(0, RUN, 515, FIRST_EVENTS - 2, 2), (1, OTHER, 514, 901, 1)])
    tally = counted.tally
    assert tally.run[0] == RUN
    assert tally.numbers["arrived"][:2].tolist() == [0, FIRST_EVENTS]
    assert counted.lost(515) == (0, 0)
    assert tally.by_socket["foreign"].tolist() == [2, 0]
    assert tally.others[0][:1].tolist() == [(OTHER, 2)]
    assert tally.strange["foreign"][0, 0] == 2
    assert tally.planes["arrived"][1, :3].tolist()[1:] == [1, 1]


def test_of_few_events_the_most_choose_at_the_end_and_of_as_many_the_first():
    for rows, run in (([OTHER, RUN, RUN], RUN), ([OTHER, RUN], OTHER), ([0, RUN], RUN)):
        counted = Counted(run=0)
        counted.take([(0, 0, 0)], [(0, heard, 514, rows[:at].count(heard), 1) for at, heard in enumerate(rows)])
        assert counted.tally.run[0] == 0
        counted.counter.finish()
        assert counted.tally.run[0] == run
        assert counted.tally.numbers["arrived"][0] == rows.count(run)
        assert counted.tally.by_socket["foreign"][0] == len(rows) - rows.count(run)


def test_events_of_run_0_are_of_none():
    counted = Counted(run=0)
    counted.take([(0, 0, 0)], [(0, 0, 514, 0, 2 * FIRST_EVENTS)])
    counted.counter.finish()
    assert counted.tally.run[0] == 0
    assert counted.tally.by_socket["foreign"].tolist() == [2 * FIRST_EVENTS, 0]


def test_workers_choose_one_run_between_them():
    tally = shared_tally(PORTS, *sockets_of_workers(len(PORTS), 2), START_NS)
    nothing = np.zeros(1, np.int64)
    counters = [TagCounter(tally.of_worker(worker)) for worker in range(2)]
    for counter, run, events in zip(counters, (OTHER, RUN), (3, 500), strict=True):
        row = [np.array([value]) for value in (0, run, 514, 0, events)]
        counter.count(TagRows(*row, nothing, nothing, []), MessageFacts(*[nothing] * 5))
    for counter in counters:
        counter.finish()
    assert tally.run[0] == RUN
    assert tally.numbers["arrived"][0] == 500
    assert tally.by_socket["foreign"].tolist() == [3, 0]


def test_times_and_ages_are_those_of_the_run():
    counted = Counted(run=0)
    counted.take([(0, 0, 0)], [(0, OTHER, 514, 0, 1)], arrived_ns=START_NS - 5, ages_us=[-7_000_000])
    counted.take([(0, 0, 0)], [(0, RUN, 514, 0, FIRST_EVENTS)], arrived_ns=START_NS + 1, ages_us=[300])
    counted.take([(1, 0, 0)], [(0, RUN, 515, 0, 9)], arrived_ns=START_NS + 2, ages_us=[400])
    counted.take([(1, 0, 0)], [(0, OTHER, 515, 0, 9)], arrived_ns=START_NS + 3, ages_us=[100])
    by_socket = counted.tally.by_socket
    assert by_socket["run_first_ns"].tolist() == [START_NS + 1, START_NS + 2]
    assert by_socket["run_last_ns"].tolist() == [START_NS + 1, START_NS + 2]
    assert by_socket["run_youngest_us"].min() == 300


def test_an_event_is_counted_for_the_port_that_it_was_sent_to():
    """Something on the way sends three ports to one, one to two, and swaps two."""
    counted = Counted()
    rows = [(0, RUN, 600, 0, 10), (0, RUN, 601, 0, 5), (1, RUN, 600, 10, 3), (0, RUN, 515, 0, 2), (1, RUN, 514, 0, 4)]
    counted.take([(0, 0, 0), (1, 0, 0)], rows)
    tally = counted.tally
    assert tally.row_ports[:5].tolist() == [514, 515, 600, 601, 0]
    assert tally.numbers["arrived"][:5].tolist() == [4, 2, 13, 5, 0]
    assert tally.came_by[:, :4].tolist() == [[0, 2, 10, 5], [4, 0, 3, 0]]
    assert not tally.by_socket["foreign"].any()


def test_workers_give_a_port_one_row_between_them():
    tally = shared_tally(PORTS, *sockets_of_workers(len(PORTS), 2), START_NS)
    nothing = np.zeros(1, np.int64)
    tally.run[0] = RUN
    counters = [TagCounter(tally.of_worker(worker)) for worker in range(2)]
    for number, port in enumerate((700, 701, 701, 700, 702, 700)):
        row = [np.array([value]) for value in (0, RUN, port, number, 1)]
        counters[number % 2].count(TagRows(*row, nothing, nothing, []), MessageFacts(*[nothing] * 5))
    assert tally.row_ports[2:6].tolist() == [700, 701, 702, 0]


def test_ports_that_no_run_can_have_are_foreign():
    counted = Counted()
    counted.take([(0, 0, 0)], [(0, RUN, 1000 + port, 0, 1) for port in range(150)] + [(0, RUN, 514, 0, 7)])
    assert counted.tally.by_socket["foreign"].tolist() == [50, 0]
    assert counted.tally.numbers["arrived"].sum() == 100 + 7


def test_tagless_events_are_known_by_their_length():
    counted = Counted()
    counted.take([(0, 0, 0), (1, 0, 0)], [(0, RUN, 514, 0, 1)], lengths=[(0, 180, 5, 0), (1, 90, 1, 0), (0, 180, 2, 1)])
    assert counted.tally.tagless["without"][0, 180] == 5
    assert counted.tally.tagless["without"][1, 90] == 1
    assert counted.tally.tagless["parted"][0, 180] == 2


def test_what_a_socket_dropped_may_be_of_any_port_that_came_there_but_only_once():
    counted = Counted()
    counted.take([(0, 0, 0)] * 3, [(number, RUN, 600 + number, 0, 10) for number in range(3)])
    counted.take([(0, 0, 12), *[(0, 0, 0)] * 2], [(number, RUN, 600 + number, 20, 10) for number in range(3)])
    lost = counted.tally.numbers["next"] - counted.tally.numbers["arrived"]
    assert lost[2:5].tolist() == [10, 10, 10]
    assert counted.tally.numbers["lost_in_socket"][2:5].tolist() == [10, 2, 0]


def test_a_run_that_was_asked_for_counts_though_another_is_heard_first():
    counted = Counted()
    counted.take([(0, 0, 0)] * 2, [(0, OTHER, 514, 0, 5), (1, RUN, 514, 0, 5)])
    assert counted.tally.numbers["arrived"][:2].tolist() == [5, 0]


def test_more_other_runs_than_there_is_room_for_are_foreign_all_the_same():
    counted = Counted()
    counted.take([(0, 0, 0)], [(0, 100 + run, 514, 0, 1) for run in range(40)])
    assert counted.tally.by_socket["foreign"].tolist() == [40, 0]
    assert counted.tally.others["events"].sum() == 16


def test_a_gap_behind_drops_is_the_sockets_and_one_without_is_not():
    counted = Counted()
    counted.take(
        [(0, 0, 0), (0, 0, 128), (1, 0, 0), (1, 0, 0)],
        [(0, RUN, 514, 0, 10), (1, RUN, 514, 60, 10), (2, RUN, 515, 0, 5), (3, RUN, 515, 9, 4)],
    )
    assert (counted.lost(514), counted.lost(515)) == ((50, 50), (4, 0))


def test_a_drop_counts_for_the_next_event_of_the_run_and_for_no_later_one():
    counted = Counted()
    counted.take([(0, 0, 0), (0, 0, 8)], [(0, RUN, 514, 0, 10), (1, OTHER, 514, 0, 1)])
    counted.take([(0, 0, 0), (0, 1, 0)], [(0, RUN, 514, 20, 10), (1, RUN, 514, 40, 10)])
    assert counted.lost(514) == (20, 8)
    counted.take([(0, 2, 4), (0, 2, 0)], [(0, RUN, 514, 50, 10), (1, RUN, 514, 70, 10)])
    assert counted.lost(514) == (30, 8)


def test_what_a_gap_was_promised_is_not_charged_when_another_ports_gap_took_it():
    """A gap before a lone event is believed later, when others follow that event."""
    counted = Counted()
    counted.take([(0, 0, 0)] * 2, [(0, RUN, 514, 0, 10), (1, RUN, 515, 0, 10)])
    counted.take([(0, 0, 5), (0, 0, 0)], [(0, RUN, 514, 20, 1), (1, RUN, 515, 15, 10)])
    counted.take([(0, 0, 0)], [(0, RUN, 514, 21, 10)])
    assert [counted.lost(port) for port in PORTS] == [(10, 0), (5, 5)]
    counted.take([(0, 0, 0)], [(0, RUN, 514, 50, 10)])
    assert [counted.lost(port) for port in PORTS] == [(29, 0), (5, 5)]
    assert counted.tally.planes["lost_in_socket"][:2, 0].tolist() == [0, 5]


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(1, 9)), max_size=40), st.integers(1, 40))
def test_rounds_of_any_size_come_to_the_same(steps, size):
    """Stretches of each port with gaps between them, counted one by one or many at once."""
    reached, messages, rows = [0, 0], [], []
    for number, (socket, gap, events) in enumerate(steps):
        first = reached[socket] + (gap if gap > 1 else 0)
        messages.append((socket, number // 7, 0))
        rows.append((number, RUN, PORTS[socket], first, events))
        reached[socket] = first + events
    single, several = Counted(), Counted()
    for message, row in zip(messages, rows, strict=True):
        single.take([message], [(0, *row[1:])])
    for at in range(0, len(steps), size):
        several.take(messages[at : at + size], [(row[0] - at, *row[1:]) for row in rows[at : at + size]])
    assert single.tally.numbers.tobytes() == several.tally.numbers.tobytes()
    for name, plane in single.tally.planes.items():
        assert (plane[:2, :10] == several.tally.planes[name][:2, :10]).all()
