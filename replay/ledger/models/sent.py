"""What do a ledger and an audit read of the sender's report? Its fields, with types and bounds."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field

from replay.ledger.models.parts import (
    Count,
    Figure,
    Instant,
    Lanes,
    PortPart,
    ReportPart,
    RunId,
    Seconds,
)
from replay.report.verdict import VERDICTS

NAMED: Final = 4
"""So many targets are named in an error's line."""


def _verdict(word: str) -> str:
    """One of the words that a run's verdict can be. Raises ValueError for another."""
    if word not in VERDICTS:
        raise ValueError(f"there are {', '.join(VERDICTS)}")
    return word


class SentLane(PortPart):
    """What was sent to one port."""

    sent_events: Count
    sent_bytes: Count = 0


class Nic(ReportPart):
    """What the sender's network card counted."""

    tx_dropped: Count | None = None


class OfferedPart(ReportPart):
    """How evenly a run was sent."""

    intervals: Count | None = None
    below_95_percent: Count | None = None
    not_measured: Count = 0


class Lag(ReportPart):
    """How late events were."""

    max: Figure


class DueIntervals(ReportPart):
    """Events that were due in each interval; None: not measured."""

    interval_ms: Figure
    joined: Count = 1
    due_events: list[Count | None] = Field(max_length=100_000)


class SentCapture(ReportPart):
    """The capture that was sent. None: an earlier version did not write this field."""

    events: Count | None = None
    shortest_bytes: Count | None = None
    longest_bytes: Count | None = None


class Part(ReportPart):
    """One of the reports that a merged report was made of."""

    run_id: RunId | None = None
    target: str | None = None


class Sent(Lanes):
    """The report of a sender, or the merged one of several."""

    summed: ClassVar[frozenset[str]] = frozenset({"sent_events", "sent_bytes"})
    sent_events: Count | None = None
    sent_bytes: Count | None = None
    lanes: list[SentLane] = Field(min_length=1, max_length=1024)
    verdict: Annotated[str, AfterValidator(_verdict)] | None = None
    started: Instant = None
    duration_s: Seconds | None = None
    stamp: str | None = None
    speed: Figure | str | None = None
    achieved_eps: Figure | None = None
    peak_eps: Figure | None = None
    offered: OfferedPart | None = None
    recoveries: list[Any] = Field(default=[], max_length=100_000)
    nic: Nic | None = None
    capture: SentCapture | None = None
    lag_ms: Lag | None = None
    intervals: DueIntervals | None = None
    parts: list[Part] = Field(default=[], max_length=100_000)
    collector_host: Any = None
    """The report of the run on its own host, if the target was there; `replay.receiver_host.reading` checks it."""

    @property
    def all_lanes(self) -> Sequence[SentLane]:
        """The ports to which the run sent."""
        return self.lanes

    def check_one_run(self) -> None:
        """Raise ValueError if these are figures of several runs: nobody can tell which run an event was missed from.

        Runs without tags are taken for one, but where they went to several targets: a receiver counts those of one.
        """
        runs = {(part.run_id or "").lower() for part in self.parts}
        if len(runs) > 1:
            raise ValueError("a merged report of several runs; use the report of each run")
        targets = sorted({part.target for part in self.parts if part.target is not None})
        if runs == {""} and len(targets) > 1:
            named = ", ".join(targets[:NAMED]) + ", ..." * (len(targets) > NAMED)
            raise ValueError(f"a merged report of untagged runs to several targets ({named}); use that of each run")
