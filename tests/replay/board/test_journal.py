"""The journal: for any part of a batch that the kernel took, the events and bytes of each lane are known."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.board.journal import (
    FIRST_TRAIN,
    LOADED,
    MESSAGES,
    SENT,
    SINGLY,
    STAGED_TRAINS,
    TRAINS,
    UNSENT,
    Journal,
    clear,
    load,
    new_journal,
    settle,
    unload,
)
from replay.board.layout import LANE

LANES = 4

trains = st.lists(
    st.tuples(st.integers(0, LANES - 1), st.integers(1, 128), st.integers(0, 500)), min_size=1, max_size=TRAINS
)
small_trains = st.lists(
    st.tuples(st.integers(0, LANES - 1), st.integers(1, 6), st.integers(0, 500)), min_size=1, max_size=8
)
befores = st.lists(
    st.tuples(st.integers(0, 2**61), st.integers(0, 2**62)), min_size=LANES, max_size=LANES
)  # numbers past 2^32, and near 2^63


def staged(batch: list[tuple[int, int, int]], before: list[tuple[int, int]]) -> Journal:
    """A journal of trains (lane, count, length), whose lanes have sent these events and bytes before."""
    journal, through = new_journal(), [list(pair) for pair in before]
    for place, (lane, count, length) in enumerate(batch):
        through[lane][0] += count
        through[lane][1] += count * length
        note = journal.staged[place]
        note["lane"], note["count"], note["length"] = lane, count, length
        note["events"], note["bytes"] = through[lane]
    journal.state[STAGED_TRAINS] = len(batch)
    return journal


def lanes_with(before: list[tuple[int, int]]) -> np.ndarray:
    lanes = np.zeros(LANES, LANE)
    lanes["sent_events"], lanes["sent_bytes"] = np.array(before, np.int64).T
    return lanes


def plain(batch: list[tuple[int, int, int]], before: list[tuple[int, int]], events: int) -> list[tuple[int, int]]:
    """What each lane has sent when the first `events` of the batch are gone, one event at a time."""
    sent = [list(pair) for pair in before]
    one_by_one = [(lane, length) for lane, count, length in batch for _ in range(count)]
    for lane, length in one_by_one[:events]:
        sent[lane][0] += 1
        sent[lane][1] += length
    return [(events, size) for events, size in sent]


def told(lanes: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(lanes["sent_events"].tolist(), lanes["sent_bytes"].tolist(), strict=True))


@settings(max_examples=100)
@given(batch=trains, before=befores, singly=st.booleans(), data=st.data())
def test_what_was_taken_is_counted_for_any_number_of_messages_and_once(
    batch: list[tuple[int, int, int]], before: list[tuple[int, int]], singly: bool, data: st.DataObject
) -> None:
    """As the worker counts it, and as the supervisor does when the worker was killed before, or in between."""
    counts = [count for _, count, _ in batch]
    messages = sum(counts) if singly else len(batch)
    journal, lanes, known = staged(batch, before), lanes_with(before), 0
    load(journal, 0, messages, singly)
    steps = sorted(data.draw(st.lists(st.integers(0, messages), max_size=5)))
    for taken in [0, *steps, messages]:
        journal.messages["len"][:taken] = np.arange(taken) % 2  # as the kernel does; that of an empty event is 0
        events = taken if singly else sum(counts[:taken])
        assert settle(journal, lanes) == events - known
        assert told(lanes) == plain(batch, before, events)
        assert settle(journal, lanes) == 0
        known = events

    clear(journal)
    assert (journal.state[LOADED], journal.state[STAGED_TRAINS], settle(journal, lanes)) == (0, 0, 0)
    assert (journal.messages["len"] == UNSENT).all()


@settings(max_examples=100)
@given(batch=small_trains, before=befores, data=st.data())
def test_each_prefix_of_a_batch_counts_what_it_holds(
    batch: list[tuple[int, int, int]], before: list[tuple[int, int]], data: st.DataObject
) -> None:
    """All prefixes: of trains, and of the events of those trains that GSO was refused for."""
    first = data.draw(st.integers(0, len(batch) - 1))
    counts = [count for _, count, _ in batch]
    for singly in (False, True):
        start = first if singly else 0
        messages = sum(counts[start:]) if singly else len(batch)
        journal = staged(batch, before)
        load(journal, start, messages, singly)
        for taken in range(messages + 1):
            lanes = lanes_with(plain(batch, before, sum(counts[:start])))
            journal.messages["len"][:taken] = 150 * (taken % 2)
            settle(journal, lanes)
            events = sum(counts[:start]) + taken if singly else sum(counts[:taken])
            assert told(lanes) == plain(batch, before, events)


@given(batch=trains, before=befores, taken=st.integers(0, TRAINS))
def test_until_it_is_loaded_anew_nothing_is_counted(
    batch: list[tuple[int, int, int]], before: list[tuple[int, int]], taken: int
) -> None:
    """The lengths of the last batch are still there when a worker is killed while it forgets them."""
    journal, lanes = staged(batch, before), lanes_with(before)
    load(journal, 0, len(batch), False)
    journal.messages["len"][: min(taken, len(batch))] = 1
    journal.state[LOADED] = 0

    assert settle(journal, lanes) == 0
    assert told(lanes) == before


def test_unloading_forgets_the_lengths_of_all_that_was_loaded() -> None:
    journal = staged([(0, 128, 1)] * TRAINS, [(0, 0)] * LANES)
    load(journal, 3, MESSAGES, True)
    assert journal.state.tolist() == [TRAINS, 3, MESSAGES, 1, 0]
    journal.messages["len"] = 1
    journal.state[SENT] = MESSAGES
    unload(journal)

    assert (journal.messages["len"] == UNSENT).all()
    assert [journal.state[place] for place in (LOADED, STAGED_TRAINS, FIRST_TRAIN, SINGLY)] == [0, TRAINS, 3, 1]
    load(journal, 0, 5, False)
    assert journal.state[SENT] == 0
