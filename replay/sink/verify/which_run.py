"""Which run is counted? The one that the sink was told to count, or else the run of most of the first tagged events.

It takes FIRST_EVENTS of these to choose, so that a stray datagram does not. Until then, tagged events are kept; then
they are counted. Several workers choose together: each tells of which run most of its first events are, and the first
worker that has heard enough decides by what all of them have told. The events of all other runs are foreign.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.sink.board import WorkerTally

FIRST_EVENTS: Final = 1000


class Tagged(NamedTuple):
    """Tags, each with what is known of its message; int64, shape (tags,) each."""

    run: NDArray[np.int64]
    port: NDArray[np.int64]
    first: NDArray[np.int64]
    """The first number of a tag's events, which count up from it."""
    events: NDArray[np.int64]
    socket: NDArray[np.int64]
    interval: NDArray[np.int64]
    dropped: NDArray[np.int64]
    """How many events its socket may have dropped before it, since the sink began."""
    arrival_ns: NDArray[np.int64]
    age_us: NDArray[np.int64]

    def those(self, which: NDArray[np.bool_]) -> "Tagged":
        """The tags that `which` selects."""
        return Tagged(*(column[which] for column in self))


class RunChoice:
    """Chooses the run together with the other workers, and keeps the tags of one worker until it is chosen."""

    def __init__(self, tally: WorkerTally) -> None:
        """Keep the tags of the worker to which `tally` belongs."""
        self._tally = tally
        self._kept: list[Tagged] = []

    @property
    def run(self) -> int:
        """The run that is counted; 0: it is not chosen yet."""
        return int(self._tally.run[0])

    @property
    def waiting(self) -> bool:
        """Whether tags are kept."""
        return bool(self._kept)

    def keep(self, tags: Tagged) -> None:
        """Keep tags until the run is chosen."""
        if tags.run.size:
            self._kept.append(tags)
            self._tally.kept[0] += tags.events.sum()

    def choose(self) -> None:
        """Choose the run, if tags are kept for that, and enough of them have come."""
        if self.run or not self._kept:
            return
        kept = _joined(self._kept)
        heard, first, which = np.unique(kept.run, return_index=True, return_inverse=True)
        counts = np.bincount(which, kept.events).astype(np.int64)
        most = np.lexsort((first, -counts))[0]
        self._tally.leader["run"], self._tally.leader["events"] = heard[most], counts[most]
        if counts.sum() >= FIRST_EVENTS:
            self._decide()

    def choose_now(self) -> None:
        """Choose the run even by a few events, since nothing more will come."""
        if self._kept and not self.run:
            self._decide()

    def take(self) -> Tagged:
        """All kept tags in the order of arrival, which are not kept any more."""
        kept, self._kept = self._kept, []
        return _joined(kept)

    def _decide(self) -> None:
        """Choose the run with most events among the leading runs of all workers, if none is chosen yet."""
        events: dict[int, int] = {}
        with self._tally.choice:
            for run, count in self._tally.leaders.tolist():
                events[run] = events.get(run, 0) + count
            if not self.run:
                self._tally.run[0] = max(events, key=lambda run: events[run])


def count_other_runs(others: NDArray[Any], runs: NDArray[np.int64], events: NDArray[np.int64]) -> None:
    """Count foreign events by run into `others`, OTHER_RUN rows, for as many runs as there is room."""
    for run in np.unique(runs).tolist():
        known = np.flatnonzero((others["run"] == run) & (others["events"] > 0))
        free = np.flatnonzero(others["events"] == 0)
        for place in (*known, *free)[:1]:
            others["run"][place] = run
            others["events"][place] += events[runs == run].sum()


def _joined(rounds: list[Tagged]) -> Tagged:
    """The tags of several rounds, in the order of the rounds."""
    return rounds[0] if len(rounds) == 1 else Tagged(*map(np.concatenate, zip(*rounds, strict=True)))
