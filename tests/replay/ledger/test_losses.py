"""Where and when: the losses of tagged runs, from reports that are made by hand."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.command import run
from replay.ledger.losses import AFTER_END, BEFORE, COLLECTOR, EITHER, SOCKET, WORKER_DIED, PlacedLoss, losses
from replay.ledger.models.collected import Collected
from replay.ledger.models.reading import checked
from replay.ledger.models.received import Received
from replay.ledger.models.sent import Sent
from replay.ledger.notes import counters_on_the_way, notes
from replay.ledger.reconcile import reconcile
from replay.ledger.report.ledger_report import ledger_report
from replay.ledger.report.summary import summary
from replay.ledger.report.table import ledger_lines
from replay.ledger.run_clock import RunClock
from replay.sink.report.intervals import COLUMNS

RUN = "1f3a9c07"
STARTED = "2025-08-30T10:15:30.000Z"
STARTED_NS = 1_756_548_930_000_000_000


def sent_report(events, **more):
    lanes = [{"port": port, "sent_events": count, "sent_bytes": 150 * count} for port, count in events.items()]
    return {"lanes": lanes, "run_id": RUN, "started": STARTED, "duration_s": 20.0, **more}


def heard_lane(port, verified, *, reached=None, in_socket=0, **more):
    return {
        "port": port,
        "received_events": verified + more.get("duplicated_events", 0),
        "received_bytes": 150 * verified,
        "kernel_drops": 0,
        "verified_events": verified,
        "next_sequence": verified if reached is None else reached,
        "lost_in_socket_events": in_socket,
        "duplicated_events": 0,
        "reordered_events": 0,
        "late_events": 0,
        "drops_after_last": 0,
        "joined": True,
        "last_arrival_s": 15.0,
        **more,
    }


def heard_report(lanes, rows=(), **more):
    """`rows` are port, interval, lost and lost in the socket; the first interval is 2 s after the start of the run."""
    zeros = dict.fromkeys(COLUMNS, 0) | {"intervals": 1}
    table = [
        list((zeros | {"port": port, "interval": i, "lost_events": lost, "lost_in_socket_events": dropped}).values())
        for port, i, lost, dropped in rows
    ]
    intervals = {"interval_ms": 100, "since_ns": STARTED_NS + 2 * 10**9, "columns": list(COLUMNS), "rows": table}
    first = "2025-08-30T10:15:32.000Z"
    return {"lanes": lanes, "run_id": RUN, "intervals": intervals, "first_arrival": first, **more}


def audit_report(events, **more):
    lanes = [{"port": port, "received_events": count, **more} for port, count in events.items()]
    return {"kind": "audit", "run_id": RUN, "lanes": lanes}


def told(sent, received=None, collected=None):
    kinds = ((Sent, sent), (Received, received), (Collected, collected))
    reports = [report and checked(kind, report) for kind, report in kinds]
    ledger = reconcile(*reports, ended_by=RunClock(*reports[:2]).ended_by)
    return ledger, losses(ledger, *reports)


def test_a_gap_in_the_socket_and_one_before_it_are_told_apart_and_placed_in_the_run():
    rows = [(5140, 100, 600, 600), (5140, 101, 100, 100), (5140, 150, 20, 20), (5141, 5, 30, 0)]
    received = heard_report(
        [heard_lane(5140, 9280, reached=10_000, in_socket=720), heard_lane(5141, 970, reached=1000)], rows
    )
    ledger, found = told(sent_report({5140: 10_000, 5141: 1000}), received)
    assert found == [
        PlacedLoss(5140, SOCKET, 700, 12.0, 12.2),
        PlacedLoss(5140, SOCKET, 20, 17.0, 17.1),
        PlacedLoss(5141, BEFORE, 30, 2.5, 2.6),
    ]
    assert summary(ledger, found) == (
        "6.82% lost: 750 of 11,000 events, 6.55% in the socket buffer of port 5140 between 12.0 s and 17.1 s, "
        "0.27% before the socket of port 5141 between 2.5 s and 2.6 s"
    )


@pytest.mark.parametrize(("drops", "joined", "dropped"), [(0, True, 0), (2, True, 256), (9, True, 500), (7, False, 7)])
def test_what_is_missing_at_the_end_is_the_sockets_as_far_as_it_dropped_packets_there(drops, joined, dropped):
    lane = heard_lane(5140, 500, drops_after_last=drops, joined=joined)
    ledger, found = told(sent_report({5140: 1000}), heard_report([lane]))
    (entry,) = ledger.entries
    assert (entry.lost_in_socket_events, entry.lost_before_socket_events) == (dropped, 500 - dropped)
    assert {(loss.where, loss.events) for loss in found} == {
        (where, events) for where, events in ((SOCKET, dropped), (BEFORE, 500 - dropped)) if events
    }
    assert {(loss.from_s, loss.to_s) for loss in found} == {(17.0, 20.0)}


def test_a_port_that_nothing_came_to_was_lost_throughout():
    lane = heard_lane(5140, 0, last_arrival_s=None)
    _, found = told(sent_report({5140: 1000}), heard_report([lane]))
    assert found == [PlacedLoss(5140, BEFORE, 1000, 0.0, 20.0)]


def test_duplicates_are_no_arrivals_and_make_it_unbalanced():
    lane = heard_lane(5140, 990, reached=1000, duplicated_events=10, reordered_events=3)
    ledger, found = told(sent_report({5140: 1000}), heard_report([lane], [(5140, 0, 10, 0)]))
    assert (ledger.lost_events, ledger.surplus_events, ledger.balanced) == (10, 0, False)
    assert summary(ledger, found).endswith("; 10 duplicated; 3 reordered")


def test_many_ports_are_told_by_their_worst():
    received = heard_report([heard_lane(port, 90 - port, reached=100) for port in range(50, 53)])
    ledger, found = told(sent_report(dict.fromkeys(range(50, 53), 100)), received)
    assert "before the socket of 3 ports, most on 52 (62) between " in summary(ledger, found)


def test_without_tags_only_lone_datagrams_tell_where():
    untagged = {"port": 5140, "received_events": 60, "received_bytes": 9000, "kernel_drops": 30}
    sent = sent_report({5140: 100}, run_id=None)
    for joined, expected in ((True, {(EITHER, 40)}), (False, {(SOCKET, 30), (BEFORE, 10)})):
        _, found = told(sent, {"lanes": [untagged | {"joined": joined}]})
        assert {(loss.where, loss.events) for loss in found} == expected
        assert {loss.from_s for loss in found} == {None}


def test_a_collector_stands_behind_the_sink_or_in_its_place():
    sent, received = sent_report({5140: 100}), heard_report([heard_lane(5140, 90, reached=100)], [(5140, 0, 10, 0)])
    collected = audit_report({5140: 70}, missing=[{"sent_from_s": 3.0, "sent_to_s": 4.5}])
    ledger, found = told(sent, None, collected)
    assert (ledger.lost_events, found) == (30, [PlacedLoss(5140, COLLECTOR, 30, 3.0, 4.5)])
    assert ledger_report(ledger, found).received_events is None
    ledger, found = told(sent, received, collected)
    assert ledger.lost_events == 30
    assert {(loss.where, loss.events) for loss in found} == {(COLLECTOR, 20), (BEFORE, 10)}
    ledger, _ = told(sent, None, audit_report({5140: 100}))
    assert ledger.balanced
    assert summary(ledger) == "all 100 events were written on 1 port"


@pytest.mark.parametrize("which", ["received", "collected"])
def test_reports_of_another_run_are_refused(which):
    reports = {"received": heard_report([heard_lane(5140, 1)]), "collected": audit_report({5140: 1})}
    with pytest.raises(ValueError, match=f"run 00000001, and the sender's run was {RUN}"):
        told(sent_report({5140: 1}), **{which: reports[which] | {"run_id": "00000001"}})


@given(
    st.lists(st.tuples(st.integers(514, 517), st.integers(0, 100), st.integers(1, 50), st.booleans()), max_size=30),
    st.integers(0, 90),
)
def test_each_place_has_what_the_ledger_says(gaps, tail):
    rows = [(port, i, lost, lost * dropped) for port, i, lost, dropped in sorted(gaps)]
    lanes, sent = [], {}
    for port in range(514, 518):
        own = [row for row in rows if row[0] == port]
        lost, dropped = (sum(row[column] for row in own) for column in (2, 3))
        lanes.append(heard_lane(port, 1000, reached=1000 + lost, in_socket=dropped))
        sent[port] = 1000 + lost + tail
    ledger, found = told(sent_report(sent), heard_report(lanes, rows))
    assert sum(loss.events for loss in found) == ledger.lost_events
    for entry in ledger.entries:
        for where, events in ((SOCKET, entry.lost_in_socket_events), (BEFORE, entry.lost_before_socket_events)):
            assert sum(loss.events for loss in found if (loss.port, loss.where) == (entry.port, where)) == events
    json.dumps(ledger_report(ledger, found).figures())
    assert summary(ledger, found).split()[0] in ledger_lines(ledger, found)


def test_counters_on_the_way_are_of_both_hosts():
    sent = sent_report({5140: 1}, nic={"tx_dropped": 4})
    received = heard_report([heard_lane(5140, 1)], host={"backlog_dropped": 7})
    way = counters_on_the_way(checked(Sent, sent), checked(Received, received))
    assert (way["tx_dropped"], way["backlog_dropped"], way["udp_no_ports"]) == (4, 7, None)
    assert notes(told(sent, received)[0], way=way) == [
        "4 packets dropped by the sender's card",
        "7 packets dropped by a full backlog (net.core.netdev_max_backlog)",
    ]


def test_times_allow_for_a_clock_that_differs():
    """The sink's clock is two hours ahead: all that it saw is 7,200 s later in its report."""
    ahead_ns = 7200 * 10**9
    received = heard_report([heard_lane(5140, 970, reached=1000)], [(5140, 5, 30, 0)], stamp_age_min_ms=7_200_000.2)
    received["intervals"]["since_ns"] += ahead_ns
    received["first_arrival"] = "2025-08-30T12:15:32.000Z"
    sent = sent_report({5140: 1000}, stamp="now")
    ledger, found = told(sent, received)
    assert found == [PlacedLoss(5140, BEFORE, 30, 2.4, 2.6)]
    clock = RunClock(checked(Sent, sent), checked(Received, received))
    (said,) = notes(ledger, clock)
    assert said == "the sink's clock is 7,200.0 s ahead of the sender's (by the stamps); times allow for that"
    del received["stamp_age_min_ms"]
    assert told(sent, received)[1] == [PlacedLoss(5140, BEFORE, 30, 0.5, 0.6)]


