"""How is a round of messages counted? By socket, by time, by the age of their stamps, and by their tags."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.clock import MICROSECOND_NS, wall_ns
from replay.histogram import record_rows
from replay.linux.sockets.udp_receive import SLOT_BYTES, Arrivals
from replay.sink.board import NEVER_NS, WorkerTally
from replay.sink.time_cells import TENTH_NS, cells_at
from replay.sink.verify.round_stamps import stamps_of
from replay.sink.verify.round_tags import Messages, tags_of
from replay.sink.verify.stamp_reading import BAD_US, COARSE_US
from replay.sink.verify.tag_counter import MessageFacts, TagCounter

_OLD_US: Final = 3600 * 1_000_000
"""A stamp older than this was not written when the event was sent, so its age is no latency."""


class RoundCounter:
    """Counts the messages of one worker."""

    def __init__(self, tally: WorkerTally) -> None:
        """Count into `tally`."""
        self._tally = tally
        self._tags = TagCounter(tally)
        self._youngest_us = NEVER_NS

    def count(self, data: NDArray[np.uint8], arrivals: Arrivals, socket: NDArray[np.int64]) -> None:
        """Count the messages in the first slots of `data`; `socket` is the socket of each, shape (messages,)."""
        lengths, segments, arrivals_ns, drops = arrivals
        if not arrivals_ns.all():
            arrivals_ns[arrivals_ns == 0] = wall_ns()
        messages = Messages(np.arange(len(lengths)) * SLOT_BYTES, lengths, segments)
        events, tally, by_socket = messages.events, self._tally, self._tally.by_socket
        np.add.at(by_socket["events"], socket, events)
        np.add.at(by_socket["bytes"], socket, lengths)
        np.minimum.at(by_socket["first_ns"], socket, arrivals_ns)
        np.maximum.at(by_socket["last_ns"], socket, arrivals_ns)
        # With booleans it would take ten times as long: `at` would have to convert them one by one.
        np.maximum.at(by_socket["joined"], socket, (events > 1).astype(np.int64))
        interval = cells_at((arrivals_ns - tally.start_ns) // TENTH_NS)
        np.add.at(tally.tenths, interval, events)
        message, instants_us, counts = stamps_of(data, *messages).T
        ages_us = arrivals_ns[message] // MICROSECOND_NS - instants_us
        self._count_stamps(instants_us, ages_us, counts, socket[message])
        tags = tags_of(data, messages, thorough=self._tags.tagged)
        np.maximum.at(by_socket["longest_tagged"], socket[tags.message], np.minimum(lengths, segments)[tags.message])
        youngest_us = np.full_like(lengths, NEVER_NS)
        known = np.flatnonzero((instants_us > COARSE_US) & (ages_us < self._tags.youngest_us))
        if known.size:
            np.minimum.at(youngest_us, message[known], ages_us[known])
        self._tags.count(tags, MessageFacts(socket, interval, drops, arrivals_ns, youngest_us))

    def idle(self) -> None:
        """Use the time between rounds to count events that waited until it was known which run is counted."""
        self._tags.count_kept()

    def finish(self) -> None:
        """Count the events that still wait, since nothing more will come."""
        self._tags.finish()

    def _count_stamps(
        self,
        instants_us: NDArray[np.int64],
        ages_us: NDArray[np.int64],
        counts: NDArray[np.int64],
        socket: NDArray[np.int64],
    ) -> None:
        """Record how old stamps were on arrival, for `counts` events each; count the stamps that do not show an age."""
        instant = instants_us > COARSE_US
        measured = instant & (ages_us >= 0) & (ages_us <= _OLD_US)
        youngest_us = int(np.min(ages_us, initial=self._youngest_us, where=instant))
        if youngest_us < self._youngest_us:
            self._youngest_us = self._tally.by_socket["youngest_us"][0] = youngest_us
        if not measured.all():
            for name, which in (
                ("bad_stamps", instants_us == BAD_US),
                ("coarse_stamps", instants_us == COARSE_US),
                ("early_stamps", instant & (ages_us < 0)),
                ("old_stamps", instant & (ages_us > _OLD_US)),
            ):
                np.add.at(self._tally.by_socket[name], socket[which], counts[which])
            ages_us, counts, socket = ages_us[measured], counts[measured], socket[measured]
        record_rows(self._tally.ages, socket, ages_us, counts)
