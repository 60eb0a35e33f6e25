"""Which subcommands the `replay` command has."""

from typing import NoReturn

import click

from captures import __version__
from captures.console.command import run
from captures.console.subcommands import Subcommands

SUBCOMMANDS = Subcommands(
    audit="replay.commands.audit:audit",
    calibrate="replay.commands.calibrate:calibrate",
    ctl="replay.commands.ctl:ctl",
    doctor="replay.commands.doctor:doctor",
    reconcile="replay.commands.reconcile:reconcile_reports",
    report="replay.commands.report:report",
    run="replay.commands.run:run",
    scenarios="replay.commands.scenarios:scenarios",
    sink="replay.commands.sink:sink",
    watch="replay.commands.watch:watch",
)


@click.group(name="replay", commands=SUBCOMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="replay")
def replay() -> None:
    """Send a capture over the network at a set rate, and receive it."""


def main() -> NoReturn:
    """Run the console command `replay`."""
    run(replay)
