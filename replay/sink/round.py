"""How is a round of messages counted? By seat, by time, by the age of their stamps, and by their tags."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import MAX_TRAIN_EVENTS
from replay.clock import MICROSECOND_NS, wall_ns
from replay.histogram import record_rows
from replay.linux.sockets.udp_receive import SLOT_BYTES, Arrivals, unwrapped
from replay.sink.board import NEVER_NS, Part
from replay.sink.time_cells import TENTH_NS, cells_at
from replay.sink.verify.port_account import Noted, TagCounter
from replay.sink.verify.stamp_text import BAD_US, COARSE_US
from replay.sink.verify.stamps import stamps_of
from replay.sink.verify.tags import Messages, tags_of

_OLD_US: Final = 3600 * 1_000_000
"""A stamp older than this was not written when the event was sent, so its age is no latency."""


class RoundCounter:
    """Counts the messages of one worker."""

    def __init__(self, part: Part) -> None:
        """Count into `part`."""
        self._part = part
        self._tags = TagCounter(part)
        self._youngest_us = NEVER_NS

    def count(self, data: NDArray[np.uint8], arrivals: Arrivals, seat: NDArray[np.int64]) -> None:
        """Count the messages in the first slots of `data`; `seat` is the seat of each, shape (messages,)."""
        lengths, segments, arrivals_ns, drops = arrivals
        if not arrivals_ns.all():
            arrivals_ns[arrivals_ns == 0] = wall_ns()
        messages = Messages(np.arange(len(lengths)) * SLOT_BYTES, lengths, segments)
        events, part, lanes = messages.events, self._part, self._part.lanes
        np.add.at(lanes["events"], seat, events)
        np.add.at(lanes["bytes"], seat, lengths)
        np.minimum.at(lanes["first_ns"], seat, arrivals_ns)
        np.maximum.at(lanes["last_ns"], seat, arrivals_ns)
        # With booleans it would take ten times as long: `at` would have to convert them one by one.
        np.maximum.at(lanes["joined"], seat, (events > 1).astype(np.int64))
        interval = cells_at((arrivals_ns - part.start_ns) // TENTH_NS)
        np.add.at(part.tenths, interval, events)
        message, instants_us, counts = stamps_of(data, *messages).T
        ages_us = arrivals_ns[message] // MICROSECOND_NS - instants_us
        self._count_stamps(instants_us, ages_us, counts, seat[message])
        tags = tags_of(data, messages, thorough=self._tags.tagged)
        np.maximum.at(lanes["longest_tagged"], seat[tags.message], np.minimum(lengths, segments)[tags.message])
        youngest_us = np.full_like(lengths, NEVER_NS)
        known = np.flatnonzero((instants_us > COARSE_US) & (ages_us < self._tags.youngest_us))
        if known.size:
            np.minimum.at(youngest_us, message[known], ages_us[known])
        self._tags.count(tags, Noted(seat, interval, self._droppable(seat, drops), arrivals_ns, youngest_us))

    def idle(self) -> None:
        """Use the time between rounds to count events that waited until it was known which run is counted."""
        self._tags.count_kept()

    def finish(self) -> None:
        """Count the events that still wait, since nothing more will come."""
        self._tags.finish()

    def _droppable(self, seat: NDArray[np.int64], drops: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many events the socket may have dropped right before each message, shape (messages,).

        A dropped packet is one event, or if messages come joined, as many events as a train may have.
        """
        droppable = np.zeros_like(drops)
        for place in np.unique(seat[drops > 0]).tolist():
            own, lane = np.flatnonzero((seat == place) & (drops > 0)), self._part.lanes[place : place + 1]
            told = unwrapped(np.concatenate([lane["drops"], drops[own]]))
            each = MAX_TRAIN_EVENTS if lane["joined"][0] else 1
            droppable[own] = np.diff(told) * each
            lane["drops"] = told[-1]
        return droppable

    def _count_stamps(
        self,
        instants_us: NDArray[np.int64],
        ages_us: NDArray[np.int64],
        counts: NDArray[np.int64],
        seat: NDArray[np.int64],
    ) -> None:
        """Record how old stamps were on arrival, for `counts` events each; count the stamps that do not show an age."""
        instant = instants_us > COARSE_US
        measured = instant & (ages_us >= 0) & (ages_us <= _OLD_US)
        youngest_us = int(np.min(ages_us, initial=self._youngest_us, where=instant))
        if youngest_us < self._youngest_us:
            self._youngest_us = self._part.lanes["youngest_us"][0] = youngest_us
        if not measured.all():
            for name, which in (
                ("bad_stamps", instants_us == BAD_US),
                ("coarse_stamps", instants_us == COARSE_US),
                ("early_stamps", instant & (ages_us < 0)),
                ("old_stamps", instant & (ages_us > _OLD_US)),
            ):
                np.add.at(self._part.lanes[name], seat[which], counts[which])
            ages_us, counts, seat = ages_us[measured], counts[measured], seat[measured]
        record_rows(self._part.ages, seat, ages_us, counts)
