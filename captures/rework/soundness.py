"""Are the bytes sound that a command makes something new of? Its digests would be true of damaged bytes as well."""

import os
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import DamagedError
from captures.format.capture import Capture
from captures.format.digests import damaged_sections, digest_blocks
from captures.format.layout import DIGEST_BLOCK_BYTES
from captures.format.reader import COPY_AGAIN


def prove(capture: Capture, blocks: NDArray[np.int64], progress: Callable[[int], object]) -> None:
    """Compare the numbered blocks of the payload, and all other sections, with their digests.

    `progress` is told the bytes that were read since its last call. Raises DamagedError.
    """
    damaged, size = damaged_sections(capture), len(capture.payload)
    jobs = len(os.sched_getaffinity(0))
    for block, digest in digest_blocks(capture.source.fd, capture.payload_offset, size, blocks, jobs):
        progress(min(DIGEST_BLOCK_BYTES, size - block * DIGEST_BLOCK_BYTES))
        if digest != bytes(capture.digests[block]):
            damaged.append(f"payload chunk {block}")
    if damaged:
        damage = f"damaged: {'; '.join(damaged)}"
        raise DamagedError(f"{capture.path}: {damage}{COPY_AGAIN}", damage)


def blocks_between(first: int, end: int) -> NDArray[np.int64]:
    """The numbers of the blocks that hold the bytes of the payload from `first` up to `end`."""
    return np.arange(first // DIGEST_BLOCK_BYTES, -(-end // DIGEST_BLOCK_BYTES))
