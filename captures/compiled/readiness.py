"""How kernels are made ready before they are needed: compiled the first time on a machine, loaded from the disk later.

A process that forks workers does this first, so that all of them have the code, and their successors too.
"""

import fcntl
from collections.abc import Callable, Sequence
from pathlib import Path

from captures.compiled.cache import cache_folder
from captures.console.terminal import bar


def is_ready(what: str) -> bool:
    """Whether the kernels of `what` were compiled on this machine before."""
    return _mark(what).exists()


def make_ready(what: str, calls: Sequence[Callable[[], object]]) -> None:
    """Call each of `calls`, which has a kernel compiled; the first time on this machine a bar shows how far it is.

    Of several processes one compiles, and the others wait for it and load what it has compiled.
    """
    if is_ready(what):
        _call(calls, lambda: None)
        return
    with _mark(what).with_suffix(".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with bar(total=len(calls), desc=f"compiling {what}, once", bar_format="{desc}: {bar} {elapsed}") as shown:
            _call(calls, shown.update)
        _mark(what).touch()


def _call(calls: Sequence[Callable[[], object]], done: Callable[[], object]) -> None:
    for call in calls:
        call()
        done()


def _mark(what: str) -> Path:
    return cache_folder() / f"{what.replace(' ', '-')}.ready"
