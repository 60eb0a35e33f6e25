"""How are the tags of a round counted? By the run and the port of each event, and by what became of its number.

`which_run` says which run is counted, `port_rows` where a port's account lies, `event_numbers` what became of an event
by its number, and `socket_charge` when a lost one is charged to the socket.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.sink.board import LENGTHS, NEVER_NS, TAGLESS, WorkerTally
from replay.sink.verify.event_numbers import EventNumbers
from replay.sink.verify.port_rows import NO_ROW, PortRows
from replay.sink.verify.round_tags import Tagless, TagRows
from replay.sink.verify.socket_charge import SocketCharge
from replay.sink.verify.which_run import RunChoice, Tagged, count_other_runs

_ROW_BITS: Final = 16
_ROW_MASK: Final = (1 << _ROW_BITS) - 1


class MessageFacts(NamedTuple):
    """What is known of each message of a round besides its tags; int64, shape (messages,) each."""

    socket: NDArray[np.int64]
    interval: NDArray[np.int64]
    drops: NDArray[np.int64]
    """How many packets its socket had dropped when it was queued, modulo 2^32; 0: the kernel told nothing."""
    arrival_ns: NDArray[np.int64]
    age_us: NDArray[np.int64]
    """The least age of its stamps, if that may be the least age of the run; else NEVER_NS."""


class TagCounter:
    """Counts the tags of one worker."""

    def __init__(self, tally: WorkerTally) -> None:
        """Count into `tally`."""
        self._tally = tally
        self._run = RunChoice(tally)
        self._rows = PortRows(tally)
        self._charge = SocketCharge(tally.by_socket)
        self._accounts: dict[int, EventNumbers] = {}
        """By row."""
        self._without, self._parted = (tally.tagless[name].reshape(-1) for name in TAGLESS)
        self.youngest_us = NEVER_NS
        """The least age of a stamp of the run's events."""

    @property
    def tagged(self) -> bool:
        """Whether tagged events may be of the counted run: it is known, or events wait for it."""
        return bool(self._run.run or self._run.waiting)

    def count(self, tags: TagRows, messages: MessageFacts) -> None:
        """Count a round's tags."""
        self._count_strange("untagged", tags.untagged, messages.socket, messages.interval)
        self._count_strange("malformed", tags.malformed, messages.socket, messages.interval)
        for tagless in tags.tagless:
            self._count_lengths(tagless, messages.socket)
        dropped = self._charge.dropped_before(messages.socket, messages.drops)
        if tags.message.size:
            columns = (messages.socket, messages.interval, dropped, messages.arrival_ns, messages.age_us)
            of_message = (column[tags.message] for column in columns)
            self._keep(Tagged(tags.run, tags.port, tags.first, tags.events, *of_message))
        self._run.choose()
        self.count_kept()

    def finish(self) -> None:
        """Count the kept events, since nothing more will come; even a few events choose the run now."""
        self._run.choose_now()
        self.count_kept()

    def count_kept(self) -> None:
        """Count the events that were kept, if it is known which run is counted."""
        if (run := self._run.run) and self._run.waiting:
            self._count_tagged(self._run.take(), run)
            self._tally.kept[0] = 0

    def _keep(self, tags: Tagged) -> None:
        """Keep tags until it is known which run is counted; tags of run 0 belong to no run, so they are foreign."""
        of_none = tags.run == 0
        if of_none.any():
            self._count_foreign(tags.those(of_none))
            tags = tags.those(~of_none)
        self._run.keep(tags)

    def _count_tagged(self, tags: Tagged, run: int) -> None:
        row, own = self._rows.of(tags.port), tags.run == run
        rowless = row == NO_ROW
        if rowless.any():
            self._rows.give(tags.port[own & rowless])
            row = self._rows.of(tags.port)
            own &= row != NO_ROW
        if not own.all():
            self._count_foreign(tags.those(~own))
            row, tags = row[own], tags.those(own)
        if not row.size:
            return
        mapped = row != self._tally.row_of_socket[tags.socket]
        if mapped.any():
            np.add.at(self._tally.came_by, (tags.socket[mapped], row[mapped]), tags.events[mapped])
        by_socket = self._tally.by_socket
        np.minimum.at(by_socket["run_first_ns"], tags.socket, tags.arrival_ns)
        np.maximum.at(by_socket["run_last_ns"], tags.socket, tags.arrival_ns)
        youngest_us = int(tags.age_us.min())
        if youngest_us < self.youngest_us:
            self.youngest_us = by_socket["run_youngest_us"][0] = youngest_us
        way = tags.socket << _ROW_BITS | row
        self._count_numbers(_Stretches(way, tags.first, tags.events, tags.interval, tags.dropped))

    def _count_strange(
        self, name: str, events: NDArray[np.int64], socket: NDArray[np.int64], interval: NDArray[np.int64]
    ) -> None:
        if events.any():
            np.add.at(self._tally.by_socket[name], socket, events)
            np.add.at(self._tally.strange[name], (socket, interval), events)

    def _count_lengths(self, tagless: Tagless, socket: NDArray[np.int64]) -> None:
        """Count events without a whole tag by length, which shows later whether they were cut."""
        place, parted = socket[tagless.message] * LENGTHS + tagless.length, tagless.parted
        if not parted.any():
            np.add.at(self._without, place, tagless.events)
            return
        for table, which in ((self._without, ~parted), (self._parted, parted)):
            np.add.at(table, place[which], tagless.events[which])

    def _count_foreign(self, tags: Tagged) -> None:
        self._count_strange("foreign", tags.events, tags.socket, tags.interval)
        count_other_runs(self._tally.others, tags.run, tags.events)

    def _count_numbers(self, stretches: "_Stretches") -> None:
        """Count the numbers of the run's events: way by way, and on each way in the order of arrival."""
        for way, first, events, interval, dropped in stretches.joined():
            socket, row = way >> _ROW_BITS, way & _ROW_MASK
            chargeable, uncharged = self._charge.chargeable(socket, row, dropped) if dropped else (0, 0)
            account = self._accounts.get(row) or self._account(row)
            with self._tally.locks[row]:
                charged = account.take(first, events, interval, chargeable, uncharged)
            if charged:
                self._charge.charge(socket, charged)

    def _account(self, row: int) -> EventNumbers:
        tally = self._tally
        planes = {name: plane[row] for name, plane in tally.planes.items()}
        account = self._accounts[row] = EventNumbers(tally.numbers[row : row + 1], tally.rings[row], planes)
        return account


class _Stretches(NamedTuple):
    """Stretches of numbers that arrived; int64, shape (stretches,) each."""

    way: NDArray[np.int64]
    """The socket by which a port's events came and the row of the port, in one number."""
    first: NDArray[np.int64]
    events: NDArray[np.int64]
    interval: NDArray[np.int64]
    dropped: NDArray[np.int64]

    def joined(self) -> list[tuple[int, ...]]:
        """The stretches by way, and on each way in the order of arrival; those that continue each other are one."""
        order = np.argsort(self.way, kind="stable")
        ordered = _Stretches(*(column[order] for column in self))
        new = np.full(len(order), fill_value=True)
        new[1:] = ordered.first[1:] != ordered.first[:-1] + ordered.events[:-1]
        for column in (ordered.way, ordered.interval, ordered.dropped):
            new[1:] |= column[1:] != column[:-1]
        starts = np.flatnonzero(new)
        longer = _Stretches(*(column[starts] for column in ordered))
        longer = longer._replace(events=np.add.reduceat(ordered.events, starts))
        return list(zip(*(column.tolist() for column in longer), strict=True))
