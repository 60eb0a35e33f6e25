"""Into which blocks a capture is cut when it is carried, and when blocks make a capture.

A block is a stretch of the file of at most 16 MiB, known by the BLAKE3 of its plain bytes. The payload is cut as the
capture's own digests cut it, so each of its blocks has a digest that the capture itself holds; what stands before and
behind the payload is cut by itself. Both versions of the format are cut in the same way.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import zstandard
from blake3 import blake3

from captures.console.errors import CaptureError, DamagedError, RunError
from captures.console.units import counted
from captures.format.capture import Capture
from captures.format.digests import damaged_sections
from captures.format.layout import DIGEST_BLOCK_BYTES
from captures.format.reader import COPY_AGAIN, open_capture

MOST_BLOCKS: Final = 1 << 20
"""The most blocks of a capture that is carried: 16 TiB."""
MOST_PACKED_BYTES: Final = DIGEST_BLOCK_BYTES + (DIGEST_BLOCK_BYTES >> 8) + 64
"""The most bytes that zstd makes of a block (ZSTD_COMPRESSBOUND of zstd.h)."""


class Block(NamedTuple):
    """A stretch of a capture's file."""

    offset: int
    size: int
    """Plain bytes, 1 to 16 MiB."""
    digest: bytes
    """BLAKE3 of the plain bytes."""


class WrongBlockError(ValueError):
    """What should be a packed block is none, or is another one."""


def cut(capture: Capture) -> list[tuple[int, int]]:
    """Offset and size of each block of an open capture, in the order of the file."""
    start = capture.payload_offset
    end = start + len(capture.payload)
    size = os.fstat(capture.source.fd).st_size
    return [*_pieces(0, start), *_pieces(start, end), *_pieces(end, size)]


def _pieces(start: int, end: int) -> Iterator[tuple[int, int]]:
    for offset in range(start, end, DIGEST_BLOCK_BYTES):
        yield offset, min(DIGEST_BLOCK_BYTES, end - offset)


def read_block(capture: Capture, offset: int, size: int) -> bytes:
    """The bytes of one block. Raises RunError where the file ends before it."""
    data = os.pread(capture.source.fd, size, offset)
    while len(data) < size:
        more = os.pread(capture.source.fd, size - len(data), offset + len(data))
        if not more:
            raise RunError(f"{capture.path}: was cut while it was read; start again")
        data += more
    return data


def packed_block(data: bytes, level: int) -> bytes:
    """The bytes of a block as one frame of zstd, which says their number (RFC 8878, section 3.1.1)."""
    return zstandard.ZstdCompressor(level=level).compress(data)


def plain_block(packed: bytes, size: int, digest: bytes) -> bytes:
    """The bytes that were packed. No more memory is taken than `size`, whatever the frame says.

    Raises WrongBlockError where `packed` is anything but one frame of `size` bytes with that digest.
    """
    try:
        if zstandard.frame_content_size(packed) != size:
            raise WrongBlockError(f"it does not hold {counted(size, 'byte')}")
        data = zstandard.ZstdDecompressor().decompress(packed, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise WrongBlockError(f"it can't be unpacked: {error}") from None
    if len(data) != size or blake3(data).digest() != digest:
        raise WrongBlockError("its digest differs")
    return data


def prove(path: Path, fd: int, digest: str, blocks: Sequence[Block]) -> Capture:
    """Open the capture that `blocks` made of the file `fd`, and prove that it is whole and the one of `digest`.

    The bytes of each block were compared with its digest when it was written, so the payload is not read again. `path`
    is what the messages call it. Raises DamagedError, and CaptureError for a capture of a version that is not known.
    """
    name = Path(f"/proc/self/fd/{fd}")
    try:
        capture = open_capture(name)
    except DamagedError as error:
        raise damaged(path, error.damage) from None
    except CaptureError as error:
        raise CaptureError(str(error).replace(str(name), str(path), 1)) from None
    if capture.digest != digest:
        raise damaged(path, f"it holds the capture {capture.digest}, not {digest}")
    if cut(capture) != [(block.offset, block.size) for block in blocks]:
        raise damaged(path, "it is not cut into the blocks of its payload")
    if wrong := damaged_blocks(capture, blocks) + damaged_sections(capture):
        raise damaged(path, "; ".join(wrong))
    return capture


def damaged_blocks(capture: Capture, blocks: Sequence[Block]) -> list[str]:
    """The blocks of the payload that have another digest than the capture says, as text."""
    first = -(-capture.payload_offset // DIGEST_BLOCK_BYTES)
    own = [bytes(digest) for digest in capture.digests]
    found = [block.digest for block in blocks[first : first + len(own)]]
    return [f"payload chunk {i}" for i, pair in enumerate(zip(own, found, strict=True)) if pair[0] != pair[1]]


def damaged(path: Path, damage: str) -> DamagedError:
    """The error about a carried capture that is not sound."""
    return DamagedError(f"{path}: {damage}{COPY_AGAIN}", damage)
