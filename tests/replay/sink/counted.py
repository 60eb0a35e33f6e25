"""A counter of tags that tests feed by hand."""

from replay.clock import SECOND_NS
from replay.sink.board import NEVER_NS, shared_tally
from replay.sink.verify.socket_charge import dropped_before
from replay.sink.verify.stretches import begin_stretch, end_stretch, goes_on, may_go_on
from replay.sink.verify.tag_counter import TagCounter
from replay.sink.workers import sockets_of_workers

PORTS = (514, 515)
RUN, OTHER = 7, 8
START_NS = 1_700_000_000 * SECOND_NS


class Counted:
    """A counter fed by hand: rows of message, run, port, first, events; messages of socket, interval, drops."""

    def __init__(self, run=RUN, *, tally=None, worker=0):
        self.tally = tally or shared_tally(PORTS, *sockets_of_workers(len(PORTS), 1), START_NS)
        self.tally.run[0] = self.tally.run[0] or run
        self.counter = TagCounter(self.tally.of_worker(worker))
        self.drops = [0] * len(PORTS)

    def take(self, messages, rows, arrived_ns=START_NS, ages_us=None):
        counters, at, rows = self.counter.counters, 0, sorted(rows, key=lambda row: row[0])
        stretch, head, message = counters.stretch[0], counters.head[0], counters.message[0]
        for number, (socket, interval, dropped) in enumerate(messages):
            self.drops[socket] += dropped
            before = dropped_before(counters.charges.dropped, counters.by_socket[socket], socket, self.drops[socket])
            message.socket, message.interval, message.dropped, message.arrival_ns = socket, interval, before, arrived_ns
            if not may_go_on(stretch, message):
                end_stretch(counters)
            while at < len(rows) and rows[at][0] == number:
                _, head.run, head.port, first, events = rows[at]
                for event in range(first, first + events):
                    if not goes_on(stretch, head, event):
                        begin_stretch(counters, event)
                    stretch.events += 1
                stretch.age_us = min(stretch.age_us, ages_us[number] if ages_us else NEVER_NS)
                at += 1
        end_stretch(counters)
        self.counter.count()

    def lost(self, port):
        row = self.tally.numbers[PORTS.index(port)]
        return int(row["next"] - row["arrived"]), int(row["lost_in_socket"])
