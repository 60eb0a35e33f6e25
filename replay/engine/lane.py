"""What a lane sends next, and when it may send it."""

from collections import deque
from collections.abc import Iterator
from itertools import islice

from replay.engine.batch import Batch
from replay.schedule.bursts import RoundRobin, TokenBucket
from replay.schedule.pieces import Pieces

Turn = tuple[int, int, int, int]
"""What a lane puts into a batch at once: the lane, the instant at which this was due by the schedule, and the events
and the bytes that the lane has sent since the start of the run once this is sent."""


class Lane:
    """One destination port, and the events that go to it."""

    def __init__(self, index: int, gate: TokenBucket | RoundRobin, source: Iterator[Pieces], phase: float) -> None:
        """Take the pieces from `source`, which yields them in pages.

        Besides the current page two more are held ready, so that the disk has the time of one page to read a new one.
        The new page is requested when the part `phase` (0 to 1) of the current page is sent. Lanes of equal rate should
        differ in `phase`: otherwise they all fetch their pages at the same moment, and are late together.
        """
        self.index = index
        self._gate = gate
        self._source = source
        self._phase = phase
        self._ahead = deque(islice(source, 2))
        self._turn_page()

    def _turn_page(self) -> None:
        self._pieces = self._ahead.popleft() if self._ahead else None
        self._next = 0
        self._end = len(self._pieces.count) if self._pieces else 0
        self._ask_at = int(self._phase * self._end)

    def ready_ns(self) -> int | None:
        """The instant at which the next piece may be sent; None when all pieces are sent."""
        if self._pieces is None:
            return None
        return self._gate.ready_ns(self._pieces.due_ns[self._next])

    def take_turn(self, batch: Batch, most: int, now_ns: int) -> Turn:
        """Put up to `most` pieces that lie back to back into `batch`. Call this only while `ready_ns` is not None."""
        pieces, first = self._pieces, self._next
        assert pieces is not None, "the lane is done"
        reach = pieces.reach[first]
        end = first + most
        if end > reach:
            end = reach
        batch.stage(self.index, pieces, first, end)
        due_ns = pieces.due_ns[end - 1]
        self._gate.spend(due_ns - pieces.since_ns[first], now_ns)
        self._next = end
        if first <= self._ask_at < end:
            self._ahead.extend(islice(self._source, 1))
        if end == self._end:
            self._turn_page()
        events, size = pieces.through[end - 1]
        return self.index, due_ns, events, size
