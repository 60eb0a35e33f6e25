"""Following files while a collector still writes them, until no event has come for a while.

Each file is read on from where it ended, as often as LOOK_NS says. What a name stands for is told by device and inode:

- Another file under the name (rotation): the one before is read on as well, since its writer may not know yet.
- A file that became shorter, or whose last bytes are others than those that were read (truncated, and written again):
  it is read from its beginning. What was written and gone between two looks is not seen.
- No file under the name: it is waited for, as long as for an event.

Silence is counted in events, not in bytes: a file in which others write never stands still. It begins when all was read
that was there at first.
"""

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from captures.console.errors import InputError
from replay.audit.reading import Collection, Reading
from replay.clock import monotonic_ns, sleep_ns
from replay.sink.stopping import Watch

LOOK_NS: Final = 200_000_000
MOST_KEPT: Final = 16
"""Files that stood under one name and are read on; of more the oldest is closed."""
_SAME_BYTES: Final = 64
"""How many of the last bytes tell whether a file is still the same."""
_WORTH_OPENING_BYTES: Final = 6
"""From so many bytes on a file says whether it is packed."""

_Identity = tuple[int, int]


class _Followed:
    """One file on the disk, under whatever name."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._last = b""

    def read(self, *, all_of_it: bool = False) -> bool:
        """Count what is new; False: it was written over, and begins anew."""
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
        self._rotations = self._truncations = 0
        self._settled = False

    def follow(self, settle_ns: int) -> dict[str, Any]:
        """Count all there is until no event came for `settle_ns`; returns what the report says of it.

        Raises InputError when a file can't be read, or never was there.
        """
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
        return {
            "settle_s": settle_ns / 1e9,
            "settled": self._settled,
            "rotations": self._rotations,
            "truncations": self._truncations,
        }

    def _events(self) -> int:
        """Tags that were counted, of the run that is asked for, if one is."""
        return self._into.tally.tags()

    def _all(self) -> list[_Followed]:
        return [followed for files in self._files.values() for followed in files.values()]

    def _look(self) -> None:
        """Read on what is there, and open what is new."""
        for path, files in self._files.items():
            self._open(path, files)
            for followed in files.values():
                self._truncations += not followed.read()

    def _open(self, path: Path, files: dict[_Identity, _Followed]) -> None:
        """Open the file under a name, if it is none of those that are read."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{path}: only a regular file can be followed; leave out --follow")
        self._came.add(path)
        if any((found.st_dev, found.st_ino) in known for known in self._files.values()):
            return
        reading = Reading(path, self._into, self._progress, self._stopped)
        opened = os.fstat(reading.fd)
        if (opened.st_dev, opened.st_ino) != (found.st_dev, found.st_ino):
            reading.close()  # another took the name just now: the next look finds it
            return
        files[opened.st_dev, opened.st_ino] = _Followed(reading)
        self._rotations += len(files) > 1
        if len(files) > MOST_KEPT:
            oldest = files.pop(next(iter(files)))
            oldest.read(all_of_it=True)
            oldest.reading.end()
            oldest.reading.close()

    def _end(self) -> None:
        """Count the last lines. Raises InputError when a file was never there."""
        for path, files in self._files.items():
            if path not in self._came and not self._stopped():
                raise InputError(f"{path}: no such file, and none came")
            for followed in files.values():
                followed.read(all_of_it=True)
                followed.reading.end()
