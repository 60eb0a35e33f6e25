"""How are the bytes of a file read? As windows, from plain text, gzip or Zstandard, which its first bytes tell apart.

A file may grow while it is read: after its present end it can be read on, and only `File.complaint` judges whether it
is whole. Reading waits for pipes, even if they were made non-blocking.
"""

import fcntl
import os
import select
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import InputError
from replay.audit.files.unpack import Bomb, Unpacked, decoder_of
from replay.audit.find import LEAD

BLOCK_BYTES: Final = 1 << 20
"""So many bytes are examined together: with the arrays made of them, they fit into a core's second-level cache."""
STDIN: Final = Path("-")
_NEWLINE: Final = ord("\n")
_WAIT_MS: Final = 200
"""How long reading waits for a pipe before it checks whether it shall stop."""

_HEAD_BYTES: Final = 6
_REFUSED: Final = {
    b"\xff\xfe": "this is UTF-16, as PowerShell writes it; make it UTF-8: iconv -f UTF-16 -t UTF-8",
    b"\xfe\xff": "this is UTF-16; make it UTF-8: iconv -f UTF-16 -t UTF-8",
    b"BZh": "this is bzip2; unpack it on the way: bzip2 -dc FILE | replay audit -",
    b"\xfd7zXZ": "this is xz; unpack it on the way: xz -dc FILE | replay audit -",
    b"PK\x03\x04": "this is a zip archive; unpack it on the way: unzip -p FILE | replay audit -",
}


def keep_freed_memory() -> None:
    """Make glibc keep the memory of freed arrays of a block's size, instead of giving it back to the kernel.

    glibc keeps memory of arrays that are smaller than the largest one that was freed, up to 32 MiB (mallopt(3),
    M_MMAP_THRESHOLD). An audit takes a quarter less time by it.
    """
    np.empty(16 * BLOCK_BYTES, np.uint8)


class ByteStream(Protocol):
    """Anything that bytes are read from."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer from its start, and return the number of bytes; 0: there are no more for now."""


class Windows:
    """The windows of one file: each is a block, with the LEAD bytes before it in front. It is valid until the next one.

    In front of the first block there are line feeds.
    """

    def __init__(self, source: ByteStream, block_bytes: int = BLOCK_BYTES) -> None:
        """Read from `source`, in blocks of `block_bytes`."""
        self._source = source
        self._buffer = np.full(LEAD + block_bytes, _NEWLINE, np.uint8)
        self._room = memoryview(self._buffer)[LEAD:]  # type: ignore[arg-type]
        self._count = 0

    def next(self) -> NDArray[np.uint8] | None:
        """The next window; None: there is nothing more for now."""
        if self._count:
            self._buffer[:LEAD] = self._buffer[self._count : LEAD + self._count].copy()
        self._count = self._source.readinto(self._room) or 0
        return self._buffer[: LEAD + self._count] if self._count else None


class Bytes:
    """The bytes of an open file, from its present position on."""

    def __init__(self, fd: int, progress: Callable[[int], object], stopped: Callable[[], bool]) -> None:
        """`progress` gets the number of bytes of each read; when `stopped` returns true, nothing more is read."""
        self._fd, self._progress, self._stopped = fd, progress, stopped
        self._regular = stat.S_ISREG(os.fstat(fd).st_mode)
        self._ahead = b""
        self.place = 0
        """How many bytes were read."""

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, without consuming them; fewer only at the end."""
        while len(self._ahead) < count and (more := self._read(count)):
            self._ahead += more
        return self._ahead

    def read(self, count: int) -> bytes:
        """Some of the next bytes, `count` at most; none at the end."""
        ahead, self._ahead = self._ahead, b""
        return ahead or self._read(count)

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, or a part of it if the file ends; returns the number of bytes."""
        filled = min(len(self._ahead), len(buffer))
        buffer[:filled] = self._ahead[:filled]
        self._ahead = self._ahead[filled:]
        while filled < len(buffer) and self._ready():
            try:
                count = os.readv(self._fd, [buffer[filled:]])
            except BlockingIOError:
                continue
            if not count:
                break
            self._note(count)
            filled += count
        return filled

    def _read(self, count: int) -> bytes:
        while self._ready():
            try:
                found = os.read(self._fd, count)
            except BlockingIOError:
                continue
            self._note(len(found))
            return found
        return b""

    def _note(self, count: int) -> None:
        self.place += count
        self._progress(count)

    def _ready(self) -> bool:
        """Wait until there is something to read, or the end of the file; False: reading was stopped."""
        if self._regular:
            return not self._stopped()
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        while not self._stopped():
            if poll.poll(_WAIT_MS):
                return True
        return False


class File:
    """A file that is read to its end, and further if it grows."""

    def __init__(self, path: Path, fd: int, progress: Callable[[int], object], stopped: Callable[[], bool]) -> None:
        """Begin at the position of the descriptor `fd`, which the caller closes."""
        self.path = path
        self._bytes = Bytes(fd, progress, stopped)
        self._unpacked: Unpacked | None = None
        self._windows: Windows | None = None

    @property
    def place(self) -> int:
        """How many bytes were read of the file as it is on the disk, before unpacking."""
        return self._bytes.place

    @property
    def held(self) -> bool:
        """Whether there is text to count without reading further bytes from the disk."""
        return self._unpacked is not None and self._unpacked.held

    def next(self) -> NDArray[np.uint8] | None:
        """The next window; None: there is nothing more for now. Raises InputError when the file can't be read."""
        try:
            if self._windows is None:
                self._windows = Windows(self._opened())
            return self._windows.next()
        except Bomb as error:
            raise InputError(f"{self.path}: {error}") from None
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror or error}") from None

    def complaint(self) -> str | None:
        """What is wrong with the file if it ends here; None: nothing. Raises InputError if nothing can be unpacked."""
        if self._unpacked is None:
            return None
        if self._unpacked.unreadable:
            raise InputError(f"{self.path}: can't be unpacked: {self._unpacked.damage}")
        return self._unpacked.complaint()

    def _opened(self) -> ByteStream:
        """The stream of the file's text. Raises InputError for a file that is no text and can't be unpacked here."""
        head = self._bytes.peek(_HEAD_BYTES)
        for magic, complaint in _REFUSED.items():
            if head.startswith(magic):
                raise InputError(f"{self.path}: {complaint}")
        decoder = decoder_of(head)
        if decoder is None:
            return self._bytes
        self._unpacked = Unpacked(self._bytes.read, decoder)
        return self._unpacked


def open_file(path: Path) -> int:
    """A descriptor of a file, or of stdin if it is called `-`; the caller closes it. Raises InputError."""
    try:
        fd = os.dup(0) if path == STDIN else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    # `captures.console.standard_streams` opens stdin for writing where it was closed.
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY:
        os.close(fd)
        raise InputError("-: stdin is closed")
    return fd
