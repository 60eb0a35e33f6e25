"""How many events a second can one core stage? Staging is all that a worker does except sending; it is tried here."""

from collections.abc import Callable, Sequence
from typing import Final

from captures.compiled.kernel import kernel
from captures.compiled.readiness import make_ready
from captures.format.capture import Capture
from captures.format.layout import MAX_TRAIN_EVENTS
from replay.board.journal import STAGED_TRAINS, TRAINS, Journal, clear, new_journal
from replay.clock import SECOND_NS, wall_ns
from replay.engine.arrays import Batch, Lanes, Rewrite, Stored, new_batch, new_lanes, stored_of
from replay.engine.refill import Supply
from replay.engine.staging import NOW, aim, stage
from replay.rewrite.tags import new_run
from replay.schedule.deal import Deal, Start
from replay.schedule.demand import TimeScale
from replay.schedule.rates import Steady

TRIAL: Final = "the staging trial"
"""What its kernels are called where they are compiled."""
TRIAL_NS: Final = SECOND_NS // 4
ROUNDS: Final = 512
"""So many trains of each lane are staged between two looks at the clock: some milliseconds."""
LOOP_EVENTS: Final = 1 << 18
"""So many events of the capture are staged repeatedly: more than the caches hold, and few enough to be read soon."""


def staged_eps(capture: Capture, ports: Sequence[int], rate_eps: int, monotonic_ns: Callable[[], int]) -> float:
    """Events per second that this core reads, stamps and tags, in trains as a run at `rate_eps` would cut them.

    It takes TRIAL_NS, and as long again before that to warm up; the first time on a machine its kernels are compiled
    first. Nothing is sent. Raises OSError.
    """
    deal = Deal(Steady(rate_eps), len(ports), MAX_TRAIN_EVENTS, min(capture.events, LOOP_EVENTS))
    lanes, supplies = new_lanes(len(ports)), []
    for lane, port in enumerate(ports):
        lanes.rows[lane]["lane"], lanes.rows[lane]["port"] = lane, port
        runs = deal.runs(lane, TimeScale(), Start())
        supplies.append(Supply(capture, runs, len(ports), tagged=capture.tagged))
    batch, journal = new_batch(wall_ns()), new_journal()
    rewrite = Rewrite(NOW, new_run() if capture.tagged else 0)
    stored = stored_of(capture)
    make_ready(TRIAL, [lambda: stage_rounds(stored, new_lanes(1), batch, journal, rewrite, 0)])  # a lane with nothing
    _stage(stored, lanes, supplies, batch, journal, rewrite, monotonic_ns)
    return _stage(stored, lanes, supplies, batch, journal, rewrite, monotonic_ns)


def _stage(
    stored: Stored,
    lanes: Lanes,
    supplies: Sequence[Supply],
    batch: Batch,
    journal: Journal,
    rewrite: Rewrite,
    monotonic_ns: Callable[[], int],
) -> float:
    """Stage trains of the lanes in turn; returns events per second."""
    events = 0
    begin_ns = now_ns = monotonic_ns()
    while now_ns - begin_ns < TRIAL_NS:
        for i, supply in enumerate(supplies):
            supply.refill(lanes, i)
        events += stage_rounds(stored, lanes, batch, journal, rewrite, now_ns)
        now_ns = monotonic_ns()
    return events * SECOND_NS / (now_ns - begin_ns)


@kernel
def stage_rounds(stored: Stored, lanes: Lanes, batch: Batch, journal: Journal, rewrite: Rewrite, now_ns: int) -> int:
    """Stage a train of each lane in turn, ROUNDS times, or until one has no more. Returns how many events it staged."""
    events = used = 0
    for _ in range(ROUNDS):
        for i in range(len(lanes.rows)):
            if not aim(lanes, i, stored, True) or not lanes.rows[i].count:
                return events
            if journal.state[STAGED_TRAINS] == TRAINS:
                clear(journal)
                used = 0
            events += lanes.rows[i].count
            used = stage(stored, lanes, i, batch, journal, rewrite, used, now_ns, now_ns)
    return events
