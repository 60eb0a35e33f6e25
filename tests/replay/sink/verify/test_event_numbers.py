"""A port's account, against a plain one that remembers everything."""

import os
import subprocess
import sys
from itertools import pairwise

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.sink.number_account import MOST_HELD, PLANES, arrived_below, held_stretches, lost_below
from replay.sink.verify import certain_numbers, event_numbers
from replay.sink.verify.event_numbers import GOES_ON
from tests.replay.sink import accounts
from tests.replay.sink.accounts import EventNumbers

INTERVALS = 64


class Plain:
    """Event by event, with sets and dictionaries."""

    def __init__(self, window):
        self.window = window
        self.arrived, self.missing = set(), {}
        self.next = 0
        self.depths = []
        self.totals = dict.fromkeys(PLANES, 0)
        self.planes = {name: [0] * INTERVALS for name in PLANES}

    def count(self, name, interval, events=1):
        self.totals[name] += events
        self.planes[name][interval] += events

    def take(self, number, interval, chargeable):
        if number >= self.next:
            for place, passed in enumerate(range(self.next, number)):
                dropped = place < chargeable
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
    return accounts.new(window, INTERVALS)


@st.composite
def arrivals(draw):
    """Stretches of numbers: mostly the next ones, sometimes passing some over, sometimes back.

    All are long enough to be believed at once.
    """
    reached, taken = 0, []
    for interval in range(draw(st.integers(1, INTERVALS - 1))):
        first = max(0, reached + draw(st.sampled_from([0, 0, 0, 1, 5, 30, 70, -1, -3, -20, -40, -100])))
        count = draw(st.integers(GOES_ON, 31))
        taken.append((first, count, interval, draw(st.sampled_from([0, 0, 1, 4, 128]))))
        reached = max(reached, first + count)
    return taken


@settings(max_examples=10 * settings().max_examples)
@given(arrivals(), st.integers(0, 3000))
def test_the_account_is_that_of_remembering_everything(taken, mark):
    row, ring, planes = new(32)
    account, plain = EventNumbers(row, ring, planes), Plain(32)
    for first, count, interval, chargeable in taken:
        charged = plain.totals["lost_in_socket"]
        given = account.take(first, count, interval, chargeable, chargeable)
        # All events of a stretch arrive at once: what is late is so by the highest number before it.
        reached = plain.next
        for number in range(first, first + count):
            if number < reached - 32:
                plain.count("late", interval)
            else:
                plain.take(number, interval, chargeable)
        assert given == max(0, plain.totals["lost_in_socket"] - charged)

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


@pytest.mark.deep  # each run of `tools/test` runs it uncompiled, too
def test_reading_in_the_midst_of_writing_uncompiled():
    if not numba.config.DISABLE_JIT:
        here = f"{__file__}::test_one_who_reads_in_the_midst_of_writing_sees_no_loss_that_is_none"
        uncompiled = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", here], env=uncompiled, check=True
        )


@given(arrivals(), st.integers(0, 3000))
def test_one_who_reads_in_the_midst_of_writing_sees_no_loss_that_is_none(taken, mark):
    """It reads at each line of the kernels, which can only be stopped where they are not compiled."""
    row, ring, planes = new(32)
    account, arrived, reached = EventNumbers(row, ring, planes), set(), 0
    told = []

    def at_each_line(frame, _event, _argument):
        if frame.f_code.co_filename not in (certain_numbers.__file__, event_numbers.__file__):
            return None
        sys.settrace(None)
        told.append(lost_below(row, ring, mark))
        sys.settrace(at_each_line)
        return at_each_line

    before = sys.gettrace()
    for first, count, interval, chargeable in taken:
        in_time = range(max(first, reached - 32), first + count)  # what is late stays lost
        reached = max(reached, first + count)
        told.clear()
        sys.settrace(at_each_line)
        try:
            account.take(first, count, interval, chargeable, chargeable)
        finally:
            sys.settrace(before)
        assert len(told) > 2 or not numba.config.DISABLE_JIT
        if told and mark >= reached - 32:
            assert max(told) <= mark - sum(number < mark for number in arrived)
        arrived |= set(in_time)


def taken_singly(numbers, window=32):
    """The account of events that come one by one."""
    row, ring, planes = new(window)
    account = EventNumbers(row, ring, planes)
    for number in numbers:
        account.take(number, 1, 0, 0, 0)
    return row, ring, planes


