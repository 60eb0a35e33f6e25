"""What became of a port's events, by their numbers: lost, duplicated, reordered or late? In bounded memory.

A run numbers the events of each port from 0. An event is *reordered* if it arrives after one with a higher number
(RFC 4737, section 3.3); its depth is how far the highest number was ahead of it. A number that is passed over is lost
in the interval in which that is noticed, and not lost any more when it arrives after all.

A number beyond the next one is a *leap*. One damaged digit makes a leap, too, so it is believed only when it goes on:
GOES_ON events with rising numbers from it on, each within WINDOW of the one before, and more of them than the stream
has gone on below meanwhile. Until then it is *held*.
When the stream comes to a held number from below and goes on behind it, the event was early, and what came in between
is reordered; when the number comes again, it came twice.

The last WINDOW numbers are remembered (`replay.sink.number_account`). A number that comes later than that is
*late*: it may be a duplicate or the lost one, so it stays lost. As long as no number of the ring is missing, and no
held number is near, an arrival only raises the counts.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.histogram import Histogram
from replay.sink.number_account import MOST_HELD, WINDOW, ring_parts
from replay.sink.verify.socket_charge import charged_events

GOES_ON: Final = 4
"""So many events are needed to believe a leap: damage would have to change as many in the same way."""


class EventNumbers:
    """The account of one port, in arrays that other processes may read meanwhile."""

    def __init__(self, row: NDArray[np.void], ring: NDArray[np.int32], planes: dict[str, NDArray[np.int64]]) -> None:
        """Count into `row`, NUMBERS of shape (1,), `ring`, shape (WINDOW,), and `planes`; zeros are a new account."""
        self._row, self._ring, self._planes = row, ring, planes
        # Access to items of a memoryview takes half as long as to items of an array.
        self._next, self._arrived, self._open = (row[name].data for name in ("next", "arrived", "open"))
        self._held, self._nearest, self._in_socket = (row[name].data for name in ("held", "nearest", "lost_in_socket"))
        self._arrived_in = planes["arrived"].data
        self._holds = row["holds"][0]
        self._depth = Histogram(row["depth"][0])
        self._uncharged = 0
        """How many lost events may still be charged to the socket by which events arrive now."""

    def take(self, first: int, count: int, interval: int, chargeable: int, uncharged: int) -> int:
        """Count the arrival of `count` events from number `first` on, in one go and less than WINDOW.

        `chargeable` is how many lost events may be charged to the socket for a gap that is noticed now, and `uncharged`
        for any gap (`replay.sink.verify.socket_charge`). Returns how many were charged.
        """
        end = first + count
        if first == self._next[0] and not self._open[0] and (not self._held[0] or end <= self._nearest[0]):
            self._go_on(end, count, interval)
            return 0
        before, self._uncharged = self._in_socket[0], uncharged
        self._take_early(first, interval)
        if first <= self._next[0] or (count >= GOES_ON and not self._held[0]):
            self._count(first, count, interval, chargeable)
        else:
            for begin, events in self._take_twice(first, count, interval):
                self._hold(begin, events, interval, chargeable)
                self._believe(interval)
        self._take_overtaken(interval)
        return max(0, self._in_socket[0] - before)

    def _go_on(self, reached: int, count: int, interval: int) -> None:
        self._arrived[0] += count
        self._next[0] = reached
        self._arrived_in[interval] += count

    def _count(self, first: int, count: int, interval: int, chargeable: int) -> None:
        """Count events whose numbers are certain, below or above the numbers reached so far."""
        reached = self._next[0]
        if first < reached:
            below = min(count, reached - first)
            self._take_below(first, first + below, reached, interval)
            first, count = first + below, count - below
        elif first > reached:
            self._pass_over(reached, first, interval, chargeable)
        if count:
            self._forget(first, first + count)
            self._go_on(first + count, count, interval)

    def _hold(self, first: int, count: int, interval: int, chargeable: int) -> None:
        """Hold a leap until it is known whether it is real or damage."""
        held = self._held[0]
        last = self._holds[held - 1] if held else None
        if last is not None and (last["first"] + last["events"], last["interval"]) == (first, interval):
            last["events"] += count
            return
        if held == MOST_HELD:
            self._row["stray"] += self._holds["events"][0]
            chargeable += int(self._holds["chargeable"][0])
            self._release([0])
            held -= 1
        in_order = self._arrived[0] - int(self._row["reordered"][0])
        self._holds[held] = (first, count, interval, chargeable, self._next[0], in_order)
        self._keep(held + 1)

    def _take_twice(self, first: int, count: int, interval: int) -> list[tuple[int, int]]:
        """Count leaping numbers that are held already as having come twice; returns the others, as (first, events).

        Where it can be chosen, the later one is kept: the earlier one was out of place. So no number is held twice.
        """
        rows = self._holds[: self._held[0]].tolist()
        within = [place for place, row in enumerate(rows) if first <= row[0] and row[0] + row[1] <= first + count]
        self._release(within)
        left = [(first, first + count)]
        for held, events, *_ in (row for place, row in enumerate(rows) if place not in within):
            cut = (
                ((begin, min(end, held)) for begin, end in left),
                ((max(begin, held + events), end) for begin, end in left),
            )
            left = [(begin, end) for parts in cut for begin, end in parts if begin < end]
        twice = sum(rows[place][1] for place in within) + count - sum(end - begin for begin, end in left)
        self._row["duplicated"] += twice
        self._planes["duplicated"][interval] += twice
        return sorted((begin, end - begin) for begin, end in left)

    def _release(self, rows: list[int]) -> None:
        """Remove some rows from those that are held."""
        held = self._held[0]
        kept = np.delete(self._holds[:held], rows)
        self._holds[: len(kept)] = kept
        self._keep(len(kept))
        self._holds[len(kept) : held] = 0

    def _keep(self, held: int) -> None:
        self._nearest[0] = self._holds["first"][:held].min() if held else 0
        self._held[0] = held

    def _believe(self, interval: int) -> None:
        """Count the leaps that are believed, because held numbers up to the last one go on from them.

        Behind a leap that is believed there must be events enough: the last ones of a chain stay held, since one of
        them may be damaged.
        """
        rows = self._holds[: self._held[0]].tolist()
        chain: list[int] = []
        uncertain, believed, events, lowest = 0, 0, 0, rows[-1][0] + rows[-1][1]
        for place in range(len(rows) - 1, -1, -1):
            first, count, _, _, reached, _ = rows[place]
            if first + count <= lowest <= first + count + WINDOW:
                uncertain += events + count < GOES_ON
                chain.append(place)
                events, lowest = events + count, first
                if events >= GOES_ON and events > self._next[0] - reached:
                    believed = len(chain)
        while 0 < uncertain < believed and rows[chain[uncertain - 1]][0] == sum(rows[chain[uncertain]][:2]):
            uncertain -= 1  # what follows without a gap is no leap
        if believed:
            self._count_leaps(rows, chain[uncertain:believed][::-1], interval)

    def _count_leaps(self, rows: list[list[int]], places: list[int], interval: int) -> None:
        """Count held rows, given by rising numbers; for rows that stay held, the gaps do not count as progress."""
        before = self._next[0]
        self._take_reordered(places[0], interval)
        for place in places:
            self._count(*rows[place][:4])
            self._holds["in_order"][place + 1 : len(rows)] += rows[place][1]  # it came before those
        passed_over = self._next[0] - before - sum(rows[place][1] for place in places)
        self._release(places)
        self._holds["reached"][: self._held[0]] += passed_over

    def _take_early(self, first: int, interval: int) -> None:
        """Count held events that the stream has come to from below, and behind which it goes on with `first`."""
        while self._held[0] and self._nearest[0] == self._next[0] < first:
            rows = self._holds[: self._held[0]].tolist()
            place = next(place for place, row in enumerate(rows) if row[0] == self._next[0])
            self._take_reordered(place, interval)
            self._count(rows[place][0], rows[place][1], interval, 0)
            self._holds["in_order"][place + 1 : len(rows)] += rows[place][1]  # it came before those
            self._release([place])

    def _take_overtaken(self, interval: int) -> None:
        """Count held events whose numbers lie below what has arrived: they are the missing ones, or come twice."""
        while self._held[0] and self._nearest[0] < self._next[0]:
            rows = self._holds[: self._held[0]].tolist()
            overtaken = [place for place, row in enumerate(rows) if row[0] < self._next[0]]
            for place in overtaken:
                self._count(rows[place][0], rows[place][1], interval, 0)
            self._release(overtaken)

    def _take_reordered(self, place: int, interval: int) -> None:
        """Count events as reordered that came after the early one held at `place`, which is now certain."""
        first, _, _, _, reached, in_order = self._holds[place].tolist()
        below = self._arrived[0] - int(self._row["reordered"][0]) - in_order
        if below > 0:
            depths = first - np.arange(reached, reached + min(below, first - reached, WINDOW))
            self._depth.record_many(depths, np.ones_like(depths))
            self._row["reordered"] += below
            self._planes["reordered"][interval] += below
            self._holds["in_order"][place + 1 : self._held[0]] = in_order

    def _take_below(self, first: int, end: int, reached: int, interval: int) -> None:
        """Count events with numbers below the highest one: they are late, duplicated or reordered."""
        known = max(first, min(end, reached - WINDOW))
        late, duplicated, reordered = known - first, 0, 0
        for number, ring in ring_parts(self._ring, known, end):
            missing = np.flatnonzero(ring)
            duplicated += len(ring) - len(missing)
            reordered += len(missing)
            if len(missing):
                self._arrived[0] += len(missing)
                self._found(ring[missing].astype(np.int64))
                ring[missing] = 0
                depths = reached - 1 - (number + missing)
                self._depth.record_many(depths, np.ones_like(depths))
        self._open[0] -= reordered
        self._arrived_in[interval] += reordered
        for name, events in (("late", late), ("duplicated", duplicated), ("reordered", reordered)):
            self._row[name] += events
            self._planes[name][interval] += events

    def _found(self, words: NDArray[np.int64]) -> None:
        """Take numbers that have arrived after all from the lost ones; `words` are their words of the ring."""
        np.subtract.at(self._planes["lost"], np.abs(words) - 1, 1)
        dropped = words[words < 0]
        self._in_socket[0] -= len(dropped)
        np.subtract.at(self._planes["lost_in_socket"], -dropped - 1, 1)

    def _pass_over(self, first: int, end: int, interval: int, chargeable: int) -> None:
        """Count numbers as lost, since a higher one came first; some of them may be charged to the socket."""
        dropped = charged_events(end - first, chargeable, self._uncharged)
        self._uncharged -= dropped
        self._planes["lost"][interval] += end - first
        self._planes["lost_in_socket"][interval] += dropped
        self._in_socket[0] += dropped
        known = max(first, end - WINDOW)
        self._forget(known, end)
        self._open[0] += end - known
        split = min(max(known, first + dropped), end)
        for word, part in ((-interval - 1, (known, split)), (interval + 1, (split, end))):
            for _, ring in ring_parts(self._ring, *part):
                ring[:] = word

    def _forget(self, first: int, end: int) -> None:
        """Let the numbers WINDOW before these leave the ring; those still missing are lost for good."""
        if self._open[0]:
            for _, ring in ring_parts(self._ring, max(first, end - WINDOW), end):
                missing = int(np.count_nonzero(ring))
                if missing:
                    self._open[0] -= missing
                    ring[:] = 0
