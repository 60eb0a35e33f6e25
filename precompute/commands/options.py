"""What a shell is offered where several commands of `precompute` take a profile."""

import click
from click.shell_completion import CompletionItem

from precompute.profile.loading import built_in_names


def complete_profile(_context: click.Context, _argument: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What a shell is offered for a profile: files, and the built-in ones that begin so.

    Files come first: bash forgets what was offered before them.
    """
    names = [CompletionItem(name) for name in complete_name(_context, _argument, incomplete)]
    return [CompletionItem(incomplete, type="file"), *names]


def complete_name(_context: click.Context, _argument: click.Parameter, incomplete: str) -> list[str]:
    """What a shell is offered for the name of a built-in profile."""
    return [name for name in built_in_names() if name.startswith(incomplete)]
