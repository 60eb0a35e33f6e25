"""The file of a capture, held open, so that one can tell whether it has changed since it was checked."""

import os
import weakref
from pathlib import Path
from typing import Final

from captures.console.errors import RunError

CHANGED: Final = (
    "the capture was changed while it was read, and what it holds now is not what was checked; "
    "start again, and write a new capture under a new name"
)


class Source:
    """An open file. A name may come to stand for another file; a descriptor does not."""

    def __init__(self, path: Path) -> None:
        """Open the file for reading. Raises OSError."""
        self.fd = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self.fd)  # it ends with the capture
        self._identity = self._now()

    def _now(self) -> tuple[int, ...]:
        # The kernel moves the time of a change before it changes a byte (mm/filemap.c, __generic_file_write_iter): who
        # looks after having read knows whether it read what was there before.
        status = os.fstat(self.fd)
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    @property
    def changed(self) -> bool:
        """Whether somebody wrote to the file or cut it since it was opened."""
        return self._now() != self._identity

    def check(self) -> None:
        """Raise RunError if the file was changed: what was read before this call may not be what was checked."""
        if self.changed:
            raise RunError(CHANGED)
