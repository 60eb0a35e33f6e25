"""Room on a disk: whether there is enough for what will be written, and what is said where it fills up anyway."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from captures.console.errors import PreflightError, RunError
from captures.console.units import format_size
from captures.files.output_file import FULL, workplace


def require_room(path: Path, size: int) -> None:
    """Check that the disk on which a file for `path` is written has `size` bytes free.

    Raises PreflightError where it has fewer, and where its folder can't be looked at.
    """
    try:
        status = os.statvfs(workplace(path))
    except OSError as error:
        raise PreflightError(f"{path}: can't be written: {error.strerror}") from None
    free = status.f_bavail * status.f_frsize
    if size > free:
        raise PreflightError(
            f"{path}: needs {format_size(size)}, and the disk has {format_size(free)} free; make room, and start again"
        )


def too_large(path: Path) -> RunError:
    """The error where the kernel lets a file grow no further (EFBIG of write(2))."""
    return RunError(f"{path}: no file of this size can be written there (ulimit -f, or the file system)")


@contextmanager
def filling(path: Path, advice: str = "make room, and start again") -> Iterator[None]:
    """Turn what the kernel says of a disk that fills up, or takes no larger file, into a RunError of one line."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise RunError(f"{path}: the disk is full; {advice}") from None
        if error.errno == errno.EFBIG:
            raise too_large(path) from None
        raise
