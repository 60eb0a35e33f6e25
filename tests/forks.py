"""`replay` and `precompute` as forks of the test's process, which has loaded all that they would load first.

The start of a Python that has not takes half a second of a processor, more than most commands then need. What is forked
is a process of its own, with its streams, its exit code, its signals and its workers. Tests of how a command starts, is
interrupted or is limited start a new Python.
"""

import ctypes
import gc
import importlib
import inspect
import multiprocessing
import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn

from coverage import Coverage
from pyroute2 import netns

from captures.console.interruption import SIGNALS
from captures.convert.importing.kernels import make_import_ready
from replay.clock import wall_ns
from replay.engine.preparation import prepare

_CLONE_NEWNS = 0x20000  # sched.h
_MS_REC, _MS_SLAVE, _MNT_DETACH = 1 << 14, 1 << 19, 2  # mount.h


def fork(program: str, *arguments: object, host: str | None = None) -> dict[str, Any]:
    """What `subprocess.Popen` and `run` take for a command that is forked, in the namespace `host` if one is given.

    They prepare its streams and its folder; it goes on from there, before they would execute another program.
    """
    _load(program)  # here, so that no fork has to
    line = [program, *map(str, arguments)]
    return {
        "args": line,
        "restore_signals": False,  # Python sets them as it starts, and this one has started
        "preexec_fn": partial(_become, line, host),
    }


def call(
    program: str, *arguments: object, host: str | None = None, folder: Path = Path(), timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in `folder`, and in the namespace `host` if one is given."""
    forked = fork(program, *arguments, host=host)
    streams = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    return subprocess.run(**forked, **streams, cwd=folder, timeout=timeout_s, check=False)


@cache
def _load(program: str) -> None:
    """Import all modules of a program, those that it imports late among them, and load its compiled code.

    Coverage looks up every module and every source file in each process that it measures, which takes it a tenth of a
    second; but it remembers what it has looked up, and so do forks.
    """
    package = importlib.import_module(program)
    for module in pkgutil.walk_packages(package.__path__, f"{program}."):
        importlib.import_module(module.name)
    if program == "replay":
        prepare(wall_ns())
    if program == "captures":
        make_import_ready(of_text=False)
        make_import_ready(of_text=True)
    if measured := Coverage.current():
        measured.get_data()
        inspect.stack()


def _become(line: Sequence[str], host: str | None) -> NoReturn:
    """Be the command, from its beginning to its end; it is measured as multiprocessing's processes are."""
    gc.freeze()  # nothing of the test's is collected here, since it would close files by numbers that are others' now
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os._exit(multiprocessing.get_context("fork").Process(target=_begin, args=(line, host))._bootstrap())


def _begin(line: Sequence[str], host: str | None) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, closefd=False) for number, mode in enumerate(("r", "w", "w"))
    )
    if host is not None:
        _enter(host)
    sys.argv = list(line)
    importlib.import_module(f"{line[0]}.entry").main()


def _enter(host: str) -> None:
    """Move this process into the namespace `host`, with a /sys of its own, as `ip netns exec` does (ip-netns(8))."""
    netns.setns(host)
    libc = ctypes.CDLL(None, use_errno=True)
    steps = (
        lambda: libc.unshare(_CLONE_NEWNS),
        lambda: libc.mount(b"", b"/", b"none", _MS_SLAVE | _MS_REC, None),
        lambda: libc.umount2(b"/sys", _MNT_DETACH),
        lambda: libc.mount(host.encode(), b"/sys", b"sysfs", 0, None),
    )
    for step in steps:
        if step():
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
