"""Counting the tags of a round: whose events they are, and what became of each port's numbers."""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.sink.sequence import Sequence
from replay.sink.tag_check import TagRows
from replay.sink.tally import Part


class TagCounter:
    """A worker's counts of tags."""

    def __init__(self, part: Part) -> None:
        """Count into `part`."""
        self._part = part
        self._ports = np.array(part.ports, np.int64)
        self._accounts = [
            Sequence(
                part.sequences[place : place + 1],
                part.rings[place],
                {name: plane[place] for name, plane in part.planes.items()},
            )
            for place in range(len(part.ports))
        ]
        self._droppable = [0] * len(part.ports)
        """Events that each seat may have dropped since the last own one."""

    def count(
        self, tags: TagRows, seat: NDArray[np.int64], interval: NDArray[np.int64], droppable: NDArray[np.int64]
    ) -> None:
        """Count a round's tags. Of each message: its seat, its interval, and how many events may be lost before it."""
        run = self._run(tags)
        own = (tags.run == run) & (tags.port == self._ports[seat[tags.message]])
        self._count_strange("untagged", tags.untagged, seat, interval)
        self._count_strange("malformed", tags.malformed, seat, interval)
        if not own.all():
            other = tags.message[~own]
            foreign = np.zeros_like(tags.untagged)
            np.add.at(foreign, other, tags.events[~own])
            self._count_strange("foreign", foreign, seat, interval)
            self._count_others(tags.run[~own], tags.events[~own])
        message = tags.message[own]
        if message.size:
            rows = _Rows(seat[message], tags.first[own], tags.events[own], interval[message], message)
            self._count_own(rows, seat, droppable)

    def _run(self, tags: TagRows) -> int:
        """The run that counts: the first one that was heard, unless another was asked for."""
        run = self._part.run
        if not run[0] and tags.run.any():
            run[0] = tags.run[tags.run > 0][0]
        return int(run[0]) or -1

    def _count_strange(
        self, name: str, events: NDArray[np.int64], seat: NDArray[np.int64], interval: NDArray[np.int64]
    ) -> None:
        if events.any():
            np.add.at(self._part.lanes[name], seat, events)
            np.add.at(self._part.strange[name], (seat, interval), events.astype(np.uint32))

    def _count_others(self, runs: NDArray[np.int64], events: NDArray[np.int64]) -> None:
        """Keep the events of other runs apart, of as many as there is room for."""
        others = self._part.others
        for run in np.unique(runs).tolist():
            known = np.flatnonzero((others["run"] == run) & (others["events"] > 0))
            free = np.flatnonzero(others["events"] == 0)
            for place in (*known, *free)[:1]:
                others["run"][place] = run
                others["events"][place] += events[runs == run].sum()

    def _count_own(self, rows: "_Rows", seat: NDArray[np.int64], droppable: NDArray[np.int64]) -> None:
        """Count the arrivals of the run, seat by seat and each in its order."""
        rows = rows.by_seat()
        starts = rows.starts()
        dropped, later = self._dropped(rows, seat, droppable) if droppable.any() else ({}, {})
        if dropped:  # what was dropped lies before a row of its own
            starts = np.union1d(starts, list(dropped))
        columns = (rows.seat[starts], rows.first[starts], np.add.reduceat(rows.events, starts), rows.interval[starts])
        stretches = zip(starts.tolist(), *(column.tolist() for column in columns), strict=True)
        for row, place, first, events, interval in stretches:
            may_be = self._droppable[place] + dropped.get(row, 0)
            self._droppable[place] = 0
            with self._part.locks[place]:
                self._accounts[place].take(first, events, interval, may_be)
        for place, events in later.items():
            self._droppable[place] += events

    @staticmethod
    def _dropped(
        rows: "_Rows", seat: NDArray[np.int64], droppable: NDArray[np.int64]
    ) -> tuple[dict[int, int], dict[int, int]]:
        """Events that may be dropped right before some of the `rows`, and those of each seat after its last one."""
        before: dict[int, int] = defaultdict(int)
        later: dict[int, int] = defaultdict(int)
        for message in np.flatnonzero(droppable).tolist():
            after = np.flatnonzero((rows.seat == seat[message]) & (rows.message >= message))
            if after.size:
                before[int(after[0])] += int(droppable[message])
            else:
                later[int(seat[message])] += int(droppable[message])
        return before, later


class _Rows(NamedTuple):
    """Stretches of numbers that arrived; int64, shape (rows,) each."""

    seat: NDArray[np.int64]
    first: NDArray[np.int64]
    events: NDArray[np.int64]
    interval: NDArray[np.int64]
    message: NDArray[np.int64]

    def by_seat(self) -> "_Rows":
        """Seat after seat, each in its order of arrival."""
        order = np.argsort(self.seat, kind="stable")
        return _Rows(*(column[order] for column in self))

    def starts(self) -> NDArray[np.int64]:
        """The rows that do not continue the one before: with them, longer stretches begin."""
        new = np.full(len(self.seat), fill_value=True)
        new[1:] = self.first[1:] != self.first[:-1] + self.events[:-1]
        new[1:] |= self.seat[1:] != self.seat[:-1]
        new[1:] |= self.interval[1:] != self.interval[:-1]
        return np.flatnonzero(new)
