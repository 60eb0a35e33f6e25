"""Arguments and flags that several commands take: those of `captures`, and of `precompute` as well."""

import os
from pathlib import Path
from typing import Final

import click

from captures.console.command import Parsed
from captures.share.at_once import MOST_JOBS
from captures.share.verification import DIGEST_TEXT

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
