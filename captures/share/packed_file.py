"""The bytes of an `.rcapz` file, a packed capture: frames of zstd (RFC 8878) between a head and an index.

    0     64   head     a skippable frame of zstd:
               0   8   5C 2A 4D 18, and 56: the bytes that follow in this frame
               8   8   magic          89 52 43 41 50 5A 0D 0A  (as PNG's: shows text-mode damage)
               16  4   version        1
               20  12  reserved       zero
               32  32  digest         of the capture that is packed
    64    ...  frames   one for each block of the capture (`captures.share.blocks`), in the order of its file
    ...   ...  index    a skippable frame of zstd:
               0   8   5C 2A 4D 18, and the bytes that follow in this frame
               8   40  row            for each block: packed bytes, plain bytes (4 each), BLAKE3 of the plain bytes
               ... 8   blocks
               ... 8   plain bytes    of the whole capture
               ... 8   magic          again
               ... 32  digest         BLAKE3 of the head and of the index before this digest

All numbers are little-endian. Since decoders of zstd skip the head and the index, `zstd -d` unpacks the file as well;
what it makes is not compared with the digests.
"""

import os
import stat
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from blake3 import blake3

from captures.console.errors import CaptureError
from captures.console.units import counted
from captures.files.open_file import Source
from captures.format.layout import DIGEST_BLOCK_BYTES, DIGEST_BYTES, PAGE_BYTES, Table
from captures.share.blocks import MOST_BLOCKS, MOST_PACKED_BYTES, Block, WrongBlockError, damaged, plain_block

MAGIC: Final = b"\x89RCAPZ\r\n"
VERSION: Final = 1
_SKIPPABLE: Final = 0x184D2A5C
HEAD: Final = struct.Struct("<II8sI12s32s")
_FRAME: Final = struct.Struct("<II")
ROW: Final = np.dtype([("packed", "<u4"), ("plain", "<u4"), ("digest", f"V{DIGEST_BYTES}")])
_END: Final = struct.Struct("<QQ8s32s")

assert HEAD.size == 64
assert ROW.itemsize == 40
assert _END.size == 56


def head_of(digest: str) -> bytes:
    """The head of a packed capture of that digest."""
    fields = (MAGIC, VERSION, bytes(12), bytes.fromhex(digest))
    return HEAD.pack(_SKIPPABLE, HEAD.size - _FRAME.size, *fields)


def index_of(head: bytes, packed_sizes: Sequence[int], blocks: Sequence[Block]) -> bytes:
    """The index of the frames that stand between it and `head`."""
    rows = np.zeros(len(blocks), ROW)
    rows["packed"], rows["plain"] = packed_sizes, [block.size for block in blocks]
    rows["digest"] = np.frombuffer(b"".join(block.digest for block in blocks), f"V{DIGEST_BYTES}")
    frame = _FRAME.pack(_SKIPPABLE, rows.nbytes + _END.size)
    end = _END.pack(len(blocks), sum(block.size for block in blocks), MAGIC, bytes(DIGEST_BYTES))[:-DIGEST_BYTES]
    covered = frame + rows.tobytes() + end
    return covered + blake3(head + covered).digest()


class PackedCapture:
    """An open packed capture. Any stretch of it is read without the others."""

    def __init__(self, path: Path, source: Source, digest: str, rows: Table) -> None:
        """Take what was checked by `open_packed`."""
        self.path, self.source = path, source
        self.digest = digest
        """Of the capture that is packed, as the head says it, in hexadecimal."""
        ends = np.cumsum(rows["plain"], dtype=np.int64)
        starts = (ends - rows["plain"]).tolist()
        self.blocks = [Block(*row) for row in zip(starts, rows["plain"].tolist(), rows["digest"].tolist(), strict=True)]
        self.plain_bytes = int(ends[-1])
        """Of the whole capture."""
        self.packed_bytes = os.fstat(source.fd).st_size
        self._starts = ends - rows["plain"]
        self._sizes = rows["packed"].astype(np.int64)
        self._places = HEAD.size + np.cumsum(self._sizes) - self._sizes

    def block(self, number: int) -> bytes:
        """The plain bytes of a block. Raises DamagedError."""
        _, size, digest = self.blocks[number]
        packed = os.pread(self.source.fd, int(self._sizes[number]), int(self._places[number]))
        try:
            return plain_block(packed, size, digest)
        except WrongBlockError as error:
            raise damaged(self.path, f"block {number} is damaged: {error}") from None

    def read(self, offset: int, size: int) -> bytes:
        """The plain bytes of a stretch of the capture's file; only its blocks are unpacked. Raises DamagedError."""
        parts, end = [], min(offset + size, self.plain_bytes)
        first = int(np.searchsorted(self._starts, offset, "right")) - 1
        for number in range(first, len(self.blocks)):
            start = self.blocks[number].offset
            if start >= end:
                break
            parts.append(self.block(number)[max(offset - start, 0) : end - start])
        return b"".join(parts)


