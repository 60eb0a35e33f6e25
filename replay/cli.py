"""The `replay` command."""

from typing import NoReturn

import click

from captures import __version__
from captures.command import run as run_command
from replay.audit.command import audit
from replay.calibrate_command import calibrate
from replay.ctl_command import ctl
from replay.doctor.command import doctor
from replay.host.command import watch
from replay.run_command import run
from replay.sink.command import sink
from replay.sink.reconcile_command import reconcile_reports


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
replay.add_command(watch)


def main() -> NoReturn:
    """The console command."""
    run_command(replay)
