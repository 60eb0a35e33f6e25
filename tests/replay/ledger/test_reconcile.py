"""The ledger: sums that hold for any reports, and what it says of each kind of difference."""

import json
import re
from contextlib import nullcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.command import run
from captures.console.errors import InputError
from replay.ledger.losses import losses
from replay.ledger.models.collected import Collected
from replay.ledger.models.reading import checked
from replay.ledger.models.received import Received
from replay.ledger.models.sent import Sent
from replay.ledger.notes import notes
from replay.ledger.reconcile import reconcile
from replay.ledger.report.ledger_report import ledger_report
from replay.ledger.report.summary import summary
from replay.ledger.report.table import ledger_lines, ledger_table
from replay.ledger.run_clock import RunClock
from replay.sessions.reconcile import Reconciliation, reconcile_files

COUNTS = st.dictionaries(st.integers(514, 530), st.integers(0, 10**9), max_size=8)
SENT = COUNTS.filter(bool)
EVENT_BYTES = 150


def sent_report(events_by_port):
    lanes = [
        {"port": port, "sent_events": events, "sent_bytes": events * EVENT_BYTES, "errors": 0}
        for port, events in events_by_port.items()
    ]
    return {"lanes": lanes}


def received_report(events_by_port, kernel_drops=0, event_bytes=EVENT_BYTES):
    lanes = [
        {
            "port": port,
            "received_events": events,
            "received_bytes": events * event_bytes,
            "kernel_drops": kernel_drops,
        }
        for port, events in events_by_port.items()
    ]
    return {"lanes": lanes}


def ledger_of(sent, received=None, collected=None, **more):
    """The ledger of reports as they are written."""
    kinds = ((Sent, sent), (Received, received), (Collected, collected))
    return reconcile(*(checked(kind, report) if report is not None else None for kind, report in kinds), **more)


@given(SENT, COUNTS)
def test_the_sums_hold(sent, received):
    ledger = ledger_of(sent_report(sent), received_report(received))
    assert ledger.sent_events == sum(sent.values())
    assert (ledger.total("received_events") or 0) == sum(received.values())
    assert ledger.sent_events - ledger.lost_events + ledger.surplus_events == sum(received.values())
    assert {entry.port for entry in ledger.entries} == {
        port for port in sent.keys() | received.keys() if sent.get(port) or received.get(port)
    }
    differs = any(sent.get(port, 0) != received.get(port, 0) for port in sent.keys() | received.keys())
    assert ledger.balanced is not differs
    assert summary(ledger).split()[0] in ledger_lines(ledger)
    assert all(len(line) <= 80 for line in (*ledger_lines(ledger).splitlines(), *ledger_table(ledger).splitlines()))
    odd = {entry.port for entry in ledger.entries if sent.get(entry.port, 0) != received.get(entry.port, 0)}
    assert {int(line.split()[0]) for line in ledger_table(ledger).splitlines()[1:] if line[:6].strip().isdigit()} >= odd
    assert json.loads(json.dumps(ledger_report(ledger).figures()))["balanced"] is not differs


@pytest.mark.parametrize(
    ("sent", "received", "said"),
    [
        ({514: 3_999_000, 515: 1000}, {514: 3_999_000, 515: 1000}, "all 4,000,000 events arrived on 2 ports"),
        ({514: 1}, {514: 1, 515: 0}, "all 1 event arrived on 1 port"),
        (
            {514: 3_000_000, 515: 1_000_000},
            {514: 2_993_600, 515: 990_000},
            "0.41% lost: 16,400 of 4,000,000 events, most on port 515 (10,000; kernel drops there: 50)",
        ),
        ({514: 5}, {514: 6}, "1 event arrived that was not sent, most on port 514 (1)"),
        (
            {514: 5},
            {515: 5},
            (
                "100.00% lost: 5 of 5 events, most on port 514 (5; kernel drops there: not measured); "
                "5 events arrived that were not sent, most on port 515 (5)"
            ),
        ),
    ],
)
def test_the_verdict_is_one_sentence(sent, received, said):
    assert summary(ledger_of(sent_report(sent), received_report(received, kernel_drops=50))) == said


