"""What does a ledger's report say of the collector's host? Each field of this part. None says "not known"."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PortLossFigures:
    """Where on the host the events of one port were lost."""

    port: int
    owners: list[str]
    lost_events: int
    dropped_packets: int
    dropped_at_socket_events: int
    queued_events_max: int


@dataclass(frozen=True)
class HostLossFigures:
    """Where on the host the events of all ports were lost."""

    lost_events: int
    dropped_at_socket_events: int | None
    queued_events_max: int
    in_collector_events_max: int
    before_socket_events_min: int | None
    events_per_packet_max: int
    covers_run: bool | None
    dropped_outside_run_packets: int
    counters: dict[str, int]
    lanes: list[PortLossFigures]
