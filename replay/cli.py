"""Which subcommands the `replay` command has."""

from typing import NoReturn

import click

from captures import __version__
from captures.console.command import run as run_command
from replay.commands.audit import audit
from replay.commands.calibrate import calibrate
from replay.commands.ctl import ctl
from replay.commands.doctor import doctor
from replay.commands.reconcile import reconcile_reports
from replay.commands.report import report
from replay.commands.run import run
from replay.commands.sink import sink
from replay.commands.watch import watch


@click.group(name="replay", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="replay")
def replay() -> None:
    """Send a capture over the network at a set rate, and receive it."""


replay.add_command(audit)
replay.add_command(run)
replay.add_command(calibrate)
replay.add_command(ctl)
replay.add_command(doctor)
replay.add_command(sink)
replay.add_command(reconcile_reports)
replay.add_command(report)
replay.add_command(watch)


def main() -> NoReturn:
    """Run the console command `replay`."""
    run_command(replay)
