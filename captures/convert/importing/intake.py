"""How do messages become events of a capture? What they say is found, and they are cut into trains, and written."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.convert.importing.events import Events
from captures.convert.importing.regrouping import regrouped
from captures.convert.importing.trains import looks_of, trains_of
from captures.format.sections import BACK
from captures.format.writing.stream_writer import StreamWriter
from captures.text.finding import Finder
from captures.text.hosts import Hosts
from captures.text.messages import NO_INSTANT, Messages
from captures.text.wrapping import filled_instants, said_instants

_UNKNOWN: Final = -1
_LINE_FEED: Final = ord("\n")
_ROW_BYTES: Final = 144
"""What is known of an event takes so much, besides its text."""
_MOST_HELD_BYTES: Final = 64 << 20
"""A window that holds more is cut here: in a file without a clock all events may have the same instant."""


@dataclass
class Figures:
    """What became of the messages."""

    events: int = 0
    payload_bytes: int = 0
    trains: int = 0
    stamped_events: int = 0
    """Events in which a stamp was found, which becomes live."""
    without_priority_events: int = 0
    """Events that do not begin with a priority, `<PRI>`."""
    cut_events: int = 0
    """Events of which a snaplen cut off the end, and which are kept as far as they are there."""
    hosts: int = 0
    """How many hosts the events name; 0: they are not told apart."""
    without_host_events: int = 0
    line_feed_events: int = 0
    """Events that end with a line feed."""
    descending_events: int = 0
    """Events that came, by their instant, before the one in front of them."""
    farthest_back_ns: int = 0
    """By how much at most."""
    moved_events: int = 0
    """Events that have another place than in the original order."""
    farthest_moved: int = 0
    """By how many places at most."""
    trains_before: int = 0
    """How many trains there would be in the original order."""


class Intake:
    """Takes messages, batch for batch, and writes their events into a capture."""

    def __init__(
        self, writer: StreamWriter, finder: Finder, hosts: Hosts | None, *, flows: bool, cut: bool, window_ns: int = 0
    ) -> None:
        """Events of the same length are brought together within windows of `window_ns`, unless it is 0.

        `hosts` is None where hosts are not told apart; `flows` says whether messages have flows, and `cut` whether
        some are kept that were cut.
        """
        self._writer, self._finder, self._hosts = writer, finder, hosts
        self._flows, self._cut, self._window_ns = flows, cut, window_ns
        self._held: Events | None = None
        self._last_ns = 0
        self._timed = self._clocked = False
        self.start_ns = 0
        """The first instant, since 1970 UTC; 0: the messages have none."""
        self.figures = Figures()

    @property
    def last_ns(self) -> int:
        """The last instant, counted from the first one."""
        return self._last_ns

    def take(self, batch: Messages) -> None:
        """Take messages, whose memory may change afterwards; they may be written later. Raises as StreamWriter.add."""
        if not len(batch.messages):
            return
        events = self._events(batch)
        if not self._window_ns:
            self._write(events)
            return
        if self._held is not None:
            events = self._held.joined(events)
        window = events.times // self._window_ns
        whole = int(np.searchsorted(window, window[-1]))
        held_bytes = int(events.length[whole:].sum()) + _ROW_BYTES * (len(window) - whole)
        if held_bytes > _MOST_HELD_BYTES:
            whole = len(window)
        self._write(events.chosen(slice(0, whole)))
        self._held = events.chosen(slice(whole, None)).packed()

    def finish(self) -> None:
        """Write what is held back."""
        if self._held is not None:
            self._write(self._held)
            self._held = None

    def _events(self, batch: Messages) -> Events:
        rows, figures = batch.messages, self.figures
        found = self._finder.find(batch)
        times, back = self._instants(rows["instant_ns"], said_instants(found))
        hosts = np.full(len(rows), _UNKNOWN) if self._hosts is None else self._hosts.numbers(batch, found)
        figures.stamped_events += int(np.count_nonzero(found.events["stamps"]))
        figures.without_priority_events += int(np.count_nonzero(found.events["priority"] < 0))
        figures.without_host_events += int(np.count_nonzero(hosts < 0))
        figures.cut_events += int(np.count_nonzero(rows["original"] > rows["length"]))
        figures.hosts = 0 if self._hosts is None else self._hosts.count
        place, length, original, flow = (rows[name].copy() for name in ("place", "length", "original", "flow"))
        ends = (place + length)[length > 0] - 1
        figures.line_feed_events += int(np.count_nonzero(batch.data[ends] == _LINE_FEED))
        return Events(batch.data, place, length, original, times, back, flow, hosts, *found)

    def _instants(
        self, instants_ns: NDArray[np.int64], said_ns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """When events are sent, since the first one, and by how much they really came earlier.

        What has no instant has the one before it; what comes before the first one has that one. As long as no message
        has one of a recorder's clock, those count that messages say; these end where the clock's first one is.
        """
        clocked = instants_ns[instants_ns != NO_INSTANT]
        if len(clocked) and not self._clocked:
            self._clocked = self._timed = True
            self.start_ns = max(int(clocked[0]) - self._last_ns, 0)
        known_ns = instants_ns if self._clocked else said_ns
        if not self._timed:
            known = known_ns[known_ns != NO_INSTANT]
            self._timed = len(known) > 0
            self.start_ns = int(known[0]) if self._timed else 0
        if not self._timed:
            nothing = np.zeros(len(known_ns), np.int64)
            return nothing, nothing
        since_ns = filled_instants(known_ns, self.start_ns + self._last_ns) - self.start_ns
        times = np.maximum.accumulate(np.maximum(since_ns, self._last_ns))
        self._last_ns = int(times[-1])
        back = times - since_ns
        self.figures.descending_events += int(np.count_nonzero(back))
        self.figures.farthest_back_ns = max(self.figures.farthest_back_ns, int(back.max()))
        return times, back

    def _write(self, events: Events) -> None:
        """Write events, which are the next ones in the original order."""
        if not len(events.place):
            return
        figures, first, order = self.figures, self.figures.events, None
        late, timed = np.flatnonzero(events.back), self._timed
        back = np.zeros(len(late), BACK)
        back["event"], back["by_ns"] = late, events.back[late]
        times = events.times.astype(np.uint64) if timed else None
        looks = looks_of(events.found)
        if self._window_ns:
            before = trains_of(events.data, events.place, events.length, looks, events.host)
            figures.trains_before += len(before.trains)
            moved = regrouped(events.times // self._window_ns, events.length, looks.of, events.host)
            places = np.abs(moved - np.arange(len(moved)))
            figures.moved_events += int(np.count_nonzero(places))
            figures.farthest_moved = max(figures.farthest_moved, int(places.max()))
            events, order = events.chosen(moved), moved.astype(np.uint64) + np.uint64(first)
            looks = looks._replace(of=looks.of[moved])
        made = trains_of(events.data, events.place, events.length, looks, events.host)
        self._writer.add(
            made.trains,
            made.payload,
            times=times,
            flow_of=events.flow.astype(np.uint32) if self._flows else None,
            order=order,
            original=events.original.astype(np.uint32) if self._cut else None,
            live=made.live,
            back=back,
        )
        figures.events += len(events.place)
        figures.trains += len(made.trains)
        figures.payload_bytes += len(made.payload)
