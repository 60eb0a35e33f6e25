"""What is in the report of a sink? Its outermost fields, in the order of the JSON. None says "not measured"."""

from dataclasses import asdict, dataclass
from typing import Any

from replay.report.buckets import Buckets


@dataclass(frozen=True)
class LatencyFigures:
    """The times from stamp to arrival, in milliseconds, of the events whose stamps can be compared with the clock."""

    mean: float
    p50: float
    p95: float
    p99: float
    max: float
    samples: int
    """The number of these events."""
    resolution_ms: int


@dataclass(frozen=True)
class TroubledIntervals:
    """The intervals of ports in which events were lost or otherwise troubled."""

    interval_ms: int
    since_ns: int
    """When the first interval began."""
    columns: list[str]
    rows: list[list[int]]
    """A row for each such interval of a port, in the order of `columns`."""


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
    latency_ms: LatencyFigures | None
    latency_buckets: Buckets | None
    """The histogram from which `latency_ms` is computed."""
    stamp_age_min_ms: float | None
    unverified_events: int
    """Tagged events that waited in a worker until it was known which run is counted, when the worker died."""
    tags: dict[str, Any] | None
    host: dict[str, int] | None
    lanes: list[dict[str, Any]]
    mapped_lanes: list[dict[str, Any]]
    intervals: TroubledIntervals

    def figures(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        return asdict(self)
