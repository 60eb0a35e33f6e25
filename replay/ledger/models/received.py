"""What does a ledger read of the report of a sink? Its fields, with types and bounds."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from replay.ledger.models.parts import (
    MOST,
    Count,
    Instant,
    Lanes,
    Lengths,
    PortPart,
    ReportPart,
    RunId,
    Seconds,
    Totals,
)


class TagLane(PortPart):
    """What the tags of a port's events say; None: no tags came to the sink."""

    verified_events: Count | None = None
    lost_events: Count | None = None
    next_sequence: Count | None = None
    lost_in_socket_events: Count | None = None
    duplicated_events: Count | None = None
    reordered_events: Count | None = None
    late_events: Count | None = None
    unconfirmed: list[Annotated[list[Count], Field(min_length=2, max_length=2)]] = Field(default=[], max_length=64)
    """First number and number of events of each stretch that the sink holds, since no later number confirmed it."""
    came_by: dict[Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}$")], Count] = Field(default_factory=dict)


class ReceivedLane(TagLane):
    """What came at one port of the sink."""

    received_events: Count
    received_bytes: Count
    kernel_drops: Count | None = None
    drops_after_last: Count | None = None
    joined: bool | None = None
    last_arrival_s: Seconds | None = None
    run_last_arrival_s: Seconds | None = None
    """The last arrival of an event of the run; earlier versions did not write this field."""
    cut_events: Count | None = None
    doubtful_cut_events: Count | None = None
    """Untagged events that may be cut events of the run, or events of other programs."""
    cut_to_bytes: Lengths | None = None
    untagged_events: Count | None = None
    malformed_events: Count | None = None
    foreign_events: Count | None = None

    @property
    def last_of_run_s(self) -> float | None:
        """The last arrival of the run's events, or of any event if the report does not have that field."""
        told = "run_last_arrival_s" in self.model_fields_set
        return self.run_last_arrival_s if told else self.last_arrival_s


class Intervals(ReportPart):
    """The intervals in which events were lost or otherwise troubled."""

    interval_ms: Annotated[int, Field(ge=1, le=1 << 40)] = 100
    since_ns: Annotated[int, Field(ge=0, le=1 << 63)] = 0
    columns: list[str] = Field(default=[], max_length=100)
    rows: list[list[Annotated[int, Field(ge=-MOST, le=MOST)]]] = Field(default=[], max_length=100_000)

    @model_validator(mode="after")
    def _rows_have_all_columns(self) -> Self:
        needed = {"port", "interval", "lost_events", "lost_in_socket_events"}
        if self.rows and not needed <= set(self.columns):
            raise ValueError(f"there are no columns {', '.join(sorted(needed - set(self.columns)))}")
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row has not as many figures as there are columns")
        return self


Age = Annotated[float, Field(ge=-1e15, le=1e15)]


class TagSums(Totals):
    """What the tags of all ports say."""

    summed: ClassVar[frozenset[str]] = frozenset(
        f"{name}_events"
        for name in (
            *("verified", "lost", "lost_in_socket", "duplicated", "reordered", "late", "cut"),
            *("untagged", "malformed", "foreign"),
        )
    )
    verified_events: Count | None = None
    lost_events: Count | None = None
    lost_in_socket_events: Count | None = None
    duplicated_events: Count | None = None
    reordered_events: Count | None = None
    late_events: Count | None = None
    cut_events: Count | None = None
    untagged_events: Count | None = None
    malformed_events: Count | None = None
    foreign_events: Count | None = None
    other_runs: dict[RunId, Count] = Field(default_factory=dict)
    first_arrival: Instant = None
    """The first arrival of an event of the run."""
    stamp_age_min_ms: Age | None = None
    """The least age of a stamp of the run's events."""


class Received(Lanes):
    """The report of a sink."""

    summed: ClassVar[frozenset[str]] = frozenset({"received_events", "received_bytes", "kernel_drops"})
    received_events: Count | None = None
    received_bytes: Count | None = None
    kernel_drops: Count | None = None
    lanes: list[ReceivedLane] = Field(max_length=1024)
    mapped_lanes: list[TagLane] = Field(default=[], max_length=1024)
    first_arrival: Instant = None
    ended_by: str | None = None
    ended: Instant = None
    stamp_age_min_ms: Age | None = None
    unverified_events: Count = 0
    intervals: Intervals = Intervals()
    tags: TagSums | None = None
    host: dict[str, Count] | None = None

    @property
    def totals(self) -> Sequence[Totals]:
        """The report's own totals, and those of the tags."""
        return (self, self.tags) if self.tags else (self,)

    @property
    def all_lanes(self) -> Sequence[TagLane]:
        """The ports at which the sink listened, and other ports whose events came at these."""
        return [*self.lanes, *self.mapped_lanes]
