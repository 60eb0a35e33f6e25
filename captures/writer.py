"""Writing a capture: it exists whole under its name, or not at all.

The sizes of all sections are known before the first byte is rendered, so parts may be written in any order
and by any process, each to its final place in `NAME.partial`. `CaptureWriter.finish` adds the digests and
the header, syncs, and renames. The partial file is locked (flock(2)), so two builds never share a name, and
one left behind by a killed build is simply taken over.
"""

import errno
import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from captures.digests import digest_blocks, digest_range
from captures.errors import DifferenceError, InputError, PreflightError
from captures.format import (
    DIGEST_BLOCK_BYTES,
    DIGEST_BYTES,
    HEADER,
    MAGIC,
    PAGE_BYTES,
    SECTION_NAMES,
    TRAIN,
    VERSION,
    Table,
    header_digest,
    page_aligned,
)
from captures.units import format_size


def free_bytes(path: Path) -> int:
    """What is free on the disk to which `path` would go. Raises InputError when there is no such folder."""
    try:
        disk = os.statvfs(path.parent)
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror}") from None
    return disk.f_bavail * disk.f_frsize


def check_room(path: Path, size: int) -> None:
    """Check that a file of `size` bytes can exist at `path`.

    Raises PreflightError when its disk has fewer free, InputError when there is no such folder.
    """
    free = free_bytes(path)
    if size > free:
        raise PreflightError(
            f"{path}: needs {format_size(size)} and the disk has {format_size(free)} free; "
            "free some, or build fewer events"
        )


