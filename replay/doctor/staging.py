"""How many events a second can one core stage? Staging is all that a worker does except sending; it is tried here."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from captures.format.layout import MAX_TRAIN_EVENTS
from captures.format.reader import Capture
from replay.board.journal import TRAINS, Journal
from replay.clock import SECOND_NS
from replay.engine.batch import Batch
from replay.engine.lane import Lane
from replay.engine.process import lane_pieces
from replay.rewrite.stamps_at_sending import Stamp
from replay.rewrite.tags import Tagging, new_run
from replay.schedule.bursts import RoundRobin
from replay.schedule.deal import Deal, Start
from replay.schedule.demand import TimeScale
from replay.schedule.rates import Steady

TRIAL_NS: Final = SECOND_NS // 4
LOOP_EVENTS: Final = 1 << 18
"""So many events of the capture are staged repeatedly: more than the caches hold, and few enough to be read soon."""


def staged_eps(capture: Capture, ports: Sequence[int], rate_eps: int, monotonic_ns: Callable[[], int]) -> float:
    """Events per second that this core reads, stamps and tags, in trains as a run at `rate_eps` would cut them.

    It takes TRIAL_NS, and as long again before that to warm up. Nothing is sent. Raises OSError.
    """
    deal = Deal(Steady(rate_eps), len(ports), MAX_TRAIN_EVENTS, min(capture.events, LOOP_EVENTS))
    batch = Batch(capture.payload, Stamp.NOW, Journal(), Tagging(new_run(), ports) if capture.tagged else None)
    sources = [lane_pieces(capture, deal, lane, capture.source.fd, TimeScale(), Start()) for lane in range(len(ports))]
    turns = itertools.cycle([Lane(lane, RoundRobin(), source, 0.0) for lane, source in enumerate(sources)])
    _stage(batch, turns, monotonic_ns)
    return _stage(batch, turns, monotonic_ns)


def _stage(batch: Batch, turns: Iterable[Lane], monotonic_ns: Callable[[], int]) -> float:
    """Stage trains of the lanes in turn; returns events per second."""
    events = 0
    begin_ns = now_ns = monotonic_ns()
    while now_ns - begin_ns < TRIAL_NS:
        batch.begin()
        for lane in itertools.islice(turns, TRAINS):
            lane.take_turn(batch, 1, now_ns)
        batch.end()
        events += int((batch.size // batch.length).sum())
        now_ns = monotonic_ns()
    return events * SECOND_NS / (now_ns - begin_ns)