def test_bytes_count_as_well():
    ledger = ledger_of(sent_report({514: 5}), received_report({514: 5}, event_bytes=149))
    assert not ledger.balanced
    assert summary(ledger) == "all 5 events arrived, but not with the bytes that were sent"


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"lanes": None},
        {"lanes": [None]},
        {"lanes": [{"port": 514}]},
        {"lanes": [{"port": 514, "sent_events": "5", "sent_bytes": 5}]},
        {"lanes": [{"port": 514, "sent_events": True, "sent_bytes": 5}]},
        {"lanes": [{"port": 514, "sent_events": -5, "sent_bytes": 5}]},
        {"lanes": [{"port": 514, "sent_events": 10**30, "sent_bytes": 5}]},
        {"lanes": [{"port": 70_000, "sent_events": 5, "sent_bytes": 5}]},
        {"lanes": [{"port": 514, "sent_events": 5}] * 2},
        {"lanes": [{"port": 514, "sent_events": 5}], "duration_s": float("nan")},
        {"lanes": [{"port": 514, "sent_events": 5}], "started": "noon"},
        {"lanes": [{"port": 514, "sent_events": 5}], "run_id": "1f3a"},
    ],
)
def test_refuses_what_is_no_report(report):
    with pytest.raises(ValueError, match="a report of what was sent has lanes with the counts port, sent_events"):
        ledger_of(report, received_report({514: 5}))


RUN = "1f3a9c07"


@pytest.mark.parametrize("runs", [(RUN, "0000000b"), (RUN, None)])
def test_a_merged_report_of_several_runs_is_refused_since_events_of_a_third_would_make_up_for_those_of_one(runs):
    """Nothing of one of the runs came, and as many events of a third."""
    merged = sent_report({514: 2000}) | {"run_id": None, "parts": [{"run_id": run} for run in runs]}
    with pytest.raises(ValueError, match=r"a merged report of several runs; use the report of each run"):
        ledger_of(merged, received_report({514: 2000}))


@pytest.mark.parametrize("runs", [(RUN, RUN.upper()), (None, None)])
def test_a_merged_report_of_hosts_that_sent_one_run_is_reconciled(runs):
    merged = sent_report({514: 2000}) | {"run_id": runs[0], "parts": [{"run_id": run} for run in runs]}
    assert ledger_of(merged, received_report({514: 2000})).balanced


@pytest.mark.parametrize(
    ("run", "targets", "refused"),
    [
        (None, ("198.18.0.2", "198.18.0.1", "198.18.0.2"), "to several targets (198.18.0.1, 198.18.0.2); use"),
        (None, [f"198.18.0.{host}" for host in range(1, 7)], "(198.18.0.1, 198.18.0.2, 198.18.0.3, 198.18.0.4, ...);"),
        (None, ("198.18.0.2", "198.18.0.2"), None),
        (None, ("198.18.0.2", None), None),  # an earlier version may not have told
        (RUN, ("198.18.0.1", "198.18.0.2"), None),  # the tags say to which port, and of which run
    ],
)
def test_untagged_runs_to_several_targets_are_not_reconciled_as_one(run, targets, refused):
    """A receiver has counted the events of one target, and those of the others would all be lost."""
    parts = [{"run_id": run, "target": target} for target in targets]
    merged = sent_report({514: 2000}) | {"run_id": run, "parts": parts}
    with pytest.raises(ValueError, match=re.escape(refused)) if refused else nullcontext():
        assert ledger_of(merged, received_report({514: 2000})).balanced


def tagged_lane(port, verified, **more):
    """A port of a sink that heard tags."""
    return {
        "port": port,
        "received_events": verified,
        "received_bytes": verified * EVENT_BYTES,
        "kernel_drops": 0,
        "verified_events": verified,
        "next_sequence": verified,
        "lost_in_socket_events": 0,
        "duplicated_events": 0,
        "reordered_events": 0,
        "late_events": 0,
        "drops_after_last": 0,
        "joined": True,
        **more,
    }


def tagged(sent, lanes, mapped=(), **more):
    """The ledger of a tagged run."""
    report = {"lanes": lanes, "mapped_lanes": list(mapped), "run_id": RUN, **more}
    return ledger_of({**sent_report(sent), "run_id": RUN}, report)


