"""What a batch adds to the board: events and bytes of lanes, lateness of each train, intervals, and CPU time."""

from hypothesis import given, settings
from hypothesis import strategies as st

from replay.board.intervals import INTERVAL_NS
from replay.board.journal import FIRST_TRAIN, STAGED_TRAINS, UNSENT, load
from replay.board.layout import Board
from replay.engine.counting import count, count_taken, counters_of
from replay.histogram import Histogram

START_NS = 10**12
trains = st.lists(st.tuples(st.integers(1, 128), st.integers(-(10**6), 10**11)), min_size=1, max_size=32)


@settings(max_examples=100)
@given(batches=st.lists(trains, min_size=1, max_size=4), paced=st.booleans(), step_ns=st.integers(1, 10**12))
def test_each_event_counts_and_is_as_late_as_its_train(
    batches: list[list[tuple[int, int]]], paced: bool, step_ns: int
) -> None:
    board = Board(1, 1)
    board.control["start_ns"] = START_NS
    journal, counters = board.journals[0], counters_of(board, 0, INTERVAL_NS, 0)
    lag, now_ns, events, intervals = Histogram(), START_NS, 0, dict[int, int]()
    for batch in batches:
        now_ns += step_ns
        for place, (size, late_ns) in enumerate(batch):
            events += size
            note = journal.staged[place]
            note["count"], note["length"], note["events"], note["bytes"] = size, 10, events, 10 * events
            note["due_ns"] = now_ns - late_ns
            if paced:
                lag.record(max(0, late_ns) // 1000, size)
        journal.state[STAGED_TRAINS] = len(batch)
        load(journal, 0, len(batch), False)
        journal.messages["len"][: len(batch)] = 1
        count(journal, counters, paced, now_ns)
        number = (now_ns - START_NS) // INTERVAL_NS
        intervals[number] = intervals.get(number, 0) + sum(size for size, _ in batch)

    row = board.workers[0]
    assert (board.lanes["sent_events"][0], board.lanes["sent_bytes"][0]) == (events, 10 * events)
    assert (row["lag"] == lag.cells).all()
    assert row["last_send_ns"] == now_ns
    assert row["interval_events"][row["interval_numbers"] > 0].tolist() == [
        intervals[number] for number in row["interval_numbers"].tolist() if number
    ]
    assert (row["cpu_ns"] > 0) == bool(max(intervals))


def test_trains_that_were_sent_before_gso_was_refused_are_late_too() -> None:
    """The first train went out as one message, and the events of the second one by one."""
    board = Board(1, 2)
    journal, counters = board.journals[0], counters_of(board, 0, INTERVAL_NS, 0)
    for place, (size, events) in enumerate(((5, 5), (7, 12))):
        note = journal.staged[place]
        note["lane"], note["count"], note["length"] = 1, size, 1
        note["events"] = note["bytes"] = events
    journal.state[STAGED_TRAINS] = 2
    load(journal, 0, 2, False)
    journal.messages["len"][0] = 1
    count_taken(journal, counters, 7)
    assert (board.lanes["sent_events"].tolist(), board.workers["lag"].any()) == ([0, 5], False)

    load(journal, 1, 7, True)
    assert journal.state[FIRST_TRAIN] == 1
    journal.messages["len"][:3] = 1, 0, UNSENT
    count_taken(journal, counters, 8)
    assert board.lanes["sent_events"].tolist() == [0, 7]
    journal.messages["len"][:7] = 1
    count(journal, counters, True, 10**9)
    assert board.lanes["sent_events"].tolist() == [0, 12]
    assert board.workers["lag"][0][:1024].sum() == 12
