"""How fast each worker sends now: over about the last second, or, at low rates, over the time that 64 events take."""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.board.intervals import interval_ns
from replay.clock import SECOND_NS, monotonic_ns
from replay.supervision.supervisor import Supervisor

_SAMPLES: Final = 10


class RecentRates:
    """Samples of what was sent, as many as one look back needs."""

    def __init__(self, supervisor: Supervisor) -> None:
        """Of that supervisor's workers; nothing is known yet."""
        self._outcome, plan = supervisor.outcome, supervisor.plan
        self._first_lanes = [worker.lanes.start for worker in plan.workers]
        self._step_ns = max(SECOND_NS, interval_ns(plan.schedule.mean_eps)) // _SAMPLES
        self._samples: deque[tuple[int, NDArray[np.int64]]] = deque(maxlen=_SAMPLES)

    def sample(self) -> None:
        """Take one if it is time; call it often."""
        now_ns = monotonic_ns()
        if not self._samples or now_ns - self._samples[-1][0] >= self._step_ns:
            self._samples.append((now_ns, self._sent()))

    def rates_eps(self) -> list[float]:
        """Of each worker, since the oldest sample that is kept, or the start of the run if that was later."""
        if not self._samples:
            return [0.0] * len(self._first_lanes)
        then_ns, before = self._samples[0]
        past_ns = max(1, monotonic_ns() - max(then_ns, self._outcome.start_ns))
        rates: list[float] = ((self._sent() - before) * SECOND_NS / past_ns).tolist()
        return rates

    def _sent(self) -> NDArray[np.int64]:
        """Events of each worker so far."""
        return np.add.reduceat(self._outcome.board.lanes["sent_events"], self._first_lanes)
