"""The sink's report, from counters that are filled by hand."""

import json

import numpy as np
import pytest

from replay.clock import SECOND_NS
from replay.histogram import Histogram
from replay.sink.board import shared_tally
from replay.sink.report.figures import Ending, sink_report, sink_table
from replay.sink.report.intervals import COLUMNS, troubled_intervals
from replay.sink.time_cells import TENTH_NS, cell_at
from replay.sink.workers import sockets_of_workers
from tests.replay.sink.accounts import Account

START_NS = 1_700_000_000 * SECOND_NS
PORTS = (514, 515, 516)


def empty_tally(workers=1):
    return shared_tally(PORTS, *sockets_of_workers(len(PORTS), workers), START_NS)


def tally_of(events_by_tenth, lanes=(0,), workers=1):
    """A tally where each of `lanes` got these events in the tenths since the start."""
    tally = empty_tally(workers)
    heard = np.flatnonzero(events_by_tenth)
    for lane in lanes:
        tally.tenths[lane % workers, : len(events_by_tenth)] += events_by_tenth
        row = tally.by_socket[lane : lane + 1]
        row["events"] = sum(events_by_tenth)
        row["bytes"] = 150 * sum(events_by_tenth)
        row["first_ns"] = START_NS + heard[0] * TENTH_NS
        row["last_ns"] = START_NS + heard[-1] * TENTH_NS
    return tally


def report_of(tally, drops=(0, 0, 0)):
    return sink_report(tally, Ending(drops, buffer_bytes=(4096,) * 3, gro=True, ended_by="idle"))


@pytest.mark.parametrize(
    ("events_by_tenth", "best"),
    [
        ([5] * 30, 50),
        ([0, 0, 7] + [0] * 9 + [7], 7),
        ([1] * 10 + [9] * 10 + [1] * 10, 90),
        ([0] * 5 + [100] + [1] * 20, 109),
        ([3], 3),
    ],
)
def test_the_best_second_may_begin_at_any_tenth(events_by_tenth, best):
    assert tally_of(events_by_tenth).best_second_events() == best


def test_a_worker_that_was_killed_between_two_counts_makes_no_loss_below_zero():
    """It counts what arrived first, and the highest number then."""
    tally = tally_of([5] * 30)
    tally.run[0] = 7
    tally.numbers["next"][0], tally.numbers["arrived"][0] = 100, 128
    report = report_of(tally)
    assert report.lanes[0]["lost_events"] == report.tags["lost_events"] == 0
    assert report.intervals.rows == []


def test_all_workers_make_up_the_best_second():
    assert tally_of([5] * 30, lanes=(0, 1, 2), workers=2).best_second_events() == 150


def test_after_a_month_the_best_second_and_the_rows_of_intervals_still_hold():
    tally = empty_tally()
    month = 30 * 86400 * 10
    cell = cell_at(month)
    tally.run[0] = 7
    tally.by_socket["last_ns"][0] = START_NS + month * TENTH_NS
    tally.by_socket["events"][0] = 1
    tally.tenths[0, cell] = 512 * 50
    account = Account(tally, 0)
    account.take(0, 10, 5, 0, 0)
    account.take(17, 10, cell, 0, 0)
    assert tally.best_second_events() == 500
    rows = troubled_intervals(tally).rows
    (told,) = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    assert (told["port"], told["lost_events"], told["arrived_events"], told["intervals"]) == (514, 7, 10, 512)
    assert told["interval"] <= month < told["interval"] + told["intervals"]


def test_drops_are_known_beyond_32_bits():
    tally = tally_of([100] * 20)
    tally.by_socket["drops"][1] = (1 << 32) + 10
    assert report_of(tally, drops=(5, 14, 0)).kernel_drops == 5 + (1 << 32) + 14


def test_many_ports_are_shown_where_they_are_odd_or_on_request():
    ports = tuple(range(5140, 5180))
    tally = shared_tally(ports, *sockets_of_workers(len(ports), 1), START_NS)
    tally.by_socket["events"], tally.by_socket["bytes"], tally.by_socket["last_ns"] = 10, 1500, START_NS + 1
    tally.by_socket["first_ns"] = START_NS
    tally.by_socket["bad_stamps"][7] = 3
    report = sink_report(tally, Ending((0,) * 40, buffer_bytes=(4096,) * 40, gro=True, ended_by="idle"))
    table = sink_table(report)
    assert [line.split()[0] for line in table.splitlines()[1:3]] == ["5147", "all"]
    assert "39 more ports with --wide" in table
    assert sink_table(report, wide=True).count("\n  51") == 40


def test_rates_are_over_the_time_from_first_to_last_arrival():
    report = report_of(tally_of([0] * 10 + [100] * 21, lanes=(0, 2)))
    assert (report.duration_s, report.rate_eps, report.peak_eps) == (2.0, 2100.0, 2000)
    assert report.received_events == sum(lane["received_events"] for lane in report.lanes) == 4200
    assert [lane["first_arrival_s"] for lane in report.lanes] == [0.0, None, 0.0]
    assert [lane["last_arrival_s"] for lane in report.lanes] == [2.0, None, 2.0]