def ledger_of(row, sent):
    """Lost, surplus and reordered events, as the ledger says that knows how many were sent."""
    surplus = sum(max(0, first + events - max(first, sent)) for first, events in held_stretches(row))
    arrived = arrived_below(row, sent) - max(0, int(row["next"][0]) - sent)
    return sent - arrived, surplus + int(row["duplicated"][0]) + int(row["stray"][0]), int(row["reordered"][0])


@pytest.mark.parametrize("window", [32, 1 << 18])
@settings(max_examples=6 * settings().max_examples)
@given(st.integers(1, 400), st.data())
def test_a_flipped_bit_costs_one_lost_event_and_one_too_much_and_nothing_else(window, sent, data):
    damaged, bit = data.draw(st.integers(0, sent - 1)), data.draw(st.integers(0, 39))
    base = data.draw(st.sampled_from([0, 0, 10**6, (1 << 32) - 7, 10**12]))
    numbers = [base + number for number in range(sent)]
    numbers[damaged] ^= 1 << bit
    row, ring, planes = new(window)
    row["next"] = row["arrived"] = base
    account = EventNumbers(row, ring, planes)
    place = 0
    while place < sent:  # in stretches, as trains come
        count = min(data.draw(st.integers(1, 30)), sent - place)
        ends = [i for i in range(place + 1, place + count) if numbers[i] != numbers[i - 1] + 1]
        for first, end in pairwise([place, *ends, place + count]):
            account.take(numbers[first], end - first, place % INTERVALS, 0, 0)
        place += count
    late = int(row["late"][0])
    lost, surplus, reordered = ledger_of(row, base + sent)
    assert (lost, surplus + late, reordered) == (1, 1, 0)
    assert int(planes["lost"].sum()) == row["next"][0] - row["arrived"][0]


@settings(max_examples=6 * settings().max_examples)
@given(st.integers(50, 400), st.sets(st.integers(0, 40), max_size=3), st.data())
def test_early_events_are_no_loss_and_what_they_overtook_is_reordered(sent, early, data):
    """Some events overtake others: RFC 4737 says that those are reordered which came behind a higher number."""
    order = sorted(range(sent), key=lambda number: number - (data.draw(st.integers(1, 20)) if number in early else 0))
    row, _, _ = taken_singly(order)
    reached = expected = 0
    for number in order:
        expected += number < reached
        reached = max(reached, number + 1)
    assert ledger_of(row, sent) == (0, 0, expected)


@settings(max_examples=6 * settings().max_examples)
@given(st.integers(1, 400), st.sets(st.integers(0, 399), max_size=200), st.integers(1, 9))
def test_whatever_is_lost_it_is_known_in_the_end(sent, lost, size):
    came = [number for number in range(sent) if number not in lost]
    row, ring, planes = new(32)
    account = EventNumbers(row, ring, planes)
    for number in came:
        account.take(number, 1, number // size % INTERVALS, 0, 0)
    assert ledger_of(row, sent) == (sent - len(came), 0, 0)


def test_a_leap_is_believed_when_it_goes_on():
    row, _, planes = taken_singly([*range(10), *range(10**9, 10**9 + 3)])
    assert (row["next"], row["arrived"], held_stretches(row)) == (10, 10, [(10**9, 3)])
    row, _, planes = taken_singly([*range(10), *range(10**9, 10**9 + 4)])
    assert (row["next"], row["arrived"], held_stretches(row)) == (10**9 + 4, 14, [])
    assert planes["lost"][0] == 10**9 - 10


@pytest.mark.parametrize("bit", [5, 17, 38])
def test_a_number_that_is_damaged_right_behind_a_loss_is_not_believed_for_the_events_between(bit):
    base = 1 << 20
    came = [number | 1 << bit if number == base + 4 else number for number in range(base, base + 20)]
    came.remove(base + 1)
    row, _, planes = new(1 << 18)
    row["next"] = row["arrived"] = base
    account = EventNumbers(row, np.zeros(1 << 18, np.int32), planes)
    for number in came:
        account.take(number, 1, 0, 0, 0)
    assert ledger_of(row, base + 20) == (2, 1, 0)
    assert (row["next"], row["late"], row["reordered"]) == (base + 20, 0, 0)


def test_damage_to_several_events_in_a_row_is_not_believed():
    """Each has another bit flipped, so the numbers rise, but they do not go on from each other."""
    row, _, _ = new(1 << 18)
    account = EventNumbers(row, np.zeros(1 << 18, np.int32), new(32)[2])
    account.take(0, 100, 0, 0, 0)
    for number, bit in enumerate((22, 23, 28, 30), start=100):
        account.take(number ^ 1 << bit, 1, 0, 0, 0)
    for number in range(104, 1104):
        account.take(number, 1, 0, 0, 0)
    assert ledger_of(row, 1104) == (4, 4, 0)
    assert (row["next"], row["late"]) == (1104, 0)


def test_numbers_that_are_damaged_alike_are_not_believed_while_the_stream_goes_on():
    numbers = [number | 1 << 30 if number % 10 == 5 else number for number in range(100)]
    row, _, _ = taken_singly(numbers)
    assert (row["next"], row["arrived"], row["duplicated"]) == (100, 90, 0)
    assert sum(events for _, events in held_stretches(row)) + row["stray"][0] == 10


def test_wrong_numbers_beyond_all_room_are_stray_and_change_nothing_else():
    rng = np.random.default_rng(1)
    wrong = (1 << 20) + rng.permutation(1 << 10)
    numbers = [number for place in range(250) for number in (*range(4 * place, 4 * place + 4), int(wrong[place]))]
    row, _, _ = taken_singly(numbers)
    assert (row["next"], row["arrived"]) == (1000, 1000)
    assert row["stray"][0] + len(held_stretches(row)) == 250


@settings(max_examples=10 * settings().max_examples)
@given(st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 2, 5, 40, 10**6, -1, -2, -7, -31]), st.integers(1, 6))))
def test_short_stretches_in_any_order_are_each_counted_once(steps):
    row, ring, planes = new(32)
    account, reached, numbers, events = EventNumbers(row, ring, planes), 0, set(), 0
    for step, count in steps:
        first = max(0, reached + step)
        account.take(first, count, 3, 0, 0)
        numbers |= set(range(first, first + count))
        events += count
        reached = first + count
    assert planes["lost"][3] == row["next"][0] - row["arrived"][0] >= 0
    assert row["open"][0] == np.count_nonzero(ring)
    assert row["held"][0] <= MOST_HELD
    if not row["late"][0] and not row["stray"][0]:
        assert arrived_below(row, 1 << 40) == len(numbers)
        assert lost_below(row, ring, 0) <= max(numbers, default=0) + 1 - len(numbers)
    assert lost_below(row, ring, 1 << 39) >= (1 << 39) - len(numbers)


