"""The flags that say which sink a run asks what has arrived, and when the run ends for what has not."""

from typing import Final

import click

from captures.console.command import SHARE, grouped
from replay.commands.options.token import token_option
from replay.commands.options.values import PLACE
from replay.supervision.abort_on_loss import AskedSink

sink_options: Final = grouped(
    "asked_sink",
    AskedSink,
    click.option(
        "--sink",
        "place",
        type=PLACE,
        help="Ask the sink that publishes its counters there, like 198.18.0.2:5600, what arrives: loss while it runs.",
    ),
    token_option,
    click.option("--abort-loss", type=SHARE, help="Stop when more than this share is lost, like 1%; needs --sink."),
)
