"""What of a worker's batch has left, in memory that its supervisor shares: known to the event even if the worker dies.

sendmmsg(2) writes the length of each message into the array it was given as soon as the kernel has taken that message,
and looks for signals, SIGKILL included, only between two of them (net/socket.c, __sys_sendmmsg). So a message was sent
if and only if its length is there. Beside it stands how far its train brings its lane. All of that is said in
absolute numbers, so it may be counted twice, or while the worker was about to count it, and comes out the same.
"""

import mmap
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import MAX_TRAIN_EVENTS
from replay.linux.sockets.mmsg import MMSGHDR

TRAINS: Final = 32
"""Trains of one batch: enough to make the system call cheap, few enough that they stay in L2 (32 * 19 kB)."""

MESSAGES: Final = TRAINS * MAX_TRAIN_EVENTS
"""The most messages of one batch: each event of each train."""

SHAPE: Final = 6
"""Numbers that describe a piece, int64: offset in the payload, size and length of an event, all in bytes; the events
and the bytes of its lane from the start of the run through its last event; the source of the events in the capture."""
SHAPE_BYTES: Final = SHAPE * 8


class Journal:
    """The batch at hand: which trains, which messages, and which of those the kernel took."""

    def __init__(self) -> None:
        """Map zeroed memory; raises OSError."""
        sizes = (MESSAGES * MMSGHDR.itemsize, MESSAGES * 8, TRAINS * SHAPE * 8, TRAINS * 8, 3 * 8)
        ends = np.cumsum(sizes).tolist()
        memory = mmap.mmap(-1, ends[-1])
        self.messages: NDArray[Any] = np.frombuffer(memory, MMSGHDR, MESSAGES, 0)
        self.train = np.frombuffer(memory, np.int64, MESSAGES, ends[0])
        """The train of each message, shape (MESSAGES,)."""
        self.shapes = np.frombuffer(memory, np.int64, TRAINS * SHAPE, ends[1]).reshape(TRAINS, SHAPE)
        self.lane = np.frombuffer(memory, np.int64, TRAINS, ends[2])
        """The run's lane that each train goes to."""
        self._shape_bytes = memoryview(memory)[ends[1] : ends[2]]
        self._loaded = np.frombuffer(memory, np.int64, 3, ends[3]).data
        self._taken_bytes = self.messages["len"]

    def begin(self) -> None:
        """A new batch: what the one before sent has been counted."""
        self._taken_bytes[: self._loaded[1]] = 0
        self._loaded[1] = 0

    def describe(self, shapes: bytes, lanes: list[int]) -> None:
        """The trains of the batch: the shape of each, and its lane."""
        self._shape_bytes[: len(shapes)] = shapes
        self.lane[: len(lanes)] = lanes

    def load(self, trains: int, messages: int, *, whole: bool) -> None:
        """Messages that are about to be sent: trains as a `whole`, one each, or events as `train` says."""
        self.begin()
        self._loaded[0], self._loaded[2] = trains, whole
        self._loaded[1] = messages

    def settle(self, lanes: NDArray[Any]) -> int:
        """Count on the board what the kernel took of the batch, in LANE rows; returns the events that were new."""
        trains, messages, whole = self._loaded
        if not messages:
            return 0
        taken = self._taken_bytes[:messages] > 0
        _, size, length, events, nbytes, _ = self.shapes[:trains].T
        count = size // length
        sent = np.where(taken, count, 0) if whole else np.bincount(self.train[:messages][taken], minlength=trains)
        new = 0
        for train in np.flatnonzero(sent).tolist():
            row = lanes[self.lane[train] : self.lane[train] + 1]
            unsent = count[train] - sent[train]
            through = events[train] - unsent
            if through > row["sent_events"][0]:
                new += int(through - row["sent_events"][0])
                row["sent_events"] = through
                row["sent_bytes"] = nbytes[train] - unsent * length[train]
        return new
