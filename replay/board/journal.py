"""Which events of a worker's batch were sent? The shared memory shows it exactly, even if the worker dies.

sendmmsg(2) writes the length of each message into the array it was given as soon as the kernel has taken that message,
and looks for signals, SIGKILL included, only between two messages (net/socket.c, __sys_sendmmsg). So a message was sent
if and only if its length is there. The journal also says how many events and bytes its lane has sent with each train.
These are totals since the start of the run, so the result is the same if the supervisor counts what the worker has
already counted, or was about to count.
"""

import mmap
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import MAX_TRAIN_EVENTS
from replay.linux.sockets.mmsg import MMSGHDR

TRAINS: Final = 32
"""The most trains of one batch: enough to make the system call cheap, few enough to stay in the L2 cache
(32 * 19 kB)."""

MESSAGES: Final = TRAINS * MAX_TRAIN_EVENTS
"""The most messages of one batch: one for each event of each train."""

SHAPE: Final = 6
"""How many int64 numbers describe a piece: its offset in the payload, its size and the length of an event, in bytes;
the events and the bytes of its lane from the start of the run through its last event; its source in the capture."""
SHAPE_BYTES: Final = SHAPE * 8


class Journal:
    """The present batch: its trains, its messages, and which of the messages the kernel took."""

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
        """The run's lane that each train goes to, shape (TRAINS,)."""
        self._shape_bytes = memoryview(memory)[ends[1] : ends[2]]
        self._loaded = np.frombuffer(memory, np.int64, 3, ends[3]).data
        self._taken_bytes = self.messages["len"]

    def begin(self) -> None:
        """Begin a new batch. The events that the last batch sent must have been counted."""
        self._taken_bytes[: self._loaded[1]] = 0
        self._loaded[1] = 0

    def describe(self, shapes: bytes, lanes: list[int]) -> None:
        """Set the trains of the batch: the shape and the lane of each."""
        self._shape_bytes[: len(shapes)] = shapes
        self.lane[: len(lanes)] = lanes

    def load(self, trains: int, messages: int, *, whole: bool) -> None:
        """Set the messages that will be sent next: `whole` trains, one each, or events, whose trains are in `train`."""
        self.begin()
        self._loaded[0], self._loaded[2] = trains, whole
        self._loaded[1] = messages

    def settle(self, lanes: NDArray[Any]) -> int:
        """Count in the LANE rows of the board what the kernel took of the batch. Returns how many events were new."""
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
