"""Criteria: a limit is kept by what was measured, and by nothing else."""

from fractions import Fraction

import pytest

from replay.report.criteria import criterion_line, judge
from replay.report.model import SinkFigures, WorkerFigures
from replay.scenario.limits import Criteria
from tests.replay.report.reports import plain_report


def report(*, eps=1000.0, cpu=(50.0, 70.0), loss=None, latency=None):
    """The loss in percent of 10^10 events."""
    sent, sink = 10**10, None
    if loss is not None or latency is not None:
        lost = None if loss is None else round(loss * sent / 100)
        sink = SinkFigures("h:1", True, 1, False, None, lost, loss and round(loss, 6), latency)
    workers = [WorkerFigures(place, place, [514], 0, each) for place, each in enumerate(cpu)]
    return plain_report(sink=sink, sent_events=sent, achieved_eps=eps, workers=workers)


def test_without_limits_nothing_is_judged():
    assert judge(Criteria(), report()).criteria == []


@pytest.mark.parametrize(
    ("criteria", "measured", "met"),
    [
        (Criteria(max_loss=Fraction(1, 200)), {"loss": 0.5}, True),
        (Criteria(max_loss=Fraction(1, 200)), {"loss": 0.51}, False),
        (Criteria(max_loss=Fraction(0)), {"loss": 0.0}, True),
        (Criteria(max_loss=Fraction(0)), {"loss": 1e-8}, False),
        (Criteria(min_eps=1000), {}, True),
        (Criteria(min_eps=1001), {}, False),
        (Criteria(max_latency_p99_ns=5_000_000), {"latency": 5.0}, True),
        (Criteria(max_latency_p99_ns=5_000_000), {"latency": 5.001}, False),
        (Criteria(max_cpu=Fraction(7, 10)), {}, True),
        (Criteria(max_cpu=Fraction(69, 100)), {}, False),
    ],
)
def test_a_limit_may_be_reached_and_not_passed(criteria, measured, met):
    (row,) = judge(criteria, report(**measured)).criteria
    assert row.met is met
    assert criterion_line(row).endswith("met" if met else "missed")


@pytest.mark.parametrize("limit", [{"max_loss": Fraction(1)}, {"max_latency_p99_ns": 10**15}, {"max_cpu": Fraction(1)}])
def test_what_was_not_measured_is_never_met(limit):
    (row,) = judge(Criteria(**limit), report(cpu=(None, 1.0))).criteria
    assert (row.measured, row.met) == (None, False)
    assert "not measured, missed" in criterion_line(row)


def test_limits_that_only_a_sink_can_measure_say_so():
    assert Criteria(min_eps=1, max_cpu=Fraction(1)).needs_sink is None
    assert Criteria(max_loss=Fraction(0)).needs_sink == "--max-loss"
    assert Criteria(max_latency_p99_ns=0).needs_sink == "--max-latency-p99"
