"""Counting rounds of real bytes: a datagram that strays in beside a run changes nothing of what is said of the run."""

import numpy as np
import pytest

from captures.format.stamp_writing import iso_ms
from captures.format.tags import SUFFIX
from replay.clock import SECOND_NS
from replay.ledger.losses import losses
from replay.ledger.models.reading import checked
from replay.ledger.models.received import Received
from replay.ledger.models.sent import Sent
from replay.ledger.reconcile import reconcile
from replay.ledger.run_clock import RunClock
from replay.linux.sockets.udp_receive import SLOT_BYTES, Arrivals
from replay.sink.board import shared_tally
from replay.sink.report.figures import Ending, sink_report, sink_table
from replay.sink.round import RoundCounter
from replay.sink.workers import sockets_of_workers

RUN, OTHER = 0x1F3A9C07, 0x00ABCDEF
PORTS = (514, 515)
START_NS = 1_756_548_930 * SECOND_NS
EVENTS, LOST = 2000, range(700, 730)
YEAR_S = 365 * 86400


def datagram(run, port, number, sent_ns):
    tag = f"{SUFFIX}{run:08x}-{port:04x}-{number:010x}" if run else ""
    return f"<13>{iso_ms(sent_ns)} host app: something{tag}".encode()


class Heard:
    """A sink that is given datagrams by hand."""

    def __init__(self):
        self.tally = shared_tally(PORTS, *sockets_of_workers(len(PORTS), 1), START_NS - 5 * SECOND_NS)
        self.counter = RoundCounter(self.tally.of_worker(0))

    def take(self, datagrams, socket, arrivals_ns):
        data = np.zeros((len(datagrams) + 1) * SLOT_BYTES, np.uint8)
        for number, text in enumerate(datagrams):
            data[number * SLOT_BYTES :][: len(text)] = np.frombuffer(text, np.uint8)
        lengths = np.array([len(text) for text in datagrams])
        arrivals = Arrivals(lengths, lengths.copy(), np.array(arrivals_ns), np.zeros_like(lengths))
        self.counter.count(data, arrivals, np.full(len(datagrams), socket))

    def take_run(self, run=RUN):
        """Two seconds of a run, of which some events are lost in the middle and the last ones as well."""
        numbers = [number for number in range(EVENTS - 50) if number not in LOST]
        for first in range(0, len(numbers), 500):
            part = numbers[first : first + 500]
            sent_ns = [START_NS + number * SECOND_NS // 1000 for number in part]
            texts = [datagram(run, 514, number, at) for number, at in zip(part, sent_ns, strict=True)]
            self.take(texts, 0, [at + SECOND_NS // 5000 for at in sent_ns])

    def said(self, *, ended_s=5.0, stamp="now", run=RUN):
        """The losses, the difference of the clocks, and why the sink ended before the run, by a reconciliation."""
        self.counter.finish()
        ending = Ending((0, 0), (4096, 4096), gro=True, ended_by="idle", ended_ns=START_NS + int(ended_s * SECOND_NS))
        received = checked(Received, sink_report(self.tally, ending).figures())
        lanes = [{"port": 514, "sent_events": EVENTS}]
        started = {"started": iso_ms(START_NS), "duration_s": 2.0, "stamp": stamp}
        sent = checked(Sent, {"lanes": lanes, "run_id": f"{run:08x}" if run else None, **started})
        clock = RunClock(sent, received)
        ledger = reconcile(sent, received, ended_by=clock.ended_by)
        return losses(ledger, sent, received), clock.differs, clock.ended_by


def test_events_that_a_worker_kept_and_did_not_live_to_verify_are_told():
    heard = Heard()
    heard.take([datagram(RUN, 514, number, START_NS) for number in range(20)], 0, [START_NS] * 20)
    ending = Ending((0, 0), (4096, 4096), gro=True, ended_by="failure")
    report = sink_report(heard.tally, ending)
    assert (report.run_id, report.tags, report.unverified_events) == (None, None, 20)
    said = "20 tagged events were not verified: the sink's worker ended before it knew their run"
    assert said in sink_table(report)
    heard.counter.finish()
    report = sink_report(heard.tally, ending)
    assert (report.run_id, report.tags["verified_events"], report.unverified_events) == (f"{RUN:08x}", 20, 0)


STRAYS = {
    "of 1970, before the run": (0, -4 * SECOND_NS, -START_NS + SECOND_NS),
    "of a year ahead, before the run": (0, -4 * SECOND_NS, YEAR_S * SECOND_NS),
    "of a year ahead, in it": (0, SECOND_NS, YEAR_S * SECOND_NS),
    "of a year ahead, behind it": (0, 4 * SECOND_NS, YEAR_S * SECOND_NS),
    "of another run, before it": (OTHER, -4 * SECOND_NS, -4 * SECOND_NS),
    "of another run and a year ahead, in it": (OTHER, SECOND_NS, YEAR_S * SECOND_NS),
    "of another run, behind it": (OTHER, 4 * SECOND_NS, 4 * SECOND_NS),
}
"""The run of a tag, the arrival and the stamp, both since the run's start."""


def with_stray(stray, run=RUN):
    heard, (of, arrival_ns, stamp_ns) = Heard(), stray
    texts = [datagram(of, 514, 77, START_NS + stamp_ns)]
    if arrival_ns <= SECOND_NS:
        heard.take(texts, 0, [START_NS + arrival_ns])
    heard.take_run(run)
    if arrival_ns > SECOND_NS:
        heard.take(texts, 0, [START_NS + arrival_ns])
    return heard


@pytest.mark.parametrize("stamp", ["now", "keep"])
@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS.keys())
def test_a_stray_datagram_changes_no_time_of_a_runs_losses(stray, stamp):
    alone = Heard()
    alone.take_run()
    found = alone.said(stamp=stamp)
    assert [(loss.events, loss.to_s) for loss in found[0]] == [(30, 0.8), (50, 2.0)]
    assert found[1:] == (False, None)
    assert with_stray(stray).said(stamp=stamp) == found


@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS.keys())
@pytest.mark.parametrize(("ended_s", "ended_by"), [(1.0, "idle"), (5.0, None)])
def test_nor_does_it_change_of_an_untagged_run_whether_the_sink_was_there(stray, ended_s, ended_by):
    assert with_stray(stray, run=0).said(run=0, ended_s=ended_s)[1:] == (False, ended_by)


def test_where_only_a_stray_datagram_of_1970_came_the_clocks_are_not_said_to_differ():
    heard = Heard()
    heard.take([datagram(0, 514, 0, SECOND_NS)], 0, [START_NS + SECOND_NS])
    assert heard.said(run=0)[1:] == (False, None)
