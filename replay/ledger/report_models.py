"""Reports that come from elsewhere, checked at one edge: the sender's, a sink's, an audit's.

A report that names a thing twice, counts below zero or beyond all that can be counted, has a total that is not the sum
of its ports, or holds a text where a number belongs is refused here, in one clause with the place. What a later version
adds is left alone, and what an earlier one did not have has a default: None, which says that it was not measured.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from captures.console.errors import InputError
from replay.json_file import read_report

_MOST: Final = 1 << 60
"""So many events no run sends: a million a second for 36,000 years."""

Count = Annotated[int, Field(ge=0, le=_MOST)]
Port = Annotated[int, Field(ge=1, le=65535)]
Figure = Annotated[float, Field(ge=0, le=1e18)]
Seconds = Annotated[float, Field(ge=0, le=1e10)]
RunId = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}$")]


def _instant(text: object) -> float | None:
    """Seconds since 1970 of an instant as reports write it. Raises ValueError."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError("an instant is written like 2025-08-30T10:15:30.123Z")  # noqa: TRY004 - pydantic takes no other
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant has a time zone, like 2025-08-30T10:15:30.123Z")
    return instant.timestamp()


Instant = Annotated[float | None, BeforeValidator(_instant)]
"""Seconds since 1970."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, allow_inf_nan=False)


class _Totals(_Part):
    """Figures of a whole run."""

    summed: ClassVar[frozenset[str]] = frozenset()
    """Those that are sums over the ports."""


class _Lanes(_Totals):
    """A report that has a part for each port."""

    run_id: RunId | None = None

    @model_validator(mode="after")
    def _each_port_once(self) -> Self:
        ports = [lane.port for lane in self.all_lanes]
        if twice := next((port for port in ports if ports.count(port) > 1), None):
            raise ValueError(f"port {twice} stands there twice")
        return self

    @model_validator(mode="after")
    def _totals_are_sums(self) -> Self:
        for part in self.totals:
            for name in part.summed & part.model_fields_set:
                told = [getattr(lane, name) for lane in self.all_lanes if name in lane.model_fields_set]
                of_ports = [events for events in told if events is not None]
                total = getattr(part, name)
                if total is not None and of_ports and total != sum(of_ports):
                    raise ValueError(f"{name} is {total:,}, and those of the ports sum to {sum(of_ports):,}")
        return self

    @property
    def totals(self) -> "Sequence[_Totals]":
        """The parts that hold sums over the ports."""
        return (self,)

    @property
    def all_lanes(self) -> "Sequence[SentLane | TagLane | CollectedLane]":
        """Every part with a port."""
        raise NotImplementedError


class SentLane(_Part):
    """A port of the sender."""

    port: Port
    sent_events: Count
    sent_bytes: Count = 0


class Nic(_Part):
    """What the sender's card counted."""

    tx_dropped: Count | None = None


class Offered(_Part):
    """How evenly a run was sent."""

    intervals: Count | None = None
    below_95_percent: Count | None = None
    not_measured: Count = 0


class Lag(_Part):
    """How late events were."""

    max: Figure


class DueIntervals(_Part):
    """What was due in each interval; None: it was not measured."""

    interval_ms: Figure
    joined: Count = 1
    due_events: list[Count | None] = Field(max_length=100_000)


class SentCapture(_Part):
    """What was sent; None: an earlier version did not write it."""

    events: Count | None = None
    shortest_bytes: Count | None = None
    longest_bytes: Count | None = None


class Sent(_Lanes):
    """What a sender's report says."""

    summed: ClassVar[frozenset[str]] = frozenset({"sent_events", "sent_bytes"})
    sent_events: Count | None = None
    sent_bytes: Count | None = None
    lanes: list[SentLane] = Field(min_length=1, max_length=1024)
    verdict: str | None = None
    started: Instant = None
    duration_s: Seconds | None = None
    stamp: str | None = None
    speed: Figure | str | None = None
    achieved_eps: Figure | None = None
    peak_eps: Figure | None = None
    offered: Offered | None = None
    recoveries: list[Any] = Field(default=[], max_length=100_000)
    nic: Nic | None = None
    capture: SentCapture | None = None
    lag_ms: Lag | None = None
    intervals: DueIntervals | None = None
    collector_host: Any = None
    """What the run saw on its own host; `replay.host.model` checks it."""

    @property
    def all_lanes(self) -> Sequence[SentLane]:
        """Those it sent to."""
        return self.lanes


class Lengths(_Part):
    """The lengths that events were cut to."""

    min: Count
    max: Count


class TagLane(_Part):
    """What the tags of a port's events tell; None: its sink heard no tags."""

    port: Port
    verified_events: Count | None = None
    lost_events: Count | None = None
    next_sequence: Count | None = None
    lost_in_socket_events: Count | None = None
    duplicated_events: Count | None = None
    reordered_events: Count | None = None
    late_events: Count | None = None
    unconfirmed: list[Annotated[list[Count], Field(min_length=2, max_length=2)]] = Field(default=[], max_length=64)
    """First number and events of stretches that nothing followed."""
    came_by: dict[Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}$")], Count] = {}


