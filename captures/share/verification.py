"""Is a capture whole, and the one that is meant? Every byte of it is compared with its digests, packed or not.

From Python, a capture is verified by

    print(verify(Path("system.rcap")).sound)
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

from captures.console.errors import DamagedError, InputError
from captures.console.units import counted
from captures.files.room import filling, require_room
from captures.format.digests import damaged_parts
from captures.format.layout import VERSION
from captures.format.reader import COPY_AGAIN, open_capture
from captures.share.at_once import MOST_JOBS
from captures.share.cache import cache_folder
from captures.share.packed_file import is_packed, open_packed
from captures.share.packing import unpack_into

DIGEST_TEXT: Final = re.compile("[0-9a-f]{64}")
"""How a digest of a capture is written."""
SCHEMA: Final = 1
"""The version of the figures of a verification, as JSON."""
Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Verified:
    """What the bytes of a capture say."""

    path: Path
    events: int
    """How many events it holds; 0: it is too damaged to say."""
    digest: str | None
    """The digest of the whole capture; None: it is too damaged to have one."""
    damaged: tuple[str, ...]
    """What is damaged; if it is nothing, the capture is sound."""
    expected: str | None = None
    """The digest that it should have; None: any will do."""
    version: int | None = None
    """The version of its format; None: it is too damaged to say."""

    @property
    def sound(self) -> bool:
        """Whether all is as it was built."""
        return not self.damaged

    @property
    def difference(self) -> str:
        """A line that says how the capture differs from what it should be; empty: it does not."""
        if self.damaged:
            return f"{self.path}: damaged: {'; '.join(self.damaged)}{COPY_AGAIN}"
        if self.expected not in (None, self.digest):
            return f"{self.path}: sound, but another capture: its digest is {self.digest}, not {self.expected}"
        return ""

    @property
    def _newer(self) -> bool:
        """Whether it is of another version than the first one, of which nothing is said."""
        return self.version not in (None, VERSION)

    @property
    def verdict(self) -> str:
        """A line that says which sound capture it is; empty: it is damaged."""
        version = f" in format version {self.version}" if self._newer else ""
        return f"{self.path}: sound; {counted(self.events, 'event')}{version}, digest {self.digest}" * self.sound

    def figures(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        found = {"schema": SCHEMA, "digest": self.digest, "sound": self.sound, "damaged": list(self.damaged)}
        further = {"expected": self.expected or None, "version": self.version if self._newer else None}
        return found | {name: value for name, value in further.items() if value is not None}


def verify(path: Path, *, jobs: int = 1, expect: str | None = None, progress: Progress | None = None) -> Verified:
    """Read all of a capture by `jobs` threads, and say whether it is sound and has the digest `expect`.

    A packed one is unpacked for it into a file without a name, which takes room on the disk of the cache while it is
    verified. `progress` is called with the bytes that were read since its last call, and with those of the whole
    payload, or packed capture. Raises InputError for a request that makes no sense, CaptureError for a file that can't
    be read or is no capture, and PreflightError and RunError where there is no room to unpack one.
    """
    if type(jobs) is not int or not 1 <= jobs <= MOST_JOBS:
        raise InputError(f"--jobs {jobs!r} is outside 1 to {MOST_JOBS}")
    if expect is not None and not DIGEST_TEXT.fullmatch(expect):
        raise InputError(f"--expect {expect}: a digest has 64 hexadecimal digits, all in lower case")
    told = progress or (lambda *_: None)
    try:
        if is_packed(path):
            return _verified_packed(path, jobs, expect, told)
        capture = open_capture(path)
    except DamagedError as error:
        return Verified(path, 0, None, (error.damage,), expect)
    size = len(capture.payload)
    damaged = damaged_parts(capture, jobs, lambda read_bytes: told(read_bytes, size))
    return Verified(path, capture.events, capture.digest, tuple(damaged), expect, capture.version)


def _verified_packed(path: Path, jobs: int, expect: str | None, progress: Progress) -> Verified:
    """What a packed capture holds, if all of it is sound. Raises DamagedError where it is not."""
    packed, folder = open_packed(path), cache_folder()
    require_room(folder / path.name, packed.plain_bytes)
    with TemporaryFile(dir=folder) as plain, filling(folder):
        capture = unpack_into(plain.fileno(), packed, jobs, progress)
        return Verified(path, capture.events, capture.digest, (), expect, capture.version)