def is_packed(path: Path) -> bool:
    """Whether a file says that it is a packed capture; False where it can't be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a FIFO would block
            return False
        with path.open("rb") as file:
            return file.read(HEAD.size)[_FRAME.size :].startswith(MAGIC)
    except OSError:
        return False


def open_packed(path: Path) -> PackedCapture:
    """Open a packed capture, and check its index. Raises CaptureError, DamagedError where it is not sound."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CaptureError(f"{path}: can't be opened: not a regular file")
        source = Source(path)
        size = os.fstat(source.fd).st_size
        head = os.pread(source.fd, HEAD.size, 0)
        end = os.pread(source.fd, _END.size, max(size - _END.size, 0))
    except OSError as error:
        raise CaptureError(f"{path}: can't be opened: {error.strerror}") from None
    if not head[_FRAME.size :].startswith(MAGIC):
        raise CaptureError(f"{path}: this is no packed capture, .rcapz (its first bytes differ)")
    if len(head) < HEAD.size or size < HEAD.size + _FRAME.size + ROW.itemsize + _END.size:
        raise damaged(path, f"{counted(size, 'byte')} can't be a packed capture")
    version, digest = HEAD.unpack(head)[3], HEAD.unpack(head)[5].hex()
    if version != VERSION:
        raise CaptureError(f"{path}: version {version} of a packed capture; this tool reads {VERSION}; use a newer one")
    rows = _index(path, source.fd, size, head, end)
    packed = PackedCapture(path, source, digest, rows)
    if packed.plain_bytes < PAGE_BYTES:
        raise damaged(path, f"{counted(packed.plain_bytes, 'byte')} can't be a capture")
    if packed.read(PAGE_BYTES - DIGEST_BYTES, DIGEST_BYTES).hex() != digest:
        raise damaged(path, "the capture within is another one than its head says")
    return packed


def _index(path: Path, fd: int, size: int, head: bytes, end: bytes) -> Table:
    """The ROWs of a file of `size` bytes, which its frames fit exactly. Raises DamagedError."""
    count, plain_bytes, magic, digest = _END.unpack(end)
    start = size - _END.size - count * ROW.itemsize - _FRAME.size
    if magic != MAGIC or not 0 < count <= MOST_BLOCKS or start < HEAD.size:
        raise damaged(path, "it has no index at its end; it was cut short")
    covered = os.pread(fd, size - start - DIGEST_BYTES, start)
    if len(covered) != size - start - DIGEST_BYTES or blake3(head + covered).digest() != digest:
        raise damaged(path, "its index is damaged (its digest differs)")
    rows = np.frombuffer(covered, ROW, count, _FRAME.size)
    packed, plain = rows["packed"], rows["plain"]
    sized = packed.min() > 0 and packed.max() <= MOST_PACKED_BYTES
    sized = sized and plain.min() > 0 and plain.max() <= DIGEST_BLOCK_BYTES
    if not sized or HEAD.size + int(packed.sum(dtype=np.int64)) != start:
        raise damaged(path, "its index does not fit its frames")
    if int(plain.sum(dtype=np.int64)) != plain_bytes:
        raise damaged(path, "its index does not say how large the capture is")
    return rows
