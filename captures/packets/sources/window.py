"""One piece of memory through which a stream passes: what a block leaves over is carried to the front of the next."""

from typing import Final

import numpy as np

from captures.compiled.words import WORD_BYTES, words_of
from captures.packets.sources.broken import BrokenInput
from captures.packets.sources.streams import Stream

BLOCK_BYTES: Final = 4 << 20


class Window:
    """The bytes of a stream that are in memory: those of `data` from `place` up to `stop` were not used yet."""

    def __init__(self, stream: Stream, block_bytes: int = BLOCK_BYTES) -> None:
        self._stream = stream
        self._damage: BrokenInput | None = None
        self.data = np.zeros(max(block_bytes, WORD_BYTES), np.uint8)
        self.words = words_of(self.data)
        self.place = self.stop = 0
        self._before = 0

    @property
    def where(self) -> int:
        """The number of the byte at `place`, in the stream."""
        return self._before + self.place

    def fill(self) -> bool:
        """Read on until the memory is full, which becomes larger if nothing of it was used; False: there is no more.

        All places change, and what was in `data` is gone. Raises BrokenInput, as soon as all that is good was read.
        """
        if self._damage:
            raise self._damage
        left = self.stop - self.place
        room = self.data if left < len(self.data) else np.zeros(2 * left, np.uint8)
        room[:left] = self.data[self.place : self.stop]  # numpy minds that they overlap
        if room is not self.data:
            self.data, self.words = room, words_of(room)
        self._before += self.place
        self.place, self.stop = 0, left
        free = memoryview(self.data)  # type: ignore[arg-type]
        try:
            while self.stop < len(self.data) and (count := self._stream.read_into(free[self.stop :])):
                self.stop += count
        except BrokenInput as damage:
            if self.stop == left:
                raise
            self._damage = damage
        return self.stop > left

    def have(self, count: int) -> bool:
        """Whether there are `count` bytes to use, which are read if need be. Raises BrokenInput."""
        while self.stop - self.place < count:
            if not self.fill():
                return False
        return True

    def bytes(self, first: int, count: int) -> bytes:
        """A copy of `count` bytes, `first` bytes after `place`; fewer if there are no more in memory."""
        return self.data[self.place + first : min(self.place + first + count, self.stop)].tobytes()
