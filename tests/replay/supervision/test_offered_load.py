"""Offered against asked load: what the ring carries over, and how intervals are judged."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from replay.board.intervals import INTERVAL_NS, add_to_interval
from replay.board.layout import INTERVALS, Board
from replay.board.snapshot import take_snapshot
from replay.schedule.axis import LoopedAxis
from replay.schedule.demand import Demand
from replay.schedule.rates import OnAxis, Steady
from replay.supervision.offered_load import Offered
from tests.replay.axes import windows_of

START_NS = 10**12


class Counter:
    """A worker counts here what it sends."""

    def __init__(self, board: Board, worker: int) -> None:
        self.row = board.workers[worker]

    def add(self, events: int, now_ns: int) -> bool:
        ring = self.row["interval_numbers"], self.row["interval_events"]
        return bool(add_to_interval(*ring, START_NS, INTERVAL_NS, events, now_ns))


@given(
    sends=st.lists(st.tuples(st.integers(0, 4 * INTERVAL_NS), st.integers(1, 1000)), max_size=80),
    collect_each=st.integers(1, 20),
)
def test_the_ring_carries_each_interval_s_events(sends: list[tuple[int, int]], collect_each: int) -> None:
    board = Board(1, 1)
    counter = Counter(board, 0)
    offered, judged = judging()
    now_ns, expected = START_NS, dict[int, int]()
    for place, (step_ns, events) in enumerate(sends):
        now_ns += step_ns
        counter.add(events, now_ns)
        interval = (now_ns - START_NS) // INTERVAL_NS
        expected[interval] = expected.get(interval, 0) + events
        if place % collect_each == 0:
            offered.collect(take_snapshot(board, 0), now_ns - START_NS)
    offered.collect(take_snapshot(board, 0), now_ns - START_NS + INTERVAL_NS)

    assert judged == {interval: expected.get(interval, 0) for interval in range(max(expected, default=0) + 1)}


def judging() -> tuple[Offered, dict[int, int]]:
    """One that keeps the events of each interval that it judges."""
    offered, judged = Offered(Demand(Steady(640_000, None), None)), dict[int, int]()
    offered._judge = judged.__setitem__  # type: ignore[method-assign]
    return offered, judged


@given(silence=st.integers(1, 3 * INTERVALS), collect_each=st.integers(1, 50))
def test_a_silence_hides_nothing_of_what_was_sent_before_it(silence: int, collect_each: int) -> None:
    """Also one in which the ring comes round: it takes 102 s."""
    board = Board(1, 1)
    counter = Counter(board, 0)
    offered, judged = judging()
    for interval in (0, 1, 2):
        counter.add(5 + interval, START_NS + interval * INTERVAL_NS)
    for interval in range(0, 3 + silence, collect_each):  # the worker looks at the board all the while
        offered.collect(take_snapshot(board, 0), interval * INTERVAL_NS)
    offered.collect(take_snapshot(board, 0), (3 + silence) * INTERVAL_NS)
    counter.add(9, START_NS + (3 + silence) * INTERVAL_NS)
    offered.collect(take_snapshot(board, 0), (4 + silence) * INTERVAL_NS)

    assert len(judged) == 4 + silence
    assert {interval: events for interval, events in judged.items() if events} == {0: 5, 1: 6, 2: 7, 3 + silence: 9}


@given(before=st.integers(0, 2 * INTERVALS), stopped=st.integers(1, 3 * INTERVALS))
def test_what_was_overwritten_while_nobody_looked_is_not_measured(before: int, stopped: int) -> None:
    """A supervisor was stopped, and its workers went on."""
    board = Board(2, 1)
    counters = [Counter(board, i) for i in range(2)]
    offered = Offered(Demand(Steady(10_000, None), None))
    for interval in range(before + stopped):
        for counter in counters:
            counter.add(500, START_NS + interval * INTERVAL_NS)
        if interval < before:
            offered.collect(take_snapshot(board, 0), (interval + 1) * INTERVAL_NS)
    offered.collect(take_snapshot(board, 0), (before + stopped) * INTERVAL_NS)

    figures = offered.verdicts.figures()
    lost = max(0, stopped - INTERVALS)
    assert figures is not None
    assert (figures["not_measured"], figures["intervals"]) == (lost, before + stopped - lost)
    assert (figures["below_95_percent"], figures["worst_percent"]) == (0, 100)


def test_a_place_that_is_taken_while_it_is_read_is_not_measured() -> None:
    """The faster of two workers is a round of the ring ahead of the slower one."""
    board = Board(2, 1)
    counters = [Counter(board, i) for i in range(2)]
    for counter in counters:
        counter.add(500, START_NS)
    counters[0].add(500, START_NS + INTERVALS * INTERVAL_NS)
    offered = Offered(Demand(Steady(10_000, None), None))
    offered.collect(take_snapshot(board, 0), 2 * INTERVAL_NS)

    figures = offered.verdicts.figures()
    assert figures is not None
    assert (figures["not_measured"], figures["intervals"], figures["worst_percent"]) == (1, 1, 0)


def test_a_dip_is_seen_that_the_mean_hides() -> None:
    board = Board(2, 1)
    counters = [Counter(board, i) for i in range(2)]
    for interval in range(100):
        events = [20_000, 10_000, 30_000][(interval == 40) + 2 * (interval == 41)]
        for counter in counters:
            counter.add(events, START_NS + interval * INTERVAL_NS)
    offered = Offered(Demand(Steady(400_000, 4_000_000), None))
    offered.collect(take_snapshot(board, 0), 100 * INTERVAL_NS)

    assert offered.verdicts.figures() == {
        "interval_ms": 100.0,
        "intervals": 100,
        "below_95_percent": 1,
        "worst_percent": 50.0,
        "not_measured": 0,
    }
    assert offered.verdicts.peak_eps == 420_000


def test_what_is_not_due_is_not_missed() -> None:
    """The last interval of a quota is a short one."""
    board = Board(1, 1)
    counter = Counter(board, 0)
    for interval, events in enumerate([1000, 1000, 500]):
        counter.add(events, START_NS + interval * INTERVAL_NS)
    offered = Offered(Demand(Steady(10_000, 2500), None))
    offered.collect(take_snapshot(board, 0), 3 * INTERVAL_NS)

    figures = offered.verdicts.figures()
    assert figures is not None
    assert (figures["intervals"], figures["below_95_percent"], figures["worst_percent"]) == (3, 0, 100)


def test_without_a_target_nothing_is_judged_but_the_best_second_is_kept() -> None:
    board = Board(1, 1)
    counter = Counter(board, 0)
    for interval in range(25):
        counter.add(interval, START_NS + interval * INTERVAL_NS)
    offered = Offered(Demand(Steady(None, None), None))
    offered.collect(take_snapshot(board, 0), 25 * INTERVAL_NS)

    assert offered.verdicts.figures() is None
    assert offered.verdicts.peak_eps == sum(range(15, 25))


def test_on_a_time_axis_an_interval_is_judged_by_what_its_windows_have_due() -> None:
    """A second of 1,000 events, one of none, one of 2,000; at twice the speed."""
    axis = LoopedAxis(windows_of([(1000, 10**9), (0, 10**9), (2000, 10**9)]))
    board = Board(1, 1)
    counter = Counter(board, 0)
    for interval in range(15):
        events = 200 if interval < 5 else 0 if interval < 10 else 400
        counter.add(events // 2 if interval == 12 else events, START_NS + interval * INTERVAL_NS)
    offered = Offered(Demand(OnAxis(axis, Fraction(2), total=3000), None))
    offered.collect(take_snapshot(board, 0), 15 * INTERVAL_NS)

    figures = offered.verdicts.figures()
    assert figures is not None
    assert (figures["intervals"], figures["below_95_percent"], figures["worst_percent"]) == (10, 1, 50)
