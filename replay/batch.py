"""A batch: the trains staged for one send, in memory that stays in the cache.

A worker reads trains from the capture into the batch, stamps them there, and has a backend send them. The
file itself is neither written to nor mapped by the sender: decision 0002.
"""

import os
from typing import Final

import numpy as np

from captures.errors import CaptureError
from captures.format import MAX_TRAIN_BYTES
from replay.clock import wall_ns
from replay.stamps import Stamper, stamp_places, write_stamps
from replay.stripes import Pieces

TRAINS: Final = 32
"""Trains of one batch: enough to make the system call cheap, few enough that they stay in L2 (32 * 19 kB)."""


class Batch:
    """Room for `TRAINS` trains. Row i of each array, up to `trains`, speaks of train i."""

    def __init__(self, fd: int, payload_offset: int, *, live: bool) -> None:
        """Stage from the payload at `payload_offset` of `fd`; `live` puts the current stamp in place of the built one.

        A train always fits, whatever its size.
        """
        self._fd = fd
        self._payload_offset = payload_offset
        self._live = live
        self._stamper = Stamper()
        self._used_bytes = 0
        self.buffer = np.zeros(TRAINS * (MAX_TRAIN_BYTES + 1), np.uint8)
        self._view = self.buffer.data
        self._stamp_places = stamp_places(self.buffer)
        self.trains = 0
        self.start = np.zeros(TRAINS, np.int64)
        """Of the train's first byte in `buffer`."""
        self.size = np.zeros(TRAINS, np.int64)
        self.length = np.zeros(TRAINS, np.int64)
        """Bytes of each event of the train."""
        self.lane = np.zeros(TRAINS, np.int64)
        """The run's lane that the train goes to."""

    def clear(self) -> None:
        """Forget the trains."""
        self.trains = self._used_bytes = 0

    def stage(self, lane: int, pieces: Pieces, first: int, end: int) -> int:
        """Add the pieces `first` to `end` as trains of `lane`, by one pread(2), and stamp them; returns their bytes.

        Raises CaptureError when the file ends too early, and OSError when it can't be read.
        """
        used, offset = self._used_bytes, int(pieces.offset[first])
        size = int(pieces.offset[end - 1]) + int(pieces.size[end - 1]) - offset
        if os.preadv(self._fd, [self._view[used : used + size]], self._payload_offset + offset) != size:
            raise CaptureError("the capture was cut short while it was sent; build or copy it again")
        shift = used - offset
        if self._live:
            write_stamps(self._stamp_places, shift, pieces.stamps[first:end], self._stamper.stamp(wall_ns()))
        rows = slice(self.trains, self.trains + end - first)
        self.start[rows] = pieces.offset[first:end]
        self.start[rows] += shift
        self.size[rows] = pieces.size[first:end]
        self.length[rows] = pieces.length[first:end]
        self.lane[rows] = lane
        self.trains = rows.stop
        self._used_bytes += size
        return size