@pytest.mark.parametrize("number", [100, 0x8032, 10**9])
def test_a_number_that_was_not_sent_is_surplus_and_stands_in_for_no_lost_one(number):
    ledger = tagged({514: 100}, [tagged_lane(514, 99, next_sequence=100, unconfirmed=[[number, 1]])])
    assert (ledger.lost_events, ledger.surplus_events, ledger.balanced) == (1, 1, False)
    assert "1 event arrived that was not sent, most on port 514 (1)" in summary(ledger)


def test_what_is_surplus_in_total_is_the_sum_of_the_ports_without_duplicates():
    lanes = [
        tagged_lane(514, 99, next_sequence=100, unconfirmed=[[200, 82]], duplicated_events=18),
        tagged_lane(515, 100, duplicated_events=7),
    ]
    told = ledger_report(tagged({514: 100, 515: 100}, lanes)).figures()
    assert (told["surplus_events"], told["duplicated_events"]) == (82, 25)
    for name in ("surplus_events", "duplicated_events"):
        assert told[name] == sum(lane[name] for lane in told["lanes"])


def test_what_nothing_followed_arrived_if_it_was_sent():
    ledger = tagged({514: 100}, [tagged_lane(514, 98, next_sequence=98, unconfirmed=[[99, 1]])])
    assert (ledger.lost_events, ledger.surplus_events) == (1, 0)


def test_numbers_that_were_believed_and_not_sent_are_surplus_too():
    ledger = tagged({514: 100}, [tagged_lane(514, 104, next_sequence=5004)])
    assert (ledger.lost_events, ledger.surplus_events) == (0, 4)
    ledger = tagged({514: 100}, [tagged_lane(514, 100, next_sequence=5004)])
    assert (ledger.lost_events, ledger.surplus_events, ledger.balanced) == (1, 1, False)


def test_of_a_loss_that_is_a_range_the_higher_figure_counts():
    """Number 101 came and was not sent; number 100 may have come as well, and then one that was sent did not."""
    ledger = tagged({514: 100}, [tagged_lane(514, 101, next_sequence=102)])
    assert (ledger.lost_events_min, ledger.lost_events, ledger.lost_events_max) == (0, 0, 1)
    assert summary(ledger).startswith("between 0.00% and 1.00% lost: 0 to 1 of 100 events")
    assert "1 of the verified may be such" in notes(ledger)[0]
    reconciled = Reconciliation(
        ledger, [], {}, RunClock(checked(Sent, sent_report({514: 100})), None), None, run_failed=False
    )
    assert not reconciled.passes(Fraction("0.009"))
    assert reconciled.passes(Fraction("0.01"))
    ledger = tagged({514: 100}, [tagged_lane(514, 100, next_sequence=101)])
    assert (ledger.lost_events_min, ledger.lost_events_max) == (0, 1)  # it may be the one that is missing, damaged


def test_what_came_with_a_damaged_tag_may_be_what_is_missing():
    ledger = tagged(
        {514: 100, 515: 100}, [tagged_lane(514, 90, malformed_events=6), tagged_lane(515, 100, malformed_events=3)]
    )
    assert (ledger.lost_events_min, ledger.lost_events, ledger.damaged_events) == (4, 10, 6)
    assert summary(ledger).startswith("between 2.00% and 5.00% lost: 4 to 10 of 200 events")
    assert "6 of the lost may have come with a tag that was damaged on the way" in notes(ledger)


def test_doubtful_cut_events_explain_losses_only_where_they_came():
    """At port 515, of which nothing is missing, others send."""
    doubtful = {"doubtful_cut_events": 1000, "cut_to_bytes": {"min": 300, "max": 300}}
    lanes = [tagged_lane(514, 20, next_sequence=30), tagged_lane(515, 30, **doubtful)]
    ledger = tagged({514: 30, 515: 30}, lanes)
    assert (ledger.lost_events_min, ledger.lost_events) == (10, 10)
    lanes = [tagged_lane(514, 20, next_sequence=30, **doubtful), tagged_lane(515, 30)]
    ledger = tagged({514: 30, 515: 30}, lanes)
    assert (ledger.lost_events_min, ledger.lost_events) == (0, 10)


