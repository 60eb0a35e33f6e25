"""How kernels are made ready before they are needed: compiled the first time on a machine, loaded from the disk later.

A process that forks workers does this first, so that all of them have the code, and their successors too. To compile
takes memory that is never given back, and workers would inherit it; so a process of its own compiles.
"""

import fcntl
import multiprocessing
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from captures.compiled.cache import cache_folder
from captures.console.interruption import SIGNALS, held, waiting
from captures.console.parent import end_with_parent
from captures.console.stderr import Stderr
from captures.console.terminal import bar, notice

_LOOK_S = 0.1
"""The time between two looks whether another process has done what this one waits for."""


def is_ready(what: str) -> bool:
    """Whether the kernels of `what` were compiled on this machine before."""
    return _mark(what).exists()


def make_ready(what: str, calls: Sequence[Callable[[], object]]) -> None:
    """Call each of `calls`, which has a kernel compiled; the first time on this machine a bar shows how far it is.

    Of several processes one compiles, and the others wait for it and load what it has compiled. Call this before any
    thread is started. A signal raises KeyboardInterrupt meanwhile, even where signals are held.
    """
    if not is_ready(what):
        with waiting(), suppress(OSError), _mark(what).with_suffix(".lock").open("w", encoding="utf-8") as lock:
            if not sys.stderr.isatty():
                notice(f"compiling {what}, once on this machine; it takes some seconds")
            _wait_for(lock)
            if not is_ready(what):
                _compile_aside(what, calls)
    for call in calls:  # what is not on the disk is compiled here
        call()
    with suppress(OSError):  # it is compiled anew each time where it can't be kept
        _mark(what).touch()


def _wait_for(lock: IO[str]) -> None:
    """Take the lock, by short looks, so that a signal ends the waiting."""
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            select.select((), (), (), _LOOK_S)
        else:
            return


def _compile_aside(what: str, calls: Sequence[Callable[[], object]]) -> None:
    """Have a process of its own make the calls. Raises KeyboardInterrupt if a signal ended it."""
    compiling = multiprocessing.get_context("fork").Process(
        target=_compile, args=(what, calls, os.getpid()), daemon=True
    )
    with held(even_ignored=()) as noted:  # a signal while it is being started would leave it behind
        compiling.start()
        try:
            with waiting(noted):
                while compiling.is_alive():
                    compiling.join(_LOOK_S)
        finally:
            compiling.kill()
            compiling.join()
    if noted.first or -(compiling.exitcode or 0) in SIGNALS:
        raise KeyboardInterrupt


def _compile(what: str, calls: Sequence[Callable[[], object]], parent: int) -> None:
    end_with_parent(parent)
    for number in SIGNALS:  # they end this process without a word: the one that waits for it has the last
        signal.signal(number, signal.SIG_DFL)
    text = f"compiling {what}, once"
    with bar(total=len(calls), desc=text, bar_format="{desc}: {bar} {elapsed}", file=Stderr()) as shown:
        for call in calls:
            call()
            shown.update()


def _mark(what: str) -> Path:
    return cache_folder() / f"{what.replace(' ', '-')}.ready"
