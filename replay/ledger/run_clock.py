"""The sink's clock against the sender's: when in the run something was that the sink saw. Pure.

The stamps say when events left by the sender's clock, so the least age that the sink read is the difference of the two
clocks, and the way of the quickest event. Where a run sends no stamps of its sending, a first arrival outside the run
shows that the clocks differ, and stands for the run's start.

Of a tagged run only its own events are asked. Without tags any datagram that strayed in may have the least age: it is
believed where the clocks agree by it, or where it puts the first arrival into the run.
"""

from typing import Final

from replay.ledger.accounts import DIED
from replay.ledger.models.received import Received, Tags
from replay.ledger.models.sent import Sent
from replay.sink.stopping import HURRIED

_DIFFERENT_S: Final = 0.5
"""A difference that is told; a smaller one may be a slow way."""
_EARLIER_S: Final = 0.5
"""By how much a sink must end before the run for events to be lost by that."""


class RunClock:
    """Instants of the sink in seconds since the start of the run; None: not known."""

    def __init__(self, sent: Sent, received: Received | None) -> None:
        """Compare the clocks by what both reports say."""
        self.start_s, self.duration_s = sent.started, sent.duration_s
        self.ahead_s, self.by_stamps = 0.0, False
        """By how much the sink's clock is ahead of the sender's."""
        self._received = received
        heard: Received | Tags | None = received
        if sent.run_id is not None and received and received.tags and received.tags.first_arrival is not None:
            heard = received.tags
        if heard is None:
            return
        first_s, age_ms = heard.first_arrival, heard.stamp_age_min_ms
        by_stamps_s = None if age_ms is None or sent.stamp != "now" else age_ms / 1000
        if by_stamps_s is not None and self._may_be(by_stamps_s, first_s):
            self.ahead_s, self.by_stamps = by_stamps_s, True
        elif self.start_s is not None and first_s is not None and not self._in_run(first_s):
            # What came before the run may have strayed in as well; nothing of the run can come before what came first.
            late = first_s > self.start_s
            self.ahead_s = first_s - self.start_s if late or by_stamps_s is None else 0.0

    def _may_be(self, ahead_s: float, first_s: float | None) -> bool:
        """Whether the sink's clock may be ahead by so much, having seen the first arrival at `first_s`."""
        agree = abs(ahead_s) < _DIFFERENT_S
        return agree or first_s is None or self.start_s is None or self._in_run(first_s - ahead_s)

    def _in_run(self, instant_s: float) -> bool:
        assert self.start_s is not None
        return -_DIFFERENT_S <= instant_s - self.start_s <= (self.duration_s or 0.0) + _DIFFERENT_S

    @property
    def differs(self) -> bool:
        """Whether the clocks differ by more than the way of an event may take."""
        return abs(self.ahead_s) >= _DIFFERENT_S

    def since_start(self, instant_s: float | None) -> float | None:
        """Where an instant of the sink's, in seconds since 1970, lies in the run."""
        if instant_s is None or self.start_s is None:
            return None
        return max(0.0, instant_s - self.start_s - self.ahead_s)

    def arrived(self, arrival_s: float | None) -> float | None:
        """The same for what the sink counts from its first arrival on."""
        if arrival_s is None or self._received is None or self._received.first_arrival is None:
            return None
        return self.since_start(self._received.first_arrival + arrival_s)

    @property
    def ended_by(self) -> str | None:
        """Why the sink ended before the run did; None: it did not, as far as is known."""
        received = self._received
        if received is None:
            return None
        if received.ended_by in (DIED, HURRIED):  # whenever that was, what waited was not read
            return received.ended_by
        if received.ended is None or self.start_s is None or self.duration_s is None:
            return None
        early = received.ended - self.start_s - self.ahead_s < self.duration_s - _EARLIER_S
        return (received.ended_by or "it is not known what") if early else None
