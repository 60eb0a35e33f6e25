"""What will a run do? It is decided here, before anything starts. Pure: no sockets, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final

from captures.console.errors import InputError
from captures.format.capture import Capture
from captures.format.layout import MAX_TRAIN_EVENTS
from replay.board.intervals import interval_ns
from replay.board.journal import TRAINS
from replay.clock import SECOND_NS
from replay.machine.privileges import Privileges
from replay.path.headers import Wire
from replay.path.target import Target
from replay.plan.pace import Extent, Pace
from replay.rewrite.stamps_at_sending import Stamp
from replay.rewrite.tags import run_text
from replay.schedule.axis import LoopedAxis
from replay.schedule.bursts import train_limit
from replay.schedule.deal import Deal
from replay.schedule.demand import TimeScale
from replay.schedule.own_instants import OnInstants
from replay.schedule.rates import LONGEST_NS, OnAxis, Schedule, Steady

MOST_EVENTS: Final = 10**17
"""The most events of a run: 30 million a second for a century. All numbers computed from it fit 64 bits."""

MOST_EPS: Final = 10**9
"""The highest value of `--eps-limit`. All numbers computed from such a rate fit 64 bits."""

GRACE_NS: Final = SECOND_NS // 4
"""How long after its duration a run may still send the events that fell due within it."""


@dataclass(frozen=True)
class WorkerPlan:
    """One worker: the core that it is pinned to, and its lanes (indexes into the run's ports)."""

    cpu: int
    lanes: range


@dataclass(frozen=True)
class RunPlan:
    """The plan of one run."""

    target: Target
    ports: tuple[int, ...]
    """The destination port of each lane."""
    pace: Pace
    deal: Deal
    """Which lane sends which events, and when."""
    duration_ns: int | None
    """How long to send; None: until all events are sent."""
    segments: int
    """The most datagrams of one message; 1: GSO is not used."""
    stamp: Stamp
    workers: tuple[WorkerPlan, ...]
    wire: Wire | None = None
    """The wire on which the packet backend sends frames; None: the udp backend is used."""
    batch_trains: int = TRAINS
    """The most trains of one system call."""
    cpus: tuple[int, ...] = ()
    """The cores to which workers may be moved, the best core first."""
    privileges: Privileges = field(default_factory=Privileges)
    run: int | None = None
    """The number of this run in the tags of its events; None: no tags are written."""
    start_at_ns: int | None = None
    """The instant to start at, in nanoseconds since 1970; None: the run starts as soon as it is ready."""
    train_events: float = MAX_TRAIN_EVENTS
    """How many events a train of the capture has in the mean."""
    nic: str | None = None
    """The network card that the events go through; None on loopback."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """How the `backend` and the `workers` were chosen, and why."""

    @property
    def backend(self) -> str:
        """The name of the backend, as in `--backend`."""
        return "udp" if self.wire is None else "packet"

    @property
    def run_id(self) -> str | None:
        """The name of the run in its tags, in the dry run and in the report; None: no tags are written."""
        return None if self.run is None else run_text(self.run)

    @property
    def schedule(self) -> Schedule:
        """When the events are due."""
        return self.deal.schedule

    @property
    def total(self) -> int | None:
        """How many events to send; None: the run sends until its duration is over."""
        return self.schedule.total

    @property
    def paced(self) -> bool:
        """Whether each event is due at an instant; if not, the run sends as fast as it can."""
        return self.schedule.mean_eps is not None

    @property
    def train_limit(self) -> int:
        """The most events of one train. At instants of their own it is their bunches that say how many."""
        if isinstance(self.schedule, OnInstants):
            return self.deal.train_max
        peak_eps = self.schedule.peak_eps
        duration_ns = 0 if peak_eps is None else SECOND_NS
        return train_limit(int(peak_eps or 1), duration_ns, len(self.ports), self.deal.train_max)

    @property
    def stop_after_ns(self) -> int | None:
        """When to stop even if events are left, counted from the start; None: stop only when all events are sent.

        Events that fall due within the duration may be sent a little later.
        """
        if self.duration_ns is None or self.total is None:
            return self.duration_ns
        return self.duration_ns + GRACE_NS

    @property
    def interval_ns(self) -> int:
        """The length of the intervals for which the run checks whether it sent as much as was due."""
        return interval_ns(self.schedule.mean_eps)

    def targets(self) -> dict[str, Any]:
        """The rates that the user asks for, as the dry run and the report show them."""
        mean_eps, peak_eps, speed = self.schedule.mean_eps, self.schedule.peak_eps, self.pace.speed
        return {
            "target_eps": mean_eps and round(mean_eps, 3),
            "target_peak_eps": peak_eps and round(peak_eps, 3),
            "speed": "max" if speed == 0 else speed and float(speed),
            "scenario": self.pace.course and self.pace.course.name,
        }


def plan_run(
    capture: Capture,
    *,
    target: Target,
    ports: Sequence[int],
    pace: Pace,
    extent: Extent,
    train_max: int,
    segments: int,
    stamp: Stamp,
    run: int | None = None,
    workers: Sequence[WorkerPlan] = (),
    wire: Wire | None = None,
    batch_trains: int = TRAINS,
    choices: Mapping[str, str] | None = None,
) -> RunPlan:
    """The plan of a run that sends to `ports` of `target`.

    A duration with a rate or a speed asks for the events that fall due within it. `run` is the number of the run in the
    tags, if the capture has tags. Raises InputError.
    """
    deal = _deal(capture, len(ports), pace, extent, min(train_max, segments) if segments > 1 else train_max, stamp)
    return RunPlan(
        target=target,
        ports=tuple(ports),
        pace=pace,
        deal=deal,
        duration_ns=extent.duration_ns,
        segments=segments,
        stamp=stamp,
        run=run if capture.tagged else None,
        workers=tuple(workers),
        wire=wire,
        batch_trains=batch_trains,
        train_events=capture.events / len(capture.trains),
        choices=choices or {},
    )


def _deal(capture: Capture, lanes: int, pace: Pace, extent: Extent, train_max: int, stamp: Stamp) -> Deal:
    """Which lane sends which events, and when. Raises InputError."""
    axis = _axis(capture, pace, stamp)
    if extent.duration_ns is not None and extent.duration_ns > LONGEST_NS:
        raise InputError("--duration: a run lasts 100 years at most")
    total, duration_ns = extent.events or (extent.loops or 0) * capture.events, extent.duration_ns or 0
    schedule: Schedule
    if pace.course is not None:
        schedule = pace.course.schedule
    elif not pace.speed or axis is None:
        schedule = Steady(pace.rate_eps, _steady_total(capture.events, pace.rate_eps, extent))
    elif len(capture.times):
        schedule = OnInstants(capture.times, capture.windows, pace.speed, total=total, duration_ns=duration_ns)
    else:
        schedule = OnAxis(axis, pace.speed, total=total, duration_ns=duration_ns)
    shifted = stamp is Stamp.SHIFT
    deal = Deal(
        schedule=schedule,
        lanes=lanes,
        train_max=train_max,
        loop_events=capture.events,
        axis=axis if shifted and capture.version == 1 else None,
        moved_from_ns=capture.start_ns if shifted and capture.version > 1 else None,
        loop_ns=capture.duration_ns,
    )
    deal.check(TimeScale(total=schedule.total))
    return deal


def _axis(capture: Capture, pace: Pace, stamp: Stamp) -> LoopedAxis | None:
    """The capture's time axis, or None. Raises InputError when `pace` or `stamp` needs an axis and there is none."""
    if capture.duration_ns:
        return LoopedAxis(capture.windows)
    for needed, way, instead in (
        (pace.speed is not None, "--speed", "use --eps"),
        (stamp is Stamp.SHIFT, "--stamp shift", "use --stamp now"),
    ):
        if needed:
            mend = "build it with one, like precompute build PROFILE --duration 1h --eps 10k, or"
            if capture.version > 1:
                mend = "its events came without instants, or all at one;"
            raise InputError(f"{capture.path}: has no time axis for {way} to follow; {mend} {instead}")
    return None


def _steady_total(capture_events: int, rate_eps: int | None, extent: Extent) -> int | None:
    """How many events a run at one rate has; None: it sends until its duration is over."""
    total = extent.events
    if extent.loops is not None:
        total = extent.loops * capture_events
    elif extent.duration_ns is not None and rate_eps is not None:
        total = rate_eps * extent.duration_ns // SECOND_NS
        if total == 0:
            raise InputError("no event falls due within that duration at that rate; give more time or a higher --eps")
    if total is not None and total > MOST_EVENTS:
        raise InputError(f"a run sends {MOST_EVENTS:,} events at most; choose fewer --loops or --events, or less time")
    return total


def check_limit(plan: RunPlan, limit_eps: int) -> None:
    """Refuse a rate above `limit_eps`; raises InputError."""
    if limit_eps > MOST_EPS:
        raise InputError(f"--eps-limit {limit_eps:,}: {MOST_EPS:,} at most")
    peak_eps = plan.schedule.peak_eps
    if peak_eps is None or peak_eps <= limit_eps:
        return
    asked, wanted = f"--eps {peak_eps:,}", ceil(peak_eps)
    if plan.pace.course is not None:
        asked = f"{plan.pace.course.name} asks for {wanted:,} EPS at its peak, which"
    elif plan.pace.speed is not None:
        asked = f"--speed {float(plan.pace.speed):g} asks for {wanted:,} EPS in the busiest window, which"
    raise InputError(f"{asked} is over the limit of {limit_eps:,}; if you mean it, say --eps-limit {wanted}")
