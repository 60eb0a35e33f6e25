"""What are the checked reports made of? Counts, instants, ports, and totals that must be sums over the ports."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MOST: Final = 1 << 60
"""The greatest count: no run sends so many events, a million a second for 36,000 years."""

Count = Annotated[int, Field(ge=0, le=MOST)]
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


class ReportPart(BaseModel):
    """A part of a report. Fields that are not declared are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, allow_inf_nan=False)


class Lengths(ReportPart):
    """The lengths that events were cut to."""

    min: Count
    max: Count


class PortPart(ReportPart):
    """The figures of a port."""

    port: Port


class Totals(ReportPart):
    """Figures of all ports together."""

    summed: ClassVar[frozenset[str]] = frozenset()
    """The names of the figures that must be sums over the ports."""


class Lanes(Totals):
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
    def totals(self) -> "Sequence[Totals]":
        """The parts that hold sums over the ports."""
        return (self,)

    @property
    def all_lanes(self) -> "Sequence[PortPart]":
        """Every part with a port."""
        raise NotImplementedError
