"""Which row holds the account of the port that an event was sent to."""

from replay.sink.board import shared_tally
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
