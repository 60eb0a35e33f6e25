"""What a long run comes to, from samples made by hand."""

from dataclasses import replace
from typing import Any

import pytest

from tools.creep import Sample, exactness_faults, findings, speed_faults

RATE_EPS = 1000.0
SENT: dict[str, Any] = {
    "verdict": "met",
    "reason": "as it should be",
    "asked_events": 3_600_000,
    "errors": {},
    "duration_s": 3600.0,
    "target_eps": RATE_EPS,
    "achieved_eps": RATE_EPS,
    "sent_events": 3_600_000,
    "offered": {"below_95_percent": 0, "intervals": 36_000, "worst_percent": 99.0},
    "lag_ms": {"p99": 1.0, "max": 2.0},
    "recoveries": [],
}


def ledger(lost: int = 0, in_socket: int | None = 0, duplicated: int | None = 0) -> dict[str, Any]:
    """What `replay reconcile` says."""
    return {
        "lost_events": lost,
        "lost_in_socket_events": in_socket,
        "duplicated_events": duplicated,
        "surplus_events": max(0, -lost),
    }


def faults(found: dict[str, Any]) -> list[str]:
    """Of both kinds."""
    return exactness_faults(found) + speed_faults(found)


def steady(count: int = 100) -> list[Sample]:
    """A look each 36 s at a run of an hour that is 2 ms behind and holds 100 MiB and 30 files."""
    return [
        Sample(at_s, round((at_s - 0.002) * RATE_EPS), RATE_EPS, 100 << 20, 30, {"sender": 0.3 * at_s, "sink": at_s})
        for at_s in (36.0 * (i + 1) for i in range(count))
    ]


def test_a_steady_run_has_no_fault() -> None:
    found = findings(steady(), SENT, ledger())
    assert faults(found) == []
    assert found["cpu_percent"] == {"sender": 30.0, "sink": 100.0}
    assert (found["drift_median_ms"], found["drift_ppm"]) == (2.0, 0.0)
    assert (found["lowest_eps"], found["highest_eps"], found["variation_percent"]) == (1000, 1000, 0.0)
    assert (found["memory_mib"], found["memory_mib_per_hour"], found["descriptors_more"]) == (100.0, 0.0, 0)


def test_events_that_nobody_sent_are_a_fault() -> None:
    found = exactness_faults(findings(steady(), SENT, ledger(-1, None)))
    assert any(line.startswith("1 event more came than were sent") for line in found), found


def test_what_a_run_takes_while_it_begins_is_no_growth() -> None:
    samples = [replace(sample, memory_bytes=50 << 20) if i < 20 else sample for i, sample in enumerate(steady())]
    assert faults(findings(samples, SENT, ledger())) == []


@pytest.mark.parametrize("place", [25, 59, 60, 61, 98])
def test_a_step_is_no_growth_that_goes_on(place: int) -> None:
    """As after a stall, when a sink reads for the first time as much at once as it has room for."""
    step = [
        replace(sample, memory_bytes=sample.memory_bytes + (i >= place) * (64 << 20))
        for i, sample in enumerate(steady())
    ]
    assert exactness_faults(findings(step, SENT, ledger())) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda i, s: replace(s, memory_bytes=s.memory_bytes + i * (1 << 20)), "memory grew by 100.0 MiB an hour"),
        (lambda i, s: replace(s, descriptors=30 + (i > 60) + i % 2), "1 file more open"),
        (lambda _, s: replace(s, sent_events=round(s.sent_events * 0.9999)), "the schedule drifted by 99.9"),
        (lambda i, s: replace(s, sent_events=s.sent_events - 3000 * (i == 50)), "the rate fell to 917 EPS"),
        (lambda i, s: replace(s, sent_events=s.sent_events + 2000 * (i % 2)), "the rate varied by 5.5"),
    ],
)
def test_what_creeps_is_a_fault(change: Any, said: str) -> None:
    found = faults(findings([change(i, sample) for i, sample in enumerate(steady())], SENT, ledger()))
    assert any(line.startswith(said) for line in found), found


