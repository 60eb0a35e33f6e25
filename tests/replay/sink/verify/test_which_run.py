"""Which run is counted, and that all other events are foreign."""

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from replay.sink.board import OTHER_RUN, OTHER_RUNS, shared_tally
from replay.sink.verify.stretches import STRETCH
from replay.sink.verify.which_run import FIRST_EVENTS, count_other_runs
from replay.sink.workers import sockets_of_workers
from tests.replay.sink.counted import OTHER, PORTS, RUN, START_NS, Counted


def test_all_events_of_other_runs_are_foreign():
    counted = Counted()
    counted.take([(0, 0, 0)] * 3, [(0, RUN, 514, 0, 10), (1, OTHER, 514, 0, 5), (2, RUN, 514, 10, 2)])
    tally = counted.tally
    assert tally.run.tolist() == [RUN]
    assert tally.numbers["arrived"][:2].tolist() == [12, 0]
    assert tally.by_socket["foreign"].tolist() == [5, 0]
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
    workers = [Counted(0, tally=tally, worker=worker) for worker in range(2)]
    for worker, run, events in zip(workers, (OTHER, RUN), (3, 500), strict=True):
        worker.take([(0, 0, 0)], [(0, run, 514, 0, events)])
    for worker in workers:
        worker.counter.finish()
    assert tally.run[0] == RUN
    assert tally.numbers["arrived"][0] == 500
    assert tally.by_socket["foreign"].tolist() == [3, 0]


def test_a_run_that_was_asked_for_counts_though_another_is_heard_first():
    counted = Counted()
    counted.take([(0, 0, 0)] * 2, [(0, OTHER, 514, 0, 5), (1, RUN, 514, 0, 5)])
    assert counted.tally.numbers["arrived"][:2].tolist() == [5, 0]


def test_more_other_runs_than_there_is_room_for_are_foreign_all_the_same():
    counted = Counted()
    counted.take([(0, 0, 0)], [(0, 100 + run, 514, 0, 1) for run in range(40)])
    assert counted.tally.by_socket["foreign"].tolist() == [40, 0]
    assert counted.tally.others["events"].sum() == 16


def test_a_port_without_a_row_is_of_no_other_run_whether_the_run_is_chosen_or_named():
    for named, events in ((0, FIRST_EVENTS), (RUN, 5)):
        counted = Counted(run=named)
        counted.take([(0, 0, 0)], [(0, RUN, 1000 + port, 0, events) for port in range(150)])
        counted.take([(0, 1, 0)], [(0, RUN, 1000 + port, events, 1) for port in range(150)])
        counted.take([(0, 1, 0)], [(0, OTHER, 1149, 0, 3)])
        tally = counted.tally
        assert tally.run[0] == RUN
        assert tally.by_socket["foreign"].tolist() == [50 * (events + 1) + 3, 0]
        assert tally.strange["foreign"][0, :2].tolist() == [50 * events, 50 + 3]
        assert tally.others[0][tally.others[0]["events"] > 0].tolist() == [(OTHER, 3)]


def test_tags_that_no_run_wrote_are_listed_before_a_run_is_chosen():
    counted = Counted(run=0)
    counted.take([(0, 0, 0)], [(0, 0, 514, 0, 4)])
    assert counted.tally.others[0][:1].tolist() == [(0, 4)]


ROUNDS = st.lists(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 1 << 16)), max_size=60), max_size=6)


@given(ROUNDS)
def test_other_runs_are_counted_as_one_by_one(rounds):
    """In each round, runs without a row get the free ones in the order of their events, and then of their numbers."""
    others, plain = np.zeros(OTHER_RUNS, OTHER_RUN), {}
    for stretches in rounds:
        foreign = np.zeros(len(stretches), STRETCH)
        foreign["run"], foreign["events"] = [run for run, _ in stretches], [events for _, events in stretches]
        count_other_runs(others, foreign)
        came = {run: sum(events for other, events in stretches if other == run) for run, _ in stretches}
        for run in sorted(came, key=lambda run: (-came[run], run)):
            if run in plain or len(plain) < OTHER_RUNS:
                plain[run] = plain.get(run, 0) + came[run]
    assert dict(others[others["events"] > 0].tolist()) == plain


def test_a_flood_of_random_runs_takes_little_time():
    """Looking at each run by itself took hundreds of times as long as sorting them."""
    foreign = np.zeros(1 << 15, STRETCH)
    foreign["run"], foreign["events"] = np.random.default_rng(1).permutation(len(foreign)) + 1, 1
    took_s = {}
    for name, work in (
        ("counted", lambda: count_other_runs(np.zeros(OTHER_RUNS, OTHER_RUN), foreign)),
        ("sorted", lambda: np.unique(foreign["run"], return_inverse=True)),
    ):
        took_s[name] = 1e9
        for _ in range(5):
            began = time.perf_counter()
            work()
            took_s[name] = min(took_s[name], time.perf_counter() - began)
    assert took_s["counted"] < 12 * took_s["sorted"]
