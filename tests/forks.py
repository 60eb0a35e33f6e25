"""`replay` and `precompute` as forks of the test's process, which has loaded all that they would load first.

The start of a Python that has not takes half a second of a processor, more than most commands then need. What is forked
is a process of its own, with its streams, its exit code, its signals and its workers. Tests of how a command starts, is
interrupted or is limited start a new Python.
"""

import ctypes
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from pyroute2 import netns

from captures.console.interruption import SIGNALS

_CLONE_NEWNS = 0x20000  # sched.h
_MS_REC, _MS_SLAVE, _MNT_DETACH = 1 << 14, 1 << 19, 2  # mount.h


def call(
    program: str, *arguments: object, host: str | None = None, folder: Path = Path(), timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in `folder`, and in the namespace `host` if one is given."""
    line = [program, *map(str, arguments)]
    importlib.import_module(f"{program}.cli")  # here, so that no fork has to
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        streams = stdout.fileno(), stderr.fileno()
        process = multiprocessing.get_context("fork").Process(target=_become, args=(line, folder, host, streams))
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(line, timeout_s)
        for file in (stdout, stderr):
            file.seek(0)
        return subprocess.CompletedProcess(line, process.exitcode, stdout.read(), stderr.read())


def _become(line: list[str], folder: Path, host: str | None, streams: tuple[int, int]) -> None:
    """Go on as the command would begin."""
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
    sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - as long as the process
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    os.chdir(folder)
    if host is not None:
        _enter(host)
    sys.argv = line
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
