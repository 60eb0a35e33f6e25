"""The flags that say which sink a run asks what has arrived, and when the run ends for what has not."""

from fractions import Fraction
from pathlib import Path
from typing import Final

import click

from captures.console.command import SHARE, grouped
from captures.console.errors import InputError
from replay.commands.options.token import token_option
from replay.commands.options.values import PLACE
from replay.exchange.place import Place
from replay.exchange.token import token_of_asker
from replay.supervision.abort_on_loss import AskedSink


def _options(*, sink: Place | None, token_path: Path | None, abort_loss: Fraction | None) -> AskedSink:
    if token_path is not None and sink is None:
        raise InputError("--sink-token-file: there is no sink to show it to; name one with --sink")
    return AskedSink(sink, token_of_asker(token_path) if sink else None, abort_loss)


sink_options: Final = grouped(
    "asked_sink",
    _options,
    click.option(
        "--sink",
        type=PLACE,
        help="Ask the sink that publishes its counters there, like 198.18.0.2:5600, what arrives: loss while it runs.",
    ),
    token_option,
    click.option("--abort-loss", type=SHARE, help="Stop when more than this share is lost, like 1%; needs --sink."),
)
