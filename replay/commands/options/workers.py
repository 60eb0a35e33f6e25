"""The flags that say how many workers a run has, where they run, and what they claim of the machine."""

from dataclasses import dataclass, replace
from typing import Final

import click

from captures.console.command import Parsed, grouped
from replay.cpus import CPUS, usable_cpus
from replay.machine.claims import Claims
from replay.machine.core_order import Surroundings, ordered, reckon_workers
from replay.plan.run_plan import RunPlan, plan_workers

AUTO: Final = 0
"""What `--workers auto` parses to."""


@dataclass(frozen=True)
class CrewOptions:
    """What the user says about the workers."""

    workers: int = AUTO
    cpus: tuple[int, ...] | None = None
    """None: all that are allowed."""
    realtime_priority: int | None = None
    lock_memory: bool = False


def _parse_workers(text: str) -> int:
    if text.strip() == "auto":
        return AUTO
    if not text.strip().isdecimal() or int(text) < 1:
        raise ValueError(f"{text!r} is no number of workers; write it like 1 or 4, or auto")
    return int(text)


crew_options: Final = grouped(
    "crew",
    CrewOptions,
    click.option(
        "--workers",
        type=Parsed("count", _parse_workers),
        default="auto",
        show_default=True,
        help="Sending processes; auto: as many as the rate takes.",
    ),
    click.option(
        "--cpus",
        type=CPUS,
        help="Cores to pin the workers to, like 0,2-3, in this order.  [default: all that are allowed, the best first]",
    ),
    click.option(
        "--realtime",
        "realtime_priority",
        type=click.IntRange(1, 99),
        metavar="PRIORITY",
        help="Run the workers with this real-time priority (SCHED_FIFO).",
    ),
    click.option("--lock-memory", is_flag=True, help="Keep the workers' memory from being swapped out."),
)


def manned(plan: RunPlan, options: CrewOptions, around: Surroundings, *, worker_eps: int | None) -> RunPlan:
    """The plan with its workers; `worker_eps` is what one was measured to send, None: it was not.

    Raises InputError, and PreflightError when a claim is refused.
    """
    cpus = usable_cpus(options.cpus)
    if options.cpus is None:
        cpus = ordered(cpus, around)
    peak_eps = plan.schedule.peak_eps
    count, why = options.workers, f"{options.workers}: asked for by --workers"
    if count == AUTO:
        count, why = reckon_workers(
            None if peak_eps is None else float(peak_eps),
            len(plan.ports),
            cpus,
            around,
            gso=plan.segments > 1,
            measured_eps=worker_eps,
        )
    claims = Claims(options.realtime_priority, options.lock_memory)
    claims.check()
    workers = plan_workers(count, len(plan.ports), cpus)
    drawbacks = {worker.cpu: said for worker in workers if (said := around.drawback(worker.cpu))}
    if drawbacks and options.cpus is None:
        why += "; there is no better core than " + ", ".join(f"{cpu} ({said})" for cpu, said in drawbacks.items())
    choices = {**plan.choices, "workers": why}
    return replace(plan, workers=workers, cpus=cpus, claims=claims, nic=around.nic, choices=choices)
