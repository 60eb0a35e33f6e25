"""The flags that say how many workers a run has, on which cores they run, and with which priority and memory."""

from typing import Final

import click

from captures.console.command import Parsed, grouped
from replay.commands.options.values import CPUS
from replay.plan.workers import AUTO, WorkerRequest


def _parse_workers(text: str) -> int:
    if text.strip() == "auto":
        return AUTO
    if not text.strip().isdecimal() or int(text) < 1:
        raise ValueError(f"{text!r} is no number of workers; write it like 1 or 4, or auto")
    return int(text)


worker_options: Final = grouped(
    "workers",
    WorkerRequest,
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