@pytest.mark.parametrize("lag_ms", [0, 3, 400])
def test_clocks_that_agree_are_not_talked_about(lag_ms):
    received = heard_report([heard_lane(5140, 1000)], stamp_age_min_ms=float(lag_ms))
    assert not RunClock(checked(Sent, sent_report({5140: 1000}, stamp="now")), checked(Received, received)).differs


def test_a_stretch_of_time_is_never_empty():
    rows = [(5140, 0, 30, 0)]
    received = heard_report([heard_lane(5140, 970, reached=1000)], rows, stamp_age_min_ms=900.0)
    received["intervals"]["since_ns"] = STARTED_NS - 2 * 10**9
    _, (loss,) = told(sent_report({5140: 1000}, stamp="now"), received)
    assert (loss.from_s, loss.to_s) == (0.0, 0.1)


def test_a_verdict_never_ends_in_a_comma():
    received = heard_report([heard_lane(port, 90 - port, reached=100) for port in range(50, 53)])
    for sent in (
        sent_report(dict.fromkeys(range(50, 53), 100)),
        sent_report(dict.fromkeys(range(50, 53), 100), started=None),
    ):
        ledger, found = told({name: value for name, value in sent.items() if name != "duration_s"}, received)
        assert not summary(ledger, found).endswith(",")
        assert "it is not known when" in summary(ledger, found)


