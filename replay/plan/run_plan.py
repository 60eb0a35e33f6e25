"""What a run will do, decided before anything starts. Pure: no sockets, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Any, Final

from captures.console.errors import InputError
from captures.console.units import counted, fitted
from captures.format.reader import Capture
from replay.board.intervals import interval_ns
from replay.board.journal import TRAINS
from replay.clock import SECOND_NS
from replay.machine.claims import Claims
from replay.path.headers import Wire
from replay.path.target import Target
from replay.ports import check_workers, format_ports
from replay.rewrite.stamps import Stamp, iso_ms
from replay.rewrite.tags import Tagging, run_text
from replay.schedule.axis import Axis
from replay.schedule.pacing import train_limit
from replay.schedule.rates import LONGEST_NS, OnAxis, Schedule, Steady
from replay.schedule.stripes import Deal, lane_quota

MOST_EVENTS: Final = 10**17
"""Of a run: 30 million a second for a century. What is computed from it fits 64 bits."""

MOST_EPS: Final = 10**9
"""What `--eps-limit` may be: what is computed from a rate fits 64 bits."""

GRACE_NS: Final = SECOND_NS // 4
"""How long a run with a duration may go on to send what fell due within it."""


@dataclass(frozen=True)
class WorkerPlan:
    """One worker: the core it is pinned to, and its lanes (places in the run's ports)."""

    cpu: int
    lanes: range


@dataclass(frozen=True)
class Extent:
    """How far a run goes; one of the three is given."""

    duration_ns: int | None = None
    loops: int | None = None
    events: int | None = None


@dataclass(frozen=True)
class Pace:
    """How fast a run goes: at a rate, along the time axis, or, with neither, as fast as it goes."""

    rate_eps: int | None = None
    """Of all lanes together."""
    speed: Fraction | None = None
    """Of the time axis of the capture; 0: as fast as it goes."""


@dataclass(frozen=True)
class RunPlan:
    """One run."""

    target: Target
    ports: tuple[int, ...]
    """The lanes' destination ports."""
    pace: Pace
    deal: Deal
    """Who sends what, and when."""
    duration_ns: int | None
    """How long to send; None: until all is sent."""
    segments: int
    """The most datagrams of one send; 1: without GSO."""
    stamp: Stamp
    workers: tuple[WorkerPlan, ...]
    wire: Wire | None = None
    """Where frames go out, for the packet backend; None: the udp backend."""
    batch_trains: int = TRAINS
    """The most trains of one system call."""
    cpus: tuple[int, ...] = ()
    """The cores that workers may be moved to, the best first."""
    claims: Claims = field(default_factory=Claims)
    run: int | None = None
    """What the events' tags call this run; None: tags are not written."""
    start_at_ns: int | None = None
    """The instant to start at, in nanoseconds since 1970; None: as soon as it is ready."""
    nic: str | None = None
    """The network card that it goes through; None on loopback."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """What was settled for the user, `backend` and `workers`, and why."""

    @property
    def backend(self) -> str:
        """How it is sent, as `--backend` calls it."""
        return "udp" if self.wire is None else "packet"

    @property
    def tagging(self) -> Tagging | None:
        """What is written into the events' tags."""
        return None if self.run is None else Tagging(self.run, self.ports)

    @property
    def run_id(self) -> str | None:
        """The run as its tags, the dry run and the report name it."""
        return None if self.run is None else run_text(self.run)

    @property
    def schedule(self) -> Schedule:
        """When what is due."""
        return self.deal.schedule

    @property
    def total(self) -> int | None:
        """Events to send; None: until the duration is over."""
        return self.schedule.total

    @property
    def paced(self) -> bool:
        """Whether events are due at instants, or as fast as it goes."""
        return self.schedule.mean_eps is not None

    @property
    def train_limit(self) -> int:
        """The most events of one train."""
        peak_eps = self.schedule.peak_eps
        duration_ns = 0 if peak_eps is None else SECOND_NS
        return train_limit(int(peak_eps or 1), duration_ns, len(self.ports), self.deal.train_max)

    @property
    def stop_after_ns(self) -> int | None:
        """When to stop though events are left, counted from the start; None: only when all are sent.

        What falls due within a duration may leave a little later.
        """
        if self.duration_ns is None or self.total is None:
            return self.duration_ns
        return self.duration_ns + GRACE_NS

    @property
    def interval_ns(self) -> int:
        """The length of the intervals in which the offered load is judged."""
        return interval_ns(self.schedule.mean_eps)

    def targets(self) -> dict[str, Any]:
        """The rates that are asked for, as the dry run and the report show them."""
        mean_eps, peak_eps, speed = self.schedule.mean_eps, self.schedule.peak_eps, self.pace.speed
        return {
            "target_eps": mean_eps and round(mean_eps, 3),
            "target_peak_eps": peak_eps and round(peak_eps, 3),
            "speed": "max" if speed == 0 else speed and float(speed),
        }

    def describe(self) -> dict[str, Any]:
        """The plan as the dry run shows it."""
        lanes = len(self.ports)
        rate_eps = self.schedule.mean_eps
        return {
            "target": self.target.host,
            "backend": self.backend,
            "nic": self.nic,
            "wire": describe_wire(self.wire),
            "ports": format_ports(self.ports),
            **self.targets(),
            "events": self.total,
            "duration_s": self.duration_ns and self.duration_ns / SECOND_NS,
            "start_at": self.start_at_ns and iso_ms(self.start_at_ns),
            "stamp": str(self.stamp),
            "run_id": self.run_id,
            "gso": self.segments > 1,
            "train_events_max": self.train_limit,
            "batch_trains": self.batch_trains,
            "choices": dict(self.choices),
            "realtime_priority": self.claims.realtime_priority,
            "lock_memory": self.claims.lock_memory,
            "lanes": [
                {
                    "port": port,
                    "rate_eps": rate_eps and rate_eps / lanes,
                    "events": self.total if self.total is None else lane_quota(self.total, lanes, lane),
                }
                for lane, port in enumerate(self.ports)
            ],
            "workers": [
                {
                    "id": i,
                    "cpu": worker.cpu,
                    "ports": format_ports(self.ports[worker.lanes.start : worker.lanes.stop]),
                }
                for i, worker in enumerate(self.workers)
            ],
        }


def describe_wire(wire: Wire | None) -> dict[str, Any] | None:
    """The wire as the dry run and the report show it; None for the udp backend."""
    if wire is None:
        return None
    sources = wire.sources
    return {
        "interface": wire.interface,
        "next_hop_mac": wire.next_mac.hex(":"),
        "vlans": list(wire.vlans),
        "source_addresses": sources.addresses,
        "source_ports": f"{sources.ports[0]}-{sources.ports[-1]}",
        "source_mix": "capture" if sources.of_capture else "uniform",
    }


def plan_workers(count: int, lanes: int, cpus: Sequence[int]) -> tuple[WorkerPlan, ...]:
    """`count` workers with neighbouring lanes each, as equal as can be; cores are taken in turn from `cpus`."""
    check_workers(count, lanes)
    return tuple(
        WorkerPlan(cpu=cpus[i % len(cpus)], lanes=range(i * lanes // count, (i + 1) * lanes // count))
        for i in range(count)
    )


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
    """The plan of a run over `ports` of `target`.

    A duration with a rate or a speed asks for the events that fall due within it. `run` is what tags call it, where the
    capture has any. Raises InputError.
    """
    axis = _axis(capture, pace, stamp)
    if extent.duration_ns is not None and extent.duration_ns > LONGEST_NS:
        raise InputError("--duration: a run lasts 100 years at most")
    if pace.speed and axis is not None:
        total = extent.events or (extent.loops or 0) * capture.events
        schedule: Schedule = OnAxis(axis, pace.speed, total=total, duration_ns=extent.duration_ns or 0)
    else:
        schedule = Steady(pace.rate_eps, _steady_total(capture.events, pace.rate_eps, extent))
    deal = Deal(
        schedule=schedule,
        lanes=len(ports),
        train_max=min(train_max, segments) if segments > 1 else train_max,
        loop_events=capture.events,
        axis=axis if stamp is Stamp.SHIFT else None,
    )
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
        choices=choices or {},
    )


def _axis(capture: Capture, pace: Pace, stamp: Stamp) -> Axis | None:
    """The capture's time axis, if it has one; raises InputError when it needs one and has none."""
    if capture.duration_ns:
        return Axis(capture.windows)
    for needed, way, instead in (
        (pace.speed is not None, "--speed", "use --eps"),
        (stamp is Stamp.SHIFT, "--stamp shift", "use --stamp now"),
    ):
        if needed:
            raise InputError(
                f"{capture.path}: has no time axis for {way} to follow; build it with one, "
                f"like precompute build PROFILE --duration 1h --eps 10k, or {instead}"
            )
    return None


def _steady_total(capture_events: int, rate_eps: int | None, extent: Extent) -> int | None:
    """Events of a run at one rate; None: until its duration is over."""
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
    if plan.pace.speed is not None:
        asked = f"--speed {float(plan.pace.speed):g} asks for {wanted:,} EPS in the busiest window, which"
    raise InputError(f"{asked} is over the limit of {limit_eps:,}; if you mean it, say --eps-limit {wanted}")


def plan_table(plan: RunPlan) -> str:
    """The plan for people."""
    mean_eps, peak_eps = plan.schedule.mean_eps, plan.schedule.peak_eps
    rate = "as fast as it goes" if mean_eps is None else f"{_figure(mean_eps)} EPS"
    per_lane = "" if mean_eps is None else f", {_figure(mean_eps / len(plan.ports))} EPS each"
    if plan.pace.speed:
        rate = f"at speed {float(plan.pace.speed):g}: {rate} in the mean, {_figure(peak_eps or 0)} at the peak"
    events = "until the time is over" if plan.total is None else counted(plan.total, "event")
    gso = f"GSO, up to {counted(plan.segments, 'datagram')} a send" if plan.segments > 1 else "without GSO"
    tags = "" if plan.run_id is None else f", tagged as run {plan.run_id}"
    trains = f"trains of at most {counted(plan.train_limit, 'event')}, {plan.batch_trains} a call"
    lines = [
        f"to {plan.target.host}, ports {format_ports(plan.ports)}: {counted(len(plan.ports), 'lane')}{per_lane}",
        f"  {rate}, {events}{tags}, {trains}, {gso}",
        *(f"  {what} {why}" for what, why in plan.choices.items()),
    ]
    if plan.start_at_ns is not None:
        lines.append(f"  starts at {iso_ms(plan.start_at_ns)}")
    for i, worker in enumerate(plan.workers):
        ports = format_ports(plan.ports[worker.lanes.start : worker.lanes.stop])
        lines.append(f"  worker {i} on core {worker.cpu}: ports {ports}")
    return "\n".join([*(fitted(line) for line in lines), "nothing was sent"])


def _figure(rate_eps: float) -> str:
    """A rate with three decimals at most."""
    return f"{rate_eps:,.3f}".rstrip("0").rstrip(".")
