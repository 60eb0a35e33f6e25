"""Writes a capture, which either exists whole under its name or not at all.

The sizes of all sections are known before the first byte is rendered, so parts may be written in any order and by any
forked process, each to its final place in a file that has no name yet (`captures.files.output_file`).
`CaptureWriter.finish` adds the digests and the header, syncs, and gives it the name.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from captures.console.errors import DifferenceError, InputError, PreflightError
from captures.console.units import format_size
from captures.files.output_file import OutputFile, workplace, write_all
from captures.format.digests import digest_blocks, digest_range
from captures.format.layout import (
    DIGEST_BLOCK_BYTES,
    DIGEST_BYTES,
    PAGE_BYTES,
    TRAIN,
    Table,
    canonical_json,
    page_aligned,
)
from captures.format.sections import SECTIONS
from captures.format.writing.headers import Facts, Section, fixed_header, named_header


def free_bytes(path: Path) -> int:
    """The bytes that are free on the disk to which `path` would go. Raises InputError when there is no such folder."""
    try:
        disk = os.statvfs(workplace(path))
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror}") from None
    return _available_bytes(disk)


def _available_bytes(disk: os.statvfs_result) -> int:
    return disk.f_bavail * disk.f_frsize


def check_room(path: Path, size: int) -> None:
    """Check that a file of `size` bytes can be written for `path`.

    Raises PreflightError when the disk has fewer free, InputError when there is no such folder.
    """
    _require_room(path, size, free_bytes(path))


def _require_room(path: Path, size: int, free: int) -> None:
    if size > free:
        raise PreflightError(
            f"{path}: needs {format_size(size)} and the disk has {format_size(free)} free; "
            "free some, or build fewer events"
        )


@dataclass(frozen=True)
class CaptureShape:
    """The facts about a capture that must be known before writing starts."""

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
    """How many sources the trains come from; 0 if they have none."""
    tells_templates: bool = False
    """Whether the capture says of which template each event is. It is of version 2 then, with a section TMPL."""

    @property
    def recipe_bytes(self) -> bytes:
        """The recipe as canonical JSON."""
        return canonical_json(self.recipe)

    @property
    def facts(self) -> Facts:
        """What the header says besides the sections."""
        events = int(self.windows["events"].sum())
        return Facts(events, self.shortest, self.longest, self.seed, self.start_ns, self.sources)

    def sections(self) -> dict[str, Section]:
        """Where each section goes, in the order of the file, with every digest still zero."""
        rows = {
            "recipe": len(self.recipe_bytes),
            "windows": len(self.windows),
            "mix": self.templates,
            "digests": -(-self.payload_bytes // DIGEST_BLOCK_BYTES),
            "trains": self.trains,
            **({"templates": self.facts.events} if self.tells_templates else {}),
            "payload": self.payload_bytes,
        }
        placed, offset = {}, PAGE_BYTES
        for name, count in rows.items():
            placed[name] = Section(offset, count * SECTIONS[name].row_bytes, count)
            offset = page_aligned(offset + placed[name].size)
        return placed


@dataclass(frozen=True)
class PartWriter:
    """Writes parts of the payload to their final place, from this process or from one that was forked later."""

    fd: int
    trains_offset: int
    digests_offset: int
    payload_offset: int
    payload_bytes: int
    templates_offset: int | None = None
    """None where the capture does not tell them."""

    def write(
        self,
        first_train: int,
        trains: Table,
        payload_start: int,
        payload: NDArray[np.uint8],
        templates: NDArray[np.uint16] | None = None,
    ) -> None:
        """Write consecutive trains and their bytes, which start at byte `payload_start` of the payload.

        `templates` are those of their events, shape (events,), where the capture tells them. The 16 MiB blocks that lie
        wholly in this part are digested while they are at hand. Raises OSError.
        """
        fd = self.fd
        write_all(fd, trains.tobytes(), self.trains_offset + first_train * TRAIN.itemsize)
        if self.templates_offset is not None and templates is not None:
            first_event = int(trains["first_event"][0])
            write_all(fd, templates.astype("<u2").tobytes(), self.templates_offset + 2 * first_event)
        end = payload_start + len(payload)
        last_of_all = end == self.payload_bytes
        start = payload_start
        while start < end:
            block, into = divmod(start, DIGEST_BLOCK_BYTES)
            stop = min(end, (block + 1) * DIGEST_BLOCK_BYTES)
            piece = payload[start - payload_start : stop - payload_start]
            write_all(fd, piece.data, self.payload_offset + start)
            if into == 0 and (stop % DIGEST_BLOCK_BYTES == 0 or last_of_all):
                write_all(fd, blake3(piece.data).digest(), self.digests_offset + block * DIGEST_BYTES)
            start = stop
        # This makes the disk begin to write now (mm/fadvise.c). Else it would lie idle, and be waited for at the end.
        os.posix_fadvise(fd, self.payload_offset + payload_start, len(payload), os.POSIX_FADV_DONTNEED)


class CaptureWriter:
    """A capture being written; leaving the `with` block without `finish` leaves nothing."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        shape: CaptureShape,
        *,
        force: bool = False,
        inputs: Iterable[Path] = (),
    ) -> None:
        """Check that the file can come to exist there, and is none of `inputs`; reserve nothing.

        Raises InputError when it exists and `force` is not set, or its folder can't be written; PreflightError when
        the disk has no room.
        """
        self._shape = shape
        self._sections = shape.sections()
        self._output = OutputFile(path, force=force, inputs=inputs)
        try:
            size = self._sections["payload"].offset + shape.payload_bytes
            _require_room(self._output.path, size, _available_bytes(os.fstatvfs(self._output.fd)))
            os.ftruncate(self._output.fd, size)
        except BaseException:
            self._output.close()
            raise

    def part(self) -> PartWriter:
        """The handle by which this process and its children write payload."""
        sections = self._sections
        return PartWriter(
            fd=self._output.fd,
            trains_offset=sections["trains"].offset,
            digests_offset=sections["digests"].offset,
            payload_offset=sections["payload"].offset,
            payload_bytes=self._shape.payload_bytes,
            templates_offset=sections["templates"].offset if "templates" in sections else None,
        )

    def finish(self, mix: NDArray[np.uint64], jobs: int = 1, expect: str | None = None) -> str:
        """Complete the file once every part is written, and give it its name; returns the capture's digest.

        `mix` is the number of events of each template, shape (templates,). Raises DifferenceError when the digest is
        not the one to `expect`; the capture does not come to exist then.
        """
        shape, fd, sections = self._shape, self._output.fd, self._sections
        for name, raw in (
            ("recipe", shape.recipe_bytes),
            ("windows", shape.windows.tobytes()),
            ("mix", mix.astype("<u8").tobytes()),
        ):
            write_all(fd, raw, sections[name].offset)
        digests = self._complete_digests(sections["digests"].offset, sections["payload"].offset, jobs)
        for name, place in sections.items():
            of_digests = name in ("digests", "payload")
            digest = blake3(digests.data).digest() if of_digests else digest_range(fd, place.offset, place.size)
            sections[name] = place._replace(digest=digest)
        header = (named_header if shape.tells_templates else fixed_header)(shape.facts, sections)
        write_all(fd, header, 0)
        capture_digest = header[-DIGEST_BYTES:]
        if expect is not None and capture_digest.hex() != expect:
            path = self._output.path
            raise DifferenceError(f"{path}: not written: its digest is {capture_digest.hex()}, not {expect}")
        self._output.finish()
        return capture_digest.hex()

    def _complete_digests(self, digests_offset: int, payload_offset: int, jobs: int) -> NDArray[np.uint8]:
        """Digest the blocks that no single part covered; the row of each is still zero."""
        size = self._shape.payload_bytes
        rows = -(-size // DIGEST_BLOCK_BYTES)
        table = np.frombuffer(os.pread(self._output.fd, rows * DIGEST_BYTES, digests_offset), np.uint8).copy()
        missing = np.flatnonzero(~table.reshape(rows, DIGEST_BYTES).any(axis=1))
        for block, found in digest_blocks(self._output.fd, payload_offset, size, missing, jobs):
            table[block * DIGEST_BYTES : (block + 1) * DIGEST_BYTES] = np.frombuffer(found, np.uint8)
        write_all(self._output.fd, table.data, digests_offset)
        return table

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file. It vanishes unless it was finished."""
        self._output.close()
