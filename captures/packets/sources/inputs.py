"""What a user names as the source of an import, and the files that it stands for: each of them once."""

import fcntl
import glob
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from captures.console import interruption
from captures.console.errors import InputError
from captures.packets.sources.streams import PipeStream, PlainStream, Stream, stream_of

STDIN: Final = "-"
_WILD: Final = "*?["
_LAST_NS: Final = 9_214_646_399 * 10**9
"""File systems have dates before 1970, and some after 2262, where nanoseconds take more than 63 bits."""


@dataclass(frozen=True)
class Input:
    """A file, or a pipe, that is read once and to its end."""

    name: str
    """As the user wrote it, or as it was found; `-`: stdin."""
    named: bool
    """Whether the user named it; if not, it was found in a folder, where other things may lie as well."""
    size_bytes: int | None
    """As it is on the disk, before unpacking; None: a pipe, of which nothing can be known before it is read."""
    written_ns: int = 0
    """When a file was written last, since 1970 UTC, up to the end of 2261; of a pipe, when it was looked for."""

    @contextmanager
    def opened(self, progress: Callable[[int], object] = int) -> Iterator[Stream]:
        """The bytes of the input, unpacked. `progress` gets the number of bytes of each read, before unpacking.

        Raises InputError if it can't be opened, and BrokenInput as `Stream` does. A FIFO waits for who writes to it.
        While a pipe is open, signals do nothing but end it (Interrupted).
        """
        try:
            fd = os.dup(0) if self.name == STDIN else os.open(self.name, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise InputError(f"{self.name}: {error.strerror or error}") from None
        try:
            if self.size_bytes is not None:
                yield stream_of(self.name, PlainStream(self.name, fd, progress))
                return
            with interruption.held() as noted:
                yield stream_of(self.name, PipeStream(self.name, fd, progress, noted))
        finally:
            os.close(fd)


@dataclass(frozen=True)
class Inputs:
    """What was found under the names of a user."""

    each: list[Input]
    """In the order in which they were named; those of a folder or a pattern by name."""
    repeated: list[str]
    """Names of files that stand there already, under this or another name."""

    @property
    def total_bytes(self) -> int | None:
        """The size of all together on the disk; None: it is not known, since there is a pipe among them."""
        sizes = [each.size_bytes for each in self.each]
        return None if None in sizes else sum(size for size in sizes if size is not None)


def find_inputs(names: Sequence[str]) -> Inputs:
    """The files that `names` stand for: files, pipes, folders with all that is below them, patterns, `-` for stdin.

    Files and folders whose names begin with a dot are left out of folders. Raises InputError for a name under which
    nothing is, or which is neither file nor pipe.
    """
    seen: set[tuple[int, int]] = set()
    inputs, repeated = [], []
    for name in names:
        found = list(_found(name))
        if not found:
            raise InputError(f"{name}: no file is there")
        for each in found:
            status = _status(each)
            identity = status.st_dev, status.st_ino
            if identity in seen:
                repeated.append(each)
                continue
            seen.add(identity)
            is_file = stat.S_ISREG(status.st_mode)
            size = status.st_size if each != STDIN and is_file else None
            written_ns = status.st_mtime_ns if is_file else time.time_ns()
            written_ns = min(max(written_ns, 0), _LAST_NS)
            inputs.append(Input(each, each == name or _is_pattern(name), size, written_ns))
    return Inputs(inputs, repeated)


def _found(name: str) -> Iterator[str]:
    """The names of all files that one name stands for."""
    if name == STDIN or not _is_pattern(name):
        yield from _below(name) if name != STDIN and Path(name).is_dir() else (name,)
        return
    for match in sorted(glob.glob(name, recursive=True)):  # noqa: PTH207 - Path knows no absolute patterns
        if not Path(match).is_dir():
            yield match


def _is_pattern(name: str) -> bool:
    """Whether a name is a pattern for those of files; one under which a file is stands for this file."""
    return any(letter in name for letter in _WILD) and not os.path.lexists(name)


def _below(folder: str) -> Iterator[str]:
    """All regular files in a folder and below it. Links to folders are not followed: they may form a circle."""
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(place, name)  # noqa: PTH118 - the user's name stays as it was written
            if not name.startswith(".") and Path(path).is_file():
                yield path


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename}: {error.strerror}")


def _status(name: str) -> os.stat_result:
    """What kind of file it is. Raises InputError."""
    try:
        if name == STDIN:
            status = os.fstat(0)
            if os.isatty(0):
                raise InputError("-: stdin is a terminal; name a file, or let a program write into a pipe")
            # `captures.console.standard_streams` opens stdin for writing where it was closed.
            if fcntl.fcntl(0, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY:
                raise InputError("-: stdin is closed")
            return status
        status = Path(name).stat()
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from None
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode)):
        raise InputError(f"{name}: this is neither a file nor a pipe")
    return status