@pytest.mark.parametrize(("longest", "least"), [(600, 0), (269, 0), (268, 10), (None, 0)])
def test_what_is_longer_than_any_event_can_become_is_no_cut_one(longest, least):
    lane = tagged_lane(514, 20, next_sequence=30, doubtful_cut_events=50, cut_to_bytes={"min": 300, "max": 300})
    received = {"lanes": [lane], "run_id": RUN}
    sent = {**sent_report({514: 30}), "run_id": RUN, "capture": {"longest_bytes": longest}}
    ledger = ledger_of(sent, received)
    assert (ledger.lost_events_min, ledger.lost_events) == (least, 10)


def test_events_that_keep_their_tags_are_cut_where_bytes_are_missing():
    ledger = tagged({514: 30, 515: 30}, [tagged_lane(514, 30, received_bytes=4400), tagged_lane(515, 30)])
    assert (ledger.lost_events, ledger.cut_events, ledger.cut_bytes, ledger.balanced) == (0, 0, 100, False)
    assert summary(ledger) == "4,400 of 4,500 bytes came at 1 port: events were cut behind their tags"
    assert "cut bytes" in ledger_table(ledger)
    assert ledger_report(ledger).cut_bytes == 100
    both = tagged({514: 30, 515: 30}, [tagged_lane(port, 30, received_bytes=3000) for port in (514, 515)])
    assert summary(both) == "all 60 events arrived, but 6,000 of 9,000 bytes came: events were cut behind their tags"


def test_where_ports_are_mapped_bytes_are_compared_on_all_together():
    mapped = [{"port": 514, "verified_events": 30, "next_sequence": 30, "came_by": {"5514": 30}}]
    lane = tagged_lane(5514, 0, received_events=30, received_bytes=4000, next_sequence=0)
    ledger = tagged({514: 30}, [lane], mapped)
    assert (ledger.cut_bytes, ledger.balanced) == (500, False)
    assert "4,000 of 4,500 bytes came" in summary(ledger)


@pytest.mark.parametrize("more", [{"received_bytes": 5000}, {"foreign_events": 1, "received_events": 31}])
def test_bytes_too_many_and_bytes_of_others_are_no_cut(more):
    ledger = tagged({514: 30}, [tagged_lane(514, 30, **{"received_bytes": 4400, **more})])
    assert (ledger.cut_bytes, ledger.balanced) == (0, True)


@given(st.data())
def test_with_any_figures_the_parts_sum_to_the_whole(data):
    count = st.integers(0, 10**6)
    sent = {port: data.draw(count) for port in (514, 515, 516)}
    lanes = []
    for port in (515, 516, 5514):
        names = ("next_sequence", "lost_in_socket_events", "cut_events", "drops_after_last", "duplicated_events")
        lane = tagged_lane(port, data.draw(count), **{name: data.draw(count) for name in names})
        lane["unconfirmed"] = data.draw(st.lists(st.lists(count, min_size=2, max_size=2), max_size=2))
        lanes.append(lane | {"came_by": data.draw(st.dictionaries(st.sampled_from(["516", "5514"]), count))})
    mapped = [{"port": 514, "verified_events": data.draw(count), "next_sequence": data.draw(count)}]
    mapped[0]["came_by"] = {"5514": 7}
    ended = data.draw(st.sampled_from([None, "idle", "failure"]))
    received = {"lanes": lanes, "mapped_lanes": mapped, "run_id": RUN}
    reports = checked(Sent, {**sent_report(sent), "run_id": RUN}), checked(Received, received)
    ledger = reconcile(*reports, ended_by=ended)
    for entry in ledger.entries:
        told = entry.verified_events + entry.lost_events + entry.cut_events + entry.cut_or_lost_events
        assert told == entry.sent_events
        places = (entry.lost_in_socket_events, entry.lost_before_socket_events, entry.lost_after_end_events or 0)
        assert sum(places) == entry.lost_events
        assert min(*places, entry.lost_events, entry.surplus_events) >= 0
    assert 0 <= ledger.lost_events_min <= ledger.lost_events <= ledger.sent_events
    assert ledger.lost_events == sum(loss.events for loss in losses(ledger, *reports))
    assert sum(entry.verified_events for entry in ledger.entries) + ledger.lost_events + ledger.cut_events == (
        ledger.sent_events
    )


