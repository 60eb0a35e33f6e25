"""Which subcommands the `captures` command has: what is done with captures once they are there, and between labs."""

from typing import NoReturn

import click

from captures import __version__
from captures.console.command import run
from captures.console.subcommands import Subcommands

SUBCOMMANDS = Subcommands(
    anonymize="captures.commands.anonymize:anonymize_",
    cache="captures.commands.cache:cache",
    diff="captures.commands.rework.diff:diff",
    export="captures.commands.export:export",
    **{"import": "captures.commands.import_:import_"},
    merge="captures.commands.rework.merge:merge",
    pack="captures.commands.pack:pack",
    print="captures.commands.rework.print_:print_events",
    pull="captures.commands.pull:pull",
    push="captures.commands.push:push",
    slice="captures.commands.rework.slice:slice_",
    unpack="captures.commands.unpack:unpack",
    verify="captures.commands.verify:verify",
)


@click.group(name="captures", commands=SUBCOMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="captures")
def captures() -> None:
    """Carry captures between files, labs and formats."""


def main() -> NoReturn:
    """Run the console command `captures`."""
    run(captures)
