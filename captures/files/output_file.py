"""Files that a command writes: whole under their name or not there, and never in the place of something else.

A file is written without a name (`O_TMPFILE` of open(2)) in the folder that it is for, and given its name from its
descriptor when it is whole (linkat(2)). So a command that is killed leaves nothing, and nobody can guess the file's
name, lead it elsewhere by a symbolic link, or put other bytes in its place. On a file system that knows no such files
it has a random name until then, which is removed unless the command is killed by SIGKILL.

What stands at the path decides what becomes of it:

- nothing: the file comes to exist there; where another file got that name meanwhile, that one is kept;
- a regular file: it is refused, or with `force` replaced by rename(2), by a file with its owner and mode;
- a symbolic link: it is followed, as a shell's redirection follows it, and stays;
- a FIFO, a terminal, /dev/null, /dev/stdout or another descriptor of this process: the whole file is written into it;
- a folder, a disk, a socket: it is refused. So is a file that the command reads.
"""

import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from captures.console import interruption
from captures.console.errors import InputError, PreflightError

STDIN: Final = Path("-")
FULL: Final = (errno.ENOSPC, errno.EDQUOT)
"""The error numbers by which the kernel says that a disk has no room left."""
_NO_UNNAMED_FILES: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)
"""The error numbers of open(2) where the file system, or an old kernel, does not know O_TMPFILE."""
_REFUSED: Final = {
    stat.S_IFDIR: "is a folder; name the file itself",
    stat.S_IFBLK: "is a disk, and nothing is written over a disk; name a file",
    stat.S_IFSOCK: "is a socket; name a file",
}
_MOST_LINKS: Final = 40
"""So many symbolic links in a row are followed at most, as path_resolution(7) says."""


def write_all(fd: int, data: bytes | memoryview, offset: int = 0) -> None:
    """pwrite(2) all of `data`; a short write is resumed, so a full disk ends in its OSError."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def write_file(path: Path, data: bytes, *, force: bool = False, inputs: Iterable[Path] = (), mode: int = 0o666) -> None:
    """Write `data` as the file `path`. Raises InputError when it may not be there, OSError when it can't be written."""
    with OutputFile(path, force=force, inputs=inputs, mode=mode) as output:
        write_all(output.fd, data)
        output.finish()


