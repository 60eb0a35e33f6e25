"""Which run is counted? The one that the sink was told to count, or else the run of most of the first tagged events.

It takes FIRST_EVENTS of these to choose, so that a stray datagram does not. Until then, tagged events are kept; then
they are counted. Several workers choose together: each tells of which run most of its first events are, and the first
worker that has heard enough decides by what all of them have told. The events of all other runs are foreign.
"""

from collections import Counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from replay.sink.board import WorkerTally

FIRST_EVENTS: Final = 1000


class RunChoice:
    """Chooses the run together with the other workers, and keeps the tagged events of one worker until it is chosen."""

    def __init__(self, tally: WorkerTally) -> None:
        """Keep the events of the worker to which `tally` belongs."""
        self._tally = tally
        self._kept: list[NDArray[Any]] = []
        """Rows of STRETCH (`replay.sink.verify.stretches`)."""
        self._heard: Counter[int] = Counter()
        """How many of the kept events are of each run, in the order in which the runs were heard."""

    @property
    def run(self) -> int:
        """The run that is counted; 0: it is not chosen yet."""
        return int(self._tally.run[0])

    @property
    def waiting(self) -> bool:
        """Whether events are kept."""
        return bool(self._kept)

    def keep(self, stretches: NDArray[Any]) -> None:
        """Keep stretches of events until the run is chosen."""
        if stretches.size:
            self._kept.append(stretches)
            self._tally.kept[0] += stretches["events"].sum()
            for run, events in [] if self.run else stretches[["run", "events"]].tolist():
                self._heard[run] += events

    def choose(self) -> None:
        """Choose the run, if events are kept for that, and enough of them have come."""
        if self.run or not self._kept:
            return
        self._tally.leader["run"], self._tally.leader["events"] = self._heard.most_common(1)[0]
        if self._heard.total() >= FIRST_EVENTS:
            self._decide()

    def choose_now(self) -> None:
        """Choose the run even by a few events, since nothing more will come."""
        if self._kept and not self.run:
            self._decide()

    def take(self) -> NDArray[Any]:
        """All kept stretches in the order of arrival, which are not kept any more."""
        kept, self._kept = self._kept, []
        self._tally.kept[0] = 0
        return np.concatenate(kept)

    def _decide(self) -> None:
        """Choose the run with most events among the leading runs of all workers, if none is chosen yet."""
        events: dict[int, int] = {}
        with self._tally.choice:
            for run, count in self._tally.leaders.tolist():
                events[run] = events.get(run, 0) + count
            if not self.run:
                self._tally.run[0] = max(events, key=lambda run: events[run])


def count_other_runs(others: NDArray[Any], foreign: NDArray[Any]) -> None:
    """Count `foreign` stretches by run into `others`, OTHER_RUN rows, for as many runs as there is room.

    Of runs without a row, those with most events get the free ones.
    """
    runs, which = np.unique(foreign["run"], return_inverse=True)
    events = np.bincount(which, foreign["events"]).astype(np.int64)
    known = np.isin(runs, others["run"][others["events"] > 0])
    first = np.lexsort((-events, ~known))[: len(others)]
    for run, count in zip(runs[first].tolist(), events[first].tolist(), strict=True):
        same = np.flatnonzero((others["run"] == run) & (others["events"] > 0))
        free = np.flatnonzero(others["events"] == 0)
        for place in (*same, *free)[:1]:
            others["run"][place] = run
            others["events"][place] += count
