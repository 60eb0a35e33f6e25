"""The `precompute` command: from a profile to a capture, and what a capture holds."""

from typing import NoReturn

import click

import captures
from captures.console.command import run
from precompute.commands.build import build
from precompute.commands.captures import inspect, recipe, verify
from precompute.commands.profiles import check, profiles, schema


@click.group(name="precompute", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(captures.__version__, prog_name="precompute")
def precompute() -> None:
    """Render traffic once, ahead of time, into a capture that `replay` sends."""


for _command in (build, check, inspect, profiles, recipe, schema, verify):
    precompute.add_command(_command)


def main() -> NoReturn:
    """The console script's entry."""
    run(precompute)
