"""How does each phase of a scenario go? What was counted between its edges, by snapshots of the board.

A phase ends when the schedule's time passes its edge; the supervisor looks each 100 ms, so what was counted is that of
a time which ends up to so much later, and what was due is that of the very same time. The sink's answers come once a
second and are about events that were sent a second before: the loss of a phase is that of the events from the first
answer about its first event up to the first answer behind its last one.
"""

from dataclasses import dataclass
from typing import Final

from replay.board.layout import State
from replay.board.snapshot import Loss, Snapshot, take_snapshot
from replay.clock import monotonic_ns
from replay.scenario.course import Course
from replay.supervision.outcome import Outcome

_LEAST_PART: Final = 0.95
_MOST_LOSS: Final = 0.005
"""A second in which less than 95% of what was due was sent, or more than 0.5% of what was sent is lost, is short."""


@dataclass
class PhaseAccount:
    """What was counted in a phase. Instants are counted from the start of the run."""

    start_ns: int
    end_ns: int
    whole: bool
    """Whether the run went on to the end of the phase."""
    counted: Snapshot
    """What was counted in it."""
    due_events: int
    short_until_ns: int | None
    """When its last short second ended, from the start of the phase on; 0: none was short; None: it ended with one."""
    lost_events: int | None = None
    """None: no sink told it."""


class PhaseAccounts:
    """Follows a run through the phases of its course."""

    def __init__(self, course: Course | None, outcome: Outcome) -> None:
        """Begin with the first phase; without a course nothing is done."""
        self._outcome = outcome
        self.accounts: list[PhaseAccount] = []
        """Those of the phases that are over."""
        self._edges_ns = () if course is None else course.edges_ns
        self._begin: Snapshot | None = None
        """Where the phase that goes on began; None: at the start of the run."""
        self._second: tuple[Snapshot, int] | None = None
        self._due_before = self._start_ns = 0
        self._short_until_ns, self._is_short = 0, False
        self._edges_sent: list[int] = []
        """How many events had been sent when each phase that is over ended."""
        self._edges_lost: list[int] = []
        """How many of the events up to each of them are lost, as far as the sink has told."""

    def look(self) -> None:
        """End the phase whose edge is past, but for the last one. Call this often."""
        if self._open() and len(self.accounts) < len(self._edges_ns) - 1:
            elapsed_ns = monotonic_ns() - self._outcome.start_ns
            if self._outcome.demand.time_scale.schedule_ns(elapsed_ns) >= self._edges_ns[len(self.accounts)]:
                self._pass(whole=True)

    def each_second(self, now: Snapshot) -> None:
        """Judge the last second from a snapshot with the sink's answer."""
        if not self._edges_ns or not now.start_ns:
            return
        self._take_loss(now.sink)
        due = self._due(now)
        if self._second is not None:
            before, due_before = self._second
            sent = now.sent_events - before.sent_events
            self._is_short = sent < _LEAST_PART * (due - due_before)
            if now.sink and before.sink:
                marked = now.sink.sent_events - before.sink.sent_events
                self._is_short |= now.sink.lost_events - before.sink.lost_events > _MOST_LOSS * marked
            if self._is_short:
                self._short_until_ns = now.at_ns - now.start_ns - self._start_ns
        self._second = now, due

    def end(self, loss: Loss | None) -> None:
        """End the phase that is open when the run is over; `loss` is the last answer of the sink, about all events."""
        if self._open():
            is_last = len(self.accounts) == len(self._edges_ns) - 1
            self._pass(whole=is_last and bool((self._outcome.board.workers["state"] == State.DONE).all()))
        self._take_loss(loss)
        before = 0
        for account, lost in zip(self.accounts, self._edges_lost if loss else (), strict=False):
            account.lost_events, before = max(0, lost - before), lost

    def _open(self) -> bool:
        return self._outcome.start_ns > 0 and len(self.accounts) < len(self._edges_ns)

    def _due(self, now: Snapshot) -> int:
        return self._outcome.demand.events_due(max(0, now.at_ns - now.start_ns))

    def _pass(self, *, whole: bool) -> None:
        """End the phase that goes on, and begin the next one."""
        now = take_snapshot(self._outcome.board, monotonic_ns())
        at_ns, due = now.at_ns - now.start_ns, self._due(now)
        short_ns = None if self._is_short else self._short_until_ns
        counted = now - self._begin if self._begin else now
        self.accounts.append(PhaseAccount(self._start_ns, at_ns, whole, counted, due - self._due_before, short_ns))
        self._edges_sent.append(now.sent_events)
        self._begin, self._start_ns, self._due_before = now, at_ns, due
        self._short_until_ns, self._is_short = 0, False

    def _take_loss(self, loss: Loss | None) -> None:
        """Note what is lost of the events up to each edge that the sink's answer is about."""
        while loss and len(self._edges_lost) < len(self._edges_sent):
            if loss.sent_events < self._edges_sent[len(self._edges_lost)]:
                return
            self._edges_lost.append(loss.lost_events)
