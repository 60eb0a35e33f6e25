"""Following files while a collector still writes them, until no event has come for a while.

Each file is read on from where it ended, as often as LOOK_NS says. What a name stands for is told by device and inode:

- Another file under the name (rotation): the one before is read on as well, since its writer may not know yet.
- A file that became shorter, or whose last bytes are others than those that were read (truncated, and written again):
  it is read from its beginning. What was written and gone between two looks is not seen.
- No file under the name: it is waited for, as long as for an event.
- Something that can't be read under the name: it is looked at again, for it may be on its way to become a file. A file
  that turns out to be no text is left, and the others are read on.

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

NOT_REGULAR: Final = "only a regular file can be followed; leave out --follow"

_Identity = tuple[int, int]


class _Followed:
    """One file on the disk, under whatever name."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.refused = False
        """Whether it can't be read on."""
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
        self._refused: dict[Path, InputError] = {}
        """What was wrong with what stands under a name now."""
        self._rotations = self._truncations = 0
        self._settled = False

    def follow(self, settle_ns: int) -> dict[str, Any]:
        """Count all there is until no event came for `settle_ns`; returns what the report says of it."""
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
            self._refused.pop(path, None)
            try:
                self._open(path, files)
            except InputError as error:
                self._refused[path] = error
            for followed in files.values():
                self._truncations += not self._read(followed)

    def _read(self, followed: _Followed, *, to_the_end: bool = False) -> bool:
        """Count what is new in a file, as long as it can be read; False: it was written over, and begins anew."""
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
        """Open the file under a name, if it is none of those that are read. Raises InputError."""
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
            reading.close()  # another took the name just now: the next look finds it
            return
        files[opened.st_dev, opened.st_ino] = _Followed(reading)
        self._rotations += len(files) > 1
        if len(files) > MOST_KEPT:
            oldest = files.pop(next(iter(files)))
            self._read(oldest, to_the_end=True)
            oldest.reading.close()

    def _end(self) -> None:
        """Count the last lines, and say which files could not be read, or were never there."""
        for path, files in self._files.items():
            if path in self._refused:
                self._into.refuse(path, self._refused[path])
            elif path not in self._came and not self._stopped():
                self._into.refuse(path, InputError("no such file, and none came"))
            for followed in files.values():
                self._read(followed, to_the_end=True)
