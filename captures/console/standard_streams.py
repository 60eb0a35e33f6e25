"""Standard input, output and error as a command may find them: closed, full, without a reader, in any locale.

What people read goes to stderr, and nothing depends on their reading it: what can't be written there is dropped. Data
goes to stdout; what was asked for and can't be written is an error. Data is UTF-8 in any locale, since it ends in
files; only a terminal gets what it shows.
"""

import codecs
import io
import os
import sys
from contextlib import suppress
from typing import Any, Final

from captures.console.errors import RunError

# A descriptor that is closed is opened the wrong way round: to use it fails as before, and no file that is opened
# later gets its number, where somebody would write words into it.
_CONTRARY: Final = (os.O_WRONLY, os.O_RDONLY, os.O_RDONLY)


class _Words(io.TextIOWrapper):
    """Takes the place of stderr; writing to it never fails."""

    def write(self, text: str, /) -> int:
        """Write the text, or drop it if that fails."""
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write what the buffer holds, or drop it if that fails."""
        with suppress(OSError):
            super().flush()


class _Data(io.TextIOWrapper):
    """Takes the place of stdout: the first failure is raised, and later output is dropped, for a part is missing.

    What fails raises BrokenPipeError when the reader left, and RunError else.
    """

    def write(self, text: str, /) -> int:
        """Write the text."""
        try:
            return super().write(text)
        except OSError as error:
            raise _given_up(error) from None

    def flush(self) -> None:
        """Write what the buffer holds."""
        try:
            super().flush()
        except OSError as error:
            raise _given_up(error) from None


def _given_up(error: OSError) -> Exception:
    """The error to raise about stdout, which from now on drops all that is written to it."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
    return error if isinstance(error, BrokenPipeError) else RunError(f"stdout can't be written: {error.strerror}")


def put(data: Any) -> None:
    """Write bytes, an object with a buffer, to stdout. Raises as `_Data` where it fails."""
    sys.stdout.flush()
    view = memoryview(data).cast("B")
    try:
        while view:
            view = view[os.write(1, view) :]
    except OSError as error:
        raise _given_up(error) from None


def guard() -> None:
    """Put safe streams in the place of those that Python made; streams that somebody else put there are left alone."""
    for number, mode in enumerate(_CONTRARY):
        _occupy(number, mode)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the program
    if sys.stderr is sys.__stderr__:
        sys.stderr = _Words(_binary(2), _encoding(sys.stderr), "backslashreplace", line_buffering=True)
    if sys.stdout is sys.__stdout__:
        with suppress(OSError):
            os.set_blocking(1, True)  # whoever shares it may have set it not to block, and would get a part
        shown = sys.stdout if sys.stdout is not None and sys.stdout.isatty() else None
        sys.stdout = _Data(_binary(1), _encoding(shown), "backslashreplace", line_buffering=shown is not None)


def drain() -> None:
    """Empty stdout's buffer, for the interpreter would fail when it ends and can't write the rest."""
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


def _binary(number: int) -> io.BufferedWriter:
    return io.BufferedWriter(io.FileIO(number, "w", closefd=False))


def _encoding(stream: io.TextIOBase | None) -> str:
    """The encoding of a stream: the locale's on a terminal, unless that is ASCII, and UTF-8 everywhere else."""
    known = "ascii" if stream is None else codecs.lookup(stream.encoding or "ascii").name
    return "utf-8" if known == "ascii" else known