def test_files_that_are_open_at_a_look_are_no_leak() -> None:
    samples = [replace(s, descriptors=30 + (i not in {1, 98})) for i, s in enumerate(steady())]
    assert faults(findings(samples, SENT, ledger())) == []


def test_a_stall_that_was_caught_up_with_is_no_drift() -> None:
    samples = [replace(s, sent_events=s.sent_events - 800 * (i < 4)) for i, s in enumerate(steady())]
    found = findings(samples, SENT, ledger())
    assert (found["drift_worst_ms"], found["drift_ppm"]) == (802.0, 0.0)


def test_a_drift_of_a_few_milliseconds_in_a_short_run_is_none() -> None:
    samples = [replace(s, sent_events=s.sent_events - i // 20) for i, s in enumerate(steady())]
    assert faults(findings(samples, SENT, ledger())) == []


SLOW = {
    "verdict": "missed",
    "reason": "80.55% of the target rate, and 95% were needed",
    "achieved_eps": 805.5,
    "offered": {"below_95_percent": 9_000, "intervals": 36_000, "worst_percent": 0.0},
    "lag_ms": {"p99": 400_000.0, "max": 702_000.0},
    "recoveries": [{"cause": "stood still for 2.4 s"}],
}
"""The report of a run whose cores were taken away again and again."""


def slow() -> list[Sample]:
    """What is seen of it: it stands still for minutes, and in the end it has sent all."""
    return [
        replace(s, sent_events=round(s.sent_events * (0.8055 if 40 < i < 90 else 1))) for i, s in enumerate(steady())
    ]


def test_a_slow_machine_is_no_fault_of_a_run_that_is_judged_by_exactness() -> None:
    found = findings(slow(), {**SENT, **SLOW}, ledger(1_000_000, 1_000_000), steal_percent=21.04)
    assert exactness_faults(found) == []
    assert found["steal_percent"] == 21.0
    said = speed_faults(found)
    assert said[0] == f"the run's verdict is missed: {SLOW['reason']}"
    for line in (
        "27.778% of the events were lost",
        "the rate fell to",
        "the rate varied by",
        "workers stood still 1 time",
    ):
        assert any(each.startswith(line) for each in said), (line, said)


def test_a_schedule_that_is_late_and_whose_workers_do_not_know_it_is_a_fault_at_any_speed() -> None:
    late = [replace(s, sent_events=round((s.elapsed_s - 0.06) * RATE_EPS)) for s in steady()]
    assert exactness_faults(findings(late, SENT, ledger())) == [
        "the schedule is off by 58.0 ms more than its workers know of"
    ]
    early = [replace(s, sent_events=round((s.elapsed_s + 0.051) * RATE_EPS)) for s in steady()]
    assert exactness_faults(findings(early, SENT, ledger())) == [
        "the schedule is off by 51.0 ms more than its workers know of"
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"verdict": "failed", "reason": "a worker died"}, "the run's verdict is failed: a worker died"),
        ({"recoveries": [{"cause": "was killed by SIGKILL"}] * 2}, "workers died 2 times"),
        ({"asked_events": 3_600_001}, "3,600,000 events were sent, and 3,600,001 were asked for"),
        ({"errors": {"EPERM": 3}}, "3 sends answered with an error"),
    ],
)
def test_what_the_report_says_is_a_fault_too(change: dict[str, Any], said: str) -> None:
    assert exactness_faults(findings(steady(), {**SENT, **change}, ledger())) == [said]


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (ledger(7, 4), ["3 events lost, and not in a socket's buffer"]),
        (ledger(7, 7), []),
        (ledger(7, None), []),
        (ledger(0, 0, 5), ["5 events came twice"]),
    ],
)
def test_every_event_is_accounted_for(account: dict[str, Any], said: list[str]) -> None:
    found = exactness_faults(findings(steady(), SENT, account))
    assert [line.partition(":")[0] for line in found] == said


def test_a_loss_above_half_a_percent_is_judged_where_speed_is() -> None:
    assert speed_faults(findings(steady(), SENT, ledger(18_001, 18_001))) == ["0.500% of the events were lost"]
