"""What is counted in each phase: between its edges, with what was due there, and what the sink says is lost."""

from dataclasses import replace
from fractions import Fraction

import pytest

from replay.board.layout import Board, State
from replay.board.snapshot import Loss, take_snapshot
from replay.clock import SECOND_NS
from replay.scenario.course import Course
from replay.scenario.phases import Line, Phase
from replay.schedule.demand import Demand
from replay.supervision import phase_accounts as module
from replay.supervision.offered_load import Offered
from replay.supervision.outcome import Outcome
from replay.supervision.phase_accounts import PhaseAccounts

START_NS = 10**15
RATES = 1000, 2000, 500
COURSE = Course(
    "x",
    2000,
    tuple(Phase(f"{i}", (Line(10 * SECOND_NS, Fraction(eps), Fraction(eps)),)) for i, eps in enumerate(RATES)),
)
TOTAL = 35_000


class Run:
    """A run of one lane, whose clock and counts are set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, course: Course | None = COURSE) -> None:
        self.board = Board(1, 1)
        self.board.control["start_ns"] = START_NS
        demand = Demand(COURSE.schedule, None)
        self.outcome = Outcome(self.board, demand, Offered(demand), [0])
        self.now_ns = START_NS
        monkeypatch.setattr(module, "monotonic_ns", lambda: self.now_ns)
        self.phases = PhaseAccounts(course, self.outcome)

    def at(self, seconds: float, sent: int, loss: Loss | None = None, *, second: bool = True) -> None:
        """Let so many events be sent by then, and look."""
        self.now_ns = START_NS + round(seconds * SECOND_NS)
        self.board.lanes["sent_events"][0] = sent
        self.board.workers["cpu_ns"][0] = round(seconds * SECOND_NS / 4)
        self.phases.look()
        if second:
            now = take_snapshot(self.board, self.now_ns)
            self.phases.each_second(replace(now, sink=loss) if loss else now)

    def due(self, seconds: float) -> int:
        return self.outcome.demand.events_due(round(seconds * SECOND_NS))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(monkeypatch)


def test_phases_are_counted_between_their_edges(run):
    for second in range(31):
        run.at(second + 0.05, run.due(second + 0.05))
    run.board.workers["state"] = State.DONE
    run.phases.end(None)
    accounts = run.phases.accounts
    assert [account.counted.sent_events for account in accounts] == [10_100, 19_925, 4975]
    assert [account.due_events for account in accounts] == [10_100, 19_925, 4975]
    assert [account.whole for account in accounts] == [True] * 3
    assert [account.short_until_ns for account in accounts] == [0] * 3
    assert [account.lost_events for account in accounts] == [None] * 3
    assert sum(account.counted.sent_events for account in accounts) == TOTAL


def test_a_run_that_is_cut_short_ends_within_a_phase(run):
    run.at(12, 14_000)
    run.phases.end(None)
    assert [(account.whole, account.counted.sent_events) for account in run.phases.accounts] == [
        (True, 14_000),
        (False, 0),
    ]


def test_what_follows_the_edge_of_several_phases_at_once_is_of_the_first(run):
    """As after a stall of the supervisor."""
    run.at(25, 32_500)
    run.at(25.1, 32_550)
    assert [account.counted.sent_events for account in run.phases.accounts] == [32_500, 50]


def test_without_phases_nothing_is_counted(monkeypatch):
    run = Run(monkeypatch, None)
    run.at(5, 5000)
    run.phases.end(Loss(5000, 1, 4999, None))
    assert run.phases.accounts == []


def test_the_last_short_second_says_when_a_phase_had_recovered(run):
    for second in range(1, 10):
        run.at(second, run.due(second) - {2: 500, 3: 1000}.get(second, 0))
    run.at(10, run.due(10))
    assert run.phases.accounts[0].short_until_ns == 3 * SECOND_NS


def test_a_phase_that_ends_short_has_not_recovered(run):
    for second in range(1, 10):
        run.at(second, run.due(second) // 2)
    run.at(10, 5000)
    assert run.phases.accounts[0].short_until_ns is None


def test_a_second_that_loses_events_is_short(run):
    for second in range(1, 11):
        sent = run.due(second)
        run.at(second, sent, Loss(sent, 6 if second >= 4 else 0, sent, None))
    assert run.phases.accounts[0].short_until_ns == 4 * SECOND_NS


def test_a_loss_is_of_the_phase_whose_events_are_lost(run):
    """The sink's answers are about what was sent a second before."""
    for second in range(31):
        marked = run.due(second - 1) if second else 0
        lost = 0 if marked <= 10_000 else min(marked - 10_000, 300)
        run.at(second, run.due(second), Loss(marked, lost, marked - lost, None))
    run.board.workers["state"] = State.DONE
    run.phases.end(Loss(TOTAL, 310, TOTAL - 310, None))
    assert [account.lost_events for account in run.phases.accounts] == [0, 300, 10]


def test_a_sink_that_is_silent_at_the_end_tells_no_loss(run):
    run.at(10, 10_000, Loss(9000, 0, 9000, None))
    run.at(12, 14_000, Loss(12_000, 5, 11_995, None))
    run.phases.end(None)
    assert [account.lost_events for account in run.phases.accounts] == [None, None]


def test_a_change_of_the_pace_moves_the_edges(run):
    run.at(5, 5000)
    run.outcome.demand.change(5 * SECOND_NS, Fraction(1, 2))
    run.at(10, 7500)
    assert run.phases.accounts == []
    run.at(15, 10_000)
    assert run.phases.accounts[0].due_events == 10_000
