"""Which row holds the account of the port that an event was sent to."""

import time

import numpy as np

from replay.sink.board import LEARNT, shared_tally
from replay.sink.verify.port_rows import NO_ROW, PortRows
from replay.sink.workers import sockets_of_workers
from tests.replay.sink.counted import PORTS, RUN, START_NS, Counted


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
    workers = [Counted(tally=tally, worker=worker) for worker in range(2)]
    for number, port in enumerate((700, 701, 701, 700, 702, 700)):
        workers[number % 2].take([(0, 0, 0)], [(0, RUN, port, number, 1)])
    assert tally.row_ports[2:6].tolist() == [700, 701, 702, 0]


def test_ports_that_no_run_can_have_are_foreign():
    counted = Counted()
    counted.take([(0, 0, 0)], [(0, RUN, 1000 + port, 0, 1) for port in range(150)] + [(0, RUN, 514, 0, 7)])
    assert counted.tally.by_socket["foreign"].tolist() == [50, 0]
    assert counted.tally.numbers["arrived"].sum() == 100 + 7


def test_a_flood_of_ports_takes_little_time():
    """A search for a free row for each of them took dozens of times as long as sorting them."""
    tally = shared_tally(PORTS, *sockets_of_workers(len(PORTS), 1), START_NS)
    rows, ports = PortRows(tally.of_worker(0)), np.random.default_rng(1).permutation(1 << 16)
    took_s = {"give": 1e9, "unique": 1e9}
    for _ in range(5):
        for name, work in (("give", rows.give), ("unique", np.unique)):
            began = time.perf_counter()
            work(ports)
            took_s[name] = min(took_s[name], time.perf_counter() - began)
    assert np.count_nonzero(rows.row_of_port != NO_ROW) == len(PORTS) + LEARNT
    assert took_s["give"] < 12 * took_s["unique"]
