"""Counting tags: by run and port, in rounds of any size."""

import multiprocessing
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from replay.linux.row_locks import lock_row, unlock_row
from replay.sink.board import OTHER_RUNS, shared_tally
from replay.sink.verify.stretches import LEFT
from replay.sink.verify.which_run import FIRST_EVENTS
from replay.sink.workers import sockets_of_workers
from tests.replay.sink.counted import OTHER, PORTS, RUN, START_NS, Counted


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


STRETCHES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 30), st.sampled_from(PORTS), st.integers(1, 9)),
    max_size=40,
)


@given(st.lists(STRETCHES, max_size=5))
def test_own_and_foreign_stretches_are_counted_as_one_by_one(rounds):
    """By socket and interval; and by run, where those without a row get the free ones by their events."""
    counted, reached, arrived, foreign, listed = Counted(), Counter(), Counter(), Counter(), {}
    for stretches in rounds:
        messages, rows, came = [], [], Counter()
        for number, (socket, interval, run, port, events) in enumerate(stretches):
            messages.append((socket, interval, 0))
            rows.append((number, run, port, reached[run, port], events))
            reached[run, port] += events
            if run == RUN:
                arrived[port] += events
            else:
                foreign[socket, interval] += events
                came[run] += events
        counted.take(messages, rows)
        for run in sorted(came, key=lambda run: (-came[run], run)):
            if run in listed or len(listed) < OTHER_RUNS:
                listed[run] = listed.get(run, 0) + came[run]
    tally = counted.tally
    assert tally.numbers["arrived"][:2].tolist() == [arrived[port] for port in PORTS]
    assert tally.strange["foreign"][:, :3].tolist() == [
        [foreign[socket, cell] for cell in range(3)] for socket in (0, 1)
    ]
    assert tally.by_socket["foreign"].tolist() == tally.strange["foreign"].sum(axis=1).tolist()
    assert dict(tally.others[0][tally.others[0]["events"] > 0].tolist()) == listed


def test_tags_of_no_run_are_listed_by_their_events_as_others_are():
    """The last row is for the run with more events, though tags of no run are of none."""
    counted = Counted()
    counted.take([(0, 0, 0)], [(0, 100 + run, 514, 0, 1) for run in range(OTHER_RUNS - 1)])
    counted.take([(0, 0, 0)], [(0, 0, 514, 0, 4), (0, OTHER, 514, 0, 5)])
    assert counted.tally.others[0][-1:].tolist() == [(OTHER, 5)]
    assert counted.tally.by_socket["foreign"][0] == OTHER_RUNS - 1 + 9


def test_python_decides_about_the_first_stretch_of_another_run_only():
    counted = Counted()
    counted.take([(0, 0, 0)], [(0, OTHER, 514, 0, 1)])
    counters, left = counted.counter.counters, []
    counted.counter.count = lambda: left.append(int(counters.state[LEFT]))
    counted.take([(0, 0, 0)] * 3, [(0, OTHER, 514, 5, 2), (1, RUN, 514, 0, 1), (2, OTHER, 515, 9, 4)])
    assert left == [0]
    assert counted.tally.by_socket["foreign"].tolist() == [7, 0]
    assert counted.tally.others[0][:1].tolist() == [(OTHER, 7)]


def test_events_of_a_run_that_is_named_meanwhile_are_not_foreign():
    """The kernels count foreign events of further runs by themselves; they must not do so by a run that is outdated."""
    counted = Counted(run=RUN)
    counted.take([(0, 0, 0)], [(0, 100 + run, 514, 0, 1) for run in range(OTHER_RUNS)])
    counted.take([(0, 0, 0)], [(0, OTHER, 514, 0, 3)])
    assert counted.tally.by_socket["foreign"].tolist() == [OTHER_RUNS + 3, 0]
    counted.tally.run[0] = 500
    counted.take([(0, 0, 0)], [(0, 500, 514, 0, 4)])
    assert counted.tally.by_socket["foreign"].tolist() == [OTHER_RUNS + 3, 0]
    assert counted.tally.numbers["arrived"][0] == 4


def test_workers_that_share_a_port_wait_for_its_lock():
    tally = shared_tally(PORTS, *sockets_of_workers(len(PORTS), 2), START_NS)
    counted = Counted(tally=tally)
    lock_row(tally.locks, 0)
    waiting = multiprocessing.get_context("fork").Process(
        target=counted.take, args=([(0, 0, 0)], [(0, RUN, 514, 0, 3)]), daemon=True
    )
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    assert tally.numbers["arrived"][0] == 0
    unlock_row(tally.locks, 0)
    waiting.join(60)
    assert waiting.exitcode == 0
    assert tally.numbers["arrived"][0] == 3
