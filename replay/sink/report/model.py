"""What is in the report of a sink? Its outermost fields, in the order of the JSON. None says "not measured"."""

from dataclasses import asdict, dataclass
from typing import Any

from replay.report.buckets import Buckets


@dataclass(frozen=True, kw_only=True)
class SinkReport:
    """Everything that is known at the end of a sink."""

    schema: int
    version: str
    ended_by: str
    ended: str | None
    run_id: str | None
    workers: int
    gro: bool
    received_events: int
    received_bytes: int
    kernel_drops: int
    bad_stamps: int
    coarse_stamps: int
    early_stamps: int
    old_stamps: int
    first_arrival: str | None
    duration_s: float | None
    rate_eps: float | None
    peak_eps: int | None
    latency_ms: dict[str, float] | None
    latency_buckets: Buckets | None
    """The histogram from which `latency_ms` is computed."""
    stamp_age_min_ms: float | None
    unverified_events: int
    """Tagged events that waited in a worker until it was known which run is counted, when the worker died."""
    tags: dict[str, Any] | None
    host: dict[str, int] | None
    lanes: list[dict[str, Any]]
    mapped_lanes: list[dict[str, Any]]
    intervals: dict[str, Any]

    def figures(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        return asdict(self)
