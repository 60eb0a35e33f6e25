"""The control socket of a run: one request a connection, a line of JSON each way; unix(7).

The request is a list of words, like ["rate", "2M"]; the answer an object, with `error` when it was refused. The socket
and its folder are the user's alone.
"""

import json
import os
import socket
import stat
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from captures.errors import InputError, PreflightError

Answer = dict[str, Any]

_LONGEST_BYTES: Final = 4096
_PATIENCE_S: Final = 0.2
"""How long a client may take over its line: the supervisor has other things to do."""
_CLIENT_PATIENCE_S: Final = 5
_AT_ONCE: Final = 4


def control_folder() -> Path:
    """Where the sockets of this user's runs are; made when it is not there.

    Raises PreflightError when it is somebody else's.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime) / "stampede" if runtime else Path(tempfile.gettempdir()) / f"stampede-{os.getuid()}"
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
        """Listen on `path`, or on a name of this process in `control_folder`. Raises PreflightError."""
        self.path = path or control_folder() / f"{os.getpid()}.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        before = os.umask(0o177)  # mode 0600 from the first instant
        try:
            self._listener.bind(str(self.path))
            self._listener.listen(_AT_ONCE)
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
        for _ in range(_AT_ONCE):
            try:
                client, _ = self._listener.accept()
            except BlockingIOError:
                return
            with client, suppress(OSError):
                client.settimeout(_PATIENCE_S)
                client.sendall(_line(_answer(_read_line(client), obey)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the socket."""
        self._listener.close()
        with suppress(FileNotFoundError):
            if self.path.stat().st_ino == self._inode:  # else it is another run's by now
                self.path.unlink()


def _answer(line: bytes, obey: Callable[[Sequence[str]], Answer]) -> Answer:
    try:
        words = json.loads(line)
    except (ValueError, RecursionError):  # the latter of thousands of brackets
        words = None
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        return {"error": 'a request is a list of words in JSON, like ["rate", "2M"]'}
    try:
        return obey(words)
    except InputError as error:
        return {"error": str(error)}


def ask(path: Path, words: Sequence[str]) -> Answer:
    """The answer of the run that listens on `path`. Raises PreflightError when nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_CLIENT_PATIENCE_S)
        try:
            client.connect(str(path))
            client.sendall(_line(list(words)))
            answer = json.loads(_read_line(client))
        except (OSError, ValueError) as error:
            raise PreflightError(f"{path}: the run does not answer: {error or 'it has ended'}") from None
    return dict(answer)


def find_run(pid: int | None) -> Path:
    """The socket of the only run of this user's that is under way, or of the one with that process id.

    Sockets that a killed run left behind are removed. Raises InputError.
    """
    living = []
    for path in sorted(control_folder().glob("*.sock")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(_CLIENT_PATIENCE_S)
            try:
                client.connect(str(path))
                living.append(path)
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:
                living.append(path)  # busy
    if pid is not None:
        living = [path for path in living if path.stem == str(pid)]
    if len(living) == 1:
        return living[0]
    if living:
        runs = ", ".join(path.stem for path in living)
        raise InputError(f"several runs are under way: {runs}; say which with --pid")
    raise InputError("no run is under way" if pid is None else f"--pid {pid}: no run of yours with that process id")


def _line(content: Any) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _read_line(sock: socket.socket) -> bytes:
    """What comes up to the end of a line, within bounds."""
    read = b""
    while not read.endswith(b"\n") and len(read) < _LONGEST_BYTES:
        part = sock.recv(_LONGEST_BYTES)
        if not part:
            break
        read += part
    return read