def test_a_mapped_port_has_lost_nothing():
    mapped = [{"port": 514, "verified_events": 30, "next_sequence": 30, "came_by": {"5514": 30}}]
    lane = tagged_lane(5514, 0, received_events=30, received_bytes=30 * EVENT_BYTES, next_sequence=0)
    ledger = tagged({514: 30}, [lane], mapped)
    assert (ledger.lost_events, ledger.surplus_events, ledger.balanced) == (0, 0, True)
    assert notes(ledger) == ["30 events came by another port (514 -> 5514)"]
    assert summary(ledger) == "all 30 events arrived on 1 port"
    assert ledger_table(ledger) == ""
    assert "514" in ledger_table(ledger, wide=True)


def test_events_of_other_runs_are_named_and_change_nothing():
    lane = tagged_lane(514, 30, foreign_events=7, received_events=37)
    ledger = tagged({514: 30}, [lane], tags={"other_runs": {"00000002": 7}})
    assert ledger.balanced
    assert notes(ledger) == ["7 events came that are of other runs: 00000002 (7)"]
    assert "foreign" in ledger_table(ledger)


def test_foreign_events_of_no_run_that_is_named_may_be_of_this_one():
    """They came to more ports than a sink learns, or are of more runs than it names."""
    further = "that are of further runs, or of this one to further ports"
    lane = tagged_lane(514, 30, foreign_events=7, received_events=37)
    assert notes(tagged({514: 30}, [lane])) == [f"7 events came {further}"]
    assert notes(tagged({514: 30}, [lane], tags={"other_runs": {"00000002": 6}})) == [
        "6 events came that are of other runs: 00000002 (6)",
        f"1 event came {further.replace('are', 'is')}",
    ]


def test_of_a_run_that_a_sink_took_for_strays_it_is_said_how_much_came(tmp_path):
    """Strays came first, so the sink counted their run; an upper-case id is the same run."""
    (tmp_path / "sent.json").write_text(json.dumps({**sent_report({514: 100_000}), "run_id": RUN.upper()}))
    lane = tagged_lane(514, 900, foreign_events=100_000, received_events=100_900)
    heard = {"lanes": [lane], "run_id": "deadbeef", "tags": {"verified_events": 900, "other_runs": {RUN: 100_000}}}
    (tmp_path / "heard.json").write_text(json.dumps(heard))
    with pytest.raises(InputError) as refusal:
        reconcile_files(tmp_path / "sent.json", tmp_path / "heard.json", None, None)
    said = str(refusal.value)
    assert "the sink counted run deadbeef, and the sender's run was" in said
    assert "the sink heard 900 events of the run that it counted, and 100,000 events of the sender's" in said
    assert said.endswith("start it with --run-id, or the run with --sink")


def test_cut_events_are_not_lost():
    lane = tagged_lane(514, 20, next_sequence=30, cut_events=9, cut_to_bytes={"min": 180, "max": 180})
    ledger = tagged({514: 30}, [lane])
    assert (ledger.lost_events, ledger.cut_events, ledger.balanced) == (1, 9, False)
    assert summary(ledger).endswith("; 9 cut to 180 bytes, their tags are gone")


def test_no_more_are_cut_than_are_missing():
    ledger = tagged({514: 30}, [tagged_lane(514, 30, cut_events=9)])
    assert (ledger.lost_events, ledger.cut_events, ledger.balanced) == (0, 0, True)


def test_cut_events_of_ports_that_came_as_one_are_not_lost_though_their_port_is_not_known():
    mapped = [
        {"port": port, "verified_events": 20, "next_sequence": 30, "came_by": {"5514": 20}} for port in (514, 515)
    ]
    lane = tagged_lane(5514, 0, cut_events=19, cut_to_bytes={"min": 180, "max": 180})
    ledger = tagged({514: 30, 515: 30}, [lane], mapped)
    assert (ledger.lost_events, ledger.cut_events) == (1, 19)
    assert "of 19 cut events the port is not known" in notes(ledger)[1]


