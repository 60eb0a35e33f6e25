"""How are the tags of a round counted? By the run and the port of each event, and by what became of its number.

If the sink was not told which run to count, it is the run of most of the first FIRST_EVENTS tagged events, so that a
stray datagram does not choose it. Until the run is chosen, tagged events are kept; then they are counted.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.ranges import HIGHEST_PORT
from replay.sink.board import LENGTHS, NEVER_NS, TAGLESS, Part
from replay.sink.verify.event_numbers import EventNumbers
from replay.sink.verify.round_tags import Tagless, TagRows

FIRST_EVENTS: Final = 1000

_UNKNOWN: Final = -1
_ROW_BITS: Final = 16
_ROW_MASK: Final = (1 << _ROW_BITS) - 1


class Noted(NamedTuple):
    """What is known of each message of a round besides its tags; int64, shape (messages,) each."""

    seat: NDArray[np.int64]
    interval: NDArray[np.int64]
    droppable: NDArray[np.int64]
    """How many events its socket may have dropped right before it."""
    arrival_ns: NDArray[np.int64]
    age_us: NDArray[np.int64]
    """The least age of its stamps, if that may be the least age of the run; else NEVER_NS."""


class TagCounter:
    """Counts the tags of one worker."""

    def __init__(self, part: Part) -> None:
        """Count into `part`."""
        self._part = part
        self._row_of_port = np.full(HIGHEST_PORT + 1, _UNKNOWN)
        self._accounts: dict[int, EventNumbers] = {}
        self._without, self._parted = (part.tagless[name].reshape(-1) for name in TAGLESS)
        self._learn()
        seats = len(part.row_of_seat)
        self._dropped = np.zeros(seats, np.int64)
        """Events that each seat may have dropped so far."""
        self._charged = [0] * seats
        """How many lost numbers were charged to each seat."""
        self._told: dict[tuple[int, int], int] = {}
        """By seat and row: how many events the seat may have dropped when the row's last event came there."""
        self._kept: list[_Tagged] = []
        """Tags that wait until it is known which run is counted."""
        self.youngest_us = NEVER_NS
        """The least age of a stamp of the run's events."""

    @property
    def tagged(self) -> bool:
        """Whether tagged events may be of the counted run: it is known, or events wait for it."""
        return bool(self._part.run[0] or self._kept)

    def count(self, tags: TagRows, noted: Noted) -> None:
        """Count a round's tags."""
        self._count_strange("untagged", tags.untagged, noted.seat, noted.interval)
        self._count_strange("malformed", tags.malformed, noted.seat, noted.interval)
        for tagless in tags.tagless:
            self._count_lengths(tagless, noted.seat)
        dropped = self._dropped_before(noted.seat, noted.droppable)
        if tags.message.size:
            of_message = (noted.seat, noted.interval, dropped, noted.arrival_ns, noted.age_us)
            rows = (tags.run, tags.port, tags.first, tags.events, *(column[tags.message] for column in of_message))
            self._keep(_Tagged(*rows))
        if self._kept and not self._part.run[0]:
            self._choose()
        self.count_kept()

    def _keep(self, rows: "_Tagged") -> None:
        """Keep tags until it is known which run is counted; tags of run 0 belong to no run, so they are foreign."""
        of_none = rows.run == 0
        if of_none.any():
            self._count_foreign(rows.those(of_none))
            rows = rows.those(~of_none)
        if rows.run.size:
            self._kept.append(rows)
            self._part.kept[0] += rows.events.sum()

    def _choose(self) -> None:
        """Choose the run of most of the first events, if enough of them have come."""
        kept = _Tagged.all_of(self._kept)
        heard, first, which = np.unique(kept.run, return_index=True, return_inverse=True)
        counts = np.bincount(which, kept.events).astype(np.int64)
        most = np.lexsort((first, -counts))[0]
        self._part.leader["run"], self._part.leader["events"] = heard[most], counts[most]
        if counts.sum() >= FIRST_EVENTS:
            self._bind()

    def _bind(self) -> None:
        """Choose the run with most events among the leading runs of all workers, if none is chosen yet."""
        events: dict[int, int] = {}
        with self._part.choice:
            for run, count in self._part.leaders.tolist():
                events[run] = events.get(run, 0) + count
            if not self._part.run[0]:
                self._part.run[0] = max(events, key=lambda run: events[run])

    def finish(self) -> None:
        """Count the kept events, since nothing more will come; even a few events choose the run now."""
        if self._kept and not self._part.run[0]:
            self._bind()
        self.count_kept()

    def count_kept(self) -> None:
        """Count the events that were kept, if it is known which run is counted."""
        run = int(self._part.run[0])
        if run and self._kept:
            kept, self._kept = self._kept, []
            self._count_tagged(_Tagged.all_of(kept), run)
            self._part.kept[0] = 0

    def _count_tagged(self, rows: "_Tagged", run: int) -> None:
        row, own = self._row_of_port[rows.port], rows.run == run
        unknown = row == _UNKNOWN
        if unknown.any():
            self._give_rows(rows.port[own & unknown])
            row = self._row_of_port[rows.port]
            own &= row != _UNKNOWN
        if not own.all():
            self._count_foreign(rows.those(~own))
            row, rows = row[own], rows.those(own)
        if not row.size:
            return
        mapped = row != self._part.row_of_seat[rows.seat]
        if mapped.any():
            np.add.at(self._part.came_by, (rows.seat[mapped], row[mapped]), rows.events[mapped])
        lanes = self._part.lanes
        np.minimum.at(lanes["run_first_ns"], rows.seat, rows.arrival_ns)
        np.maximum.at(lanes["run_last_ns"], rows.seat, rows.arrival_ns)
        youngest_us = int(rows.age_us.min())
        if youngest_us < self.youngest_us:
            self.youngest_us = lanes["run_youngest_us"][0] = youngest_us
        lane = rows.seat << _ROW_BITS | row
        self._count_own(_Rows(lane, rows.first, rows.events, rows.interval, rows.dropped))

    def _learn(self) -> None:
        """Read which ports have rows by now, since other workers give rows too."""
        rows = np.flatnonzero(self._part.row_ports)
        self._row_of_port[self._part.row_ports[rows]] = rows

    def _give_rows(self, ports: NDArray[np.int64]) -> None:
        """Give rows to ports that have none, as long as rows are free."""
        with self._part.choice:
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
        """Count events without a whole tag by length, which shows later whether they were cut."""
        place, parted = seat[tagless.message] * LENGTHS + tagless.length, tagless.parted
        if not parted.any():
            np.add.at(self._without, place, tagless.events)
            return
        for table, which in ((self._without, ~parted), (self._parted, parted)):
            np.add.at(table, place[which], tagless.events[which])

    def _count_foreign(self, rows: "_Tagged") -> None:
        self._count_strange("foreign", rows.events, rows.seat, rows.interval)
        self._count_others(rows.run, rows.events)

    def _count_others(self, runs: NDArray[np.int64], events: NDArray[np.int64]) -> None:
        """Count the events of other runs by run, for as many runs as there is room."""
        others = self._part.others
        for run in np.unique(runs).tolist():
            known = np.flatnonzero((others["run"] == run) & (others["events"] > 0))
            free = np.flatnonzero(others["events"] == 0)
            for place in (*known, *free)[:1]:
                others["run"][place] = run
                others["events"][place] += events[runs == run].sum()

    def _dropped_before(self, seat: NDArray[np.int64], droppable: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each message, how many events its seat may have dropped before it, since the sink began."""
        before = self._dropped[seat]
        if droppable.any():
            for place in np.unique(seat[droppable > 0]).tolist():
                own = np.flatnonzero(seat == place)
                before[own] += np.cumsum(droppable[own])
                self._dropped[place] = before[own[-1]]
        return before

    def _count_own(self, rows: "_Rows") -> None:
        """Count the arrivals of the run, row by row, and in each row in their order.

        A packet that a socket dropped may be of any port whose events come there. So gaps of these ports that are
        noticed after the drops are put down to them, for as many events as the socket may have dropped.
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

    def _account(self, row: int) -> EventNumbers:
        part = self._part
        planes = {name: plane[row] for name, plane in part.planes.items()}
        account = self._accounts[row] = EventNumbers(part.sequences[row : row + 1], part.rings[row], planes)
        return account


class _Tagged(NamedTuple):
    """Tags, each with what is known of its message; int64, shape (tags,) each."""

    run: NDArray[np.int64]
    port: NDArray[np.int64]
    first: NDArray[np.int64]
    events: NDArray[np.int64]
    seat: NDArray[np.int64]
    interval: NDArray[np.int64]
    dropped: NDArray[np.int64]
    """How many events its seat may have dropped before it, since the sink began."""
    arrival_ns: NDArray[np.int64]
    age_us: NDArray[np.int64]

    @classmethod
    def all_of(cls, rounds: "list[_Tagged]") -> "_Tagged":
        """The tags of several rounds, in the order of the rounds."""
        return (
            rounds[0] if len(rounds) == 1 else cls(*(np.concatenate(columns) for columns in zip(*rounds, strict=True)))
        )

    def those(self, which: NDArray[np.bool_]) -> "_Tagged":
        """The tags that `which` selects."""
        return _Tagged(*(column[which] for column in self))


class _Rows(NamedTuple):
    """Stretches of numbers that arrived; int64, shape (rows,) each."""

    lane: NDArray[np.int64]
    """Seat and row in one: the events of a port that came by a socket."""
    first: NDArray[np.int64]
    events: NDArray[np.int64]
    interval: NDArray[np.int64]
    dropped: NDArray[np.int64]

    def sorted(self) -> "_Rows":
        """The stretches sorted by seat and row, and within these in the order of arrival."""
        order = np.argsort(self.lane, kind="stable")
        return _Rows(*(column[order] for column in self))

    def starts(self) -> NDArray[np.int64]:
        """The indices of stretches that do not continue the one before: longer stretches begin there."""
        new = np.full(len(self.lane), fill_value=True)
        new[1:] = self.first[1:] != self.first[:-1] + self.events[:-1]
        for column in (self.lane, self.interval, self.dropped):
            new[1:] |= column[1:] != column[:-1]
        return np.flatnonzero(new)
