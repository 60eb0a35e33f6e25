"""A counter of tags that tests feed by hand."""

import numpy as np

from replay.clock import SECOND_NS
from replay.sink.board import NEVER_NS, shared_tally
from replay.sink.verify.round_tags import Tagless, TagRows
from replay.sink.verify.tag_counter import MessageFacts, TagCounter
from replay.sink.workers import sockets_of_workers

PORTS = (514, 515)
RUN, OTHER = 7, 8
START_NS = 1_700_000_000 * SECOND_NS


class Counted:
    """A counter fed by hand: rows of message, run, port, first, events; messages of socket, interval, drops."""

    def __init__(self, run=RUN):
        self.tally = shared_tally(PORTS, *sockets_of_workers(len(PORTS), 1), START_NS)
        self.tally.run[0] = run
        self.counter = TagCounter(self.tally.of_worker(0))
        self.drops = [0] * len(PORTS)

    def take(self, messages, rows, untagged=(), malformed=(), lengths=(), arrived_ns=START_NS, ages_us=None):
        columns = np.array(rows, np.int64).reshape(-1, 5).T
        strange = [np.array(counts or [0] * len(messages), np.int64) for counts in (untagged, malformed)]
        tagless = Tagless(*np.array(lengths, np.int64).reshape(-1, 4).T)
        socket, interval, dropped = np.array(messages, np.int64).reshape(-1, 3).T
        drops = np.zeros_like(dropped)
        for own in range(len(PORTS)):
            drops[socket == own] = self.drops[own] + np.cumsum(dropped[socket == own])
            self.drops[own] += dropped[socket == own].sum()
        tagless = [tagless._replace(parted=tagless.parted.astype(bool))]
        arrived = np.full(len(socket), arrived_ns)
        ages = np.full(len(socket), NEVER_NS) if ages_us is None else np.array(ages_us)
        self.counter.count(TagRows(*columns, *strange, tagless), MessageFacts(socket, interval, drops, arrived, ages))

    def lost(self, port):
        row = self.tally.numbers[PORTS.index(port)]
        return int(row["next"] - row["arrived"]), int(row["lost_in_socket"])
