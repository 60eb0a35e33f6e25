"""How many workers a run has, on which cores, with which lanes, and what they claim of the machine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from captures.console.errors import InputError
from replay.machine.affinity import usable_cpus
from replay.machine.core_order import Topology, ordered
from replay.machine.privileges import Privileges
from replay.plan.run_plan import RunPlan, WorkerPlan
from replay.plan.worker_count import reckon_workers
from replay.request_checks import check_type, check_whole, check_within

AUTO: Final = 0
"""The value that stands for `--workers auto`."""


@dataclass(frozen=True)
class WorkerRequest:
    """What the user says about the workers."""

    workers: int = AUTO
    cpus: tuple[int, ...] | None = None
    """The cores to use; None: all cores that this process may use."""
    realtime_priority: int | None = None
    lock_memory: bool = False

    def check(self) -> None:
        """Refuse a number of workers, or a priority, that none can have. Raises InputError."""
        check_whole("--workers", self.workers)
        if self.workers < 0:
            raise InputError(f"--workers {self.workers}: say 1 or more, or {AUTO} for auto")
        check_type("--cpus", self.cpus, tuple, "(0, 2, 3)")
        if self.cpus is not None and not self.cpus:
            raise InputError("--cpus: name one core at least")
        for cpu in self.cpus or ():
            check_whole("--cpus", cpu)
        check_within("--realtime", self.realtime_priority, 1, 99)


def with_workers(plan: RunPlan, options: WorkerRequest, topology: Topology, *, worker_eps: int | None) -> RunPlan:
    """The plan with its workers. `worker_eps` is the rate measured for one worker; None: nothing was measured.

    Raises InputError, and PreflightError when a claim is refused.
    """
    options.check()
    cpus = usable_cpus(options.cpus)
    if options.cpus is None:
        cpus = ordered(cpus, topology)
    peak_eps = plan.schedule.peak_eps
    count, why = options.workers, f"{options.workers}: asked for by --workers"
    if count == AUTO:
        count, why = reckon_workers(
            None if peak_eps is None else float(peak_eps),
            len(plan.ports),
            cpus,
            topology,
            gso=plan.segments > 1,
            measured_eps=worker_eps,
            train_events=plan.train_events,
        )
    privileges = Privileges(options.realtime_priority, options.lock_memory)
    privileges.check()
    workers = plan_workers(count, len(plan.ports), cpus)
    drawbacks = {worker.cpu: said for worker in workers if (said := topology.drawback(worker.cpu))}
    if drawbacks and options.cpus is None:
        why += "; there is no better core than " + ", ".join(f"{cpu} ({said})" for cpu, said in drawbacks.items())
    choices = {**plan.choices, "workers": why}
    return replace(plan, workers=workers, cpus=cpus, privileges=privileges, nic=topology.nic, choices=choices)


def plan_workers(count: int, lanes: int, cpus: Sequence[int]) -> tuple[WorkerPlan, ...]:
    """Deal neighbouring lanes to `count` workers, as evenly as possible; their cores are taken in turn from `cpus`."""
    check_workers(count, lanes)
    return tuple(
        WorkerPlan(cpu=cpus[i % len(cpus)], lanes=range(i * lanes // count, (i + 1) * lanes // count))
        for i in range(count)
    )


def check_workers(workers: int, ports: int) -> None:
    """Refuse more workers than ports, since a port is served by one worker. Raises InputError."""
    if workers > ports:
        there = "is 1 port, so use 1 worker" if ports == 1 else f"are {ports} ports, so use 1 to {ports} workers"
        raise InputError(f"--workers {workers}: there {there}")
