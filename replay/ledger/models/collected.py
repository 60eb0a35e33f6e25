"""What does a ledger read of the report of an audit? Its fields, with types and bounds."""

from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import Field, model_validator

from replay.ledger.models.parts import (
    Count,
    Lanes,
    Lengths,
    PortPart,
    ReportPart,
    Seconds,
)


class UnwrittenRange(ReportPart):
    """A range of numbers that a collector did not write, and when they were sent."""

    sent_from_s: Seconds | None = None
    sent_to_s: Seconds | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.sent_from_s is not None and self.sent_to_s is not None and self.sent_from_s > self.sent_to_s:
            raise ValueError("it ends before it begins")
        return self


class CollectedLane(PortPart):
    """What an audit found of one port's events."""

    received_events: Count
    surplus_events: Count | None = None
    cut_events: Count | None = None
    cut_to_bytes: Lengths | None = None
    missing: list[UnwrittenRange] = Field(default_factory=list)


class Collected(Lanes):
    """What an audit's report says of a collector."""

    summed: ClassVar[frozenset[str]] = frozenset({"received_events", "surplus_events"})
    received_events: Count | None = None
    surplus_events: Count | None = None
    lanes: list[CollectedLane] = Field(max_length=1024)
    cut_events: Count | None = None
    cut_events_max: Count | None = None
    """Cut events, including those that may be of other runs or may have come twice."""
    cut_to_bytes: Lengths | None = None

    @property
    def all_lanes(self) -> Sequence[CollectedLane]:
        """The ports of which the audit found tags."""
        return self.lanes
