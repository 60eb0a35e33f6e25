"""The report: verdicts and their exit codes, figures from the board, and what people read."""

import errno
import json
import socket
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from captures.format.reader import open_capture
from replay.board.errnos import errno_place
from replay.board.layout import Board, State
from replay.clock import SECOND_NS
from replay.histogram import Histogram
from replay.path.target import Target
from replay.plan.pace import Extent, Pace
from replay.plan.run_plan import RunPlan, plan_run
from replay.plan.workers import plan_workers
from replay.report.run_report import run_report
from replay.report.table import run_table
from replay.report.verdict import exit_code
from replay.rewrite.stamps_at_sending import Stamp
from replay.schedule.demand import Demand
from replay.supervision.offered_load import Offered
from replay.supervision.outcome import Outcome
from tests.captures.content import tiny, write

START_NS = 10**15


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    write(tmp_path / "tiny.rcap", tiny())
    return open_capture(tmp_path / "tiny.rcap")


def finished(
    capture: Capture,
    rate_eps: int | None,
    sent: int,
    seconds: float = 10,
    speed: Fraction | None = None,
    *,
    extent: Extent | None = None,
    stopped: bool = False,
    **outcome: Any,
) -> tuple[RunPlan, Outcome]:
    """A run of one lane of two that sent `sent` events in `seconds`: all it had, unless it was `stopped`."""
    plan = plan_run(
        capture,
        target=Target(socket.AF_INET, "127.0.0.1"),
        ports=[514, 515],
        pace=Pace(rate_eps, speed),
        extent=extent or Extent(duration_ns=10 * SECOND_NS),
        train_max=128,
        segments=128,
        stamp=Stamp.NOW,
        workers=plan_workers(1, 2, [3]),
    )
    board = Board(1, 2)
    board.control["start_ns"] = START_NS
    board.workers["last_send_ns"] = START_NS + int(seconds * SECOND_NS)
    board.workers["cpu_ns"] = int(seconds * SECOND_NS / 4)
    board.workers["state"] = State.STOPPED if stopped else State.DONE
    board.workers["segments"] = 128
    board.lanes["sent_events"][0] = sent
    board.lanes["sent_bytes"][0] = 150 * sent
    demand = Demand(plan.schedule, plan.duration_ns)
    offered = Offered(demand)
    return plan, Outcome(board, demand, offered, [3], started_wall_ns=1_756_548_930_123_000_000, **outcome)


@pytest.mark.parametrize(
    ("rate_eps", "sent", "outcome", "verdict", "code"),
    [
        (1000, 10_000, {}, "met", ExitCode.MET),
        (1000, 9_999, {"stopped": True}, "missed", ExitCode.MISSED),
        (1000, 0, {"stopped": True}, "missed", ExitCode.MISSED),
        (1000, 9_999, {}, "failed", ExitCode.FAILED),
        (1000, 10_001, {}, "failed", ExitCode.FAILED),
        (1000, 9_999, {"stopped": True, "interrupted_by": "SIGINT"}, "interrupted", ExitCode.INTERRUPTED),
        (None, 10_000, {"stopped": True, "stopped_by": "replay ctl stop"}, "measured", ExitCode.MET),
        (None, 10_000, {}, "measured", ExitCode.MET),
        (1000, 10_000, {"nic": {"tx_dropped": 1, "carrier_losses": 0}}, "met", ExitCode.MET),
        (1000, 10_000, {"nic": {"tx_dropped": 2, "carrier_losses": 0}}, "missed", ExitCode.MISSED),
        (1000, 10_000, {"nic": {"tx_dropped": 0, "carrier_losses": 1}}, "missed", ExitCode.MISSED),
        (None, 10_000, {"nic": {"tx_dropped": 0, "carrier_losses": 2}}, "missed", ExitCode.MISSED),
        (1000, 10_000, {"interrupted_by": "SIGINT"}, "interrupted", ExitCode.INTERRUPTED),
        (1000, 10_000, {"failures": ["worker 0: why"]}, "failed", ExitCode.FAILED),
        (1000, 10_000, {"failures": ["worker 0: why"], "interrupted_by": "SIGINT"}, "failed", ExitCode.FAILED),
    ],
)
def test_verdicts(
    rate_eps: int | None, sent: int, outcome: dict[str, Any], verdict: str, code: ExitCode, capture: Capture
) -> None:
    report = run_report(capture, *finished(capture, rate_eps, sent, **outcome))

    assert (report.verdict, exit_code(report)) == (verdict, code)
    table = run_table(report)
    assert " ".join(table.split()).startswith(f"{verdict}: {report.reason}")
    assert max(map(len, table.splitlines())) <= 80


