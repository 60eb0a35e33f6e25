"""How do files become counts of lines and tags? They are read one after the other, each to its end."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from captures.compiled.readiness import make_ready
from captures.console.errors import InputError
from replay.audit.files.sources import File, open_file
from replay.audit.find import LEAD
from replay.audit.lines import LineCounts, Lines, LineTags
from replay.audit.seen import Seen
from replay.audit.tag_counts import TagCounts

AUDIT: Final = "the audit"
"""What the kernels of an audit are called where they are compiled."""


def prepare() -> None:
    """Compile or load the kernels of an audit. Raises RunError if there is no room for what is seen."""
    window, none = np.full(LEAD + 1, ord("\n"), np.uint8), np.zeros(1, np.int64)
    with Seen(max_pages=2) as seen:
        lines, tally = Lines(LineCounts()), TagCounts(seen)
        make_ready(AUDIT, [lambda: lines.take(window), lambda: tally.take(LineTags(none, none))])


@dataclass(frozen=True)
class DamagedFile:
    """A file that was damaged, or could not be read."""

    file: str
    complaint: str
    unreadable: bool
    """Whether a part of the file that may be sound was not read, so that the audit is incomplete."""


class Collection:
    """What was found in the files so far."""

    def __init__(self, tally: TagCounts) -> None:
        """Count tags in `tally`."""
        self.lines = LineCounts()
        self.tally = tally
        self.damaged: list[DamagedFile] = []

    def refuse(self, path: Path, error: InputError | OSError) -> None:
        """Note that a file can't be read, or not to its end; the audit goes on without it."""
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self.damaged.append(DamagedFile(str(path), said.removeprefix(f"{path}: "), unreadable=True))


class Reading:
    """A file whose lines and tags are counted, from its beginning. Close it, or use it as a context manager."""

    def __init__(
        self, path: Path, into: Collection, progress: Callable[[int], object], stopped: Callable[[], bool]
    ) -> None:
        """Open the file. Raises InputError. When `stopped` returns true, nothing more is read."""
        self.path = path
        self.fd = open_file(path)
        self._into, self._stopped = into, stopped
        self._progress = progress
        self._begin()

    def _begin(self) -> None:
        self.file = File(self.path, self.fd, self._progress, self._stopped)
        self._lines = Lines(self._into.lines)

    def read(self, limit: int | None = None) -> None:
        """Count what the file holds, up to its end or to `limit` bytes of it at least. Raises InputError."""
        while not self._stopped() and (limit is None or self.file.place < limit or self.file.held):
            window = self.file.next()
            if window is None:
                return
            self._into.tally.take(self._lines.take(window))

    def end(self) -> None:
        """Count the last line, and note if the file is damaged. Raises InputError if none of it can be unpacked."""
        self._lines.end()
        complaint = None if self._stopped() else self.file.complaint()
        if complaint is not None:
            self._into.damaged.append(DamagedFile(str(self.path), complaint, unreadable=False))

    def restart(self) -> None:
        """Read the file anew from its beginning, since it was written over."""
        self._lines.end()
        os.lseek(self.fd, 0, os.SEEK_SET)
        self._begin()

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_files(
    paths: Sequence[Path], into: Collection, progress: Callable[[int], object], stopped: Callable[[], bool]
) -> None:
    """Count all files, until `stopped` returns true. A file that can't be read is noted, and the next one is read."""
    for path in paths:
        if stopped():
            return
        try:
            with Reading(path, into, progress, stopped) as reading:
                reading.read()
                reading.end()
        except InputError as error:
            into.refuse(path, error)
