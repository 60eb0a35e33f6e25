"""What is in the report of a watched host? Each field of its JSON, by name and in order. None says "not measured".

`replay watch` writes such a report, and a run whose target is its own host has it as a part of its own report. The
number of the schema changes when a field changes its meaning or is removed, and not when a field is added.
`replay.receiver_host.reading` reads these reports, and those of earlier versions.
"""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class WatchedPort:
    """All sockets of a port together."""

    port: int
    dropped_packets: int
    waiting_bytes: int
    waiting_bytes_max: int
    discarded_bytes: int
    """What waited at sockets that were closed: the kernel threw it away with them."""
    open_sockets: int
    closed_sockets: int

    @property
    def odd(self) -> bool:
        """Whether there is something to tell of the port."""
        return bool(self.dropped_packets or self.waiting_bytes or self.closed_sockets or not self.open_sockets)


@dataclass(frozen=True)
class WatchedSocket:
    """A socket, and who had it open."""

    port: int
    address: str
    inode: int
    uid: int
    owners: list[int] | None
    """The processes that have it open; None: that is not readable."""
    open: bool
    first_seen_s: float
    last_seen_s: float
    dropped_packets: int
    waiting_bytes: int
    waiting_bytes_max: int


@dataclass(frozen=True)
class WatchedProgram:
    """A process that had one of the sockets open."""

    pid: int
    command: str
    running: bool
    cpu_percent: float | None
    cpu_percent_max: float | None
    memory_bytes: int
    memory_bytes_max: int


@dataclass(frozen=True)
class WatchedNic:
    """What a network device of the host counted."""

    name: str
    rx_packets: int
    rx_dropped: int
    rx_missed_errors: int
    rx_fifo_errors: int
    rx_errors: int


@dataclass(frozen=True)
class DropFigures:
    """The intervals of each port in which packets were dropped."""

    interval_s: int
    columns: list[str]
    rows: list[list[int]]


@dataclass(frozen=True)
class WatchedHost:
    """What was seen of a host while it was watched."""

    dropped_packets: int
    waiting_bytes: int
    discarded_bytes: int
    started: str
    watched_s: float
    looks: int
    cut_looks: int
    """Looks that did not see all sockets."""
    failed_looks: int
    lanes: list[WatchedPort]
    sockets: list[WatchedSocket]
    programs: list[WatchedProgram]
    counters: dict[str, int]
    nics: list[WatchedNic]
    drops: DropFigures


@dataclass(frozen=True)
class WatchReport:
    """Everything that is known at the end of a watch."""

    schema: int
    verdict: str
    ended_by: str
    host: WatchedHost
    """Its fields stand beside the others in the JSON."""
    version: str

    def figures(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        told = asdict(self)
        return {"schema": told.pop("schema"), "kind": "watch", **told.pop("host"), **told}
