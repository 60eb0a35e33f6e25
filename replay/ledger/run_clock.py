"""When in the run did the sink see something? This compares the sink's clock with the sender's. Pure.

Stamps say by the sender's clock when events left. So the least age of a stamp at the sink is the difference of the two
clocks, plus the travel time of the quickest event. If a run does not write the time of sending into its stamps, a first
arrival outside the run shows that the clocks differ, and is taken for the start of the run.

In a tagged run only its own events are used. Without tags, the least age may be that of a datagram of another program.
So it is used only if the clocks agree by it, or if it puts the first arrival into the run.
"""

from typing import Final

from replay.ledger.entries import DIED
from replay.ledger.models.received import Received, TagSums
from replay.ledger.models.sent import Sent
from replay.sink.stopping import HURRIED

_DIFFERENT_S: Final = 0.5
"""From this difference on the clocks are reported to differ; a smaller one may be travel time."""
_EARLIER_S: Final = 0.5
"""A sink counts as ended before the run if it ended earlier by more than this."""


class RunClock:
    """Converts instants of the sink to seconds since the start of the run; None: not known."""

    def __init__(self, sent: Sent, received: Received | None) -> None:
        """Compare the clocks by the two reports."""
        self.start_s, self.duration_s = sent.started, sent.duration_s
        self.ahead_s, self.by_stamps = 0.0, False
        """By how much the sink's clock is ahead of the sender's."""
        self._received = received
        heard: Received | TagSums | None = received
        if sent.run_id is not None and received and received.tags and received.tags.first_arrival is not None:
            heard = received.tags
        if heard is None:
            return
        first_s, age_ms = heard.first_arrival, heard.stamp_age_min_ms
        by_stamps_s = None if age_ms is None or sent.stamp != "now" else age_ms / 1000
        if by_stamps_s is not None and self._may_be(by_stamps_s, first_s):
            self.ahead_s, self.by_stamps = by_stamps_s, True
        elif self.start_s is not None and first_s is not None and not self._in_run(first_s):
            # A first arrival before the run may be of another program, so it is not used against stamps. One after the
            # end of the run shows in any case that the clocks differ: no event of the run came before it.
            late = first_s > self.start_s
            self.ahead_s = first_s - self.start_s if late or by_stamps_s is None else 0.0

    def _may_be(self, ahead_s: float, first_s: float | None) -> bool:
        """Whether the sink's clock may be ahead by `ahead_s`, if the first arrival was at `first_s` by that clock."""
        agree = abs(ahead_s) < _DIFFERENT_S
        return agree or first_s is None or self.start_s is None or self._in_run(first_s - ahead_s)

    def _in_run(self, instant_s: float) -> bool:
        assert self.start_s is not None
        return -_DIFFERENT_S <= instant_s - self.start_s <= (self.duration_s or 0.0) + _DIFFERENT_S

    @property
    def differs(self) -> bool:
        """Whether the clocks differ by more than the travel time of an event may be."""
        return abs(self.ahead_s) >= _DIFFERENT_S

    def since_start(self, instant_s: float | None) -> float | None:
        """An instant by the sink's clock, in seconds since 1970, as seconds since the start of the run."""
        if instant_s is None or self.start_s is None:
            return None
        return max(0.0, instant_s - self.start_s - self.ahead_s)

    def arrived(self, arrival_s: float | None) -> float | None:
        """A time that the sink counts from its first arrival on, as seconds since the start of the run."""
        if arrival_s is None or self._received is None or self._received.first_arrival is None:
            return None
        return self.since_start(self._received.first_arrival + arrival_s)

    @property
    def ended_by(self) -> str | None:
        """Why the sink ended before the run did; None: it did not, as far as this is known."""
        received = self._received
        if received is None:
            return None
        if received.ended_by in (DIED, HURRIED):  # whenever the sink ended, it left events unread in its sockets
            return received.ended_by
        if received.ended is None or self.start_s is None or self.duration_s is None:
            return None
        early = received.ended - self.start_s - self.ahead_s < self.duration_s - _EARLIER_S
        return (received.ended_by or "it is not known what") if early else None
