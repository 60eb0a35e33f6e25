"""How kernels are made ready before they are needed: compiled the first time on a machine, loaded from the disk later.

A process that forks workers does this first, so that all of them have the code, and their successors too. To compile
takes memory that is never given back, and workers would inherit it; so a process of its own compiles.
"""

import fcntl
import multiprocessing
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from captures.compiled.cache import cache_folder
from captures.console.interruption import SIGNALS
from captures.console.terminal import bar


def is_ready(what: str) -> bool:
    """Whether the kernels of `what` were compiled on this machine before."""
    return _mark(what).exists()


def make_ready(what: str, calls: Sequence[Callable[[], object]]) -> None:
    """Call each of `calls`, which has a kernel compiled; the first time on this machine a bar shows how far it is.

    Of several processes one compiles, and the others wait for it and load what it has compiled. Call this before any
    thread is started.
    """
    if not is_ready(what):
        with _mark(what).with_suffix(".lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            compiling = multiprocessing.get_context("fork").Process(target=_compile, args=(what, calls), daemon=True)
            compiling.start()
            compiling.join()
    for call in calls:  # and so it fails here, if it failed there
        call()
    _mark(what).touch()


def _compile(what: str, calls: Sequence[Callable[[], object]]) -> None:
    for number in SIGNALS:  # they end this process without a word, since the one that waits for it has the last
        signal.signal(number, signal.SIG_DFL)
    with bar(total=len(calls), desc=f"compiling {what}, once", bar_format="{desc}: {bar} {elapsed}") as shown:
        for call in calls:
            call()
            shown.update()


def _mark(what: str) -> Path:
    return cache_folder() / f"{what.replace(' ', '-')}.ready"
