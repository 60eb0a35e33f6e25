"""What a long run comes to, from samples made by hand."""

from dataclasses import replace
from typing import Any

import pytest

from tools.creep import Sample, faults, findings

RATE_EPS = 1000.0
SENT: dict[str, Any] = {
    "verdict": "met",
    "duration_s": 3600.0,
    "target_eps": RATE_EPS,
    "achieved_eps": RATE_EPS,
    "sent_events": 3_600_000,
    "offered": {"below_95_percent": 0, "intervals": 36_000, "worst_percent": 99.0},
    "lag_ms": {"p99": 1.0, "max": 2.0},
    "recoveries": [],
}


def steady(count: int = 100) -> list[Sample]:
    """A look each 36 s at a run of an hour that is 2 ms behind and holds 100 MiB and 30 files."""
    return [
        Sample(at_s, round((at_s - 0.002) * RATE_EPS), RATE_EPS, 100 << 20, 30, {"sender": 0.3 * at_s, "sink": at_s})
        for at_s in (36.0 * (i + 1) for i in range(count))
    ]


def test_a_steady_run_has_no_fault() -> None:
    found = findings(steady(), SENT, 3_600_000)
    assert faults(found) == []
    assert found["cpu_percent"] == {"sender": 30.0, "sink": 100.0}
    assert (found["drift_median_ms"], found["drift_ppm"]) == (2.0, 0.0)
    assert (found["lowest_eps"], found["highest_eps"], found["variation_percent"]) == (1000, 1000, 0.0)
    assert (found["memory_mib"], found["memory_mib_per_hour"], found["descriptors_more"]) == (100.0, 0.0, 0)


def test_events_that_nobody_sent_are_a_fault() -> None:
    (line,) = faults(findings(steady(), SENT, 3_600_001))
    assert line.startswith("1 events more came than were sent")


def test_what_a_run_takes_while_it_begins_is_no_growth() -> None:
    samples = [replace(sample, memory_bytes=50 << 20) if i < 20 else sample for i, sample in enumerate(steady())]
    assert faults(findings(samples, SENT, 3_600_000)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda i, s: replace(s, memory_bytes=s.memory_bytes + i * (1 << 20)), "memory grew by 100.0 MiB an hour"),
        (lambda i, s: replace(s, descriptors=30 + (i > 60) + i % 2), "1 more files were open"),
        (lambda _, s: replace(s, sent_events=round(s.sent_events * 0.9999)), "the schedule drifted by 99.9"),
        (lambda i, s: replace(s, sent_events=s.sent_events - 3000 * (i == 50)), "the rate fell to 917 EPS"),
        (lambda i, s: replace(s, sent_events=s.sent_events + 2000 * (i % 2)), "the rate varied by 5.5"),
    ],
)
def test_what_creeps_is_a_fault(change: Any, said: str) -> None:
    found = faults(findings([change(i, sample) for i, sample in enumerate(steady())], SENT, 3_600_000))
    assert any(line.startswith(said) for line in found), found


def test_files_that_are_open_at_a_look_are_no_leak() -> None:
    samples = [replace(s, descriptors=30 + (i not in {1, 98})) for i, s in enumerate(steady())]
    assert faults(findings(samples, SENT, 3_600_000)) == []


def test_a_stall_that_was_caught_up_with_is_no_drift() -> None:
    samples = [replace(s, sent_events=s.sent_events - 800 * (i < 4)) for i, s in enumerate(steady())]
    found = findings(samples, SENT, 3_600_000)
    assert (found["drift_worst_ms"], found["drift_ppm"]) == (802.0, 0.0)


def test_a_drift_of_a_few_milliseconds_in_a_short_run_is_none() -> None:
    samples = [replace(s, sent_events=s.sent_events - i // 20) for i, s in enumerate(steady())]
    assert faults(findings(samples, SENT, 3_600_000)) == []


@pytest.mark.parametrize(
    ("change", "received", "said"),
    [
        ({"verdict": "missed"}, 3_600_000, "the run's verdict is missed"),
        ({"recoveries": [{}, {}]}, 3_600_000, "workers were restarted 2 times"),
        ({}, 3_581_999, "0.500% of the events were lost"),
    ],
)
def test_what_the_reports_say_is_a_fault_too(change: dict[str, Any], received: int, said: str) -> None:
    assert faults(findings(steady(), {**SENT, **change}, received)) == [said]