def test_less_than_a_second_has_no_best_second():
    assert report_of(tally_of([100, 100])).peak_eps is None


def test_one_instant_has_no_rate():
    report = report_of(tally_of([100]))
    assert (report.duration_s, report.rate_eps) == (0.0, None)


def test_the_ages_of_all_workers_are_one_distribution():
    tally = empty_tally(2)
    Histogram(tally.of_worker(0).ages[0]).record(1000, 3)
    Histogram(tally.of_worker(1).ages[1]).record(5000)
    latency_ms = report_of(tally).latency_ms
    assert (latency_ms.samples, latency_ms.mean, latency_ms.max) == (4, 2.0, 5.0)
    assert latency_ms.p50 == pytest.approx(1, rel=1 / 64)
    assert latency_ms.p99 == pytest.approx(5, rel=1 / 64)


def test_the_report_is_json_and_its_table_explains_what_needs_it():
    tally = tally_of([100] * 20)
    plain = sink_table(report_of(tally))
    assert "1.1k events/s over 1.9 s, best second 1.0k" in plain
    assert "packets" not in plain
    assert "clocks" not in plain
    tally.by_socket["early_stamps"][1] = 7
    tally.by_socket["old_stamps"][2] = 2000
    report = report_of(tally, drops=(0, 4, 0))
    assert json.loads(json.dumps(report.figures())) == report.figures()
    table = sink_table(report)
    assert "7 stamps lie in the future" in table
    assert "2,000 stamps are over an hour old: kept ones, or the clocks differ" in table
    assert "drops are packets" in table


def test_no_latency_is_said_where_there_were_events():
    tally = tally_of([100] * 20)
    line = "latency not measured: no event has a stamp from the hour before its arrival"
    assert line in sink_table(report_of(tally))
    Histogram(tally.ages[0]).record(1000)
    assert line not in sink_table(report_of(tally))
    assert line not in sink_table(report_of(empty_tally()))


@pytest.mark.parametrize(("foreign", "told"), [(10, False), (11, True)])
def test_it_is_said_when_more_came_of_another_run_than_of_the_one_that_was_counted(foreign, told):
    """Strays came first, so their run was counted."""
    tally = tally_of([10 + foreign])
    tally.run[0], tally.numbers["arrived"][0], tally.numbers["next"][0] = 0xDEADBEEF, 10, 10
    tally.by_socket["foreign"][0], tally.others[0, 0] = foreign, (0x1F3A9C07, foreign)
    table = sink_table(report_of(tally))
    assert f"{foreign} events of other runs: 1f3a9c07 ({foreign})" in table
    assert ("start the sink with --run-id, or the run with --sink" in table) is told
    assert all(len(line) <= 80 for line in table.splitlines())


def test_events_of_the_run_to_further_ports_are_of_no_other_run():
    tally = tally_of([110_000])
    tally.run[0], tally.numbers["arrived"][0], tally.numbers["next"][0] = 0x1F3A9C07, 10_000, 10_000
    tally.by_socket["foreign"][0] = 99_076
    report = report_of(tally)
    assert (report.tags["foreign_events"], report.tags["other_runs"]) == (99_076, {})
    table = sink_table(report)
    assert "99,076 events of further runs, or of this one to further ports" in table
    assert "of other runs" not in table
    assert "--run-id" not in table
    tally.others[0, 0] = (0xDEADBEEF, 76)
    table = sink_table(report_of(tally))
    assert "76 events of other runs: deadbeef (76)" in table
    assert "99,000 events of further runs" in table
    assert "--run-id" not in table


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (
            1,
            {
                "1 stamp is of whole seconds: too coarse for a latency",
                "1 stamp lies in the future: the clocks of the two hosts differ, or a fast run shifted them",
                "1 stamp is over an hour old: a kept one, or the clocks differ",
                "  1 cut to 180 bytes: its tag is gone",
                "  1 of the untagged may have been cut, or be of others",
                "1 tagged event was not verified: the sink's worker ended before it knew its run",
            },
        ),
        (
            1000,
            {
                "1,000 stamps are of whole seconds: too coarse for a latency",
                "1,000 stamps lie in the future: the clocks of the two hosts differ, or a fast run shifted them",
                "1,000 stamps are over an hour old: kept ones, or the clocks differ",
                "  1,000 cut to 180 bytes: their tag is gone",
                "  1,000 of the untagged may have been cut, or be of others",
                "1,000 tagged events were not verified: the sink's worker ended before it knew their run",
            },
        ),
    ],
)
def test_one_is_spoken_of_as_one_and_several_as_several(count, said):
    tally = tally_of([10_000])
    tally.run[0], tally.numbers["arrived"][0], tally.numbers["next"][0] = 7, 5000, 5000
    tally.kept[0] = count
    for name in ("coarse", "early", "old"):
        tally.by_socket[f"{name}_stamps"][1] = count
    report = report_of(tally)
    report.tags.update(cut_events=count, doubtful_cut_events=count, cut_to_bytes={"min": 180, "max": 180})
    assert said <= set(sink_table(report).splitlines())
