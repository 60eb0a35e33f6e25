"""What creeps in a long run: samples of it, and what they come to. Pure: nothing here looks at the machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import linear_regression, mean, median, pstdev
from typing import Any, Final

WARM_UP: Final = 0.2
"""The part of a run that memory has to settle in."""

MAX_LOSS: Final = 0.005
MAX_VARIATION: Final = 0.05
MIN_RATE: Final = 0.95
"""Requirements Q2 and Q3."""
MAX_GROWTH_BYTES_H: Final = 64 << 20
"""A day of it would take a tenth of the 12 GB of requirement Q4."""
MAX_GROWTH_BYTES: Final = 8 << 20
"""What may come and go within a run: a short one says nothing about an hour."""
MAX_DRIFT_PPM: Final = 10
MAX_DRIFT_MS: Final = 50
"""How far a run may be off its schedule at any sample, which a stall of the machine can cause."""


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


def findings(samples: Sequence[Sample], sent: dict[str, Any], received_events: int) -> dict[str, Any]:
    """What a run came to: figures by name. `sent` is the sender's report; there are three samples at least."""
    target_eps = sent["target_eps"]
    steps = [(b.sent_events - a.sent_events) / (b.elapsed_s - a.elapsed_s) for a, b in pairwise(samples)]
    settled = samples[int(len(samples) * WARM_UP) :]
    drift_ms = [1000 * (sample.elapsed_s - sample.sent_events / target_eps) for sample in samples]
    memory = linear_regression([sample.elapsed_s for sample in settled], [sample.memory_bytes for sample in settled])
    span_s = samples[-1].elapsed_s - samples[0].elapsed_s
    third = len(samples) // 3
    ends = slice(None, third), slice(-third, None)
    # The medians of both: what a stall delayed is caught up with, and is no drift.
    middles_s = [median(sample.elapsed_s for sample in samples[part]) for part in ends]
    drifts_ms = [median(drift_ms[part]) for part in ends]
    # The least of some: a request to the control socket may be open at any look.
    descriptors = [min(sample.descriptors for sample in samples[part]) for part in ends]
    lost = sent["sent_events"] - received_events
    return {
        "verdict": sent["verdict"],
        "seconds": round(sent["duration_s"], 3),
        "samples": len(samples),
        "target_eps": target_eps,
        "achieved_eps": sent["achieved_eps"],
        "sent_events": sent["sent_events"],
        "lost_events": lost,
        "lost_percent": 100 * lost / sent["sent_events"],
        "lowest_eps": round(min(steps)),
        "highest_eps": round(max(steps)),
        "variation_percent": round(100 * pstdev(steps) / mean(steps), 4),
        "offered_below_95_percent": sent["offered"]["below_95_percent"],
        "offered_intervals": sent["offered"]["intervals"],
        "offered_worst_percent": sent["offered"]["worst_percent"],
        "lag_p99_ms": sent["lag_ms"]["p99"],
        "lag_max_ms": sent["lag_ms"]["max"],
        "drift_median_ms": round(median(drift_ms), 3),
        "drift_worst_ms": round(max(map(abs, drift_ms)), 3),
        "drift_ppm": round(1000 * (drifts_ms[1] - drifts_ms[0]) / (middles_s[1] - middles_s[0]), 3),
        "memory_mib": round(samples[-1].memory_bytes / 2**20, 2),
        "memory_mib_per_hour": round(memory.slope * 3600 / 2**20, 3),
        "memory_growth_mib": round((settled[-1].memory_bytes - settled[0].memory_bytes) / 2**20, 3),
        "descriptors": samples[-1].descriptors,
        "descriptors_more": descriptors[1] - descriptors[0],
        "cpu_percent": {
            part: round(100 * (samples[-1].cpu_s[part] - samples[0].cpu_s[part]) / span_s, 1)
            for part in samples[0].cpu_s
        },
        "recoveries": len(sent["recoveries"]),
    }


def faults(found: dict[str, Any]) -> list[str]:
    """A line for each figure that is beyond what a long run may have."""
    mib = 2**20
    memory_creeps = (
        found["memory_mib_per_hour"] * mib > MAX_GROWTH_BYTES_H and found["memory_growth_mib"] * mib > MAX_GROWTH_BYTES
    )
    limits = (
        (found["verdict"] != "met", f"the run's verdict is {found['verdict']}"),
        (found["lost_percent"] > 100 * MAX_LOSS, f"{found['lost_percent']:.3f}% of the events were lost"),
        (
            found["lost_events"] < 0,
            f"{-found['lost_events']:,} events more came than were sent: twice, or from somebody else on these ports",
        ),
        (found["lowest_eps"] < MIN_RATE * found["target_eps"], f"the rate fell to {found['lowest_eps']:,} EPS"),
        (found["variation_percent"] > 100 * MAX_VARIATION, f"the rate varied by {found['variation_percent']}%"),
        (
            abs(found["drift_ppm"]) > MAX_DRIFT_PPM and found["drift_worst_ms"] > MAX_DRIFT_MS,
            f"the schedule drifted by {found['drift_ppm']} ppm",
        ),
        (memory_creeps, f"memory grew by {found['memory_mib_per_hour']} MiB an hour"),
        (found["descriptors_more"] > 0, f"{found['descriptors_more']} more files were open at the end"),
        (found["recoveries"] > 0, f"workers were restarted {found['recoveries']} times"),
    )
    return [line for holds, line in limits if holds]