@settings(max_examples=10 * settings().max_examples)
@given(st.lists(st.tuples(st.sampled_from(["next", "flip", "skip", "back"]), st.integers(0, 60), st.integers(1, 5))))
def test_each_event_is_of_one_kind_whatever_comes(steps):
    row, ring, planes = new(32)
    account, reached, events = EventNumbers(row, ring, planes), 0, 0
    for step, much, count in steps:
        if step == "skip":
            reached += much
            continue
        first = reached ^ (1 << much % 12) if step == "flip" else max(0, reached - much) if step == "back" else reached
        account.take(first, count, 0, 0, 0)
        events += count
        reached += 0 if step == "back" else count
        kinds = sum(int(row[kind][0]) for kind in ("arrived", "duplicated", "late", "stray"))
        assert kinds + sum(held for _, held in held_stretches(row)) == events


def test_a_trillion_events_later_nothing_is_different():
    near, _, _ = taken_singly([0, 1, 2, 5, 6, 7, 8, 4, 9, 9, 30])
    row, ring, planes = new(32)
    base = 10**12
    row["next"] = row["arrived"] = base
    planes["arrived"][0] = base
    account = EventNumbers(row, ring, planes)
    for number in [0, 1, 2, 5, 6, 7, 8, 4, 9, 9, 30]:
        account.take(base + number, 1, 0, 0, 0)
    assert row["next"] - base == near["next"]
    assert row["arrived"] - base == near["arrived"]
    for name in ("duplicated", "reordered", "late", "open", "held"):
        assert row[name] == near[name], name


def test_counts_of_an_interval_have_room_for_all_that_can_come():
    row, ring, planes = new(32)
    planes["arrived"][0] = 1 << 32
    EventNumbers(row, ring, planes).take(0, 5, 0, 0, 0)
    assert planes["arrived"][0] == (1 << 32) + 5


def test_a_loss_longer_than_the_ring_is_lost_and_what_comes_of_it_is_late_or_reordered():
    row, ring, planes = new(32)
    account = EventNumbers(row, ring, planes)
    account.take(0, 10, 0, 0, 0)
    account.take(110, 4, 1, 40, 40)
    assert (row["next"] - row["arrived"], row["open"], row["lost_in_socket"]) == (100, 28, 40)
    account.take(20, 5, 2, 0, 0)
    account.take(100, 10, 3, 0, 0)
    assert (row["late"], row["reordered"], row["duplicated"]) == (5, 10, 0)
    assert planes["lost"].tolist()[:4] == [0, 90, 0, 0]
