"""The flags that say which limits a run must keep to pass, and which sink it asks what has arrived."""

from fractions import Fraction
from pathlib import Path

import click

from captures.console.command import COUNT, DURATION_NS, SHARE, grouped
from captures.console.errors import InputError
from replay.commands.options.token import token_option
from replay.commands.options.values import PLACE
from replay.exchange.place import Place
from replay.exchange.token import token_of_asker
from replay.report.criteria import Criteria, Limits


def _options(
    *,
    sink: Place | None,
    token_path: Path | None,
    abort_loss: Fraction | None,
    max_loss: Fraction | None,
    min_eps: int | None,
    max_latency_p99_ns: int | None,
    max_cpu: Fraction | None,
) -> Limits:
    if token_path is not None and sink is None:
        raise InputError("--sink-token-file: there is no sink to show it to; name one with --sink")
    token = token_of_asker(token_path) if sink else None
    return Limits(sink, token, abort_loss, Criteria(max_loss, min_eps, max_latency_p99_ns, max_cpu))


limit_options = grouped(
    "limits",
    _options,
    click.option(
        "--sink",
        type=PLACE,
        help="Ask the sink that publishes its counters there, like 198.18.0.2:5600, what arrives: loss while it runs.",
    ),
    token_option,
    click.option("--abort-loss", type=SHARE, help="Stop when more than this share is lost, like 1%; needs --sink."),
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
)
