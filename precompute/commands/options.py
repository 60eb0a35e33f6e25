"""Arguments and flags that several commands of `precompute` take."""

import os
from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

from captures.console.command import Parsed
from precompute.profile.loading import built_in_names
from precompute.sessions.build import DIGEST_TEXT, MOST_JOBS

FILE: Final = click.Path(path_type=Path, dir_okay=False)
CAPTURE: Final = click.argument("capture", type=FILE, metavar="FILE")
JOBS: Final = click.option(
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    default=lambda: len(os.sched_getaffinity(0)),
    show_default="usable cores",
    metavar="N",
    help="Processes or threads that work at once; changes no byte.",
)


def _parse_digest(text: str) -> str:
    digest = text.strip().lower()
    if not DIGEST_TEXT.fullmatch(digest):
        raise ValueError(f"{text!r} is not a digest; it has 64 hexadecimal digits, as precompute inspect shows them")
    return digest


DIGEST: Final = Parsed("digest", _parse_digest)


def complete_profile(_context: click.Context, _argument: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What a shell is offered for a profile: files, and the built-in ones that begin so.

    Files come first: bash forgets what was offered before them.
    """
    names = [CompletionItem(name) for name in complete_name(_context, _argument, incomplete)]
    return [CompletionItem(incomplete, type="file"), *names]


def complete_name(_context: click.Context, _argument: click.Parameter, incomplete: str) -> list[str]:
    """What a shell is offered for the name of a built-in profile."""
    return [name for name in built_in_names() if name.startswith(incomplete)]
