"""Standard input, output and error as a command may find them: closed, full, without a reader, in any locale.

What people read goes to stderr, and nothing depends on their reading it: what can't be written there is dropped. Data
goes to stdout; what was asked for and can't be written is an error. Data is UTF-8 in any locale, since it ends in
files; only a terminal gets what it shows.
"""

import io
import os
import select
import sys
from contextlib import suppress
from typing import Any, Final

from captures.errors import RunError

# A descriptor that is closed is opened the wrong way round: to use it fails as before, and no file that is opened
# later gets its number, where somebody would write words into it.
_CONTRARY: Final = (os.O_WRONLY, os.O_RDONLY, os.O_RDONLY)


class _Words(io.FileIO):
    """Stderr: never fails, and never waits where it was made not to."""

    def write(self, data: Any, /) -> int:
        """Write it, or drop it."""
        size = memoryview(data).nbytes
        try:
            written = super().write(data)
        except OSError:
            return size
        return size if written is None else written


class _Data(io.FileIO):
    """Stdout: the first failure is raised, and what follows it is dropped, since nobody gets the whole any more."""

    failed = False

    def write(self, data: Any, /) -> int:
        """Write some of it. Raises BrokenPipeError when the reader left, RunError for what else there is."""
        if self.failed:
            return memoryview(data).nbytes
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])
        except BrokenPipeError:
            self.failed = True
            raise
        except OSError as error:
            self.failed = True
            raise RunError(f"stdout can't be written: {error.strerror}") from None
        return written


def guard() -> None:
    """Put safe streams in the place of those that Python made; streams that somebody else put there are left alone."""
    for number, mode in enumerate(_CONTRARY):
        _occupy(number, mode)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the program
    if sys.stderr is sys.__stderr__:
        encoding = "utf-8" if sys.stderr is None else sys.stderr.encoding
        sys.stderr = _text(_Words(2, "w", closefd=False), encoding, line_buffering=True)
    if sys.stdout is sys.__stdout__:
        shown = sys.stdout if sys.stdout is not None and sys.stdout.isatty() else None
        encoding = "utf-8" if shown is None else shown.encoding
        sys.stdout = _text(_Data(1, "w", closefd=False), encoding, line_buffering=shown is not None)


def drain() -> None:
    """Leave nothing in stdout's buffer over which the interpreter would stumble when it ends."""
    for _ in range(2):  # the first time may be the one that fails
        with suppress(OSError, RunError):
            sys.stdout.flush()


def _occupy(number: int, mode: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        with suppress(OSError):  # without /dev/null there is nothing to open
            fd = os.open(os.devnull, mode)
            if fd != number:
                os.dup2(fd, number)
                os.close(fd)


def _text(raw: io.FileIO, encoding: str, *, line_buffering: bool) -> io.TextIOWrapper:
    """A text stream that writes whatever text, file names that are no text included."""
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=line_buffering)