@pytest.mark.parametrize(
    ("rate_eps", "events", "seconds", "verdict"),
    [
        (1000, 10_000, 10.526, "met"),
        (1000, 10_000, 10.527, "missed"),
        (20_000, 200, 0.0112, "met"),
        (20_000, 200, 0.06, "met"),
        (20_000, 200, 0.0601, "missed"),
        (1, 1, 1.05, "met"),
        (1, 1, 1.0527, "missed"),
    ],
)
def test_a_rate_is_judged_by_the_time_that_its_events_need(
    rate_eps: int, events: int, seconds: float, verdict: str, capture: Capture
) -> None:
    """All are sent; the last is 5% late at most, of its own time or of a second."""
    plan, outcome = finished(capture, rate_eps, events, seconds, extent=Extent(events=events))
    report = run_report(capture, plan, outcome)

    assert (report.verdict, report.sent_events) == (verdict, report.asked_events)
    if seconds == 0.0112:
        assert report.reason == "all 200 events sent, the last of them 1.2 ms after it was due"


@pytest.mark.parametrize(
    ("paused", "sent", "verdict", "reason"),
    [
        (False, 4_200, "met", "100.00% of the target rate; stopped by replay ctl stop"),
        (False, 4_199, "missed", "sent 4,199 of 4,200 events due by replay ctl stop"),
        (True, 3_000, "met", "stopped by replay ctl stop"),
        (True, 2_999, "missed", "sent 2,999 of 3,000 events due by replay ctl stop"),
    ],
)
def test_a_run_that_is_told_to_stop_is_judged_by_what_was_due_until_then(
    paused: bool, sent: int, verdict: str, reason: str, capture: Capture
) -> None:
    plan, outcome = finished(
        capture, 1000, sent, 3 if paused else 4.2, stopped=sent % 100 > 0, stopped_by="replay ctl stop"
    )
    if paused:
        outcome.demand.change(3 * SECOND_NS, Fraction(0))
    outcome.demand.end(4 * SECOND_NS, 42 * SECOND_NS // 10)
    report = run_report(capture, plan, outcome)

    assert report.verdict == verdict
    assert reason in report.reason
    assert report.asked_events == (3_000 if paused else 4_200)


def test_a_changed_rate_is_missed_by_events_that_left_too_late(capture: Capture) -> None:
    """All 10,000 were asked for within 10 s, and took 12 s."""
    for seconds, verdict in ((10, "met"), (12, "missed")):
        plan, outcome = finished(capture, 500, 10_000, seconds, extent=Extent(events=10_000))
        outcome.demand.change(0, Fraction(2))
        report = run_report(capture, plan, outcome)
        assert (report.verdict, report.target_eps) == (verdict, 1000)


@pytest.mark.parametrize("known", [True, False])
def test_settling_that_was_cut_short_ends_a_complete_run_by_its_figures(known: bool, capture: Capture) -> None:
    plan, outcome = finished(capture, 1000, 10_000, settling_cut_by="SIGINT")
    sink = {"address": "h:1", "tagged": False, "answers": 1, "silent": False, "received_events": 10_000}
    sink |= {"lost_events": 0 if known else None, "loss_percent": None, "latency_p99_ms": None}
    report = run_report(capture, plan, outcome, sink=sink)

    assert report.verdict == "met"
    told = "0 events lost" if known else "h:1 was not waited for, since SIGINT came: loss was not measured"
    assert told in run_table(report)


@pytest.mark.parametrize(("errors", "verdict"), [(1, "met"), (2, "missed")])
@pytest.mark.parametrize("rate_eps", [1000, None])
def test_errors_may_be_a_ten_thousandth_of_the_events(
    errors: int, verdict: str, rate_eps: int | None, capture: Capture
) -> None:
    plan, outcome = finished(capture, rate_eps, 10_000)
    outcome.board.lanes["errors"][0, errno_place(errno.ECONNREFUSED)] = errors
    outcome.board.lanes["errors"][0, errno_place(errno.EAGAIN)] = 1000

    report = run_report(capture, plan, outcome)
    assert report.verdict == ("measured" if verdict == "met" and rate_eps is None else verdict)
    assert exit_code(report) == (ExitCode.MISSED if verdict == "missed" else ExitCode.MET)


def test_a_run_missed_by_ports_where_nobody_listens_names_them_first(capture: Capture) -> None:
    plan, outcome = finished(capture, 1000, 10_000)
    outcome.board.lanes["errors"][1, errno_place(errno.ECONNREFUSED)] = 2
    outcome.board.lanes["errors"][0, errno_place(errno.EPERM)] = 1
    reason = run_report(capture, plan, outcome).reason
    assert reason == "nobody listens at 515: 3 errors with 10,000 events, and at most 0.01% are allowed"
    outcome.board.lanes["errors"][1] = 0
    outcome.board.lanes["errors"][0, errno_place(errno.EPERM)] = 3
    reason = run_report(capture, plan, outcome).reason
    assert reason == "3 errors with 10,000 events, and at most 0.01% are allowed"


@pytest.mark.parametrize(("answers", "seconds", "missed"), [(13, 8, True), (2, 2, False), (3, 1, False)])
def test_all_that_was_sent_to_a_port_counts_where_answers_that_nobody_is_there_keep_coming(
    answers: int, seconds: int, missed: bool, capture: Capture
) -> None:
    """A host answers once a second, whatever it could not deliver; three at once may be of a late listener."""
    plan, outcome = finished(capture, None, 3_900_000, seconds=8)
    lanes, workers = outcome.board.lanes, outcome.board.workers
    lanes["sent_events"] = 3_802_500, 97_500
    lanes["errors"][1, errno_place(errno.ECONNREFUSED)] = answers
    workers["unreachable_seconds"] = seconds

    report = run_report(capture, plan, outcome)
    assert report.figures()["workers"][0]["unreachable_seconds"] == seconds
    assert exit_code(report) == (ExitCode.MISSED if missed else ExitCode.MET)
    if missed:
        said = f"{answers} errors with 3,900,000 events, 97,500 of them sent there, and at most 0.01% are allowed"
        assert report.reason == f"nobody listens at 515: {said}"


def test_a_run_to_a_host_that_is_not_there_is_missed_by_what_was_sent(capture: Capture) -> None:
    plan, outcome = finished(capture, None, 3_900_000, seconds=8)
    outcome.board.lanes["errors"][:, errno_place(errno.EHOSTUNREACH)] = 4
    outcome.board.workers["unreachable_seconds"] = 8
    report = run_report(capture, plan, outcome)
    said = "8 errors with 3,900,000 events, and at most 0.01% are allowed"
    assert report.reason == f"no host answers for 514-515: {said}"

    outcome.board.workers["unreachable_seconds"] = 0  # the kernel refused to send, and was asked again
    assert run_report(capture, plan, outcome).verdict == "measured"


def test_figures(capture: Capture) -> None:
    plan, outcome = finished(capture, 1000, 100_000, seconds=100)
    board = outcome.board
    board.lanes["errors"][0, errno_place(111)] = 5
    board.lanes["errors"][1, errno_place(11)] = 2
    board.lanes["errors"][1, errno_place(9999)] = 1
    Histogram(board.workers["lag"][0]).record(1500, 10_000)
    report = run_report(capture, plan, outcome)

    assert json.loads(json.dumps(report.figures())) == report.figures()
    assert report.errors == {"ECONNREFUSED": 5, "OTHER": 1}
    assert report.waits == {"EAGAIN": 2}
    assert (report.achieved_eps, report.target_eps, report.duration_s) == (1000, 1000, 100)
    assert (report.sent_events, report.sent_bytes, report.asked_events) == (100_000, 15_000_000, 10_000)
    assert report.lag_ms.max == 1.5
    assert report.cpu_percent_mean == 25
    assert report.started == "2025-08-30T10:15:30.123Z"
    assert report.figures()["lanes"] == [
        {"port": 514, "sent_events": 100_000, "sent_bytes": 15_000_000, "errors": {"ECONNREFUSED": 5}, "waits": {}},
        {"port": 515, "sent_events": 0, "sent_bytes": 0, "errors": {"OTHER": 1}, "waits": {"EAGAIN": 2}},
    ]
    assert report.figures()["workers"] == [
        {"id": 0, "core": 3, "ports": [514, 515], "sent_events": 100_000, "cpu_percent": 25.0}
        | {"gso_refused": None, "unreachable_seconds": 0}
    ]
    assert report.capture.digest == capture.digest
    table = run_table(report)
    assert "port 514   nobody listens: ECONNREFUSED 5" in table
    assert "100,000 events" in table


def test_what_was_not_measured_is_not_zero(capture: Capture) -> None:
    plan, outcome = finished(capture, None, 0)
    outcome.board.control["start_ns"] = 0
    outcome.board.workers["last_send_ns"] = 0
    report = run_report(capture, plan, outcome)

    for name in ("offered", "lag_ms", "cpu_percent_mean", "memory_bytes_peak", "started", "target_eps"):
        assert getattr(report, name) is None
    assert "CPU not measured" in run_table(report)


def test_on_a_time_axis_the_target_is_the_mean_rate_of_what_was_asked(capture: Capture) -> None:
    """Five events in the first minute and one in the second: at speed 60 a second each."""
    plan, outcome = finished(capture, None, 28, seconds=10, speed=Fraction(60), stopped=True)
    report = run_report(capture, plan, outcome)

    assert (report.verdict, report.speed, report.target_peak_eps) == ("missed", 60, 5)
    assert "28 of 30 events" in report.reason
    assert (report.asked_events, report.target_eps) == (30, 3)
    assert "target 3 at speed 60, 5 at its peak" in " ".join(run_table(report).split())
    assert run_report(capture, *finished(capture, None, 30, seconds=10, speed=Fraction(60))).verdict == "met"


def test_the_time_axis_as_fast_as_it_goes_is_measured(capture: Capture) -> None:
    report = run_report(capture, *finished(capture, None, 30, speed=Fraction(0)))

    assert (report.verdict, report.speed, report.target_eps) == ("measured", "max", None)
    assert "target none" in run_table(report)


def test_the_best_second_is_no_slower_than_the_mean(capture: Capture) -> None:
    """At 1 EPS an interval is 64 s long, so that a run of 3 s fills a twentieth of one."""
    plan, outcome = finished(capture, 1, sent=3, seconds=3)
    outcome.offered.verdicts.peak_eps = 3 / 64

    report = run_report(capture, plan, outcome)
    assert report.peak_eps == report.achieved_eps == 1
    assert "1 EPS mean, 1 in the best second" in run_table(report)
