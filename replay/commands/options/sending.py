"""The flags that say by which method a run sends."""

from typing import Final

import click

from captures.console.command import grouped
from captures.format.layout import MAX_TRAIN_EVENTS
from replay.board.journal import TRAINS
from replay.commands.options.values import FILE
from replay.plan.sending import SendRequest

send_options: Final = grouped(
    "send",
    SendRequest,
    click.option(
        "--gso/--no-gso", default=None, help="Have the kernel or the NIC cut trains.  [default: gso, where it is]"
    ),
    click.option(
        "--train-max",
        type=click.IntRange(1, MAX_TRAIN_EVENTS),
        help=f"The most events of one train.  [default: {MAX_TRAIN_EVENTS}, or as calibrated]",
    ),
    click.option(
        "--batch",
        "batch_trains",
        type=click.IntRange(1, TRAINS),
        help=f"The most trains of one system call.  [default: {TRAINS}, or as calibrated]",
    ),
    click.option(
        "--calibration",
        type=FILE,
        metavar="FILE",
        help="Send as `replay calibrate` found best.  [default: ~/.cache/stampede/calibration.json, if there is one]",
    ),
)
