"""How are files read while a collector still writes them? They are followed until no event has come for a while.

Every LOOK_NS each file is read on from where the reading had ended. Device and inode tell which file a name stands for:

- Another file has the name (rotation): the earlier file is read on as well, since its writer may not know of it yet.
- The file has become shorter, or the last bytes that were read have changed (it was truncated and written again): it is
  read from its beginning. What was written and removed between two looks is not seen.
- No file has the name: it is waited for, as long as for an event.
- What has the name can't be read: it is tried again at each look, since a file may soon take its place. If a file turns
  out to be no text, it is given up, and the others are read on.

Silence means that no event came, even if bytes did: other programs may write into a file all the time. It is counted
from when everything was read that was there at first.
"""

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from captures.console.errors import InputError
from replay.audit.files.reading import Collection, Reading
from replay.clock import monotonic_ns, sleep_ns
from replay.sink.stopping import Watch

LOOK_NS: Final = 200_000_000
MOST_KEPT: Final = 16
"""The most files of one name that are read on; if there are more, the oldest is closed."""
_SAME_BYTES: Final = 64
"""So many of the last bytes read are compared to know whether a file was written over."""
_WORTH_OPENING_BYTES: Final = 6
"""A file must have so many bytes before one can see whether it is packed."""

NOT_REGULAR: Final = "only a regular file can be followed; leave out --follow"

_Identity = tuple[int, int]


@dataclass(frozen=True)
class FollowedFiles:
    """How files were followed while a collector still wrote them."""

    settle_s: float
    settled: bool
    """Whether no event came for `settle_s`; if not, the audit was interrupted."""
    rotations: int
    truncations: int


class _Followed:
    """One file on the disk, under whatever name."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.refused = False
        """Whether reading it has failed, so that it is not read any more."""
        self._last = b""

    def read(self, *, all_of_it: bool = False) -> bool:
        """Count what is new. Returns False if the file was written over, and so was read from its beginning."""
        whole = self._still_the_same()
        if not whole:
            self.reading.restart()
        size = os.fstat(self.reading.fd).st_size
        if size >= _WORTH_OPENING_BYTES or all_of_it:
            self.reading.read(size)
        place = self.reading.file.place
        begin = max(place - _SAME_BYTES, 0)
        self._last = os.pread(self.reading.fd, place - begin, begin)
        return whole

    def _still_the_same(self) -> bool:
        place, fd = self.reading.file.place, self.reading.fd
        last = os.pread(fd, len(self._last), place - len(self._last))
        return os.fstat(fd).st_size >= place and last == self._last


class Follower:
    """Files that are followed under their names."""

    def __init__(
        self, paths: Sequence[Path], into: Collection, progress: Callable[[int], object], stopped: Callable[[], bool]
    ) -> None:
        """Follow `paths` until `stopped`."""
        self._into, self._progress, self._stopped = into, progress, stopped
        self._files: dict[Path, dict[_Identity, _Followed]] = {path: {} for path in paths}
        self._came = set[Path]()
        self._refused: dict[Path, InputError] = {}
        """The error of each name whose file could not be opened at the latest look."""
        self._rotations = self._truncations = 0
        self._settled = False

    def follow(self, settle_ns: int) -> FollowedFiles:
        """Count events until none has come for `settle_ns`; returns what the report says of the following."""
        try:
            self._look()
            watch = Watch(monotonic_ns(), None, settle_ns)
            while not self._stopped() and not self._settled:
                sleep_ns(min(LOOK_NS, settle_ns))
                self._look()
                self._settled = watch.ended_by(monotonic_ns(), self._events()) is not None
            self._end()
        finally:
            for followed in self._all():
                followed.reading.close()
        return FollowedFiles(settle_ns / 1e9, self._settled, self._rotations, self._truncations)

    def _events(self) -> int:
        """How many tags were counted: those of the run that is asked for, or all if none is."""
        return self._into.tally.tags()

    def _all(self) -> list[_Followed]:
        return [followed for files in self._files.values() for followed in files.values()]

    def _look(self) -> None:
        """Open new files, and read all files on."""
        for path, files in self._files.items():
            self._refused.pop(path, None)
            try:
                self._open(path, files)
            except InputError as error:
                self._refused[path] = error
            for followed in files.values():
                self._truncations += not self._read(followed)

    def _read(self, followed: _Followed, *, to_the_end: bool = False) -> bool:
        """Count what is new in a file, if it can be read; False: it was written over, and read from the start."""
        if followed.refused:
            return True
        try:
            whole = followed.read(all_of_it=to_the_end)
            if to_the_end:
                followed.reading.end()
        except (InputError, OSError) as error:
            followed.refused = True
            self._into.refuse(followed.reading.path, error)
            return True
        return whole

    def _open(self, path: Path, files: dict[_Identity, _Followed]) -> None:
        """Open the file that has the name, if it is not open already. Raises InputError."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{path}: {NOT_REGULAR}")
        self._came.add(path)
        if any((found.st_dev, found.st_ino) in known for known in self._files.values()):
            return
        reading = Reading(path, self._into, self._progress, self._stopped)
        opened = os.fstat(reading.fd)
        if (opened.st_dev, opened.st_ino) != (found.st_dev, found.st_ino):
            reading.close()  # another file has just taken the name: the next look finds it
            return
        files[opened.st_dev, opened.st_ino] = _Followed(reading)
        self._rotations += len(files) > 1
        if len(files) > MOST_KEPT:
            oldest = files.pop(next(iter(files)))
            self._read(oldest, to_the_end=True)
            oldest.reading.close()

    def _end(self) -> None:
        """Count the last lines, and note which files could not be read, or never existed."""
        for path, files in self._files.items():
            if path in self._refused:
                self._into.refuse(path, self._refused[path])
            elif path not in self._came and not self._stopped():
                self._into.refuse(path, InputError("no such file, and none came"))
            for followed in files.values():
                self._read(followed, to_the_end=True)