class ReceivedLane(TagLane):
    """A port of the sink."""

    received_events: Count
    received_bytes: Count
    kernel_drops: Count | None = None
    drops_after_last: Count | None = None
    joined: bool | None = None
    last_arrival_s: Seconds | None = None
    run_last_arrival_s: Seconds | None = None
    """That of an event of the run; earlier versions did not tell it."""
    cut_events: Count | None = None
    doubtful_cut_events: Count | None = None
    """Untagged events that may be cut ones, or of others."""
    cut_to_bytes: Lengths | None = None
    untagged_events: Count | None = None
    malformed_events: Count | None = None
    foreign_events: Count | None = None

    @property
    def last_of_run_s(self) -> float | None:
        """The last arrival of the run's events, or of any where that was not told."""
        told = "run_last_arrival_s" in self.model_fields_set
        return self.run_last_arrival_s if told else self.last_arrival_s


class Intervals(_Part):
    """When something was to be told."""

    interval_ms: Annotated[int, Field(ge=1, le=1 << 40)] = 100
    since_ns: Annotated[int, Field(ge=0, le=1 << 63)] = 0
    columns: list[str] = Field(default=[], max_length=100)
    rows: list[list[Annotated[int, Field(ge=-_MOST, le=_MOST)]]] = Field(default=[], max_length=100_000)

    @model_validator(mode="after")
    def _rows_have_all_columns(self) -> Self:
        needed = {"port", "interval", "lost_events", "lost_in_socket_events"}
        if self.rows and not needed <= set(self.columns):
            raise ValueError(f"there are no columns {', '.join(sorted(needed - set(self.columns)))}")
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row has not as many figures as there are columns")
        return self


Age = Annotated[float, Field(ge=-1e15, le=1e15)]


class Tags(_Totals):
    """What the tags of all ports tell."""

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
    other_runs: dict[RunId, Count] = {}
    first_arrival: Instant = None
    """Of an event of the run."""
    stamp_age_min_ms: Age | None = None
    """Of the run's events."""


class Received(_Lanes):
    """What a sink's report says."""

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
    tags: Tags | None = None
    host: dict[str, Count] | None = None

    @property
    def totals(self) -> Sequence[_Totals]:
        """Its own, and those of the tags."""
        return (self, self.tags) if self.tags else (self,)

    @property
    def all_lanes(self) -> Sequence[TagLane]:
        """Those it listened to, and those whose events came by them."""
        return [*self.lanes, *self.mapped_lanes]


class Missing(_Part):
    """Numbers that a collector did not write."""

    sent_from_s: Seconds | None = None
    sent_to_s: Seconds | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.sent_from_s is not None and self.sent_to_s is not None and self.sent_from_s > self.sent_to_s:
            raise ValueError("it ends before it begins")
        return self


class CollectedLane(_Part):
    """A port of an audit."""

    port: Port
    received_events: Count
    surplus_events: Count | None = None
    cut_events: Count | None = None
    cut_to_bytes: Lengths | None = None
    missing: list[Missing] = []


class Collected(_Lanes):
    """What an audit's report says of a collector."""

    summed: ClassVar[frozenset[str]] = frozenset({"received_events", "surplus_events"})
    received_events: Count | None = None
    surplus_events: Count | None = None
    lanes: list[CollectedLane] = Field(max_length=1024)
    cut_events: Count | None = None
    cut_events_max: Count | None = None
    """With those that may be of other runs, or may have come twice."""
    cut_to_bytes: Lengths | None = None

    @property
    def all_lanes(self) -> Sequence[CollectedLane]:
        """Those it found tags of."""
        return self.lanes


Model = TypeVar("Model", Sent, Received, Collected)

_KINDS: Final[dict[type[BaseModel], str]] = {Sent: "a sender", Received: "a sink", Collected: "an audit"}
_BYTES: Final = {"sent_bytes": "a sender", "received_bytes": "a sink"}
"""Whose report counts such bytes of each port: an audit counts none, and a ledger has both."""

_HAS: Final[dict[type[BaseModel], str]] = {
    Sent: "sent has lanes with the counts port, sent_events, sent_bytes",
    Received: "received has lanes with the counts port, received_events, received_bytes",
    Collected: "collected has lanes with the counts port, received_events",
}


def checked(model: type[Model], report: Any) -> Model:
    """What a report says. Raises ValueError, with a clause, if it is none of its kind."""
    try:
        return model.model_validate(report)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"a report of what was {_HAS[model]} ({place}{': ' * bool(place)}{said})") from None


def read_checked(model: type[Model], path: Path) -> Model:
    """What the report in a file says. Raises InputError, in one line, if there is none of its kind."""
    report = read_report(path)
    kind = _kind_of(report)
    if kind is not None and kind != _KINDS[model]:
        raise InputError(f"{path}: this is {kind}'s report, and here {_KINDS[model]}'s belongs")
    try:
        return checked(model, report)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _kind_of(report: dict[str, Any]) -> str | None:
    """Whose report it is, as far as its outermost fields and its first port tell; None: they do not."""
    kind, lanes = report.get("kind"), report.get("lanes")
    if kind in ("audit", "watch"):
        return "an audit" if kind == "audit" else "a watch"
    first = lanes[0] if isinstance(lanes, list) and lanes else None
    told = [whose for name, whose in _BYTES.items() if isinstance(first, dict) and name in first]
    return told[0] if len(told) == 1 else None
