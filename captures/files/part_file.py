"""Files that grow over several attempts: `FILE.part` beside FILE, which gets its name when it is whole.

An `OutputFile` has no name while it is written, so a command that is killed leaves nothing. What took hours to come
over a network must stay instead. One process at a time writes to a part, which flock(2) sees to, also over a crash.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from captures.console.errors import InputError
from captures.files.output_file import OutputFile

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""The error numbers of link(2) where the file system has no links."""


class PartFile:
    """A file that is being completed; left without `finish`, it stays as a part, unless it is empty."""

    fd: int
    """The descriptor to read what is there already, and to write to, at any offset."""

    def __init__(self, path: Path, *, force: bool = False, inputs: Iterable[Path] = ()) -> None:
        """Open the part, or make it.

        Raises InputError where no file can come to exist at `path`, where one is that may not be replaced or is one of
        `inputs`, where the part is not a plain file of this user's, and where another process writes to it.
        """
        OutputFile(path, force=force, inputs=inputs).close()  # it proves that
        real = Path(os.path.realpath(path))
        self.path, self._force, self._name = path, force, real.name
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is no regular file, and what comes in parts needs one; name a file")
        self._part_name = f"{real.name}.part"
        self.part = path.with_name(self._part_name)
        """What the part is called, for people."""
        with ExitStack() as stack:
            try:
                self._folder = os.open(real.parent, os.O_PATH | os.O_DIRECTORY)
                stack.callback(os.close, self._folder)
                self.fd = os.open(self._part_name, _FLAGS, 0o666, dir_fd=self._folder)
            except OSError as error:
                raise InputError(f"{self.part}: can't be written: {error.strerror}") from None
            stack.callback(os.close, self.fd)
            self._take()
            self._stack = stack.pop_all()

    def _take(self) -> None:
        """Lock the part. Raises InputError where it is not ours alone."""
        status = os.fstat(self.fd)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_nlink > 1:
            raise InputError(f"{self.part}: is no plain file of this user's; remove it, or choose another name")
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{self.part}: another process writes to it; wait for it, or choose another name"
            ) from None
        if not self._is_ours(self._part_name):
            raise InputError(f"{self.path}: was finished by another process just now")

    def _is_ours(self, name: str) -> bool:
        try:
            return os.path.samestat(os.stat(name, dir_fd=self._folder, follow_symlinks=False), os.fstat(self.fd))
        except FileNotFoundError:
            return False

    def finish(self) -> None:
        """Give the file its name. Raises InputError where another file has it by now, OSError when the disk fails."""
        os.fsync(self.fd)
        if not self._is_ours(self._part_name):
            raise InputError(f"{self.part}: somebody put another file there; start again")
        if not self._force:
            self._take_name()
        os.rename(self._part_name, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        self._part_name = self._name

    def _take_name(self) -> None:
        """Have the name stand for this file or an empty one, unless it is taken."""
        try:
            try:
                os.link(self._part_name, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                os.close(os.open(self._name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, dir_fd=self._folder))
            else:
                os.unlink(self._part_name, dir_fd=self._folder)
                self._part_name = self._name  # rename(2) of a file to its own name does nothing
        except FileExistsError:
            raise InputError(f"{self.path}: exists already; choose another name, or --force to replace it") from None

    def discard(self) -> None:
        """Remove the part, since nothing in it is of use."""
        with suppress(OSError):
            os.unlink(self._part_name, dir_fd=self._folder)

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; it stays where it is, unless nothing was written to it."""
        if self._part_name != self._name and not os.fstat(self.fd).st_size:
            self.discard()
        self._stack.close()
