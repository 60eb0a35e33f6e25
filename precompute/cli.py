"""Which subcommands the `precompute` command has: from a profile to a capture, and what a capture holds."""

from typing import NoReturn

import click

from captures import __version__
from captures.console.command import run
from captures.console.subcommands import Subcommands

SUBCOMMANDS = Subcommands(
    build="precompute.commands.build:build",
    check="precompute.commands.profiles:check",
    inspect="precompute.commands.captures:inspect",
    profiles="precompute.commands.profiles:profiles",
    recipe="precompute.commands.captures:recipe",
    schema="precompute.commands.profiles:schema",
    verify="precompute.commands.captures:verify",
)


@click.group(name="precompute", commands=SUBCOMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="precompute")
def precompute() -> None:
    """Render traffic once, ahead of time, into a capture that `replay` sends."""


def main() -> NoReturn:
    """Run the console command `precompute`."""
    run(precompute)
