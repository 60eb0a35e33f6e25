"""How fast does each worker send now? The rate of about the last second, or at low rates of the last 64 events."""

from collections import deque
from typing import Final

import numpy as np

from replay.board.intervals import interval_ns
from replay.board.snapshot import Snapshot, take_snapshot
from replay.clock import SECOND_NS, monotonic_ns
from replay.supervision.supervisor import Supervisor

_SAMPLES: Final = 10


class RecentRates:
    """The latest snapshots of the board, as many as are needed to compute the present rates."""

    def __init__(self, supervisor: Supervisor) -> None:
        """Follow the workers of `supervisor`; no snapshot has been taken yet."""
        self._board, plan = supervisor.board, supervisor.plan
        self._first_lanes = [worker.lanes.start for worker in plan.workers]
        self._step_ns = max(SECOND_NS, interval_ns(plan.schedule.mean_eps)) // _SAMPLES
        self._samples: deque[Snapshot] = deque(maxlen=_SAMPLES)

    def sample(self) -> None:
        """Take a snapshot if the next one is due; call this often."""
        now_ns = monotonic_ns()
        if not self._samples or now_ns - self._samples[-1].at_ns >= self._step_ns:
            self._samples.append(take_snapshot(self._board, now_ns))

    def rates_eps(self, now: Snapshot) -> list[float]:
        """The rate of each worker up to `now`, since the oldest kept snapshot or the start, whichever is later."""
        if not self._samples:
            return [0.0] * len(self._first_lanes)
        past = now - self._samples[0]
        past_ns = max(1, now.at_ns - max(past.since_ns, now.start_ns))
        sent = np.add.reduceat(past.lanes["sent_events"], self._first_lanes)
        rates: list[float] = (sent * SECOND_NS / past_ns).tolist()
        return rates
