"""Counting messages of real bytes, against the plain way; and a datagram that strays in changes nothing of a run."""

import socket
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.format.stamp_writing import iso_ms
from captures.format.tags import SUFFIX
from replay.clock import SECOND_NS
from replay.ledger.losses import losses
from replay.ledger.models.reading import checked
from replay.ledger.models.received import Received
from replay.ledger.models.sent import Sent
from replay.ledger.reconcile import reconcile
from replay.ledger.run_clock import RunClock
from replay.linux.sockets.udp_receive import SLOT_BYTES, new_slots
from replay.sink.board import shared_tally
from replay.sink.counting import count_messages
from replay.sink.report.figures import Ending, sink_report, sink_table
from replay.sink.verify.stamp_reading import BAD_US, COARSE_US
from replay.sink.verify.stretches import LEFT, end_stretch
from replay.sink.verify.tag_counter import TagCounter
from replay.sink.verify.tag_reading import MALFORMED, PARTED, UNTAGGED
from replay.sink.workers import sockets_of_workers
from tests.replay.sink.events import EVENT, plain_stamp_us
from tests.replay.sink.tagged import FORMS, NOISE, numbered, plain_tag, trains

RUN, OTHER = 0x1F3A9C07, 0x00ABCDEF
PORTS = (514, 515)
START_NS = 1_756_548_930 * SECOND_NS
EVENTS, LOST = 2000, range(700, 730)
YEAR_S = 365 * 86400
SO_TIMESTAMPNS, SO_RXQ_OVFL, UDP_GRO = 35, 40, 104


def datagram(run, port, number, sent_ns):
    tag = f"{SUFFIX}{run:08x}-{port:04x}-{number:010x}" if run else ""
    return f"<13>{iso_ms(sent_ns)} host app: something{tag}".encode()


class Heard:
    """A sink that is given datagrams by hand."""

    def __init__(self):
        self.tally = shared_tally(PORTS, *sockets_of_workers(len(PORTS), 1), START_NS - 5 * SECOND_NS)
        self.counter = TagCounter(self.tally.of_worker(0))
        self.slots = new_slots()

    def take(self, datagrams, socket, arrivals_ns):
        for text, arrival_ns in zip(datagrams, arrivals_ns, strict=True):
            self.take_message(text, 0, socket, arrival_ns)
        self.end_round()

    def take_message(self, text, segment, place, arrival_ns, told=0):
        """Count a message that stands between misleading bytes."""
        slots = self.slots
        slots.data[: SLOT_BYTES + len(text) + 64] = ord(">")
        slots.data[SLOT_BYTES:][: len(text)] = np.frombuffer(text, np.uint8)
        slots.lengths[1], slots.control_lengths[1] = len(text), 80
        slots.controls[1, :4] = 32, SO_TIMESTAMPNS << 32 | socket.SOL_SOCKET, *divmod(arrival_ns, SECOND_NS)
        slots.controls[1, 4:7] = 20, UDP_GRO << 32 | socket.IPPROTO_UDP, segment
        slots.controls[1, 7:10] = 20, SO_RXQ_OVFL << 32 | socket.SOL_SOCKET, told
        assert count_messages(self.counter.counters, slots, place, 1, 2, np.zeros(2, np.int64)) == 2

    def end_round(self):
        end_stretch(self.counter.counters)
        self.counter.count()

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


@st.composite
def messages(draw):
    """A message as UDP_GRO joins it: events with stamps of every form, equal or not, often with a short last one."""
    kinds = draw(st.lists(EVENT, min_size=1, max_size=3))
    segment = max(1, draw(st.sampled_from([len(kinds[0]), 30, 40])))
    rows = draw(st.one_of(st.just(kinds), st.lists(st.sampled_from(kinds), min_size=1, max_size=20)))
    message = b"".join(row[:segment].ljust(segment, b"x") for row in rows)
    return message[: len(message) - draw(st.integers(0, segment - 1))], segment


def events_in(message, segment):
    return [message[at : at + segment] for at in range(0, max(len(message), 1), segment)]


@settings(max_examples=4 * settings().max_examples)
@given(st.lists(st.tuples(st.one_of(messages(), trains(), NOISE), st.integers(0, 1)), min_size=1, max_size=6))
def test_messages_are_counted_as_the_plain_way_counts_their_events(drawn):
    heard = Heard()
    kinds = {name: [0, 0] for name in ("bad_stamps", "coarse_stamps", "early_stamps", "old_stamps", "aged")}
    tags, totals, lengths = [[], []], np.zeros((2, 3), np.int64), Counter()
    for (message, segment), place in drawn:
        heard.take_message(message, segment, place, START_NS)
        events = events_in(message, segment)
        totals[place] += len(events), len(message), len(events) > 1
        for event in events:
            kinds[kind_of_stamp(event)][place] += 1
            tags[place].append(plain_tag(event))
            if tags[place][-1] in (UNTAGGED, PARTED):
                lengths[tags[place][-1], place, len(event)] += 1
    heard.end_round()
    heard.counter.finish()
    by_socket = heard.tally.by_socket
    assert [by_socket[name].tolist() for name in ("events", "bytes")] == totals.T[:2].tolist()
    assert by_socket["joined"].tolist() == (totals[:, 2] > 0).tolist()
    for name, counts in kinds.items():
        found = heard.tally.ages[:, :-2].sum(axis=1) if name == "aged" else by_socket[name]
        assert found.tolist() == counts, name
    strange = {"untagged": (UNTAGGED,), "malformed": (MALFORMED, PARTED)}
    for name, kind in strange.items():
        assert by_socket[name].tolist() == [sum(tag in kind for tag in of) for of in tags]
        assert heard.tally.strange[name].sum(axis=1).tolist() == by_socket[name].tolist()
    for name, kind in (("without", UNTAGGED), ("parted", PARTED)):
        for place, length in np.argwhere(heard.tally.tagless[name]).tolist():
            assert heard.tally.tagless[name][place, length] == lengths.pop((kind, place, length))
    assert not lengths
    tagged = [tag for of in tags for tag in of if isinstance(tag, tuple)]
    told = heard.tally.numbers["arrived"].sum() + heard.tally.numbers["duplicated"].sum() + by_socket["foreign"].sum()
    held = heard.tally.numbers["holds"]["events"].sum() + heard.tally.numbers["late"].sum()
    assert told + held == len(tagged)


def kind_of_stamp(event):
    instant_us = plain_stamp_us(event)
    age_us = START_NS // 1000 - instant_us
    if instant_us in (BAD_US, COARSE_US):
        return "bad_stamps" if instant_us == BAD_US else "coarse_stamps"
    return "early_stamps" if age_us < 0 else "old_stamps" if age_us > 3600 * 10**6 else "aged"


@pytest.mark.parametrize("form", FORMS[:4])
def test_consecutive_numbers_of_several_messages_are_one_stretch(form):
    heard = Heard()
    events = numbered(4000, 256, form=form)
    for part in (events[:128], events[128:255], events[255:]):
        heard.take_message(b"".join(part), len(events[0]), 1, START_NS)
    end_stretch(heard.counter.counters)
    (stretch,) = heard.counter.counters.left[: heard.counter.counters.state[LEFT]]
    assert stretch.tolist()[:5] == (0x1F3A9C07, 5514, 4000, 256, 1)


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


@cache
def alone():
    heard = Heard()
    heard.take_run()
    return heard


@cache
def with_stray(stray, run=RUN):
    """A sink that heard a run and a stray datagram; a reconciliation changes nothing of it, so it may have several."""
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
    found = alone().said(stamp=stamp)
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
