"""Where does a run take commands? It has a control socket: `replay.exchange.json_request` over unix(7).

Only the user has access to the socket and its folder.
"""

import errno
import os
import secrets
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from captures.console.errors import InputError, PreflightError
from replay.clock import SECOND_NS, monotonic_ns
from replay.exchange import json_request
from replay.exchange.json_request import Answer, Clients, wait_until

NO_RUN: Final = "no run of yours is under way"
"""The message when no run is found."""

_CLIENT_PATIENCE_NS: Final = 5 * SECOND_NS
_LONGEST_PATH_BYTES: Final = 107
"""The longest path of a socket (unix(7), sun_path)."""


def control_folder() -> Path:
    """The folder for the sockets of this user's runs. It is made if it does not exist.

    Raises PreflightError when the folder belongs to somebody else.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    try:
        folder = Path(runtime) / "stampede" if runtime else Path(tempfile.gettempdir()) / f"stampede-{os.getuid()}"
    except OSError as error:  # there is no folder for temporary files that we can write to
        raise PreflightError(f"{error.strerror}; name a place with --control") from None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise PreflightError(f"{folder}: {error.strerror}; name another place with --control") from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PreflightError(f"{folder} is not a folder of yours alone; name another place with --control")
    return folder


class ControlSocket:
    """The end of the socket in the run. `poll` answers the clients that have asked, and never waits for long.

    The socket is bound to another name first, and gets its own name only when it listens. It never takes the name of a
    socket that somebody listens on. So a name at which nobody listens belongs to a dead run.
    """

    def __init__(self, path: Path | None) -> None:
        """Listen on `path`, or on a name made of this process's id in `control_folder`. Raises PreflightError.

        A socket that a killed run left at this path is replaced, since process ids come again, in a container soon.
        The sockets that killed runs left elsewhere in `control_folder` are removed.
        """
        self.path = path or control_folder() / f"{os.getpid()}.sock"
        if path is None:
            for each in self.path.parent.glob("*.sock"):
                _bury(each)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listen()
        except OSError as error:
            self._listener.close()
            reason = error.strerror or str(error)
            raise PreflightError(f"--control {self.path}: {reason}; name a new file in a folder of yours") from None

    def _listen(self) -> None:
        """Listen, and only then take the name that others look for. Raises OSError."""
        if len(os.fsencode(self.path)) > _LONGEST_PATH_BYTES:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        with _folder_of(self.path) as folder:
            name, before = _new_name(), os.umask(0o177)  # mode 0600 from the first instant
            try:
                self._listener.bind(f"/proc/self/fd/{folder}/{name}")
            finally:
                os.umask(before)
            try:
                self._clients = Clients(self._listener)
                self._inode = os.stat(name, dir_fd=folder).st_ino
                _bury(self.path)
                os.link(name, self.path.name, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                os.unlink(name, dir_fd=folder)

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def poll(self, obey: Callable[[Sequence[str]], Answer]) -> None:
        """Let `obey` answer the waiting requests; it raises InputError for a request that it refuses."""
        self._clients.poll(obey)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the socket."""
        self._clients.close()
        _remove(self.path, self._inode)
        self._listener.close()


def ask(path: Path, words: Sequence[str]) -> Answer:
    """Ask the run that listens on `path`. Raises PreflightError when nobody listens there, or no answer comes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        deadline_ns = monotonic_ns() + _CLIENT_PATIENCE_NS
        try:
            wait_until(client, deadline_ns)
            client.connect(str(path))
            return json_request.ask(client, words, deadline_ns)
        except (FileNotFoundError, ConnectionRefusedError):
            raise PreflightError(f"{NO_RUN} at --control {path}") from None
        except (OSError, ValueError) as error:
            raise PreflightError(f"{path}: the run does not answer: {error or 'it has ended'}") from None


def _abandoned(path: Path) -> bool:
    """Whether `path` is a socket on which nobody listens, since its run was killed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(0)
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return path.is_socket()  # a file that is not a socket refuses the connection, too
        except OSError:
            pass  # there is no file, or its run is busy, or it is not ours
    return False


def _bury(path: Path) -> None:
    """Remove `path` if it is a socket on which nobody listens. Any other file stays."""
    with suppress(OSError):
        inode = path.lstat().st_ino
        if _abandoned(path):
            _remove(path, inode)


def _remove(path: Path, inode: int) -> None:
    """Remove `path` if it is still the socket with this inode, and not that of another run."""
    with suppress(OSError), _folder_of(path) as folder:
        name = _new_name()
        os.rename(
            path.name, name, src_dir_fd=folder, dst_dir_fd=folder
        )  # rename it first, so that no other socket takes its place meanwhile
        try:
            if os.stat(name, dir_fd=folder, follow_symlinks=False).st_ino != inode:
                os.link(name, path.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            os.unlink(name, dir_fd=folder)


@contextmanager
def _folder_of(path: Path) -> Iterator[int]:
    """The open folder of `path`: it can't be exchanged meanwhile, and may have a long path. Raises OSError."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield folder
    finally:
        os.close(folder)


def _new_name() -> str:
    """A random name, which no other file has."""
    return f".{secrets.token_hex(8)}"


def find_run(pid: int | None) -> Path:
    """The socket of this user's only run, or of the run with the process id `pid`.

    Raises PreflightError when there is no such run, InputError when there are several.
    """
    sockets = (path for path in sorted(control_folder().glob("*.sock")) if path.is_socket())
    living = [path for path in sockets if not _abandoned(path)]
    if pid is not None:
        living = [path for path in living if path.stem == str(pid)]
    if len(living) == 1:
        return living[0]
    if living:
        runs = ", ".join(path.stem for path in living)
        raise InputError(f"several runs are under way: {runs}; say which with --pid")
    raise PreflightError(NO_RUN if pid is None else f"{NO_RUN} with --pid {pid}")
