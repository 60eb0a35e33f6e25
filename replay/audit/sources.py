"""Reading files as windows of bytes: plain, gzip or Zstandard, told by their first bytes and not by their names."""

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final, Protocol

import numpy as np
import zstandard
from numpy.typing import NDArray

from captures.errors import InputError
from replay.audit.find import LEAD

BLOCK_BYTES: Final = 1 << 20
"""What is looked at together: fits a core's second-level cache with what is made of it."""
STDIN: Final = Path("-")
_NEWLINE: Final = ord("\n")

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_REFUSED: Final = {
    b"\xff\xfe": "this is UTF-16, as PowerShell writes it; make it UTF-8: iconv -f UTF-16 -t UTF-8",
    b"\xfe\xff": "this is UTF-16; make it UTF-8: iconv -f UTF-16 -t UTF-8",
    b"BZh": "this is bzip2; unpack it on the way: bzip2 -dc FILE | replay audit -",
    b"\xfd7zXZ": "this is xz; unpack it on the way: xz -dc FILE | replay audit -",
    b"PK\x03\x04": "this is a zip archive; unpack it on the way: unzip -p FILE | replay audit -",
}
_ZSTD_INPUT_BYTES: Final = 2048
"""What is unpacked at once. A block of 128 KiB of one byte takes 4 bytes (RFC 8878, section 3.1.1.2), so this becomes
64 MiB at most."""


def keep_freed_memory() -> None:
    """Have arrays of a block's size come from memory that is at hand, not anew from the kernel, page by page.

    glibc does so with what is smaller than the largest array that was freed, up to 32 MiB (mallopt(3),
    M_MMAP_THRESHOLD). It spares an audit a quarter of its time.
    """
    np.empty(16 * BLOCK_BYTES, np.uint8)


class Source(Protocol):
    """What bytes are read from."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer from its start; 0: the end."""


def windows(source: Source, block_bytes: int = BLOCK_BYTES) -> Iterator[NDArray[np.uint8]]:
    """The windows of one file, each valid until the next: a block behind the LEAD bytes before it.

    Before a file are line feeds, and one is behind it if its last line has none.
    """
    buffer = np.full(LEAD + block_bytes, _NEWLINE, np.uint8)
    room = memoryview(buffer)[LEAD:]  # type: ignore[arg-type]
    while count := source.readinto(room):
        yield buffer[: LEAD + count]
        buffer[:LEAD] = buffer[count : LEAD + count].copy()
    if buffer[LEAD - 1] != _NEWLINE:
        buffer[LEAD] = _NEWLINE
        yield buffer[: LEAD + 1]


def file_windows(path: Path, progress: Callable[[int], object]) -> Iterator[NDArray[np.uint8]]:
    """The windows of a file, or of stdin if it is called `-`; `progress` gets the bytes that were read from the disk.

    Raises InputError when it can't be read or unpacked.
    """
    try:
        with ExitStack() as stack:
            file: IO[bytes] = sys.stdin.buffer if path == STDIN else stack.enter_context(path.open("rb"))
            counted = _Counted(file, progress)
            yield from windows(_unpacked(io.BufferedReader(counted, BLOCK_BYTES), path))
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise InputError(f"{path}: can't be unpacked, it is damaged or was cut short: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def _unpacked(file: io.BufferedReader, path: Path) -> Source:
    """What the file holds. Raises InputError for what is no text and can't be unpacked here."""
    head = file.peek(len(_ZSTD))
    for magic, complaint in _REFUSED.items():
        if head.startswith(magic):
            raise InputError(f"{path}: {complaint}")
    if head.startswith(_GZIP):
        return gzip.GzipFile(fileobj=file)
    if head.startswith(_ZSTD):
        return _Zstd(file)
    return file


class _Counted(io.RawIOBase):
    """A file that says how much was read from it. Closing it leaves the file open."""

    def __init__(self, file: IO[bytes], progress: Callable[[int], object]) -> None:
        self._file, self._progress = file, progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count: int = self._file.readinto(buffer)  # type: ignore[attr-defined]
        self._progress(count)
        return count


class _Zstd:
    """The frames of a Zstandard file, one after the other.

    zstandard's own readers take the end of a file within a frame for the end of the frame, so the frames are watched.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._packed = self._text = b""
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._inside = False

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer as far as the file goes. Raises EOFError when it ends within a frame."""
        filled = 0
        while filled < len(buffer):
            if not self._text and not self._more():
                break
            part = self._text[: len(buffer) - filled]
            buffer[filled : filled + len(part)] = part
            self._text = self._text[len(part) :]
            filled += len(part)
        return filled

    def _more(self) -> bool:
        """Unpack until there is something; False: the file is at its end."""
        while not self._text:
            if self._frame.eof:
                self._packed = self._frame.unused_data
                self._frame = zstandard.ZstdDecompressor().decompressobj()
                self._inside = False
            packed = self._packed or self._file.read(_ZSTD_INPUT_BYTES)
            self._packed = b""
            if not packed:
                if self._inside:
                    raise EOFError("the end is missing")
                return False
            self._inside = True
            self._text = self._frame.decompress(packed)
        return True
