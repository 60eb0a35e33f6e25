"""`precompute check`, `profiles` and `schema`: what helps to write a profile."""

import json
from collections.abc import Iterator
from typing import Final

import click

from captures.console.errors import ExitCode
from captures.console.harmless import harmless
from captures.console.units import counted, fitted
from precompute.commands.options import complete_name, complete_profile
from precompute.commands.profile_table import profile_list, profile_table
from precompute.notation.findings import ProfileError
from precompute.profile.loading import built_in_text, load_profile
from precompute.profile.schema import profile_schema
from precompute.rendering.samples import sample_events

MAX_TOLD: Final = 100
"""The most lines that are told about one profile; the rest is mostly of the same kind."""
SAMPLES: Final = 10
"""How many events of a sound profile are shown."""


@click.command()
@click.argument("name", required=False, shell_complete=complete_name)
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the profile's file, as a start for one of your own.")
def profiles(*, name: str | None, as_yaml: bool) -> None:
    """List the built-in profiles, or show the one called NAME."""
    if name is None:
        if as_yaml:
            raise click.UsageError("name the profile whose YAML to print, like precompute profiles web --yaml")
        click.echo(profile_list())
    elif as_yaml:
        click.echo(built_in_text(name), nl=False)
    else:
        built_in_text(name)
        click.echo(profile_table(load_profile(name)))


@click.command()
@click.argument("profile", metavar="FILE", shell_complete=complete_profile)
def check(*, profile: str) -> int:
    """Check a profile: print all that is wrong with it, or ten events of it.

    What is unsound does not keep the rest from being checked; checks that depend on it are told as not made.
    """
    try:
        loaded = load_profile(profile)
    except ProfileError as error:
        for line in _complaint_lines(profile, error):
            click.echo(fitted(f"precompute: {line}", 4), err=True)
        return error.exit_code
    click.echo(f"{profile}: sound; ten of its events:", err=True)
    for event in sample_events(loaded, SAMPLES):
        click.echo(harmless(event.decode()))
    return ExitCode.MET


def _complaint_lines(profile: str, error: ProfileError) -> Iterator[str]:
    """What is wrong, and then how much could not be judged because of it."""
    yield from error.complaints[:MAX_TOLD]
    if hidden := len(error.complaints[MAX_TOLD:]):
        yield f"{profile}: and {counted(hidden, 'line')} more of this kind"
    if len(error.unchecked) == 1:
        yield error.unchecked[0]
    elif error.unchecked:
        yield f"{profile}: not checked: {len(error.unchecked):,} other things, which depend on what is unsound"


@click.command()
def schema() -> None:
    """Print the JSON Schema of profiles, for editors that complete and check YAML."""
    click.echo(json.dumps(profile_schema(), indent=2))
