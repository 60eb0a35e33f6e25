"""How the dry run shows a plan: as a table for people, and as data for programs. Pure."""

from typing import Any

from captures.console.units import counted, fitted
from captures.format.stamp_writing import iso_ms
from replay.clock import SECOND_NS
from replay.json_file import SCHEMA
from replay.path.headers import Wire
from replay.plan.run_plan import RunPlan
from replay.ranges import format_ports
from replay.scenario.picture import phase_rows, picture
from replay.schedule.deal import lane_quota


def describe(plan: RunPlan) -> dict[str, Any]:
    """The plan as data for programs, as the dry run prints it."""
    lanes = len(plan.ports)
    rate_eps = plan.schedule.mean_eps
    return {
        "schema": SCHEMA,
        "target": plan.target.host,
        "backend": plan.backend,
        "nic": plan.nic,
        "wire": describe_wire(plan.wire),
        "ports": format_ports(plan.ports),
        **plan.targets(),
        "events": plan.total,
        "duration_s": plan.duration_ns and plan.duration_ns / SECOND_NS,
        "start_at": plan.start_at_ns and iso_ms(plan.start_at_ns),
        "stamp": str(plan.stamp),
        "run_id": plan.run_id,
        "gso": plan.segments > 1,
        "train_events_max": plan.train_limit,
        "batch_trains": plan.batch_trains,
        "choices": dict(plan.choices),
        "realtime_priority": plan.privileges.realtime_priority,
        "lock_memory": plan.privileges.lock_memory,
        "lanes": [
            {
                "port": port,
                "rate_eps": rate_eps and rate_eps / lanes,
                "events": plan.total if plan.total is None else lane_quota(plan.total, lanes, lane),
            }
            for lane, port in enumerate(plan.ports)
        ],
        "workers": [
            {
                "id": i,
                "cpu": worker.cpu,
                "ports": format_ports(plan.ports[worker.lanes.start : worker.lanes.stop]),
            }
            for i, worker in enumerate(plan.workers)
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


def plan_table(plan: RunPlan) -> str:
    """The plan as a table for people."""
    mean_eps, peak_eps = plan.schedule.mean_eps, plan.schedule.peak_eps
    rate = "as fast as it goes" if mean_eps is None else f"{_figure(mean_eps)} EPS"
    per_lane = "" if mean_eps is None else f", {_figure(mean_eps / len(plan.ports))} EPS each"
    if plan.pace.course is not None:
        rate = f"{_figure(mean_eps or 0)} EPS in the mean, {_figure(peak_eps or 0)} at the peak"
    elif plan.pace.speed:
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
    if plan.pace.course is not None:
        lines += [*picture(plan.pace.course), *phase_rows(plan.pace.course)]
    if plan.start_at_ns is not None:
        lines.append(f"  starts at {iso_ms(plan.start_at_ns)}")
    for i, worker in enumerate(plan.workers):
        ports = format_ports(plan.ports[worker.lanes.start : worker.lanes.stop])
        lines.append(f"  worker {i} on core {worker.cpu}: ports {ports}")
    return "\n".join([*(fitted(line) for line in lines), "nothing was sent"])


def _figure(rate_eps: float) -> str:
    """A rate as text, with three decimals at most."""
    return f"{rate_eps:,.3f}".rstrip("0").rstrip(".")
