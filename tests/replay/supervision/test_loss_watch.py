"""Asking a sink, on a made-up clock and with a made-up network: what is on its way is never lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import PreflightError
from replay.clock import SECOND_NS
from replay.supervision.loss_watch import SinkWatch

PORTS = (514, 515)
RUN = "1f3a9c07"


class MadeUp:
    """A sink that has received so many events of each port; of tagged ones it knows the lost of any mark."""

    def __init__(self, *, before=0):
        self.received = dict.fromkeys(PORTS, before)
        self.lost = dict.fromkeys(PORTS, 0)
        self.deaf = False
        self.waiting, self.since_ns = 0, 17
        self.asked = []

    def __call__(self, words):
        self.asked.append(list(words))
        if self.deaf:
            raise ConnectionRefusedError(111, "Connection refused")
        ports = {
            str(port): {
                "received_events": count,
                "verified_events": count,
                "lost_events": self.lost[port],
                "waiting_bytes": self.waiting,
            }
            for port, count in self.received.items()
        }
        return {"run_id": RUN, "since_ns": self.since_ns, "latency_p99_ms": 1.5, "ports": ports}


def watch_of(sink, run_id=RUN):
    watch = SinkWatch("198.18.0.2:5600", PORTS, run_id, sink, shortest_bytes=100)
    watch.begin()
    return watch


@given(st.lists(st.tuples(st.integers(0, 10_000), st.floats(0, 1)), min_size=2, max_size=20))
def test_events_on_their_way_are_not_lost(seconds):
    """Each second so many are sent, and all but a part of these have arrived when the sink is asked."""
    sink = MadeUp(before=77)
    watch = watch_of(sink, run_id=None)
    sent = before = 0
    for events, under_way in seconds:
        before, sent = sent, sent + events
        for port in PORTS:
            sink.received[port] = 77 + sent - int(under_way * (sent - before))
        loss = watch.look([sent, sent])
    assert (loss.lost_events, loss.sent_events) == (0, 2 * before)


def test_a_look_asks_about_the_counts_of_the_look_before():
    sink = MadeUp()
    watch = watch_of(sink)
    assert watch.look([100, 90]) is None
    sink.lost = {514: 3, 515: 0}
    loss = watch.look([200, 190])
    assert sink.asked == [["begin", RUN], ["counters", "514:100,515:90"]]
    assert (loss.sent_events, loss.lost_events, loss.latency_p99_ms) == (190, 3, 1.5)


def test_a_port_that_the_sink_does_not_listen_at_is_refused_where_tags_do_not_tell():
    sink = MadeUp()
    del sink.received[515]
    with pytest.raises(PreflightError, match="the sink does not listen at port 515"):
        watch_of(sink, run_id=None)
    assert watch_of(sink).deaf == [515]


def test_untagged_events_that_may_wait_at_the_sink_are_not_lost():
    sink = MadeUp()
    watch = watch_of(sink, run_id=None)
    watch.look([10, 10])
    sink.waiting = 399
    assert watch.look([10, 10]).lost_events == 2 * (10 - 3)


def test_a_sink_in_the_place_of_another_has_measured_nothing():
    sink = MadeUp()
    watch = watch_of(sink)
    watch.look([10, 10])
    sink.since_ns += 1
    assert watch.look([20, 20]) is None
    assert (watch.silent, watch.answers) == (True, 0)


def test_two_looks_in_a_row_are_needed_and_some_events():
    sink = MadeUp()
    watch = watch_of(sink)
    told = []
    for sent, lost in ((0, 0), (400, 9), (4000, 90), (8000, 0), (9000, 90), (9500, 95), (9900, 99)):
        sink.lost = {514: lost, 515: 0}
        watch.look([sent, 0])
        told.append(watch.exceeds(0.005))
    assert told == [False, False, False, False, False, True, True]


def test_a_sink_that_falls_silent_measures_nothing_and_may_come_back():
    sink = MadeUp()
    watch = watch_of(sink)
    watch.look([10, 10])
    sink.deaf = True
    assert watch.look([20, 20]) is None
    assert watch.silent
    assert not watch.exceeds(0)
    assert watch.figures()["loss_percent"] is None
    sink.deaf = False
    assert watch.look([30, 30]) is not None
    assert (watch.silent, watch.answers) == (False, 1)


def test_it_settles_when_nothing_is_lost_or_nothing_changes_any_more():
    now = [0]

    def sleep_ns(wait_ns):
        now[0] += wait_ns
        if now[0] < SECOND_NS:
            sink.lost[514] = max(least, sink.lost[514] - 10)
            sink.received[514] = 100 - sink.lost[514]

    for least, took_ns in ((0, SECOND_NS // 2), (25, 13 * SECOND_NS // 10)):
        now[0], sink = 0, MadeUp()
        sink.lost[514], sink.received = 50, {514: 50, 515: 100}
        watch = watch_of(sink)
        watch.settle([100, 100], lambda: now[0], sleep_ns)
        assert (watch.loss.lost_events, now[0]) == (least, took_ns)


def settled(sink, run_id=RUN, *, change=lambda _now_ns: None):
    """What a sink is found to have when 100 events of each port were sent, and how long that took."""
    now = [0]

    def sleep_ns(wait_ns):
        now[0] += wait_ns
        change(now[0])

    watch = watch_of(sink, run_id)
    watch.settle([100, 100], lambda: now[0], sleep_ns)
    return watch, now[0]


def test_what_the_sink_has_not_read_is_awaited_and_neither_lost_nor_measured():
    sink = MadeUp()
    sink.received = {514: 100, 515: 40}
    watch, took_ns = settled(sink)
    assert (watch.loss, watch.silent, took_ns) == (None, False, SECOND_NS)
    assert watch.figures()["lost_events"] is None

    def read_on(_now_ns):
        sink.received[515] = min(100, sink.received[515] + 1)

    watch, took_ns = settled(sink, change=read_on)
    assert (watch.loss, took_ns) == (None, 5 * SECOND_NS)
    watch, took_ns = settled(sink, change=read_on)
    assert (watch.loss.lost_events, watch.loss.received_events, took_ns) == (0, 200, SECOND_NS)


def test_an_answer_that_is_missing_at_the_end_is_asked_for_again():
    sink = MadeUp()
    sink.received = dict.fromkeys(PORTS, 100)

    def hear(now_ns):
        sink.deaf = now_ns < SECOND_NS // 2

    watch = watch_of(sink)
    sink.deaf = True
    now = [0]

    def sleep_ns(wait_ns):
        now[0] += wait_ns
        hear(now[0])

    watch.settle([100, 100], lambda: now[0], sleep_ns)
    assert (watch.loss.lost_events, now[0]) == (0, SECOND_NS // 2)
    sink.deaf = True
    watch.settle([100, 100], lambda: 9 * SECOND_NS if len(sink.asked) > 20 else 0, lambda _: None)
    assert (watch.loss, watch.silent) == (None, True)


def test_of_nothing_that_was_sent_no_share_is_lost():
    watch = watch_of(MadeUp())
    watch.settle([0, 0], lambda: 0, lambda _: None)
    assert (watch.figures()["lost_events"], watch.figures()["loss_percent"]) == (0, None)


@pytest.mark.parametrize("answer", [{"error": "the sink counts run 00000001"}, {}, {"ports": 5}])
def test_a_sink_that_does_not_take_the_run_is_refused(answer):
    with pytest.raises(PreflightError, match=answer.get("error", "no sink answers there")):
        watch_of(lambda _: answer)
    sink = MadeUp()
    sink.deaf = True
    with pytest.raises(PreflightError, match=r"no sink answers there \(Connection refused\); start one with"):
        watch_of(sink)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"latency_p99_ms": "1.5"}, "latency_p99_ms"),
        ({"latency_p99_ms": float("inf")}, "latency_p99_ms"),
        ({"ports": {"514": {}}}, "received_events"),
        ({"ports": {}}, "it says nothing of port 514"),
        ({"since_ns": 10**400}, "since_ns"),
        ({"since_ns": 18}, "another one took its place"),
        ({"run_id": "00000002"}, "it counts run 00000002"),
        ({"run_id": None}, "it counts no run"),
        ({"latency_p99_ms": 3_600_001}, "latency_p99_ms"),
        ({"error": "it is \x1b[2Jfull"}, "refuses to tell its counters (it is"),
    ],
)
def test_an_answer_that_makes_no_sense_measures_nothing(change, fault):
    sink = MadeUp()
    watch = watch_of(lambda words: {**sink(words), **(change if len(sink.asked) > 1 else {})})
    watch.look([10, 10])
    assert watch.look([20, 20]) is None
    assert (watch.silent, watch.answers) == (True, 0)
    assert fault in watch.fault
    assert watch.fault.isprintable()


@pytest.mark.parametrize("run_id", [None, "00000002"])
def test_a_sink_that_counts_another_run_than_it_was_told_of_is_refused(run_id):
    sink = MadeUp()
    with pytest.raises(PreflightError, match=f"it says that it counts {f'run {run_id}' if run_id else 'no run'}"):
        watch_of(lambda words: {**sink(words), "run_id": run_id})


@pytest.mark.parametrize(("arrived", "lost"), [(1 << 62, 0), (101, 0), (100, 100), (60, 41)])
def test_no_more_events_have_arrived_or_are_lost_than_were_sent(arrived, lost):
    """While the run goes on, what was sent since the mark may have arrived as well."""
    sink = MadeUp()
    sink.received = dict.fromkeys(PORTS, arrived)
    sink.lost[514] = lost
    watch, _ = settled(sink)
    assert (watch.loss, watch.silent) == (None, True)
    assert f"of 100 events to port 514, {lost:,} are lost and {arrived:,} arrived" in watch.fault
    watch = watch_of(sink)
    watch.look([100, 100])
    assert watch.look([200, 200]) is not None


@pytest.mark.parametrize(("run_id", "lost", "received"), [(RUN, 11, 10), (None, 0, -1)])
def test_counts_that_can_not_be_measure_nothing(run_id, lost, received):
    """More lost of ten events than ten, and fewer received than when the run began."""
    sink = MadeUp()
    watch = watch_of(sink, run_id)
    watch.look([10, 10])
    sink.lost[514], sink.received[514] = lost, received
    assert watch.look([20, 20]) is None
    assert watch.silent


def test_what_a_sink_says_is_shown_harmless():
    with pytest.raises(PreflightError) as refusal:
        watch_of(lambda _: {"error": "\x1b[2Jno" + 1000 * "!"})
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(("arrived", "lost"), [(100, 0), (60, None)])
def test_settling_that_is_cut_short_measures_nothing_unless_all_had_arrived(arrived, lost):
    """What is missing may still be on its way, also where the sink knows how much it is."""
    sink = MadeUp()
    sink.received = dict.fromkeys(PORTS, arrived)
    sink.lost = dict.fromkeys(PORTS, 100 - arrived)
    watch = watch_of(sink)
    watch.settle([100, 100], lambda: 0, lambda _: None, lambda: True)
    assert watch.figures()["lost_events"] == lost
