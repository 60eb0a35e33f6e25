"""What a terminal is shown beside plain text: bars that move, and colours, where it can show them."""

import os
import sys
from typing import Any, Final

from tqdm import tqdm

USUAL_COLUMNS: Final = 80
"""The width of a terminal that does not say its own."""


def dumb() -> bool:
    """Whether the terminal can neither move its cursor nor show colours (TERM=dumb)."""
    return os.environ.get("TERM") == "dumb"


def colours() -> bool | None:
    """What `click.echo` takes for `color`: False where nobody wants colours (https://no-color.org), None elsewhere."""
    return False if os.environ.get("NO_COLOR") or dumb() else None


def notice(text: str) -> None:
    """Say a line on stderr that is no answer: something the user should know, and need not."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is where notices are printed


def bar(**options: Any) -> "tqdm[Any]":
    """A bar on stderr, which is gone when it is closed; there is none where stderr is no terminal that can show it."""
    # The monitor of tqdm would be a thread. Workers and jobs are forked, and a process that forks must have no threads.
    tqdm.monitor_interval = 0
    # For a stream that is not sys.stderr itself, tqdm looks up the width of the terminal only if it may change.
    width = {"dynamic_ncols": True} if _has_width(options.get("file", sys.stderr)) else {"ncols": USUAL_COLUMNS}
    return tqdm(**{"leave": False, "disable": True if dumb() else None, **width, **options})


def _has_width(stream: Any) -> bool:
    """Whether the terminal of a stream says how wide it is; a console or a new pty may say 0, of which tqdm makes 0."""
    try:
        return os.get_terminal_size(stream.fileno()).columns > 0
    except (OSError, ValueError, AttributeError):
        return False