class OutputFile:
    """A file being written; leaving the `with` block without `finish` leaves no trace of it."""

    fd: int
    """The descriptor to write to, at any offset and in any order. Forked processes inherit it."""

    def __init__(
        self, path: str | os.PathLike[str], *, force: bool = False, inputs: Iterable[Path] = (), mode: int = 0o666
    ) -> None:
        """Prove that the file can come to exist at `path`; its mode is `mode` less the umask.

        Raises InputError where it can't, where something is that may not be replaced, or where one of `inputs` is it;
        PreflightError where the disk is full.
        """
        self.path = Path(path)
        self._force, self._mode, self._temporary, self._stream = force, mode, "", -1
        with ExitStack() as stack:
            try:
                status = _status(self.path)
                self._check(status, inputs)
                if _is_stream(self.path, status):
                    self._open_stream(stack)
                else:
                    self._open_folder(stack, status)
            except OSError as error:
                kind = PreflightError if error.errno in FULL else InputError
                raise kind(f"{self.path}: can't be written: {error.strerror}") from None
            self._stack = stack.pop_all()

    def _check(self, status: os.stat_result | None, inputs: Iterable[Path]) -> None:
        if status is None:
            return
        if complaint := _REFUSED.get(stat.S_IFMT(status.st_mode)):
            raise InputError(f"{self.path}: {complaint}")
        for path in inputs:
            if stat.S_ISREG(status.st_mode) and _same(path, status):
                raise InputError(f"{self.path}: this is the file that is read, {path}; write to another one")
        if not self._force and not _is_stream(self.path, status):
            raise self._exists()

    def _exists(self) -> InputError:
        return InputError(f"{self.path}: exists already; choose another name, or --force to replace it")

    def _open_stream(self, stack: ExitStack) -> None:
        """Open a FIFO or device now, so that its reader stays, and open a file without a name that is written first."""
        own = _descriptor(self.path)
        try:
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
            self._stream = os.open(self.path, flags) if own is None else os.dup(own)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            raise InputError(f"{self.path}: nobody reads it; start its reader first") from None
        stack.callback(os.close, self._stream)
        if own is None:
            if stat.S_ISREG(os.fstat(self._stream).st_mode):
                raise InputError(f"{self.path}: became another file just now; nothing is written into it")
            os.set_blocking(self._stream, True)
        scratch = tempfile.TemporaryFile()  # noqa: SIM115 - the stack closes it
        self.fd = stack.enter_context(scratch).fileno()

    def _open_folder(self, stack: ExitStack, status: os.stat_result | None) -> None:
        """Open the folder, and open a file in it that has no name or a random one."""
        real = Path(os.path.realpath(self.path))
        self._name = real.name
        self._folder = os.open(real.parent, os.O_PATH | os.O_DIRECTORY)
        stack.callback(os.close, self._folder)
        if status is not None:
            # A file that is read-only or somebody else's is not replaced, just as a shell does not write into it.
            os.close(os.open(self._name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._folder))
        try:
            self.fd = os.open(".", os.O_TMPFILE | os.O_RDWR, self._mode, dir_fd=self._folder)
        except OSError as error:
            if error.errno not in _NO_UNNAMED_FILES:
                raise
            stack.callback(self._remove_temporary)
            self._temporary = _random_name()
            self.fd = os.open(self._temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, self._mode, dir_fd=self._folder)
        stack.callback(os.close, self.fd)

    def finish(self) -> None:
        """Give the file its name, or write it into the FIFO or device.

        Raises InputError when something is there by now that may not be replaced, OSError when the disk fails.
        """
        if self._stream >= 0:
            self._pour()
            return
        os.fsync(self.fd)
        if self._force:
            self._replace()
        else:
            self._appear()
        self._sync_folder()

    def _pour(self) -> None:
        os.lseek(self.fd, 0, os.SEEK_SET)
        with (
            interruption.waiting(),
            open(self.fd, "rb", closefd=False) as whole,
            open(self._stream, "wb", closefd=False) as stream,
        ):
            shutil.copyfileobj(whole, stream)

    def _appear(self) -> None:
        """Give the file its name. Raises InputError where another file has got that name meanwhile."""
        try:
            if not self._temporary:
                self._link(self._name)
                return
            # A file system without unnamed files may be without links, too: take the name first, with nothing in it.
            os.close(os.open(self._name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, dir_fd=self._folder))
        except FileExistsError:
            raise self._exists() from None
        self._rename()

    def _replace(self) -> None:
        """Put the file under its name, where a regular file or nothing may stand."""
        try:
            old = os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            pass
        else:
            if not stat.S_ISREG(old.st_mode):
                raise InputError(f"{self.path}: is no regular file any more, and is not replaced")
            with suppress(PermissionError):
                os.fchown(self.fd, old.st_uid, old.st_gid)
            with suppress(PermissionError):
                os.fchmod(self.fd, stat.S_IMODE(old.st_mode))
        if not self._temporary:
            self._stack.callback(self._remove_temporary)
            self._temporary = _random_name()
            self._link(self._temporary)
        self._rename()

    def _link(self, name: str) -> None:
        # The folder is given, though the other path is absolute: else Python calls link(2), which follows no symlink.
        os.link(f"/proc/self/fd/{self.fd}", name, dst_dir_fd=self._folder, follow_symlinks=True)

    def _rename(self) -> None:
        """Rename the temporary file, and check that it was ours, since rename(2) knows a file by its name alone."""
        os.rename(self._temporary, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        self._temporary = ""
        there = os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)
        if not os.path.samestat(there, os.fstat(self.fd)):
            raise InputError(f"{self.path}: somebody put another file there just now; look who writes to its folder")

    def _sync_folder(self) -> None:
        """fsync(2) the folder: only then does the new name survive a power cut.

        The file stands there already, whole, so a folder that can't be read or opened now ends nothing.
        """
        with suppress(OSError):
            fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._folder)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def _remove_temporary(self) -> None:
        if self._temporary:
            with suppress(OSError):
                os.unlink(self._temporary, dir_fd=self._folder)

    def close(self) -> None:
        """Close the file. It vanishes unless it was finished."""
        self._stack.close()

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def _status(path: Path) -> os.stat_result | None:
    """The status of the file at the end of all symbolic links; None if nothing is there. Raises OSError."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _is_stream(path: Path, status: os.stat_result | None) -> bool:
    """Whether a file is written into what stands at `path`, and not put in its place."""
    return status is not None and (not stat.S_ISREG(status.st_mode) or _descriptor(path) is not None)


def _same(path: Path, status: os.stat_result) -> bool:
    """Whether the file at `path`, or stdin, is the one of that status."""
    try:
        return os.path.samestat(os.fstat(0) if path == STDIN else path.stat(), status)
    except OSError:
        return False


def _descriptor(path: Path) -> int | None:
    """The descriptor of this process that a path like /dev/stdout or /dev/fd/3 stands for.

    What it leads to may be a file without a name, and a file of that name would not be what was opened.
    """
    for _ in range(_MOST_LINKS):
        if os.path.realpath(path.parent) == f"/proc/{os.getpid()}/fd" and path.name.isdecimal():
            return int(path.name)
        try:
            path = path.parent / path.readlink()
        except OSError:
            return None
    return None


def _random_name() -> str:
    """A name that no other file has, and that nobody can guess."""
    return f".stampede-{secrets.token_hex(8)}"


def workplace(path: Path) -> Path:
    """The folder on whose disk a file for `path` is written: its own, or TMPDIR for what has no place on a disk.

    Raises OSError.
    """
    if _is_stream(path, _status(path)):
        return Path(tempfile.gettempdir())
    return Path(os.path.realpath(path)).parent
