"""Counting the tags of a round: whose events they are, to which port they were sent, what became of its numbers."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.ranges import HIGHEST_PORT
from replay.sink.board import LENGTHS, TAGLESS, Part
from replay.sink.verify.sequence import Sequence
from replay.sink.verify.tags import Tagless, TagRows

_UNKNOWN: Final = -1
_ROW_BITS: Final = 16
_ROW_MASK: Final = (1 << _ROW_BITS) - 1


class TagCounter:
    """A worker's counts of tags."""

    def __init__(self, part: Part) -> None:
        """Count into `part`."""
        self._part = part
        self._row_of_port = np.full(HIGHEST_PORT + 1, _UNKNOWN)
        self._accounts: dict[int, Sequence] = {}
        self._without, self._parted = (part.tagless[name].reshape(-1) for name in TAGLESS)
        self._learn()
        seats = len(part.row_of_seat)
        self._dropped = np.zeros(seats, np.int64)
        """Events that each seat may have dropped so far."""
        self._charged = [0] * seats
        """How many lost numbers were charged to each seat."""
        self._told: dict[tuple[int, int], int] = {}
        """What a seat may have dropped when a row's last event came there."""

    def count(
        self, tags: TagRows, seat: NDArray[np.int64], interval: NDArray[np.int64], droppable: NDArray[np.int64]
    ) -> None:
        """Count a round's tags. Of each message: its seat, its interval, and how many events may be lost before it."""
        run = self._run(tags)
        row, own = self._row_of_port[tags.port], tags.run == run
        unknown = row == _UNKNOWN
        if unknown.any():
            self._give_rows(tags.port[own & unknown])
            row = self._row_of_port[tags.port]
            own &= row != _UNKNOWN
        self._count_strange("untagged", tags.untagged, seat, interval)
        self._count_strange("malformed", tags.malformed, seat, interval)
        for tagless in tags.tagless:
            self._count_lengths(tagless, seat)
        message, first, events = tags.message, tags.first, tags.events
        if not own.all():
            other = tags.message[~own]
            foreign = np.zeros_like(tags.untagged)
            np.add.at(foreign, other, tags.events[~own])
            self._count_strange("foreign", foreign, seat, interval)
            self._count_others(tags.run[~own], tags.events[~own])
            row, message, first, events = (column[own] for column in (row, message, first, events))
        dropped = self._dropped_before(seat, droppable)
        if message.size:
            place = seat[message]
            mapped = row != self._part.row_of_seat[place]
            if mapped.any():
                np.add.at(self._part.came_by, (place[mapped], row[mapped]), events[mapped])
            lane = place << _ROW_BITS | row
            self._count_own(_Rows(lane, first, events, interval[message], dropped[message]))

    def _run(self, tags: TagRows) -> int:
        """The run that counts: the first one that was heard, unless another was asked for."""
        run = self._part.run
        if not run[0] and tags.run.any():
            run[0] = tags.run[tags.run > 0][0]
        return int(run[0]) or _UNKNOWN

    def _learn(self) -> None:
        """Look up which ports have rows by now."""
        rows = np.flatnonzero(self._part.row_ports)
        self._row_of_port[self._part.row_ports[rows]] = rows

    def _give_rows(self, ports: NDArray[np.int64]) -> None:
        """Give rows to ports that have none, as long as there are any."""
        with self._part.locks[-1]:
            self._learn()
            for port in np.unique(ports).tolist():
                free = np.flatnonzero(self._part.row_ports == 0)
                if port and free.size and self._row_of_port[port] == _UNKNOWN:
                    self._part.row_ports[free[0]] = port
            self._learn()

    def _count_strange(
        self, name: str, events: NDArray[np.int64], seat: NDArray[np.int64], interval: NDArray[np.int64]
    ) -> None:
        if events.any():
            np.add.at(self._part.lanes[name], seat, events)
            np.add.at(self._part.strange[name], (seat, interval), events)

    def _count_lengths(self, tagless: Tagless, seat: NDArray[np.int64]) -> None:
        """Note how long events without a whole tag are: cut ones are known by it."""
        place, parted = seat[tagless.message] * LENGTHS + tagless.length, tagless.parted
        if not parted.any():
            np.add.at(self._without, place, tagless.events)
            return
        for table, which in ((self._without, ~parted), (self._parted, parted)):
            np.add.at(table, place[which], tagless.events[which])

    def _count_others(self, runs: NDArray[np.int64], events: NDArray[np.int64]) -> None:
        """Keep the events of other runs apart, of as many as there is room for."""
        others = self._part.others
        for run in np.unique(runs).tolist():
            known = np.flatnonzero((others["run"] == run) & (others["events"] > 0))
            free = np.flatnonzero(others["events"] == 0)
            for place in (*known, *free)[:1]:
                others["run"][place] = run
                others["events"][place] += events[runs == run].sum()

    def _dropped_before(self, seat: NDArray[np.int64], droppable: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many events its seat may have dropped before each message, since the sink began."""
        before = self._dropped[seat]
        if droppable.any():
            for place in np.unique(seat[droppable > 0]).tolist():
                own = np.flatnonzero(seat == place)
                before[own] += np.cumsum(droppable[own])
                self._dropped[place] = before[own[-1]]
        return before

    def _count_own(self, rows: "_Rows") -> None:
        """Count the arrivals of the run, row by row and each in its order.

        What a socket dropped may be of any port whose events come there: it is charged with the gaps of all of them
        that are noticed behind it, as far as it reaches.
        """
        rows = rows.sorted()
        starts = rows.starts()
        columns = (rows.lane, rows.first, rows.interval, rows.dropped)
        events = np.add.reduceat(rows.events, starts).tolist()
        stretches = zip(*(column[starts].tolist() for column in columns), events, strict=True)
        for lane, first, interval, dropped, count in stretches:
            seat, row, may_be = lane >> _ROW_BITS, lane & _ROW_MASK, 0
            if dropped:
                may_be = dropped - max(self._told.get((seat, row), 0), self._charged[seat])
                self._told[seat, row] = dropped
            account = self._accounts.get(row) or self._account(row)
            with self._part.locks[row]:
                charged = account.take(first, count, interval, may_be)
            if charged:
                self._charged[seat] += charged

    def _account(self, row: int) -> Sequence:
        part = self._part
        planes = {name: plane[row] for name, plane in part.planes.items()}
        account = self._accounts[row] = Sequence(part.sequences[row : row + 1], part.rings[row], planes)
        return account


class _Rows(NamedTuple):
    """Stretches of numbers that arrived; int64, shape (rows,) each."""

    lane: NDArray[np.int64]
    """Seat and row in one: the events of a port that came by a socket."""
    first: NDArray[np.int64]
    events: NDArray[np.int64]
    interval: NDArray[np.int64]
    dropped: NDArray[np.int64]

    def sorted(self) -> "_Rows":
        """Seat after seat and row after row, each in its order of arrival."""
        order = np.argsort(self.lane, kind="stable")
        return _Rows(*(column[order] for column in self))

    def starts(self) -> NDArray[np.int64]:
        """The rows that do not continue the one before: with them, longer stretches begin."""
        new = np.full(len(self.lane), fill_value=True)
        new[1:] = self.first[1:] != self.first[:-1] + self.events[:-1]
        for column in (self.lane, self.interval, self.dropped):
            new[1:] |= column[1:] != column[:-1]
        return np.flatnonzero(new)
