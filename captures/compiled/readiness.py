"""How kernels are made ready before they are needed: compiled the first time on a machine, loaded from the disk later.

A process that forks workers does this first, so that all of them have the code, and their successors too.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from captures.compiled.cache import cache_folder
from captures.console.terminal import bar


def is_ready(what: str) -> bool:
    """Whether the kernels of `what` were compiled on this machine before."""
    return _mark(what).exists()


def make_ready(what: str, calls: Sequence[Callable[[], object]]) -> None:
    """Call each of `calls`, which has a kernel compiled; the first time on this machine a bar shows how far it is."""
    if is_ready(what):
        for call in calls:
            call()
        return
    with bar(total=len(calls), desc=f"compiling {what}, once", bar_format="{desc}: {bar} {elapsed}") as shown:
        for call in calls:
            call()
            shown.update()
    _mark(what).touch()


def _mark(what: str) -> Path:
    return cache_folder() / f"{what.replace(' ', '-')}.ready"
