"""What creeps in a long run: samples of it, and what they come to. Pure: nothing here looks at the machine.

Some faults are faults on any machine: an event that is nowhere accounted for, memory that grows. Others, a low rate
among them, may be the machine's: a virtual one whose cores were taken away is slow. The two are told apart here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import linear_regression, mean, median, pstdev
from typing import Any, Final

from captures.console.units import counted

WARM_UP: Final = 0.2
"""The part of a run that memory has to settle in."""

MAX_LOSS: Final = 0.005
MAX_VARIATION: Final = 0.05
MIN_RATE: Final = 0.95
"""A soak is sound that loses at most 0.5% of its events, holds 95% of its rate, and varies by 5% at most."""
MAX_GROWTH_BYTES_H: Final = 64 << 20
"""In a day such growth would take 1.5 GiB, an eighth of the 12 GB that a sender is expected to have."""
MAX_GROWTH_BYTES: Final = 8 << 20
"""What may come and go within a run: a short one says nothing about an hour."""
MAX_DRIFT_PPM: Final = 10
MAX_DRIFT_MS: Final = 50
"""How far a run may be off its schedule at any sample, which a stall of the machine can cause."""
STANDSTILL: Final = "stood still"
"""How the cause begins of a recovery that a machine without a free core brings about; a death has another one."""


@dataclass(frozen=True)
class Sample:
    """One look at a run."""

    elapsed_s: float
    """Since the run's start, by its own clock."""
    sent_events: int
    eps: float
    """Of the last second."""
    memory_bytes: int
    """Anonymous memory of all processes of sender and sink."""
    descriptors: int
    """Open files of them."""
    cpu_s: dict[str, float]
    """CPU time so far, of sender and sink."""


def findings(
    samples: Sequence[Sample], sent: dict[str, Any], ledger: dict[str, Any], steal_percent: float = 0.0
) -> dict[str, Any]:
    """What a run came to: figures by name. There are three samples at least.

    `sent` is the sender's report, `ledger` what `replay reconcile` says of it and the sink's. `steal_percent` of the
    machine's time went to others meanwhile.
    """
    return {
        **_what_ran(sent, samples),
        **_losses(sent, ledger),
        **_rates(sent, samples),
        "steal_percent": round(steal_percent, 1),
        **_drift(samples, sent["target_eps"], sent["lag_ms"]["max"]),
        **_memory(samples[int(len(samples) * WARM_UP) :]),
        **_use(samples),
        "recoveries": len(sent["recoveries"]),
        "deaths": sum(not recovery["cause"].startswith(STANDSTILL) for recovery in sent["recoveries"]),
    }


