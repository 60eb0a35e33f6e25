"""A lane at work: the pieces it sends next, and its bucket of tokens."""

import os
from collections.abc import Iterator

from replay.batch import Batch
from replay.pacing import TokenBucket, Unpaced
from replay.stripes import Pieces

Turn = tuple[int, int, int, int]
"""What a lane put into a batch at one go: lane, events, bytes, and the instant they were due, by its bucket."""


class Lane:
    """One destination port being served."""

    def __init__(
        self,
        index: int,
        bucket: TokenBucket | Unpaced,
        source: Iterator[Pieces],
        fd: int,
        payload_offset: int,
    ) -> None:
        """Take up `source`, a page of pieces at a time, whose bytes lie at `payload_offset` of `fd`."""
        self.index = index
        self._bucket = bucket
        self._source = source
        self._fd = fd
        self._payload_offset = payload_offset
        self._next = 0
        self._due_ns = 0
        self._pieces: Pieces | None = next(source, None)
        self._ahead = self._look_ahead()

    def _look_ahead(self) -> Pieces | None:
        """The page after the current one; the kernel reads it into the page cache in the meantime."""
        ahead = next(self._source, None)
        if ahead:
            first, end = ahead.bounds[0], ahead.bounds[-1]
            os.posix_fadvise(self._fd, self._payload_offset + first, end - first, os.POSIX_FADV_WILLNEED)
        return ahead

    def ready_ns(self) -> int | None:
        """When the next piece may be sent; None when all is sent."""
        if self._pieces is None:
            return None
        self._due_ns = self._bucket.due_ns(self._pieces.count[self._next])
        return self._bucket.ready_ns(self._due_ns)

    def take_turn(self, batch: Batch, most: int, now_ns: int) -> Turn:
        """Put up to `most` pieces into `batch`; only while `ready_ns` is not None."""
        pieces, first = self._pieces, self._next
        assert pieces is not None, "the lane is done"
        end = min(first + most, len(pieces.count))
        size = batch.stage(self.index, pieces, first, end)
        events = sum(pieces.count[first:end])
        self._bucket.spend(events, now_ns)
        self._next = end
        if end == len(pieces.count):
            self._next = 0
            self._pieces, self._ahead = self._ahead, self._look_ahead()
        return self.index, events, size, self._due_ns
