"""How the trains of one send are gathered: in a batch, whose memory is small enough to stay in the CPU cache.

A worker copies trains from the mapped capture into the batch, stamps them there, and has a backend send them.
The mapped file itself is never written to (decision 0002).
"""

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import MAX_TRAIN_BYTES
from replay.board.journal import SHAPE_BYTES, TRAINS, Journal
from replay.clock import wall_ns
from replay.rewrite.stamps_at_sending import Stamp, stamp_writer
from replay.rewrite.tags import Tagging, TagWriter
from replay.schedule.pieces import Pieces


class Batch:
    """Room for `TRAINS` trains: call `begin`, `stage` what is due, call `end`; then a backend can load the batch."""

    def __init__(
        self, payload: NDArray[np.uint8], stamp: Stamp, journal: Journal, tagging: Tagging | None = None
    ) -> None:
        """Stage events from `payload`, the bytes of a capture, and replace their stamps as `stamp` says.

        Events get the tags of `tagging`, if it is given. A train of any size fits. `journal` records which trains are
        staged.
        """
        self._payload = payload.data
        self._used_bytes = 0
        self.buffer = np.zeros(TRAINS * (MAX_TRAIN_BYTES + 1), np.uint8)
        self._room = self.buffer.data
        self._stamps = stamp_writer(stamp, self.buffer)
        self._tags = tagging and TagWriter(self.buffer, tagging)
        self.trains = 0
        self.journal = journal
        self._shapes = journal.shapes
        self._lane = journal.lane
        self._shift = np.zeros(TRAINS, np.int64)
        self._staged: list[tuple[Pieces, int, int, int, int]] = []
        """The arguments of each `stage`, and its shift. They are kept until `end`, since each write into an array costs
        as much as to copy a train."""

    @property
    def start(self) -> NDArray[np.int64]:
        """Where each train starts in `buffer`, shape (trains,)."""
        return self._shapes[: self.trains, 0] + self._shift[: self.trains]

    @property
    def size(self) -> NDArray[np.int64]:
        """Bytes of each train, shape (trains,)."""
        return self._shapes[: self.trains, 1]

    @property
    def length(self) -> NDArray[np.int64]:
        """Bytes of each event of each train, shape (trains,)."""
        return self._shapes[: self.trains, 2]

    @property
    def lane(self) -> NDArray[np.int64]:
        """The run's lane that each train goes to, shape (trains,)."""
        return self._lane[: self.trains]

    @property
    def source(self) -> NDArray[np.int64]:
        """The source of each train's events, as the capture numbers them, shape (trains,)."""
        return self._shapes[: self.trains, 5]

    def begin(self) -> None:
        """Forget the staged trains; the trains staged from now on get this instant as their present time."""
        self.journal.begin()
        self.trains = self._used_bytes = 0
        self._staged.clear()
        if self._stamps is not None:
            self._stamps.begin(wall_ns())

    def stage(self, lane: int, pieces: Pieces, first: int, end: int) -> None:
        """Add the pieces `first` to `end` as trains of `lane`, and stamp and tag them. They must lie back to back."""
        used, offset, beyond = self._used_bytes, pieces.start[first], pieces.end[end - 1]
        shift = used - offset
        self._used_bytes = filled = beyond + shift
        self._room[used:filled] = self._payload[offset:beyond]
        if self._stamps is not None:
            self._stamps.write(pieces, first, end, shift)
        if self._tags is not None:
            self._tags.write(pieces, first, end, shift, lane)
        self.trains += end - first
        self._staged.append((pieces, first, end, lane, shift))

    def end(self) -> None:
        """Complete the batch: from now on its properties and the journal describe its trains."""
        shapes: list[bytes] = []
        lanes: list[int] = []
        shifts: list[int] = []
        for pieces, first, end, lane, shift in self._staged:
            shapes.append(pieces.shapes[first * SHAPE_BYTES : end * SHAPE_BYTES])
            lanes += [lane] * (end - first)
            shifts += [shift] * (end - first)
        self.journal.describe(b"".join(shapes), lanes)
        self._shift[: self.trains] = shifts