def test_no_share_is_more_than_the_whole_though_a_wrong_number_made_a_gap_of_millions():
    received = heard_report([heard_lane(5140, 100, reached=4_000_100)], [(5140, 5, 4_000_000, 0)])
    ledger, found = told(sent_report({5140: 100}), received)
    assert sum(loss.events for loss in found) == ledger.lost_events == 1


@pytest.mark.parametrize(
    ("ended_by", "place"),
    [("failure", WORKER_DIED), ("idle", AFTER_END), ("signal", AFTER_END), ("second signal", AFTER_END)],
)
def test_what_is_missing_after_the_sink_s_end_is_not_the_network_s(ended_by, place):
    lanes = [heard_lane(5140, 480, reached=500, in_socket=5, drops_after_last=9)]
    received = heard_report(lanes, [(5140, 5, 20, 5)], ended_by=ended_by, ended="2025-08-30T10:15:40.000Z")
    ledger, found = told(sent_report({5140: 1000}), received)
    assert {(loss.where, loss.events) for loss in found} == {(SOCKET, 5), (BEFORE, 15), (place, 500)}
    (entry,) = ledger.entries
    assert (entry.lost_before_socket_events, entry.lost_after_end_events) == (15, 500)
    assert "not received since the sink" in summary(ledger, found)


