"""Counting tags: by run and port, in rounds of any size."""

from hypothesis import given
from hypothesis import strategies as st

from replay.sink.verify.which_run import FIRST_EVENTS
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