def test_cut_lines_without_a_port_are_in_one_row_and_lost_nowhere():
    lanes = [{"port": port, "received_events": 10} for port in (514, 515)]
    audit = {"lanes": lanes, "run_id": RUN, "cut_events": 40, "cut_to_bytes": {"min": 180, "max": 180}}
    sent, written = checked(Sent, {**sent_report({514: 30, 515: 30}), "run_id": RUN}), checked(Collected, audit)
    ledger = reconcile(sent, None, written)
    assert (ledger.lost_events, ledger.cut_events, ledger.balanced) == (0, 40, False)
    assert losses(ledger, sent, None, written) == []
    table = [line.split() for line in ledger_table(ledger).splitlines()]
    assert table[0][-4:] == ["cut", "cut", "or", "lost"]
    assert [row[0] for row in table[1:]] == ["514", "515", "?", "all"]
    assert [row[-2:] for row in table[1:]] == [["0", "20"], ["0", "20"], ["40", "-"], ["40", "-"]]


def test_what_is_lost_beside_cut_lines_without_a_port_is_of_ports_that_are_not_known():
    lanes = [{"port": port, "received_events": 10} for port in (514, 515)]
    audit = {"lanes": lanes, "run_id": RUN, "cut_events": 15}
    sent, written = checked(Sent, {**sent_report({514: 30, 515: 30}), "run_id": RUN}), checked(Collected, audit)
    ledger = reconcile(sent, None, written)
    assert (ledger.lost_events, ledger.cut_events) == (25, 15)
    assert [(entry.lost_at_collector_events, entry.all_cut_or_lost_events) for entry in ledger.entries] == [(5, 15)] * 2
    found = losses(ledger, sent, None, written)
    assert [(loss.port, loss.events) for loss in found] == [(514, 5), (515, 5), (None, 15)]
    assert "2 ports, most on 514 (5), and ports that are not known" in summary(ledger, found)


def test_cut_events_beside_those_of_other_runs_or_duplicates_hide_no_loss():
    for strange in ({"foreign_events": 5}, {"duplicated_events": 5}):
        ledger = tagged({514: 30}, [tagged_lane(514, 20, next_sequence=30, cut_events=9, **strange)])
        assert (ledger.lost_events, ledger.lost_events_min, ledger.cut_events) == (10, 1, 0)
        assert summary(ledger).startswith("between 3.33% and 33.33% lost: 1 to 10 of 30 events")
        assert "9 of the lost may be cut events" in " ".join(notes(ledger))
    ledger = tagged({514: 30}, [tagged_lane(514, 20, next_sequence=30, cut_events=2, doubtful_cut_events=7)])
    assert (ledger.lost_events, ledger.lost_events_min, ledger.cut_events) == (8, 1, 2)
    audit = {"lanes": [{"port": 514, "received_events": 20}], "run_id": RUN, "cut_events": 0, "cut_events_max": 8}
    ledger = ledger_of({**sent_report({514: 30}), "run_id": RUN}, None, audit)
    assert (ledger.lost_events, ledger.lost_events_min) == (10, 2)


def test_an_audit_s_cut_lines_are_not_lost_at_the_collector():
    lanes = [{"port": 514, "received_events": 20, "cut_events": 6, "cut_to_bytes": {"min": 512, "max": 512}}]
    audit = {"lanes": lanes, "run_id": RUN, "cut_events": 9, "cut_to_bytes": {"min": 500, "max": 512}}
    ledger = ledger_of({**sent_report({514: 30}), "run_id": RUN}, None, audit)
    assert (ledger.lost_events, ledger.cut_events, ledger.cut_to_bytes) == (1, 9, (500, 512))
    assert ledger.entries[0].lost_events is None
    assert " - " in ledger_table(ledger, wide=True)


def test_a_port_without_a_sink_is_named():
    ledger = tagged({514: 30, 515: 30}, [tagged_lane(514, 30)])
    assert (ledger.lost_events, notes(ledger)) == (30, ["the sink did not listen at 515"])


