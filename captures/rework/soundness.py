"""Are the bytes sound that a command makes something new of? Its digests would be true of damaged bytes as well."""

import os
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from captures.events.proving import damaged
from captures.format.capture import Capture
from captures.format.digests import damaged_parts
from captures.format.layout import DIGEST_BLOCK_BYTES


def prove(capture: Capture, progress: Callable[[int], object], blocks: NDArray[np.int64] | None = None) -> None:
    """Compare the numbered blocks of the payload (None: all), and all other sections, with their digests.

    `progress` is told the bytes that were read since its last call. Raises DamagedError.
    """
    if wrong := damaged_parts(capture, len(os.sched_getaffinity(0)), progress, blocks):
        raise damaged(capture, wrong)


def blocks_between(first: int, end: int) -> NDArray[np.int64]:
    """The numbers of the blocks that hold the bytes of the payload from `first` up to `end`."""
    return np.arange(first // DIGEST_BLOCK_BYTES, -(-end // DIGEST_BLOCK_BYTES))