def _what_ran(sent: dict[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
    told = ("target_eps", "achieved_eps", "asked_events", "sent_events")
    return {
        "verdict": sent["verdict"],
        "reason": sent["reason"],
        "seconds": round(sent["duration_s"], 3),
        "samples": len(samples),
        **{name: sent[name] for name in told},
        "errors": sum(sent["errors"].values()),
    }


def _losses(sent: dict[str, Any], ledger: dict[str, Any]) -> dict[str, Any]:
    lost, in_socket = ledger["lost_events"], ledger["lost_in_socket_events"]
    return {
        "lost_events": lost,
        "lost_before_socket_events": None if in_socket is None else lost - in_socket,
        "duplicated_events": ledger["duplicated_events"],
        "surplus_events": ledger["surplus_events"],
        "lost_percent": 100 * lost / sent["sent_events"],
    }


def _rates(sent: dict[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
    """How evenly it sent: from sample to sample, and as its own report says."""
    steps = [(b.sent_events - a.sent_events) / (b.elapsed_s - a.elapsed_s) for a, b in pairwise(samples)]
    return {
        "lowest_eps": round(min(steps)),
        "highest_eps": round(max(steps)),
        "variation_percent": round(100 * pstdev(steps) / mean(steps), 4),
        "offered_below_95_percent": sent["offered"]["below_95_percent"],
        "offered_below_with_steal": (sent.get("strain") or {}).get("short_intervals_stolen"),
        "offered_intervals": sent["offered"]["intervals"],
        "offered_worst_percent": sent["offered"]["worst_percent"],
        "lag_p99_ms": sent["lag_ms"]["p99"],
        "lag_max_ms": sent["lag_ms"]["max"],
    }


def _thirds(samples: Sequence[Sample]) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """The first third of a run and the last."""
    third = len(samples) // 3
    return samples[:third], samples[-third:]


def _drift(samples: Sequence[Sample], target_eps: float, lag_max_ms: float) -> dict[str, Any]:
    """How far it was behind its schedule; what it was ahead is negative."""

    def drifts_ms(part: Sequence[Sample]) -> list[float]:
        return [1000 * (sample.elapsed_s - sample.sent_events / target_eps) for sample in part]

    all_ms = drifts_ms(samples)
    # The medians of both ends: what a stall delayed is caught up with, and is no drift.
    first_s, last_s = (median(sample.elapsed_s for sample in part) for part in _thirds(samples))
    first_ms, last_ms = (median(drifts_ms(part)) for part in _thirds(samples))
    return {
        "drift_median_ms": round(median(all_ms), 3),
        "drift_worst_ms": round(max(map(abs, all_ms)), 3),
        # A worker that has to wait for a core knows how late it is; a schedule that creeps does not. It is late, or
        # early, in the end: a single look may be late because whoever looks waited for a core.
        "drift_beyond_lag_ms": round(max(0.0, last_ms - lag_max_ms, -last_ms), 3),
        "drift_ppm": round(1000 * (last_ms - first_ms) / (last_s - first_s), 3),
    }


def _memory(settled: Sequence[Sample]) -> dict[str, Any]:
    slope = linear_regression([sample.elapsed_s for sample in settled], [sample.memory_bytes for sample in settled])[0]
    return {
        "memory_mib": round(settled[-1].memory_bytes / 2**20, 2),
        "memory_mib_per_hour": round(slope * 3600 / 2**20, 3),
        "memory_growth_mib": round((settled[-1].memory_bytes - settled[0].memory_bytes) / 2**20, 3),
        "memory_creep_mib": round(_creep_bytes(settled) / 2**20, 3),
    }


def _use(samples: Sequence[Sample]) -> dict[str, Any]:
    """How many files are open, and how busy the cores are."""
    # The least of some: a request to the control socket may be open at any look.
    before, after = (min(sample.descriptors for sample in part) for part in _thirds(samples))
    first, last = samples[0], samples[-1]
    span_s = last.elapsed_s - first.elapsed_s
    return {
        "descriptors": last.descriptors,
        "descriptors_more": after - before,
        "cpu_percent": {part: round(100 * (last.cpu_s[part] - first.cpu_s[part]) / span_s, 1) for part in first.cpu_s},
    }


def exactness_faults(found: dict[str, Any]) -> list[str]:
    """A line for each thing that no machine, however slow, may do to a run."""
    before_socket, duplicated = found["lost_before_socket_events"], found["duplicated_events"]
    limits = (
        (found["verdict"] in ("failed", "interrupted"), f"the run's verdict is {found['verdict']}: {found['reason']}"),
        (
            found["sent_events"] != found["asked_events"],
            f"{found['sent_events']:,} events were sent, and {found['asked_events']:,} were asked for",
        ),
        (found["errors"] > 0, f"{counted(found['errors'], 'send')} answered with an error"),
        (bool(before_socket), f"{counted(before_socket or 0, 'event')} lost, and not in a socket's buffer"),
        (bool(duplicated), f"{counted(duplicated or 0, 'event')} came twice"),
        (
            found["surplus_events"] > 0,
            f"{counted(found['surplus_events'], 'event')} more came than were sent, of other senders",
        ),
        (
            found["drift_beyond_lag_ms"] > MAX_DRIFT_MS,
            f"the schedule is off by {found['drift_beyond_lag_ms']} ms more than its workers know of",
        ),
        (memory_creeps(found), f"memory grew by {found['memory_mib_per_hour']} MiB an hour"),
        (found["descriptors_more"] > 0, f"{counted(found['descriptors_more'], 'file')} more open at the end"),
        (found["deaths"] > 0, f"workers died {counted(found['deaths'], 'time')}"),
    )
    return [line for holds, line in limits if holds]


def memory_creeps(found: dict[str, Any]) -> bool:
    """Whether memory grows so fast that a day of it is too much, and goes on to, by more than comes and goes."""
    mib = 2**20
    return bool(
        found["memory_mib_per_hour"] * mib > MAX_GROWTH_BYTES_H and found["memory_creep_mib"] * mib > MAX_GROWTH_BYTES
    )


def speed_faults(found: dict[str, Any]) -> list[str]:
    """A line for each figure that is beyond what a long run may have, where the machine was the run's alone."""
    limits = (
        (found["verdict"] == "missed", f"the run's verdict is missed: {found['reason']}"),
        (found["lost_percent"] > 100 * MAX_LOSS, f"{found['lost_percent']:.3f}% of the events were lost"),
        (found["lowest_eps"] < MIN_RATE * found["target_eps"], f"the rate fell to {found['lowest_eps']:,} EPS"),
        (found["variation_percent"] > 100 * MAX_VARIATION, f"the rate varied by {found['variation_percent']}%"),
        (
            abs(found["drift_ppm"]) > MAX_DRIFT_PPM and found["drift_worst_ms"] > MAX_DRIFT_MS,
            f"the schedule drifted by {found['drift_ppm']} ppm",
        ),
        (
            found["recoveries"] > found["deaths"],
            f"workers stood still {counted(found['recoveries'] - found['deaths'], 'time')}",
        ),
    )
    return [line for holds, line in limits if holds]


def _creep_bytes(settled: Sequence[Sample]) -> int:
    """How much of the growth goes on: twice that of the half that grew less.

    Room that a sink or a sender has for a whole batch is taken up when the first one is so large, as after a stall.
    That is a step, in one of the halves, and does not come again.
    """
    first, middle, last = (settled[place].memory_bytes for place in (0, len(settled) // 2, -1))
    return 2 * min(middle - first, last - middle)
