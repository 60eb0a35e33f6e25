"""Digests of the payload: they tell which blocks of 16 MiB still hold the bytes that were built."""

import os
from collections.abc import Callable, Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from captures.console.errors import CaptureError
from captures.format.capture import Capture
from captures.format.layout import DIGEST_BLOCK_BYTES

_READ_BYTES = 1 << 20


def digest_range(fd: int, offset: int, size: int) -> bytes:
    """BLAKE3 of `size` bytes of a file from `offset`, read with pread(2) in memory that stays small.

    Raises CaptureError where the file ends early.
    """
    hasher = blake3()
    while size > 0:
        read = os.pread(fd, min(size, _READ_BYTES), offset)
        if not read:
            raise CaptureError(f"the file ends at byte {offset}, {size} bytes too early; copy it again")
        hasher.update(read)
        offset, size = offset + len(read), size - len(read)
    return hasher.digest()


def digest_blocks(
    fd: int, payload_offset: int, payload_bytes: int, blocks: NDArray[Any], jobs: int
) -> Iterator[tuple[int, bytes]]:
    """The digest of each of the numbered `blocks` of the payload, in their order, by `jobs` threads.

    Threads suffice: pread(2) and BLAKE3 both run without the interpreter's lock.
    """

    def digest(block: int) -> tuple[int, bytes]:
        start = block * DIGEST_BLOCK_BYTES
        size = min(DIGEST_BLOCK_BYTES, payload_bytes - start)
        return block, digest_range(fd, payload_offset + start, size)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(digest, blocks.tolist())
        finally:
            pool.shutdown(cancel_futures=True)


def damaged_sections(capture: Capture, names: Container[str] | None = None) -> list[str]:
    """The sections but the payload whose bytes differ from their digest, as text; of those called `names`, or of all.

    Those that were compared when the capture was opened are not read again.
    """
    left = [part for part in capture.parts if not part.checked_at_once and part.name != "payload"]
    left = [part for part in left if names is None or part.name in names]
    fd = capture.source.fd
    return [f"section {part.name}" for part in left if digest_range(fd, part.offset, len(part.data)) != part.digest]


def damaged_parts(
    capture: Capture, jobs: int, progress: Callable[[int], object], blocks: NDArray[np.int64] | None = None
) -> list[str]:
    """The parts of an open capture whose bytes differ from their digest, as text; an empty list means sound.

    `progress` is called with the bytes read since its last call. Of the payload, the numbered `blocks` are read; None:
    all. The header and the small sections were compared when the capture was opened.
    """
    fd, damaged = capture.source.fd, damaged_sections(capture)
    size = len(capture.payload)
    chosen = np.arange(len(capture.digests)) if blocks is None else blocks
    for block, found in digest_blocks(fd, capture.payload_offset, size, chosen, jobs):
        progress(min(DIGEST_BLOCK_BYTES, size - block * DIGEST_BLOCK_BYTES))
        if found != bytes(capture.digests[block]):
            damaged.append(block_text(capture, block))
    return damaged


def is_sound(capture: Capture, block: int) -> bool:
    """Whether a block of the payload, by its number, still has its digest."""
    start = block * DIGEST_BLOCK_BYTES
    size = min(DIGEST_BLOCK_BYTES, len(capture.payload) - start)
    return digest_range(capture.source.fd, capture.payload_offset + start, size) == bytes(capture.digests[block])


def block_text(capture: Capture, block: int) -> str:
    """What a message calls a block of the payload."""
    start = block * DIGEST_BLOCK_BYTES
    end = min(start + DIGEST_BLOCK_BYTES, len(capture.payload))
    return f"payload chunk {block} (bytes {start}-{end - 1} of the payload)"
