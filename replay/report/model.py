"""What is in the report of a run? Each field of its JSON, by name and in order.

Fields that earlier versions did not write have defaults. None says "not measured", or that there was no such thing. The
number of the schema changes when a field changes its meaning or is removed, and not when a field is added.
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from replay.histogram import Histogram
from replay.receiver_host.model import WatchedHost
from replay.report.buckets import Buckets


@dataclass(frozen=True)
class OfferedFigures:
    """How many intervals of the run sent less than was due in them."""

    interval_ms: float
    intervals: int
    below_95_percent: int
    worst_percent: float
    not_measured: int = 0


@dataclass(frozen=True)
class IntervalFigures:
    """The events of each interval of `interval_ms` since the start of the run; None: the interval was not measured."""

    interval_ms: float
    joined: int
    """How many of the judged intervals each of these joins: 1, or more if the run is longer than ten minutes."""
    sent_events: list[int | None]
    due_events: list[int | None]


@dataclass(frozen=True)
class LagFigures:
    """How late events left, compared with their schedule, in milliseconds."""

    p50: float
    p99: float
    max: float

    @classmethod
    def of(cls, lag: Histogram) -> "LagFigures | None":
        """Those of a histogram; None if the events had no schedule."""
        p50_us, p99_us, max_us = lag.percentile_us(50), lag.percentile_us(99), lag.max_us
        if p50_us is None or p99_us is None or max_us is None:
            return None
        return cls(round(p50_us / 1000, 3), round(p99_us / 1000, 3), round(max_us / 1000, 3))


@dataclass(frozen=True)
class SinkFigures:
    """What the sink of the run counted and measured."""

    address: str
    tagged: bool
    answers: int
    silent: bool
    received_events: int | None
    lost_events: int | None
    loss_percent: float | None
    latency_p99_ms: float | None
    settling_cut_by: str | None = None


@dataclass(frozen=True)
class CriterionFigures:
    """A limit that was set, what was measured, and whether the limit was met."""

    name: str
    limit: float
    measured: float | None
    met: bool


@dataclass(frozen=True, kw_only=True)
class PhaseFigures:
    """A phase of a scenario; of one that was not reached all is None that is measured."""

    name: str
    verdict: str
    """met, missed, measured (nothing was expected), cut short, or not reached."""
    target_eps: float
    """The mean rate that it asks for."""
    start_s: float | None = None
    duration_s: float | None = None
    due_events: int | None = None
    sent_events: int | None = None
    achieved_eps: float | None = None
    offered_percent: float | None = None
    """The events that were sent in it, of those that were due."""
    lag_ms: LagFigures | None = None
    errors: dict[str, int] = field(default_factory=dict)
    cpu_percent: float | None = None
    """Of its core, by the busiest worker."""
    lost_events: int | None = None
    loss_percent: float | None = None
    short_s: float | None = None
    """When its last second ended that was short of events or lost some, from its start on; 0: none was so. None: the
    phase ended with such a second."""
    criteria: list[CriterionFigures] = field(default_factory=list)


@dataclass(frozen=True)
class LaneFigures:
    """What was sent to one port."""

    port: int
    sent_events: int
    sent_bytes: int
    errors: dict[str, int] = field(default_factory=dict)
    waits: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class WorkerFigures:
    """What one worker, a sending process, did."""

    id: int
    core: int
    ports: list[int]
    sent_events: int
    cpu_percent: float | None
    gso_refused: str | None = None
    unreachable_seconds: int = 0
    """In how many seconds of the run an answer came that no host or program receives there."""


@dataclass(frozen=True)
class CoreFigures:
    """How a worker's core spent its time."""

    core: int
    busy_percent: float
    steal_percent: float
    steal_percent_max: float
    iowait_percent: float


@dataclass(frozen=True)
class StrainFigures:
    """What the machine gave the run, in time of the cores, page faults and reading from the disk."""

    cores: list[CoreFigures]
    major_faults: int
    read_bytes: int
    stolen_seconds: int | None = None
    """In how many seconds the host took 0.5% of a worker's core or more; None: not measured."""
    short_intervals_stolen: int | None = None
    """How many of the intervals below 95% fell into these seconds."""


@dataclass(frozen=True)
class RecoveryFigures:
    """A failure of a worker, and how the run recovered from it."""

    worker: int
    cause: str
    way: str
    core: int
    at_s: float | None
    silent_s: float | None
    events_behind: int | None
    recovered_s: float | None


@dataclass(frozen=True)
class CaptureFigures:
    """The capture that was sent."""

    path: str
    digest: str
    events: int
    shortest_bytes: int | None = None
    """The length of its shortest event. Earlier versions wrote neither this nor the next field."""
    longest_bytes: int | None = None


@dataclass(frozen=True)
class HostFigures:
    """The host that sent."""

    kernel: str
    python: str


@dataclass(frozen=True)
class Ending:
    """How the run ended. The verdict is made of this and of the figures, and of nothing else."""

    failures: list[str]
    interrupted_by: str | None
    stopped_by: str | None
    aborted: str | None
    done: bool
    """Whether every worker had sent all events that it had to send."""
    late_ns: int | None
    """How long after its due time the last event left; None: not all events were sent, or it has no due time."""
    mean_target_eps: float | None
    """`target_eps` before rounding: at one event an hour, three decimals are too few."""


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """Everything that is known of a run, or of several runs whose reports were merged."""

    schema: int = 0
    """The number of the schema; 0: the report was written before reports had such a number."""
    verdict: str
    reason: str
    target_eps: float | None
    target_peak_eps: float | None = None
    speed: float | str | None = None
    scenario: str | None = None
    achieved_eps: float
    peak_eps: float | None
    sent_events: int
    asked_events: int | None
    sent_bytes: int
    duration_s: float
    started: str | None
    started_ns: int | None = None
    """The instant `started` in nanoseconds since 1970."""
    errors: dict[str, int]
    waits: dict[str, int]
    offered: OfferedFigures | None
    lag_ms: LagFigures | None
    lag_buckets: Buckets | None = None
    sink: SinkFigures | None = None
    collector_host: WatchedHost | None = None
    criteria: list[CriterionFigures] = field(default_factory=list)
    shortfall: str | None = None
    cpu_percent_mean: float | None
    memory_bytes_peak: int | None
    lanes: list[LaneFigures]
    workers: list[WorkerFigures]
    strain: StrainFigures | None = None
    recoveries: list[RecoveryFigures] = field(default_factory=list)
    target: str | None
    backend: str | None = None
    nic: dict[str, int | str | None] | None = None
    wire: dict[str, Any] | None = None
    gso_segments: int | None = None
    train_events_max: int | None = None
    batch_trains: int | None = None
    choices: dict[str, str | None] = field(default_factory=dict)
    stamp: str | None
    run_id: str | None = None
    capture: CaptureFigures | None
    host: HostFigures | None = None
    version: str | None = None
    ending: Ending | None = None
    unmerged: list[str] = field(default_factory=list)
    """In a merged report: a line for each figure that could not be merged, and why."""
    parts: list["RunReport"] = field(default_factory=list)
    """In a merged report: the whole reports that it was made of."""
    intervals: IntervalFigures | None = None
    phases: list[PhaseFigures] = field(default_factory=list)

    @property
    def start_ns(self) -> int | None:
        """When the run started, in ns since 1970; None: it never did. Raises ValueError if `started` is no instant."""
        if self.started is None or self.started_ns is not None:
            return self.started_ns
        return round(datetime.fromisoformat(self.started).timestamp() * 1000) * 1_000_000

    def figures(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        return asdict(self)
