"""How many tags of each run and lane are new, seen again, or behind a higher number? Counted in the order of files.

The numbers of runs and lanes are bounded, so that no file can fill the memory: tags beyond the bounds are counted
together.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from replay.audit.find import PORT_BITS
from replay.audit.lines import LineTags
from replay.audit.seen import Seen

MAX_RUNS: Final = 64
RUNS_SHOWN: Final = 10
"""The most runs that are named where a report or a message tells of other runs."""
MAX_LANES: Final = 1024
"""The most lanes of all runs together; one run has 100 at most."""
_PORT_MASK: Final = (1 << PORT_BITS) - 1


class _Counts(NamedTuple):
    """What is counted of each lane, as in `TaggedLane`; int64, shape (MAX_LANES,) each."""

    received: NDArray[np.int64]
    duplicated: NDArray[np.int64]
    reordered: NDArray[np.int64]
    depth: NDArray[np.int64]
    highest: NDArray[np.int64]


@dataclass(frozen=True)
class TaggedLane:
    """The events of one port of a run that arrived."""

    number: int
    """The lane's number in `Seen`."""
    port: int
    received_events: int
    duplicated_events: int
    reordered_events: int
    reorder_depth_max: int
    highest: int


class TagCounts:
    """Counts tags, in the order in which they are taken."""

    def __init__(self, seen: Seen, run: int | None = None) -> None:
        """Count lanes of `run` only; None: of all runs, as far as there is room."""
        self._seen, self._run = seen, run
        self.runs: Counter[int] = Counter()
        """Tags by run, of the first MAX_RUNS runs and of the run that is asked for."""
        self.tags_of_other_runs = 0
        """Tags of all further runs together."""
        self.refused: Counter[int] = Counter()
        """Tags by run for whose lane or number there was no room: the counts of that run are not whole."""
        self._keys = np.zeros(0, np.int64)  # the keys of lanes, rising
        self._numbers = np.zeros(0, np.int64)  # the number of the lane of each of these keys
        self._lanes: list[int] = []  # the key of each lane
        self._counts = _Counts(*(np.zeros(MAX_LANES, np.int64) for _ in range(5)))
        self._counts.highest[:] = -1

    def take(self, tags: LineTags) -> None:
        """Count tags. Raises RunError when there is no room on the disk."""
        if not tags.lane.size:
            return
        self._count_runs(tags.lane >> PORT_BITS)
        lanes = self._lanes_of(tags.lane)
        known = lanes >= 0
        if known.all():
            self._count(lanes, tags.sequence)
        else:
            self._refuse(tags.lane[~known])
            self._count(lanes[known], tags.sequence[known])

    def tags(self) -> int:
        """How many tags there were: those of the run that is asked for, or all if none is."""
        return self.runs[self._run] if self._run is not None else self.runs.total() + self.tags_of_other_runs

    def lanes(self, run: int) -> list[TaggedLane]:
        """The lanes of a run, by port."""
        found = [(key & _PORT_MASK, number) for number, key in enumerate(self._lanes) if key >> PORT_BITS == run]
        return [
            TaggedLane(number, port, *(int(column[number]) for column in self._counts))
            for port, number in sorted(found)
        ]

    def _count_runs(self, runs: NDArray[np.int64]) -> None:
        if (runs == runs[0]).all():
            counts = [(int(runs[0]), len(runs))]
        else:
            values, numbers = np.unique(runs, return_counts=True)
            counts = list(zip(values.tolist(), numbers.tolist(), strict=True))
        for run, count in counts:
            if run in self.runs or run == self._run or len(self.runs) < MAX_RUNS:
                self.runs[run] += count
            else:
                self.tags_of_other_runs += count

    def _refuse(self, keys: NDArray[np.int64]) -> None:
        """Count tags for which there is no lane, of the runs whose lanes are counted."""
        runs = keys >> PORT_BITS
        for run in np.unique(runs).tolist():
            if run == self._run or (self._run is None and run in self.runs):
                self.refused[run] += int(np.count_nonzero(runs == run))

    def _lanes_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of each tag's lane; -1: the tag has no lane."""
        places, known = self._look_up(keys)
        if not known.all() and self._add_lanes(keys[~known]):
            places, known = self._look_up(keys)
        lanes = self._numbers[places] if self._numbers.size else places
        return np.where(known, lanes, -1)

    def _look_up(self, keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        if not self._keys.size:
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return places, self._keys[places] == keys

    def _add_lanes(self, keys: NDArray[np.int64]) -> bool:
        """Add new lanes of the runs that are counted, as long as there is room; returns whether any was added."""
        before = len(self._lanes)
        # In the order of the file, so that it does not depend on the ends of blocks which lanes find room.
        for key in dict.fromkeys(keys.tolist()):
            run = key >> PORT_BITS
            wanted = run == self._run if self._run is not None else run in self.runs
            if wanted and len(self._lanes) < MAX_LANES:
                self._lanes.append(key)
        order = np.argsort(np.array(self._lanes, np.int64))
        self._keys, self._numbers = np.array(self._lanes, np.int64)[order], order
        return len(self._lanes) > before

    def _count(self, lanes: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
        """Count tags whose lanes are known, lane by lane, so that neighbours are in one stretch."""
        order = np.argsort(lanes.astype(np.uint16), kind="stable")
        lanes, numbers = lanes[order], numbers[order]
        added = self._seen.add(lanes, numbers)
        if added.refused.any():
            for lane, count in enumerate(np.bincount(lanes[added.refused]).tolist()):
                self.refused[self._lanes[lane] >> PORT_BITS] += count
        _count(self._counts, lanes, numbers, added.new, added.refused)


@kernel
def _count(
    counts: _Counts,
    lanes: NDArray[np.int64],
    numbers: NDArray[np.int64],
    new: NDArray[np.bool_],
    refused: NDArray[np.bool_],
) -> None:
    """Count numbers that were added to lanes, in their order, by what became of each; all have shape (numbers,)."""
    for i in range(len(numbers)):
        if refused[i]:
            continue
        lane, highest = lanes[i], counts.highest[lanes[i]]
        if not new[i]:
            counts.duplicated[lane] += 1
        else:
            counts.received[lane] += 1
            if numbers[i] < highest:
                counts.reordered[lane] += 1
                counts.depth[lane] = max(counts.depth[lane], highest - numbers[i])
        counts.highest[lane] = max(highest, numbers[i])
