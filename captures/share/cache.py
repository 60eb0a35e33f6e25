"""Where do packed captures lie unpacked? In a folder of the user's, bounded in bytes, each under its digest.

    capture = open_any(Path("lab.rcapz"))

Whoever opens a packed capture holds a lock (flock(2)) on the unpacked file for as long as the capture is open, and so
do the processes that it forks: what is in use is never removed. Of the others, those go first that were used longest
ago. One process at a time unpacks; others that come for the same capture find it then.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from captures.console.errors import CaptureError, InputError, PreflightError, RunError
from captures.console.stderr import Stderr
from captures.console.terminal import bar, notice
from captures.console.units import format_size, parse_size
from captures.files.output_file import OutputFile
from captures.files.room import filling, require_room
from captures.format.capture import Capture
from captures.format.reader import open_capture
from captures.share.packed_file import PackedCapture, is_packed, open_packed
from captures.share.packing import unpack_into

SIZE_VARIABLE: Final = "STAMPEDE_CACHE_SIZE"
"""The variable that says how many bytes the captures of the cache may have, like 200GiB."""
USUAL_BYTES: Final = 32 << 30
_NAME: Final = re.compile(r"([0-9a-f]{64})\.rcap")
_USE: Final = ".used"
"""Ends the name of the empty file whose time is that of the last use. That of the capture itself stays: who has it open
learns from it whether the capture was changed."""


@dataclass(frozen=True)
class Cached:
    """An unpacked capture of the cache."""

    path: Path
    digest: str
    size: int
    used_ns: int
    """When it was opened last, ns since 1970 UTC."""


def cache_folder() -> Path:
    """The folder: `captures` in STAMPEDE_CACHE, or `stampede/captures` in XDG_CACHE_HOME or ~/.cache.

    It is made where it is missing. Raises PreflightError where that fails, and where others may write to it.
    """
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    parent = Path(os.environ.get("STAMPEDE_CACHE") or Path(os.path.expanduser(home)) / "stampede")  # noqa: PTH111
    folder = parent.absolute() / "captures"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        usable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise PreflightError(f"{folder}: no cache can be kept there: {error.strerror}; set STAMPEDE_CACHE") from None
    if status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022 or not usable:
        raise PreflightError(f"{folder}: is no folder that this user alone may write to; set STAMPEDE_CACHE")
    return folder


def most_bytes() -> int:
    """The most bytes of all captures in the cache. Raises InputError for a variable that says no size."""
    try:
        return parse_size(os.environ.get(SIZE_VARIABLE) or str(USUAL_BYTES))
    except ValueError as error:
        raise InputError(f"{SIZE_VARIABLE}: {error}") from None


def open_any(path: str | os.PathLike[str]) -> Capture:
    """Open a capture, or a packed one, which is unpacked into the cache unless it is there; either has the path given.

    Raises CaptureError for a file that is neither, PreflightError where there is no room for it, and RunError where
    the disk fills up.
    """
    path = Path(path)
    return replace(_unpacked(open_packed(path)), path=path) if is_packed(path) else open_capture(path)


def cached() -> list[Cached]:
    """What the cache holds; what was used longest ago comes first. Raises PreflightError as `cache_folder`."""
    found = []
    for path in cache_folder().iterdir():
        with suppress(FileNotFoundError):  # another process removes it just now
            if match := _NAME.fullmatch(path.name):
                status = path.stat()
                with suppress(FileNotFoundError):
                    status_of_use = path.with_suffix(_USE).stat()
                    found.append(Cached(path, match[1], status.st_size, status_of_use.st_mtime_ns))
                    continue
                found.append(Cached(path, match[1], status.st_size, status.st_mtime_ns))
    return sorted(found, key=lambda each: (each.used_ns, each.digest))


def remove(entry: Cached) -> bool:
    """Remove a capture from the cache, unless it is in use; whether it is gone."""
    try:
        fd = os.open(entry.path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        entry.path.unlink(missing_ok=True)  # who opens it in this moment has it open, and keeps what it holds
        entry.path.with_suffix(_USE).unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def _unpacked(packed: PackedCapture) -> Capture:
    """The unpacked twin of a packed capture, which is made where it is missing."""
    folder = cache_folder()
    path = folder / f"{packed.digest}.rcap"
    if capture := _held(path, packed.digest):
        return capture
    with _alone(folder):
        if capture := _held(path, packed.digest):
            return capture
        _make_room(packed)
        notice(f"{packed.path}: is unpacked into {path}, once")
        _unpack(packed, path)
        if capture := _held(path, packed.digest):
            return capture
    raise RunError(f"{path}: was removed as soon as it was there; start again")


def _held(path: Path, digest: str) -> Capture | None:
    """The capture at `path`, which nobody removes while it is open; None where there is none that is sound."""
    try:
        capture = open_capture(path)
    except CaptureError:
        return None
    if capture.digest != digest:
        return None
    fcntl.flock(capture.source.fd, fcntl.LOCK_SH)
    with suppress(OSError):  # it only sorts the cache, and the disk may be full
        path.with_suffix(_USE).touch()
    return capture


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process unpacks into the folder, and let none begin."""
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            notice("another process unpacks a capture; this one waits for it")
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _make_room(packed: PackedCapture) -> None:
    """Remove what was used longest ago until the bound and the disk have room. Raises PreflightError where they won't.

    What is in use stays, and counts.
    """
    folder, size, limit = cache_folder(), packed.plain_bytes, most_bytes()
    entries = cached()
    total = sum(entry.size for entry in entries)
    for entry in entries:
        status = os.statvfs(folder)
        if total + size <= limit and size <= status.f_bavail * status.f_frsize:
            break
        if size <= limit and remove(entry):
            total -= entry.size
    if total + size > limit:
        raise PreflightError(
            f"{packed.path}: needs {format_size(size)}, and the cache may have {format_size(limit)}, of which "
            f"{format_size(total)} are in use; set {SIZE_VARIABLE}, or unpack it yourself (captures unpack)"
        )
    require_room(folder / packed.path.name, size)


def _unpack(packed: PackedCapture, path: Path) -> None:
    jobs = len(os.sched_getaffinity(0))
    with (
        OutputFile(path, force=True, mode=0o600) as file,
        filling(path, "make room, or set STAMPEDE_CACHE"),
        bar(desc="unpacking, once", total=packed.plain_bytes, unit="B", unit_scale=True, file=Stderr()) as unpacking,
    ):
        unpack_into(file.fd, packed, jobs, lambda size, _: unpacking.update(size))
        file.finish()
