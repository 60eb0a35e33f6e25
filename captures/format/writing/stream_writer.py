"""Writes a capture of version 2, whose size nobody knows before its last event: of a pipe, a slice, a merge.

The payload is written as it comes, by a thread of its own (`captures.files.behind`). The tables are gathered in files
without names beside it, and appended when the last event is there, so memory stays bounded. The file has no name until
it is finished (`captures.files.output_file`).
"""

import errno
import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from captures.console.errors import InputError, PreflightError
from captures.console.units import format_size
from captures.files.behind import Behind
from captures.files.output_file import FULL, OutputFile, workplace, write_all
from captures.files.room import too_large
from captures.format.layout import (
    DIGEST_BLOCK_BYTES,
    DIGEST_BYTES,
    PAGE_BYTES,
    TRAIN,
    Table,
    canonical_json,
    page_aligned,
)
from captures.format.sections import BACK, LIVE, SECTIONS
from captures.format.writing.headers import Facts, Section, named_header
from captures.format.writing.window_index import WindowIndex

_ROWS_AT_ONCE: Final = 1 << 20
_NOTHING: Final = np.zeros(0, np.uint8)


class _Part:
    """A section that is gathered in a file without a name, and digested meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - `close` does it
        self._hasher = blake3()
        self.size = 0

    def append(self, data: memoryview) -> None:
        """Write some bytes behind those that are there. Raises OSError."""
        self._file.write(data)
        self._hasher.update(data)
        self.size += len(data)

    def put_behind(self, fd: int, offset: int) -> None:
        """Copy all of it to the end of a file, which is at `offset` at most: sendfile(2). Raises OSError."""
        self._file.flush()
        os.lseek(fd, offset, os.SEEK_SET)
        copied = 0
        while copied < self.size:
            copied += os.sendfile(fd, self._file.fileno(), copied, self.size - copied)

    def digest(self) -> bytes:
        """BLAKE3 of it."""
        return self._hasher.digest()

    def close(self) -> None:
        """Give up the file."""
        with suppress(OSError):  # what it still holds has no room on a full disk, and is not needed any more
            self._file.close()


class StreamWriter:
    """A capture of version 2 being written; leaving the `with` block without `finish` leaves nothing."""

    def __init__(self, path: str | os.PathLike[str], *, force: bool = False, inputs: Iterable[Path] = ()) -> None:
        """Prove that the file can come to exist there, and is none of `inputs`.

        Raises InputError when it exists and `force` is not set, or its folder can't be written.
        """
        self._output = OutputFile(path, force=force, inputs=inputs)
        self._parts: dict[str, _Part] = {}
        self._index = WindowIndex()
        self._events = self._trains = self._flows = self._payload_bytes = self._untimed = 0
        self._behind = Behind()
        self._written_bytes = 0
        self._shortest, self._longest = 1 << 16, 0
        self._hasher = blake3()

    def add(
        self,
        trains: Table,
        payload: NDArray[np.uint8],
        *,
        times: NDArray[np.uint64] | None = None,
        flow_of: NDArray[np.uint32] | None = None,
        order: NDArray[np.uint64] | None = None,
        templates: NDArray[np.uint16] | None = None,
        original: NDArray[np.uint32] | None = None,
        live: Table | None = None,
        back: Table | None = None,
    ) -> None:
        """Append consecutive trains: their TRAIN rows, whose `offset` and `first_event` are filled in, and their bytes.

        The tables have an item for each event, as `captures.format.sections` says; each is given always or never. Only
        `times` may be given from some call on: the events before it get the instant 0. LIVE
        rows count trains from the first one of this call, BACK rows events from its first one. All is written after
        this returns, so the arrays may not be changed any more. Raises PreflightError when the disk is full, which may
        be known only at a later call, and RunError where no file may be so large.
        """
        if not len(trains):
            return
        rows = _copy_of(trains, TRAIN)
        count, length = rows["count"].astype(np.int64), rows["length"].astype(np.int64)
        size = count * length
        rows["offset"] = self._payload_bytes + np.cumsum(size) - size
        rows["first_event"] = self._events + np.cumsum(count) - count
        if times is not None:
            self._write_untimed()
        else:
            self._untimed += int(count.sum())
        live, back = self._moved(live, LIVE, "train", self._trains), self._moved(back, BACK, "event", self._events)
        self._write(
            payload,
            trains=rows,
            times=times,
            flow_of=flow_of,
            order=order,
            templates=templates,
            original=original,
            live=live,
            back=back,
        )
        self._index.add(rows, times)
        self._events += int(count.sum())
        self._trains += len(rows)
        self._payload_bytes += int(size.sum())
        self._shortest = min(self._shortest, int(length.min()))
        self._longest = max(self._longest, int(length.max()))

    def _write_untimed(self) -> None:
        """Write the instants of the events that came when none was known."""
        while self._untimed:
            zeros = np.zeros(min(self._untimed, _ROWS_AT_ONCE), np.uint64)
            self._write(_NOTHING, times=zeros)
            self._untimed -= len(zeros)

    @staticmethod
    def _moved(table: Table | None, dtype: np.dtype[Any], column: str, by: int) -> Table | None:
        if table is None:
            return None
        moved = _copy_of(table, dtype)
        moved[column] += np.uint64(by)
        return moved

    def add_flows(self, rows: Table) -> int:
        """Append FLOW rows; returns the number of the first. A flow may come twice. Raises PreflightError."""
        first = self._flows
        if len(rows):
            self._write(_NOTHING, flows=rows)
            self._flows += len(rows)
        return first

    def add_links(self, rows: Table) -> None:
        """Append LINK rows. Raises PreflightError when the disk is full."""
        if len(rows):
            self._write(_NOTHING, links=rows)

    def _write(self, payload: NDArray[np.uint8], **tables: NDArray[Any] | None) -> None:
        """Have a payload written, and rows of tables."""
        try:
            self._behind.do(self._append_all, payload, tables)
        except OSError as error:
            raise self._failed(error) from None

    def _append_all(self, payload: NDArray[np.uint8], tables: Mapping[str, NDArray[Any] | None]) -> None:
        self._append_payload(payload)
        for name, table in tables.items():
            if table is not None and len(table):
                self._append(name, table)

    def _append(self, name: str, rows: NDArray[Any]) -> None:
        if name not in self._parts:
            self._parts[name] = _Part(workplace(self._output.path))
        self._parts[name].append(np.ascontiguousarray(rows).view(np.uint8).data)

    def _append_payload(self, payload: NDArray[np.uint8]) -> None:
        """Write bytes behind those that are there, and digest them; each full block's digest goes to its table."""
        view = np.ascontiguousarray(payload).data.cast("B")
        while view:
            room = DIGEST_BLOCK_BYTES - self._written_bytes % DIGEST_BLOCK_BYTES
            piece = view[:room]
            write_all(self._output.fd, piece, PAGE_BYTES + self._written_bytes)
            self._hasher.update(piece)
            self._written_bytes += len(piece)
            if len(piece) == room:
                self._end_block()
            view = view[room:]

    def _end_block(self) -> None:
        self._append("digests", np.frombuffer(self._hasher.digest(), np.uint8))
        self._hasher = blake3()

    def finish(
        self,
        *,
        start_ns: int,
        note: Mapping[str, Any],
        sources: int = 0,
        seed: int = 0,
        recipe: Mapping[str, Any] | None = None,
        windows: Table | None = None,
        mix: NDArray[np.uint64] | None = None,
    ) -> str:
        """Complete the file, and give it its name; returns the capture's digest, hexadecimal.

        `start_ns` is its first instant since 1970 UTC. Without WINDOW rows the writer makes them, as an index of TIME.
        Raises InputError when nothing was added, PreflightError when the disk is full, and RunError.
        """
        if not self._trains:
            raise InputError(f"{self._output.path}: not written: it would hold no events")
        texts = {"recipe": None if recipe is None else canonical_json(recipe), "note": canonical_json(note)}
        try:
            self._behind.finish()
            if self._payload_bytes % DIGEST_BLOCK_BYTES:
                self._end_block()
            self._append("digests", np.zeros(0, np.uint8))  # the section is there even if the payload is empty
            for name, text in texts.items():
                if text is not None:
                    self._append(name, np.frombuffer(text, np.uint8))
            self._append("windows", self._index.windows() if windows is None else windows)
            if mix is not None and len(mix):
                self._append("mix", mix.astype("<u8"))
            facts = Facts(self._events, self._shortest, self._longest, seed, start_ns, sources)
            header = named_header(facts, self._place_tables())
            write_all(self._output.fd, header, 0)
            self._output.finish()
        except OSError as error:
            raise self._failed(error) from None
        return header[-DIGEST_BYTES:].hex()

    def _place_tables(self) -> dict[str, Section]:
        """Append each table at the next page; returns all sections, in the order of their entries."""
        sections = {"payload": Section(PAGE_BYTES, self._payload_bytes, self._payload_bytes)}
        end = PAGE_BYTES + self._payload_bytes
        for name in (name for name in SECTIONS if name in self._parts):
            part, offset, digest = self._parts[name], page_aligned(end), self._parts[name].digest()
            part.put_behind(self._output.fd, offset)
            end = offset + part.size
            sections[name] = Section(offset, part.size, part.size // SECTIONS[name].row_bytes, digest)
            if name == "digests":
                sections["payload"] = sections["payload"]._replace(digest=digest)
        return sections

    def _failed(self, error: OSError) -> Exception:
        path = self._output.path
        if error.errno in FULL:
            used = format_size(self._payload_bytes)
            return PreflightError(f"{path}: the disk is full after {used} of events; free some, or write less")
        if error.errno == errno.EFBIG:
            return too_large(path)
        return InputError(f"{path}: can't be written: {error.strerror}")

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file. It vanishes unless it was finished."""
        self._behind.close()
        for part in self._parts.values():
            part.close()
        self._output.close()


def _copy_of(rows: Table, dtype: np.dtype[Any]) -> Table:
    """A copy of rows, of `dtype`. They are copied as bytes: numpy takes each column for itself, 30 times as long."""
    return np.ascontiguousarray(rows, dtype).view(np.uint8).copy().view(dtype)
