"""Merged reports: two halves are the whole, the order does not matter, and what can't be merged is said."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.board.intervals import INTERVAL_NS
from replay.clock import SECOND_NS
from replay.histogram import Histogram
from replay.report.buckets import Buckets
from replay.report.criteria import judge
from replay.report.merge import merged
from replay.report.model import (
    Ending,
    IntervalFigures,
    LagFigures,
    LaneFigures,
    OfferedFigures,
    PhaseFigures,
    RunReport,
    SinkFigures,
    StrainFigures,
    WorkerFigures,
)
from replay.report.reading import read_run_report, run_report_of
from replay.report.table import run_table
from replay.report.verdict import judged
from replay.scenario.limits import Criteria
from replay.supervision.offered_load import Verdicts
from tests.replay.report.reports import plain_report

OLD_RUN = Path(__file__).parent / "golden" / "run_before_schema.json"
START_NS = 1_756_548_930_000_000_000
RUN = "1f3a9c07"

Load = dict[int, list[tuple[int, int]]]
"""Of each port, the events that were sent and due in each interval."""

INTERVALS = 12
loads = st.dictionaries(
    st.integers(514, 520),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=INTERVALS, max_size=INTERVALS),
    min_size=2,
)
ADDITIVE = (
    *("sent_events", "sent_bytes", "asked_events", "errors", "waits", "lanes", "lag_ms", "lag_buckets", "offered"),
    *("peak_eps", "intervals", "duration_s", "achieved_eps", "started", "started_ns", "verdict", "cpu_percent_mean"),
)


def run_of(load: Load, first: int = 0, last: int = INTERVALS, **changed: Any) -> RunReport:
    """The report of a run that did a part of a load: some of its ports, or some of its intervals."""
    verdicts, lag = Verdicts(INTERVAL_NS), Histogram()
    sent, due = ([sum(rows[i][which] for rows in load.values()) for i in range(first, last)] for which in (0, 1))
    for row in zip(sent, due, strict=True):
        verdicts.judge(row)
    for port, rows in load.items():
        for place in range(first, last):
            if rows[place][0]:
                lag.record(rows[place][0] * port * 17, rows[place][0])
    lanes = []
    for port, rows in sorted(load.items()):
        events = sum(count for count, _ in rows[first:last])
        lanes.append(LaneFigures(port, events, 150 * events, {"EPERM": events} if events else {}, {"EAGAIN": 1}))
    duration_ns = (last - first) * INTERVAL_NS
    achieved_eps = round(sum(sent) * SECOND_NS / duration_ns, 3)
    offered, target_eps = verdicts.figures(), sum(due) * SECOND_NS / duration_ns
    report = plain_report(
        started_ns=START_NS + first * INTERVAL_NS,
        started=f"2025-08-30T10:15:{30 + first // 10}.{first % 10}00Z",
        duration_s=duration_ns / SECOND_NS,
        sent_events=sum(sent),
        sent_bytes=150 * sum(sent),
        asked_events=sum(due),
        target_eps=round(target_eps, 3),
        achieved_eps=achieved_eps,
        peak_eps=round(max(verdicts.peak_eps or 0.0, achieved_eps), 3),
        errors={"EPERM": sum(sent)} if any(sent) else {},
        waits={"EAGAIN": len(load)},
        offered=OfferedFigures(**offered) if offered else None,
        lag_buckets=Buckets.of(lag),
        lag_ms=LagFigures.of(lag),
        lanes=lanes,
        cpu_percent_mean=12.5 * len(load),
        intervals=IntervalFigures(100.0, 1, list(sent), list(due)),
        **changed,
    )
    return judged(report, Ending([], None, None, None, done=False, late_ns=None, mean_target_eps=target_eps))


def same(one: RunReport, other: RunReport, names: tuple[str, ...]) -> None:
    for name in names:
        assert getattr(one, name) == getattr(other, name), name
    assert one.target_eps == pytest.approx(other.target_eps, abs=0.0011)


@given(loads, st.data())
def test_two_hosts_that_sent_side_by_side_are_one_run(load: Load, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(load) - 1))
    ports = sorted(load)
    halves = [run_of({port: load[port] for port in part}, run_id=RUN) for part in (ports[:cut], ports[cut:])]
    same(merged(halves), run_of(load, run_id=RUN), (*ADDITIVE, "run_id", "target", "stamp"))


@given(loads, st.integers(1, INTERVALS - 1))
def test_two_phases_that_follow_each_other_are_one_run(load: Load, cut: int) -> None:
    whole = replace(run_of(load), cpu_percent_mean=12.5 * len(load))
    halves = [run_of(load, 0, cut), run_of(load, cut, INTERVALS)]
    names = tuple(name for name in ADDITIVE if name not in ("waits", "lanes"))
    found = merged(halves)
    same(found, whole, names)
    assert [(lane.port, lane.sent_events) for lane in found.lanes] == [
        (lane.port, lane.sent_events) for lane in whole.lanes
    ]


@given(loads, st.permutations(range(4)), st.integers(0, INTERVAL_NS))
def test_neither_the_order_nor_the_grouping_of_reports_matters(load: Load, order: list[int], off_ns: int) -> None:
    ports = sorted(load)
    parts = [run_of({port: load[port]}, first, last) for port in ports[:2] for first, last in ((0, 5), (5, INTERVALS))]
    parts[3] = replace(parts[3], started_ns=(parts[3].started_ns or 0) + off_ns)
    a, b, c, d = (parts[place] for place in order)
    whole = merged(parts)
    assert merged([a, b, c, d]) == whole
    assert merged([merged([a, b]), merged([c, d])]) == whole
    assert merged([merged([merged([d, a]), b]), c]) == whole
    assert run_report_of(whole.figures()) == whole


def test_what_would_be_counted_twice_is_refused() -> None:
    one = run_of({514: [(5, 5)] * INTERVALS, 515: [(5, 5)] * INTERVALS}, run_id=RUN)
    other = run_of({515: [(7, 7)] * INTERVALS}, run_id=RUN)
    for reports in ([one, one], [one, other], [merged([run_of({600: [(1, 1)] * INTERVALS}), one]), other]):
        with pytest.raises(ValueError, match=r"port 51[45] of .* is in two of them, and would be counted twice"):
            merged(reports)
    untagged = replace(one, run_id=None)
    with pytest.raises(ValueError, match=r"the run that started at .* is there twice, and would be counted twice"):
        merged([untagged, run_of({514: [(1, 1)] * INTERVALS}), untagged])


def test_hosts_that_sent_untagged_events_to_the_same_ports_from_one_instant_on_are_merged() -> None:
    one, other = (run_of({514: [(events, events)] * INTERVALS}, target="198.18.0.1") for events in (5, 7))
    whole = merged([one, replace(other, target="198.18.0.2")])
    assert [(lane.port, lane.sent_events) for lane in whole.lanes] == [(514, 12 * INTERVALS)]
    assert whole.intervals is not None
    assert whole.intervals.sent_events == [12] * INTERVALS


@pytest.mark.parametrize("run_id", [RUN, None])
def test_runs_that_a_signal_ended_before_they_sent_are_merged_with_those_that_went_on(run_id: str | None) -> None:
    never = plain_report(started=None, started_ns=None, lanes=[LaneFigures(514, 0, 0)], run_id=run_id)
    whole = merged([never, never, run_of({514: [(5, 5)] * INTERVALS}, run_id=run_id)])
    assert (whole.sent_events, len(whole.parts)) == (5 * INTERVALS, 3)


def test_a_report_without_buckets_has_no_percentiles_to_give() -> None:
    old = read_run_report(OLD_RUN)
    whole = merged([old, run_of({514: [(5, 5)] * INTERVALS})])

    assert (whole.lag_ms, whole.lag_buckets) == (None, None)
    assert whole.sent_events == 4000 + 5 * INTERVALS
    assert any("has no buckets" in line for line in whole.unmerged)
    assert any(line.startswith("verdict: it is the worst of the parts") for line in whole.unmerged)
    assert "unmerged" in run_table(whole)


def test_runs_that_overlap_on_different_grids_have_no_common_intervals() -> None:
    one = run_of({514: [(100, 100)] * INTERVALS})
    other = replace(run_of({515: [(100, 100)] * INTERVALS}), started_ns=START_NS + 7)
    whole = merged([one, other])

    assert (whole.offered, whole.intervals, whole.peak_eps) == (None, None, None)
    assert {line.split(":")[0] for line in whole.unmerged} >= {"offered", "intervals", "peak_eps"}
    assert "the best second is not known" in run_table(whole)
    later = merged([one, replace(other, started_ns=START_NS + 10 * SECOND_NS + 7)])
    assert later.offered == OfferedFigures(100.0, 2 * INTERVALS, 0, 100.0, 0)
    assert later.peak_eps == 1000


ENDINGS = {
    "failed": {"failures": ["worker 0: why"]},
    "interrupted": {"interrupted_by": "SIGINT"},
    "missed": {"aborted": "too much was lost"},
    "met": {},
}


@pytest.mark.parametrize(("worse", "better"), list(pairwise(ENDINGS)))
@pytest.mark.parametrize("known", [True, False])
def test_a_merged_run_is_no_better_than_its_worst_part(worse: str, better: str, known: bool) -> None:
    fine = Ending([], None, None, None, done=True, late_ns=0, mean_target_eps=1000.0)
    lanes = ([LaneFigures(514, 10_000, 0)], [LaneFigures(515, 10_000, 0)])
    parts = [
        judged(
            plain_report(sent_events=10_000, asked_events=10_000, target_eps=1000.0, achieved_eps=1000.0, lanes=lane),
            replace(fine, **ENDINGS[name]),  # type: ignore[arg-type]
        )
        for name, lane in zip((worse, better), lanes, strict=True)
    ]
    assert [part.verdict for part in parts] == [worse, better]
    if not known:
        parts = [replace(part, ending=None) for part in parts]
    whole = merged(parts)
    assert whole.verdict == worse
    assert parts[0].reason.split(" after")[0] in whole.reason


def test_what_was_missed_by_one_may_be_met_by_both() -> None:
    """Of 10,000 events one host had two errors, which is too many, and the other sent 90,000 without any."""
    fine = Ending([], None, None, None, done=True, late_ns=0, mean_target_eps=None)
    one = plain_report(sent_events=10_000, errors={"EPERM": 2}, lanes=[LaneFigures(514, 10_000, 0, {"EPERM": 2})])
    other = plain_report(sent_events=90_000, lanes=[LaneFigures(515, 90_000, 0)])
    parts = [judged(one, fine), judged(other, fine)]

    assert [part.verdict for part in parts] == ["missed", "measured"]
    assert merged(parts).verdict == "measured"


def heard(port: int, sent: int, lost: int, *, tagged: bool = True, limit: str = "0.01", **changed: Any) -> RunReport:
    sink = SinkFigures("h:1", tagged, 3, False, sent - lost, lost, round(100 * lost / sent, 6), 1.5)
    report = plain_report(sink=sink, sent_events=sent, lanes=[LaneFigures(port, sent, 0)], **changed)
    ending = Ending([], None, None, None, done=True, late_ns=None, mean_target_eps=None)
    return judged(judge(Criteria(max_loss=Fraction(limit), min_eps=0), report), ending)


def test_the_loss_is_judged_anew_of_all_events() -> None:
    parts = [heard(514, 1000, 11), heard(515, 9000, 0)]
    whole = merged(parts)

    assert [part.verdict for part in parts] == ["missed", "measured"]
    assert whole.sink is not None
    assert (whole.sink.lost_events, whole.sink.received_events, whole.sink.loss_percent) == (11, 9989, 0.11)
    assert whole.sink.latency_p99_ms is None
    assert [(row.name, row.measured, row.met) for row in whole.criteria] == [
        ("max_loss_percent", 0.11, True),
        ("min_eps", 0.0, True),
    ]
    assert whole.verdict == "measured"


def test_limits_that_differ_are_judged_each_by_its_worst() -> None:
    whole = merged([heard(514, 1000, 11), heard(515, 9000, 100, limit="0.02")])
    rows = [(row.name, row.limit, row.measured, row.met) for row in whole.criteria]
    assert rows[:2] == [("max_loss_percent", 1.0, 1.1, False), ("max_loss_percent", 2.0, 1.111111, True)]
    assert whole.verdict == "missed"


def test_untagged_counts_of_one_port_are_not_added_where_they_overlap() -> None:
    later = START_NS + 3 * SECOND_NS
    assert merged([heard(514, 10, 0, tagged=False), heard(514, 10, 0, tagged=False, started_ns=later)]).sink is None
    afterwards = later + 10 * SECOND_NS
    assert merged([heard(514, 10, 0, tagged=False), heard(514, 10, 0, tagged=False, started_ns=afterwards)]).sink


def test_workers_stand_side_by_side_and_what_is_of_one_host_is_left_to_the_parts() -> None:
    workers = [WorkerFigures(0, 3, [514], 5, 50.0), WorkerFigures(1, 4, [514], 5, 50.0)]
    strain, phases = StrainFigures([], 0, 0), [PhaseFigures(name="hold", verdict="met", target_eps=1.0)]
    parts = [
        plain_report(workers=workers, lanes=[LaneFigures(514, 0, 0)], strain=strain, run_id=RUN, phases=phases),
        plain_report(workers=workers, lanes=[LaneFigures(515, 0, 0)], strain=strain, run_id="00000001"),
    ]
    whole = merged(parts)

    assert [worker.id for worker in whole.workers] == [0, 1, 2, 3]
    assert (whole.strain, whole.run_id) == (None, None)
    assert any(line.startswith("phases: ") for line in whole.unmerged)
    assert any(line.startswith("strain: ") for line in whole.unmerged)
    assert "run_id: the runs differ; see the parts" in whole.unmerged
    assert {part.run_id for part in whole.parts} == {RUN, "00000001"}


def test_a_card_is_counted_for_runs_that_follow_each_other_alone() -> None:
    nic: dict[str, int | str | None] = {"name": "eth0", "tx_dropped": 2, "carrier_losses": 0}
    one = plain_report(lanes=[LaneFigures(514, 0, 0)], nic=nic)
    later = replace(one, started_ns=START_NS + 10 * SECOND_NS)

    assert merged([one, later]).nic == {"name": "eth0", "tx_dropped": 4, "carrier_losses": 0}
    both = merged([one, replace(one, started_ns=START_NS + 1)])
    assert both.nic is None
    assert any(line.startswith("nic: ") for line in both.unmerged)
