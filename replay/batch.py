"""A batch: the trains staged for one send, in memory that stays in the cache.

A worker reads trains from the capture into the batch, stamps them there, and has a backend send them. The
file itself is neither written to nor mapped by the sender: decision 0002.
"""

import os
from typing import Final

import numpy as np

from captures.errors import CaptureError
from captures.format import MAX_TRAIN_BYTES, StampKind
from replay.clock import wall_ns
from replay.stamps import Stamper, write_stamps
from replay.stripes import Pieces

TRAINS: Final = 16
"""Trains of one batch: enough to make the system call cheap, few enough that they stay in L2 (16 * 19 kB)."""


class Batch:
    """Room for `TRAINS` trains. Item i of each list speaks of train i."""

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
        # Lists, not arrays: turns append one train or a few, and the backend fills its arrays once a batch.
        self.start: list[int] = []
        """Of the train's first byte in `buffer`."""
        self.size: list[int] = []
        self.length: list[int] = []
        """Bytes of each event of the train."""
        self.lane: list[int] = []
        """The run's lane that the train goes to."""

    @property
    def trains(self) -> int:
        """Trains staged."""
        return len(self.lane)

    def clear(self) -> None:
        """Forget the trains."""
        self._used_bytes = 0
        for column in (self.start, self.size, self.length, self.lane):
            column.clear()

    def stage(self, lane: int, pieces: Pieces, first: int, end: int) -> int:
        """Add the pieces `first` to `end` as trains of `lane`, by one pread(2), and stamp them; returns their bytes.

        Raises CaptureError when the file ends too early, and OSError when it can't be read.
        """
        used, offset = self._used_bytes, pieces.offset
        size = offset[end - 1] + pieces.size[end - 1] - offset[first]
        if os.preadv(self._fd, [self._view[used : used + size]], self._payload_offset + offset[first]) != size:
            raise CaptureError("the capture was cut short while it was sent; build or copy it again")
        shift = used - offset[first]
        if self._live:
            self._stamp(pieces, first, end, shift)
        self.start += [place + shift for place in offset[first:end]]
        self.size += pieces.size[first:end]
        self.length += pieces.length[first:end]
        self.lane += [lane] * (end - first)
        self._used_bytes += size
        return size

    def _stamp(self, pieces: Pieces, first: int, end: int, shift: int) -> None:
        """Write the stamp of this instant into the pieces, whose bytes lie `shift` behind their payload offset."""
        stamp = self._stamper.stamp(wall_ns())
        for i in range(first, end):
            if pieces.stamp_kind[i] == StampKind.ISO_MS:
                start = pieces.offset[i] + shift
                write_stamps(self.buffer, start, pieces.count[i], pieces.length[i], pieces.stamp_column[i], stamp)