def test_forty_ports_are_shown_where_something_is_lost_or_on_request():
    sent = dict.fromkeys(range(5140, 5180), 100)
    ledger = tagged(sent, [tagged_lane(port, 100 - (port == 5150)) for port in sent])
    assert [line.split()[0] for line in ledger_table(ledger).splitlines()] == ["port", "5150", "all", "39"]
    assert len(ledger_table(ledger, wide=True).splitlines()) == 42


@pytest.fixture
def reconciled(tmp_path, monkeypatch, capsys):
    """Run `replay reconcile` on two reports: the exit code, stdout, stderr."""
    from replay.cli import replay  # noqa: PLC0415 - the other tests here don't need the whole command

    def compare(sent, received, *flags):
        paths = [tmp_path / "sent.json", tmp_path / "received.json"]
        for path, report in zip(paths, (sent, received), strict=True):
            path.write_text(json.dumps(report))
        monkeypatch.setattr("sys.argv", ["replay", "reconcile", *map(str, paths), *flags])
        with pytest.raises(SystemExit) as end:
            run(replay)
        return (end.value.code, *capsys.readouterr())

    return compare


@pytest.mark.parametrize(("limit", "code"), [("33.3%", 1), ("33.4%", 0)])
def test_what_is_cut_did_not_arrive_whole_and_counts_as_what_is_lost(reconciled, limit, code):
    lanes = [tagged_lane(514, 20, next_sequence=30, cut_events=9)]
    sent, received = {**sent_report({514: 30}), "run_id": RUN}, {"lanes": lanes, "run_id": RUN}
    assert reconciled(sent, received, "--max-loss", limit)[0] == code


def test_the_command_says_met_or_missed(reconciled):
    code, out, _ = reconciled(sent_report({514: 5}), received_report({514: 5}))
    assert (code, out) == (0, "all 5 events arrived on 1 port\n")
    code, out, err = reconciled(sent_report({514: 5}), received_report({514: 4}), "--json")
    assert (code, json.loads(out)["lost_events"]) == (1, 1)
    assert err.startswith("20.00% lost: 1 of 5 events")


def test_a_ledger_of_a_run_that_failed_does_not_pass(tmp_path):
    """All that it sent arrived, and that was not what was asked for."""
    lanes = {"lanes": [{"port": 514, "sent_events": 5, "sent_bytes": 500, "received_events": 5, "received_bytes": 500}]}
    (tmp_path / "sent.json").write_text(json.dumps({**lanes, "verdict": "failed"}))
    (tmp_path / "received.json").write_text(json.dumps(lanes))
    found = reconcile_files(tmp_path / "sent.json", tmp_path / "received.json", None, None)
    assert found.ledger.balanced
    assert not found.passes(None)
    assert "the run itself failed" in found.text(wide=False)


def test_a_verdict_that_no_run_has_is_refused(reconciled):
    code, _, err = reconciled({**sent_report({514: 5}), "verdict": "great"}, received_report({514: 5}))
    assert (code, err.count("\n")) == (2, 1)
    assert "there are failed, interrupted, missed, measured, met" in err


def test_the_command_refuses_other_files_in_one_line(reconciled):
    code, out, err = reconciled(received_report({514: 5}), sent_report({514: 5}))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "sent.json: this is a sink's report, and here a sender's belongs; the order is SENT RECEIVED\n" in err
    assert "received.json: this is a sender's report" in reconciled(sent_report({514: 5}), sent_report({514: 5}))[2]
    audit = {"kind": "audit", "lanes": [{"port": 514, "received_events": 5}]}
    assert "received.json: this is an audit's report" in reconciled(sent_report({514: 5}), audit)[2]
    assert "received.json: this is another program's" in reconciled(sent_report({514: 5}), {**audit, "kind": "zzz"})[2]
    for other, said in (({"lanes": [{"port": 514}]}, "what was sent has lanes"), ({"schema": 2}, "schema 2")):
        code, _, err = reconciled(other, received_report({514: 5}))
        assert (code, err.count("\n")) == (2, 1)
        assert f"sent.json: a report of {said}" in err
        assert "the order is" not in err
