"""Is the report of a collector's host sound? Types and bounds are checked here, so that readers can rely on them.

The report comes from another host, so it may hold anything: texts that are shown are checked to be printable.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from replay.receiver_host.drop_times import COLUMNS, MOST_ROWS

MOST_SOCKETS: Final = 10_000

Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Seconds = Annotated[float, Field(ge=0, lt=1e9, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=1, le=65535)]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("a name has characters that can't be printed")
    return text


def _instant(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("an instant has its zone")
    return text


Name = Annotated[str, Field(max_length=64), AfterValidator(_printable)]


class _HostPart(BaseModel):
    """A checked part of a report. Types are not converted; fields that a later version adds are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class HostLane(_HostPart):
    """All sockets of a port together."""

    port: Port
    dropped_packets: Count
    waiting_bytes: Count
    discarded_bytes: Count
    open_sockets: Count
    closed_sockets: Count


class HostSocket(_HostPart):
    """A socket, and who had it open."""

    port: Port
    uid: Count
    owners: Annotated[list[Count], Field(max_length=MOST_SOCKETS)] | None


class HostProgram(_HostPart):
    """A process that had some of the sockets open."""

    pid: Count
    command: Name
    cpu_percent: Percent | None
    cpu_percent_max: Percent | None


class HostCounters(_HostPart):
    """What the whole host counted while it was watched."""

    udp_read: Count
    udp_no_ports: Count
    udp_checksum_errors: Count
    udp_memory_errors: Count
    backlog_dropped: Count


class HostNic(_HostPart):
    """A network card of the host."""

    name: Name
    rx_dropped: Count
    rx_missed_errors: Count
    rx_fifo_errors: Count


class HostDrops(_HostPart):
    """When ports dropped packets; a row is port, interval, dropped packets, most bytes that waited."""

    interval_s: Annotated[int, Field(ge=1, lt=1 << 32)]
    rows: Annotated[
        list[Annotated[list[Count], Field(min_length=len(COLUMNS), max_length=len(COLUMNS))]],
        Field(max_length=MOST_ROWS),
    ]


class HostReport(_HostPart):
    """What `replay watch` writes, and `replay run` too if the collector is on its own host."""

    started: Annotated[str, Field(max_length=40), AfterValidator(_instant)]
    watched_s: Seconds
    cut_looks: Count
    lanes: Annotated[list[HostLane], Field(max_length=1000)]
    sockets: Annotated[list[HostSocket], Field(max_length=MOST_SOCKETS)]
    programs: Annotated[list[HostProgram], Field(max_length=MOST_SOCKETS)]
    counters: HostCounters
    nics: Annotated[list[HostNic], Field(max_length=MOST_SOCKETS)]
    drops: HostDrops

    @property
    def start_s(self) -> float:
        """When the watch began, seconds since 1970."""
        return datetime.fromisoformat(self.started).timestamp()


class _WatchFile(HostReport):
    """The file that `replay watch` writes."""

    kind: Literal["watch"]


def read_watch(report: dict[str, Any]) -> HostReport:
    """The report in a file of `replay watch`. Raises ValueError with a clause that says what is wrong with it."""
    return _read(_WatchFile, report)


def read_own_host(part: object) -> HostReport:
    """The part of a sender's report on its own host. Raises ValueError with a clause that says what is wrong."""
    return _read(HostReport, part)


def _read(model: type[HostReport], value: object) -> HostReport:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise ValueError(f"no report of a collector's host: {place}: {first['msg']}") from None