@pytest.mark.parametrize("joined", [True, False, None])
@pytest.mark.parametrize(
    ("ended", "arrived", "in_socket", "after_end"),
    [
        ("2025-08-30T10:15:10.000Z", 0, 0, 1000),
        ("2025-08-30T10:15:40.000Z", 400, 9, 591),
        ("2025-08-30T10:15:40.000Z", 1000, 0, 0),
    ],
    ids=["before the run", "in it", "after all had come"],
)
@pytest.mark.parametrize(("ended_by", "place"), [("failure", WORKER_DIED), ("idle", AFTER_END)])
def test_without_tags_too_a_sink_that_was_not_there_is_no_loss_before_its_socket(
    ended_by, place, ended, arrived, in_socket, after_end, joined
):
    lanes = [{"port": 5140, "received_events": arrived, "received_bytes": 0, "kernel_drops": 9, "joined": joined}]
    received = {"lanes": lanes, "ended_by": ended_by, "ended": ended}
    received["first_arrival"] = "2025-08-30T10:15:31.000Z" if arrived else None
    sent = sent_report({5140: 1000, 5141: 7}) | {"run_id": None}
    ledger, found = told(sent, received)
    if joined is not False:
        after_end, in_socket = after_end + in_socket, 0
    told_of = {(place, after_end), (SOCKET, in_socket)} if arrived < 1000 else set()
    assert {(loss.where, loss.events) for loss in found if loss.port == 5140} == {one for one in told_of if one[1]}
    assert [(loss.where, loss.events) for loss in found if loss.port == 5141] == [(EITHER, 7)]
    said = "the sink's worker died" if ended_by == "failure" else "the sink had ended before the run did"
    assert said in summary(ledger, found)


@pytest.mark.parametrize("run_id", [RUN, None])
def test_what_a_sink_had_no_time_to_read_is_not_the_network_s(run_id):
    """It was ended by a second signal a minute after the run, with all that its sockets held."""
    lanes = [heard_lane(5140, 480)]
    received = heard_report(lanes, ended_by="second signal", ended="2025-08-30T10:17:00.000Z") | {"run_id": run_id}
    ledger, found = told(sent_report({5140: 1000}) | {"run_id": run_id}, received)
    assert {(loss.where, loss.events) for loss in found} == {(AFTER_END, 520)}
    assert ledger.ended_by == "second signal"


def test_tagged_events_that_nobody_lived_to_verify_are_told():
    received = heard_report([], ended_by="failure") | {"run_id": None, "tags": None, "unverified_events": 480}
    ledger, _ = told(sent_report({5140: 1000}), received)
    said = "480 tagged events were not verified: the sink's worker ended before it knew their run"
    assert said in notes(ledger)
    assert ledger_report(ledger).unverified_events == 480


def test_a_sink_that_ended_before_a_run_of_no_time_was_not_there():
    received = {"lanes": [], "ended_by": "idle", "ended": "2025-08-30T10:15:10.000Z"}
    sent = sent_report({5140: 1}, duration_s=0.001)
    assert RunClock(checked(Sent, sent), checked(Received, received)).ended_by == "idle"


TAGS = ("verified_events", "lost_in_socket_events", "duplicated_events", "late_events", "foreign_events")


