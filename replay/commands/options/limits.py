"""The flags that say which limits a run must keep to pass."""

from typing import Final

import click

from captures.console.command import COUNT, DURATION_NS, SHARE, SIZE, grouped
from replay.scenario.limits import Criteria

limit_options: Final = grouped(
    "criteria",
    Criteria,
    click.option(
        "--max-loss", type=SHARE, help="Pass only if no more than this share is lost, like 0.5%; needs --sink."
    ),
    click.option(
        "--min-eps",
        type=COUNT,
        help="Pass only at this mean rate or more, like 3.8M.  [default: 95% of the target rate]",
    ),
    click.option(
        "--max-latency-p99",
        "max_latency_p99_ns",
        type=DURATION_NS,
        help="Pass only if 99% of the events are no older than this on arrival, like 5ms; needs --sink.",
    ),
    click.option(
        "--max-cpu", type=SHARE, help="Pass only if the busiest worker takes no more of its core than this, like 75%."
    ),
    click.option(
        "--max-memory",
        "max_memory_bytes",
        type=SIZE,
        help="Pass only if all workers together hold no more memory than this, like 12GB.",
    ),
)
