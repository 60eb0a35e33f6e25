"""A port's account, against a plain one that remembers everything."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.sink import sequence
from replay.sink.sequence import PLANES, SEQUENCE, Sequence, lost_below

INTERVALS = 64


class Plain:
    """Event by event, with sets and dictionaries."""

    def __init__(self, window, leap):
        self.window, self.leap = window, leap
        self.arrived, self.missing = set(), {}
        self.next = 0
        self.depths = []
        self.totals = dict.fromkeys(PLANES, 0)
        self.planes = {name: [0] * INTERVALS for name in PLANES}

    def count(self, name, interval, events=1):
        self.totals[name] += events
        self.planes[name][interval] += events

    def take(self, number, interval, droppable):
        if number >= self.next:
            for place, passed in enumerate(range(self.next, number)):
                dropped = place < droppable
                self.missing[passed] = interval, dropped
                self.count("lost", interval)
                self.count("lost_in_socket", interval, dropped)
            self.next = number + 1
        elif number < self.next - self.window:
            self.count("late", interval)
            return
        elif number in self.arrived:
            self.count("duplicated", interval)
            return
        else:
            noticed, dropped = self.missing.pop(number)
            self.count("lost", noticed, -1)
            self.count("lost_in_socket", noticed, -dropped)
            self.count("reordered", interval)
            self.depths.append(self.next - 1 - number)
        self.arrived.add(number)
        self.count("arrived", interval)


def new(window):
    row, ring = np.zeros(1, SEQUENCE), np.zeros(window, np.int32)
    planes = {name: np.zeros(INTERVALS, np.uint32) for name in PLANES}
    return row, ring, planes


@st.composite
def arrivals(draw):
    """Stretches of numbers: mostly the next ones, sometimes passing some over, sometimes back."""
    reached, taken = 0, []
    for interval in range(draw(st.integers(1, INTERVALS - 1))):
        first = max(0, reached + draw(st.sampled_from([0, 0, 0, 1, 5, 30, 70, -1, -3, -20, -40, -100])))
        count = draw(st.integers(1, 31))
        taken.append((first, count, interval, draw(st.sampled_from([0, 0, 1, 4, 128]))))
        reached = max(reached, first + count)
    return taken


@pytest.fixture(autouse=True)
def small_ring(monkeypatch):
    monkeypatch.setattr(sequence, "WINDOW", 32)


@settings(max_examples=500)
@given(arrivals(), st.integers(0, 3000))
def test_the_account_is_that_of_remembering_everything(taken, mark):
    row, ring, planes = new(32)
    account, plain = Sequence(row, ring, planes), Plain(32, sequence.LEAP)
    for first, count, interval, droppable in taken:
        passed = first > plain.next
        assert account.take(first, count, interval, droppable) is passed
        # All events of a stretch arrive at once: what is late is so by the highest number before it.
        reached = plain.next
        for number in range(first, first + count):
            if number < reached - 32:
                plain.count("late", interval)
            else:
                plain.take(number, interval, droppable)

    assert row["next"] == plain.next
    for name in ("arrived", "duplicated", "reordered", "late", "lost_in_socket"):
        assert row[name] == plain.totals[name], name
    assert row["next"] - row["arrived"] == plain.totals["lost"] == len(plain.missing)
    assert {name: counts.tolist() for name, counts in planes.items()} == plain.planes
    assert row["depth"][0][-1] == max(plain.depths, default=0)
    assert row["depth"][0][:-2].sum() == len(plain.depths)
    assert row["open"] == np.count_nonzero(ring)
    # What is older than the ring can't be placed; above it, every mark has its exact count.
    if mark >= plain.next - 32:
        lost = sum(number not in plain.arrived for number in range(mark))
        assert lost_below(row, ring, mark) == lost


@settings(max_examples=100)
@given(arrivals(), st.integers(0, 3000))
def test_one_who_reads_in_the_midst_of_writing_sees_no_loss_that_is_none(taken, mark):
    row, ring, planes = new(32)
    account, arrived, reached = Sequence(row, ring, planes), set(), 0
    told = []

    def at_each_line(frame, _event, _argument):
        if frame.f_code.co_filename != sequence.__file__:
            return None
        sys.settrace(None)
        told.append(lost_below(row, ring, mark))
        sys.settrace(at_each_line)
        return at_each_line

    before = sys.gettrace()
    for first, count, interval, droppable in taken:
        in_time = range(max(first, reached - 32), first + count)  # what is late stays lost
        reached = max(reached, first + count)
        told.clear()
        sys.settrace(at_each_line)
        try:
            account.take(first, count, interval, droppable)
        finally:
            sys.settrace(before)
        assert len(told) > 2
        if mark >= reached - 32:
            assert max(told) <= mark - sum(number < mark for number in arrived)
        arrived |= set(in_time)


def test_a_leap_is_believed_when_it_goes_on():
    row, ring, planes = new(32)
    account = Sequence(row, ring, planes)
    account.take(0, 10, 0, 0)
    far = sequence.LEAP + 1000
    assert not account.take(far, 5, 1, 0)
    account.take(10, 10, 1, 0)
    assert (row["next"], row["arrived"], row["leapt"]) == (20, 20, 5)
    account.take(far, 5, 2, 0)
    account.take(far + 5, 5, 2, 0)
    assert (row["next"], row["arrived"], row["leapt"]) == (far + 10, 30, 5)
    assert planes["lost"].tolist()[:3] == [0, 0, far - 20]


def test_a_loss_longer_than_the_ring_is_lost_and_what_comes_of_it_is_late_or_reordered():
    row, ring, planes = new(32)
    account = Sequence(row, ring, planes)
    account.take(0, 10, 0, 0)
    account.take(110, 1, 1, 40)
    assert (row["next"] - row["arrived"], row["open"], row["lost_in_socket"]) == (100, 31, 40)
    account.take(20, 5, 2, 0)
    account.take(100, 10, 3, 0)
    assert (row["late"], row["reordered"], row["duplicated"]) == (5, 10, 0)
    assert planes["lost"].tolist()[:4] == [0, 90, 0, 0]