@pytest.mark.parametrize(
    ("of", "name"),
    [
        ("sent.json", "sent_events"),
        ("sent.json", "sent_bytes"),
        *(("heard.json", name) for name in ("received_events", "received_bytes", "kernel_drops")),
        *(("heard.json", f"tags.{name}") for name in TAGS),
        *(("audit.json", name) for name in ("received_events", "surplus_events")),
    ],
)
def test_totals_are_the_sums_of_their_ports_or_refused(command, of, name):
    lanes = [heard_lane(port, 100, foreign_events=1) for port in (5140, 5141)]
    sent = sent_report({5140: 100, 5141: 100})
    for lane in sent["lanes"]:
        lane["sent_bytes"] = 15000
    audit = audit_report({5140: 100, 5141: 100}, surplus_events=0)
    files = {"sent.json": sent, "heard.json": heard_report(lanes, tags={}), "audit.json": audit}
    *within, key = name.split(".")
    total_of = files[of][within[0]] if within else files[of]
    total = total_of[key] = sum(lane[key] for lane in files[of]["lanes"])
    words = ("sent.json", "heard.json", "--collector", "audit.json")
    assert command(files, *words)[0] == 0
    total_of[key] += 1
    code, out, err = command(files, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{key} is {total + 1:,}, and those of the ports sum to {total:,}" in err


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("of", ["sent.json", "heard.json"])
def test_what_is_no_number_is_refused_wherever_it_stands(command, of, number):
    files = {"sent.json": sent_report({5140: 100}), "heard.json": heard_report([heard_lane(5140, 100)])}
    files[of]["rate_eps"] = number
    code, _, err = command(files, "sent.json", "heard.json")
    assert (code, err.count("\n")) == (2, 1)
    assert f"{of}: not a JSON report" in err


def test_a_sink_that_outlived_the_run_lost_nothing_by_its_end():
    received = heard_report([heard_lane(5140, 500)], ended_by="idle", ended="2025-08-30T10:15:55.000Z")
    _, found = told(sent_report({5140: 1000}), received)
    assert {loss.where for loss in found} == {BEFORE}


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run `replay reconcile` on reports by the names of their files: the exit code, stdout, stderr."""
    from replay.cli import replay  # noqa: PLC0415 - the other tests here don't need the whole command

    def call(files, *words):
        for name, report in files.items():
            (tmp_path / name).write_text(json.dumps(report))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["replay", "reconcile", *words])
        with pytest.raises(SystemExit) as end:
            run(replay)
        return (end.value.code, *capsys.readouterr())

    return call


def test_the_limit_decides(command):
    lane = heard_lane(5140, 995, reached=1000, duplicated_events=5)
    files = {"s": sent_report({5140: 1000}), "r": heard_report([lane], [(5140, 0, 5, 0)])}
    assert [command(files, "s", "r", *limit)[0] for limit in ((), ("--max-loss", "0.5%"), ("--max-loss", "0.4%"))] == [
        1,
        0,
        1,
    ]
    code, out, _ = command(files, "s", "r", "--max-loss", "1%", "--report", "ledger.json", "--json")
    assert (code, json.loads(out)["loss_percent"]) == (0, 0.5)


def test_what_can_not_be_compared_is_said_in_one_line(command):
    files = {"s": sent_report({5140: 1}), "r": heard_report([heard_lane(5140, 1)]) | {"run_id": "00000001"}}
    for words, complaint in (
        (("s",), "say what SENT is compared with"),
        (("s", "r"), "the sink counted run 00000001, and the sender's run was 1f3a9c07"),
        (("s", "missing"), "No such file"),
    ):
        code, out, err = command(files, *words)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert complaint in err


def test_a_report_that_is_spoiled_is_no_traceback(command):
    received = heard_report([heard_lane(5140, 1)])
    rows = {"rows": [[1, 2]], "columns": ["port"]}
    for spoiled in ({"intervals": 5}, {"intervals": rows}, {"first_arrival": "noon"}, {"lanes": {}}):
        code, _, err = command({"s": sent_report({5140: 2}), "r": received | spoiled}, "s", "r")
        assert (code, err.count("\n")) == (2, 1), spoiled
