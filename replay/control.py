"""The control socket of a run: `replay.exchange` over unix(7). The socket and its folder are the user's alone."""

import os
import socket
import stat
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from captures.errors import InputError, PreflightError
from replay import exchange
from replay.clock import SECOND_NS, monotonic_ns
from replay.exchange import Answer, Clients, wait_until

_CLIENT_PATIENCE_NS: Final = 5 * SECOND_NS


def control_folder() -> Path:
    """Where the sockets of this user's runs are; made when it is not there.

    Raises PreflightError when it is somebody else's.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    try:
        folder = Path(runtime) / "stampede" if runtime else Path(tempfile.gettempdir()) / f"stampede-{os.getuid()}"
    except OSError as error:  # no folder for temporary files can be written to
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
    """The run's end. Nothing ever waits for long: `poll` answers those who have asked."""

    def __init__(self, path: Path | None) -> None:
        """Listen on `path`, or on a name of this process in `control_folder`. Raises PreflightError.

        A socket that a killed run left there is replaced: process ids come again, in a container soon.
        """
        self.path = path or control_folder() / f"{os.getpid()}.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)  # mode 0600 from the first instant
        try:
            if _left_behind(self.path):
                self.path.unlink(missing_ok=True)
            self._listener.bind(str(self.path))
            self._clients = Clients(self._listener)
        except OSError as error:
            self._listener.close()
            reason = error.strerror or str(error)
            raise PreflightError(f"--control {self.path}: {reason}; name a new file in a folder of yours") from None
        finally:
            os.umask(before)
        self._inode = self.path.stat().st_ino

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def poll(self, obey: Callable[[Sequence[str]], Answer]) -> None:
        """Have `obey` answer the requests that are waiting; it raises InputError for those it refuses."""
        self._clients.poll(obey)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the socket."""
        self._clients.close()
        self._listener.close()
        with suppress(FileNotFoundError):
            if self.path.stat().st_ino == self._inode:  # else it is another run's by now
                self.path.unlink()


def ask(path: Path, words: Sequence[str]) -> Answer:
    """The answer of the run that listens on `path`. Raises PreflightError when nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        deadline_ns = monotonic_ns() + _CLIENT_PATIENCE_NS
        try:
            wait_until(client, deadline_ns)
            client.connect(str(path))
            return exchange.ask(client, words, deadline_ns)
        except (OSError, ValueError) as error:
            raise PreflightError(f"{path}: the run does not answer: {error or 'it has ended'}") from None


def _left_behind(path: Path) -> bool:
    """Whether a socket is there that nobody listens on: its run was killed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_CLIENT_PATIENCE_NS / SECOND_NS)
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return path.is_socket()  # any other file refuses, too
        except OSError:
            pass  # nothing is there, or somebody is busy
    return False


def find_run(pid: int | None) -> Path:
    """The socket of the only run of this user's that is under way, or of the one with that process id.

    Sockets that a killed run left behind are removed. Raises InputError.
    """
    living = []
    for path in sorted(control_folder().glob("*.sock")):
        if _left_behind(path):
            path.unlink(missing_ok=True)
        elif path.is_socket():
            living.append(path)
    if pid is not None:
        living = [path for path in living if path.stem == str(pid)]
    if len(living) == 1:
        return living[0]
    if living:
        runs = ", ".join(path.stem for path in living)
        raise InputError(f"several runs are under way: {runs}; say which with --pid")
    raise InputError("no run is under way" if pid is None else f"--pid {pid}: no run of yours with that process id")