@dataclass(frozen=True)
class CaptureShape:
    """What must be known before writing starts."""

    recipe: Mapping[str, Any]
    seed: int
    windows: Table
    """WINDOW rows; their trains and events sum to the capture's."""
    templates: int
    trains: int
    payload_bytes: int
    shortest: int
    longest: int
    start_ns: int = 0
    """The capture's first instant, since 1970 UTC."""
    sources: int = 0
    """How many sources the trains can have; 0: they have none."""

    @property
    def recipe_bytes(self) -> bytes:
        """The recipe as canonical JSON: sorted keys, no white space, UTF-8."""
        text = json.dumps(self.recipe, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()

    def sections(self) -> Table:
        """SECTION rows, shape (6,), with every digest still zero."""
        blocks = -(-self.payload_bytes // DIGEST_BLOCK_BYTES)
        rows = (len(self.recipe_bytes), len(self.windows), self.templates, blocks, self.trains)
        row_bytes = (1, self.windows.itemsize, 8, DIGEST_BYTES, TRAIN.itemsize)
        table: Table = np.zeros(1, HEADER)["sections"][0]
        table["rows"] = (*rows, self.payload_bytes)
        table["size"] = (*(a * b for a, b in zip(rows, row_bytes, strict=True)), self.payload_bytes)
        offset = PAGE_BYTES
        for row in table:
            row["offset"] = offset
            offset = page_aligned(offset + int(row["size"]))
        return table


@dataclass(frozen=True)
class PartWriter:
    """Writes parts of the payload to their final place; may be sent to another process."""

    path: Path
    trains_offset: int
    digests_offset: int
    payload_offset: int
    payload_bytes: int

    def write(self, first_train: int, trains: Table, payload_start: int, payload: NDArray[np.uint8]) -> None:
        """Write consecutive trains and their bytes, which start at byte `payload_start` of the payload.

        The 16 MiB blocks that lie wholly in this part are digested while they are at hand. Raises OSError.
        """
        fd = os.open(self.path, os.O_WRONLY)
        try:
            _write(fd, trains.tobytes(), self.trains_offset + first_train * TRAIN.itemsize)
            end = payload_start + len(payload)
            last_of_all = end == self.payload_bytes
            start = payload_start
            while start < end:
                block, into = divmod(start, DIGEST_BLOCK_BYTES)
                stop = min(end, (block + 1) * DIGEST_BLOCK_BYTES)
                piece = payload[start - payload_start : stop - payload_start]
                _write(fd, piece.data, self.payload_offset + start)
                if into == 0 and (stop % DIGEST_BLOCK_BYTES == 0 or last_of_all):
                    _write(fd, blake3(piece.data).digest(), self.digests_offset + block * DIGEST_BYTES)
                start = stop
            # Makes the disk begin to write now (mm/fadvise.c); else it would lie idle, and be waited for at the end.
            os.posix_fadvise(fd, self.payload_offset + payload_start, len(payload), os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)


class CaptureWriter:
    """A capture being written; leaving the `with` block without `finish` removes what was written."""

    def __init__(self, path: str | os.PathLike[str], shape: CaptureShape, *, force: bool = False) -> None:
        """Take the name, check that the file can exist there, and reserve nothing but the name.

        Raises InputError when the file exists and `force` is not set, or its folder can't be written;
        PreflightError when the disk has no room or another build is writing the same file.
        """
        self._path = Path(path)
        self._partial = self._path.with_name(self._path.name + ".partial")
        self._shape = shape
        self._force = force
        self._sections = shape.sections()
        self._check_name()
        self._fd = self._take_partial()
        try:
            size = int(self._sections[-1]["offset"]) + shape.payload_bytes
            check_room(self._path, size)
            os.ftruncate(self._fd, 0)
            os.ftruncate(self._fd, size)
        except BaseException:
            self._discard()
            raise
        self._finished = False

    def part(self) -> PartWriter:
        """The handle by which any process writes payload."""
        offset = dict(zip(SECTION_NAMES, self._sections["offset"].tolist(), strict=True))
        return PartWriter(
            path=self._partial.absolute(),
            trains_offset=offset["trains"],
            digests_offset=offset["digests"],
            payload_offset=offset["payload"],
            payload_bytes=self._shape.payload_bytes,
        )

    def finish(self, mix: NDArray[np.uint64], jobs: int = 1, expect: str | None = None) -> str:
        """Complete the file once every part is written, and give it its name; returns the capture's digest.

        `mix` is the number of events of each template, shape (templates,). Raises InputError when the digest is not
        the one to `expect`; the capture does not come to exist then.
        """
        shape, fd = self._shape, self._fd
        offset = dict(zip(SECTION_NAMES, self._sections["offset"].tolist(), strict=True))
        digest = dict.fromkeys(SECTION_NAMES, b"")
        for name, raw in (
            ("recipe", shape.recipe_bytes),
            ("windows", shape.windows.tobytes()),
            ("mix", mix.astype("<u8").tobytes()),
        ):
            _write(fd, raw, offset[name])
            digest[name] = blake3(raw).digest()
        digests = self._complete_digests(offset["digests"], offset["payload"], jobs)
        digest["digests"] = digest["payload"] = blake3(digests.data).digest()
        digest["trains"] = digest_range(fd, offset["trains"], shape.trains * TRAIN.itemsize)
        capture_digest = self._write_header(digest)
        if expect is not None and capture_digest.hex() != expect:
            raise DifferenceError(f"{self._path}: not written: its digest is {capture_digest.hex()}, not {expect}")
        os.fsync(fd)
        self._check_name()
        self._partial.rename(self._path)
        self._finished = True
        os.close(fd)
        _sync_folder(self._path.parent)
        return capture_digest.hex()

    def _complete_digests(self, digests_offset: int, payload_offset: int, jobs: int) -> NDArray[np.uint8]:
        """Digest the blocks that no single part covered: their row is still zero."""
        size = self._shape.payload_bytes
        rows = -(-size // DIGEST_BLOCK_BYTES)
        table = np.frombuffer(os.pread(self._fd, rows * DIGEST_BYTES, digests_offset), np.uint8).copy()
        missing = np.flatnonzero(~table.reshape(rows, DIGEST_BYTES).any(axis=1))
        for block, found in digest_blocks(self._fd, payload_offset, size, missing, jobs):
            table[block * DIGEST_BYTES : (block + 1) * DIGEST_BYTES] = np.frombuffer(found, np.uint8)
        _write(self._fd, table.data, digests_offset)
        return table

    def _write_header(self, digest: Mapping[str, bytes]) -> bytes:
        shape = self._shape
        header = np.zeros(1, HEADER)
        header["magic"] = np.void(MAGIC)
        header["version"] = VERSION
        header["shortest"], header["longest"] = shape.shortest, shape.longest
        header["events"] = shape.windows["events"].sum()
        header["seed"], header["start_ns"] = shape.seed, shape.start_ns
        header["sources"] = shape.sources
        header["sections"] = self._sections
        for i, name in enumerate(SECTION_NAMES):
            header["sections"]["digest"][0, i] = np.void(digest[name])
        own = header_digest(header.tobytes())
        header["digest"] = np.void(own)
        _write(self._fd, header.tobytes(), 0)
        return own

    def _check_name(self) -> None:
        if self._path.is_dir():
            raise InputError(f"{self._path}: is a folder; name the capture file itself")
        if self._path.exists() and not self._force:
            raise InputError(f"{self._path}: exists already; choose another name, or --force to replace it")

    def _take_partial(self) -> int:
        """Open and lock the partial file; returns its descriptor."""
        while True:
            try:
                fd = os.open(self._partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                raise InputError(f"{self._path}: can't be written: {error.strerror}") from None
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Whoever held the lock may have renamed or removed the file between our open and our lock.
                if os.fstat(fd).st_ino == self._partial.stat().st_ino:
                    return fd
            except FileNotFoundError:
                pass
            except OSError as error:
                os.close(fd)
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
                raise PreflightError(
                    f"{self._path}: another build is writing it ({self._partial.name} is locked); "
                    "wait for it or choose another name"
                ) from None
            os.close(fd)

    def _discard(self) -> None:
        self._partial.unlink(missing_ok=True)
        os.close(self._fd)

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the partial file unless `finish` gave it its name."""
        if not self._finished:
            self._discard()


def _write(fd: int, data: bytes | memoryview, offset: int) -> None:
    """pwrite(2) all of `data`; a short write is resumed, so a full disk ends in its OSError."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def _sync_folder(folder: Path) -> None:
    """fsync(2) the folder: only then does the new name survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
