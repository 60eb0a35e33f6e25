"""What a run will do, decided before anything starts. Pure: no sockets, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from captures.errors import InputError
from replay.clock import SECOND_NS
from replay.offered import interval_ns
from replay.pacing import train_limit
from replay.ports import check_workers, format_ports
from replay.stripes import lane_quota
from replay.target import Target

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
class RunPlan:
    """One run."""

    target: Target
    ports: tuple[int, ...]
    """The lanes' destination ports."""
    rate_eps: int | None
    """Of all lanes together; None: as fast as it goes."""
    total: int | None
    """Events to send; None: until the duration is over."""
    duration_ns: int | None
    """How long to send; None: until all is sent."""
    train_limit: int
    """The most events of one train."""
    segments: int
    """The most datagrams of one send; 1: without GSO."""
    live: bool
    """Whether stamps are written at sending."""
    workers: tuple[WorkerPlan, ...]

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
        return interval_ns(self.rate_eps)

    def describe(self) -> dict[str, Any]:
        """The plan as the dry run shows it."""
        lanes = len(self.ports)
        return {
            "target": self.target.host,
            "ports": format_ports(self.ports),
            "target_eps": self.rate_eps,
            "events": self.total,
            "duration_s": self.duration_ns and self.duration_ns / SECOND_NS,
            "stamp": "now" if self.live else "keep",
            "gso": self.segments > 1,
            "train_events_max": self.train_limit,
            "lanes": [
                {
                    "port": port,
                    "rate_eps": self.rate_eps and float(Fraction(self.rate_eps, lanes)),
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


def plan_workers(count: int, lanes: int, cpus: Sequence[int]) -> tuple[WorkerPlan, ...]:
    """`count` workers with neighbouring lanes each, as equal as can be; cores are taken in turn from `cpus`."""
    check_workers(count, lanes)
    return tuple(
        WorkerPlan(cpu=cpus[i % len(cpus)], lanes=range(i * lanes // count, (i + 1) * lanes // count))
        for i in range(count)
    )


def plan_run(
    capture_events: int,
    *,
    target: Target,
    ports: Sequence[int],
    rate_eps: int | None,
    extent: Extent,
    train_max: int,
    segments: int,
    live: bool,
    workers: Sequence[WorkerPlan],
) -> RunPlan:
    """The plan of a run over `ports` of `target`.

    A duration with a rate asks for the events that fall due within it. Raises InputError.
    """
    total, duration_ns = extent.events, extent.duration_ns
    if extent.loops is not None:
        total = extent.loops * capture_events
    elif duration_ns is not None and rate_eps is not None:
        total = rate_eps * duration_ns // SECOND_NS
        if total == 0:
            raise InputError("no event falls due within that duration at that rate; give more time or a higher --eps")
    limit = min(train_max, segments) if segments > 1 else train_max
    return RunPlan(
        target=target,
        ports=tuple(ports),
        rate_eps=rate_eps,
        total=total,
        duration_ns=duration_ns,
        train_limit=limit if rate_eps is None else train_limit(rate_eps, len(ports), limit),
        segments=segments,
        live=live,
        workers=tuple(workers),
    )


def plan_table(plan: RunPlan) -> str:
    """The plan for people."""
    rate = "as fast as it goes" if plan.rate_eps is None else f"{plan.rate_eps:,} EPS"
    lane_eps = "" if plan.rate_eps is None else f"{plan.rate_eps / len(plan.ports):,.3f}".rstrip("0").rstrip(".")
    per_lane = lane_eps and f", {lane_eps} EPS each"
    events = "until the time is over" if plan.total is None else f"{plan.total:,} events"
    gso = f"GSO, up to {plan.segments} datagrams a send" if plan.segments > 1 else "without GSO"
    lines = [
        f"to {plan.target.host}, ports {format_ports(plan.ports)}: {len(plan.ports)} lanes{per_lane}",
        f"  {rate}, {events}, trains of at most {plan.train_limit} events, {gso}",
    ]
    for i, worker in enumerate(plan.workers):
        ports = format_ports(plan.ports[worker.lanes.start : worker.lanes.stop])
        lines.append(f"  worker {i} on core {worker.cpu}: ports {ports}")
    return "\n".join([*lines, "nothing was sent"])
