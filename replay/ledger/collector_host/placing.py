"""Where on a collector's host were events lost? The ledger's losses are compared with the host's counters. Pure.

    sent ─▶ the way ─▶ card, backlog ─▶ socket ─▶ its queue ─▶ the collector ─▶ its file
                                          │          │             │
                                       dropped     waits        not written

The packets that a socket dropped are counted exactly, by port. For waiting packets only their memory is known, which
bounds their number. The number of datagrams that all programs of the host have read (InDatagrams) bounds what the
collector can have got: events missing beyond it never reached a socket. Other UDP traffic makes this bound wider.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from captures.format.layout import MAX_TRAIN_EVENTS
from replay.receiver_host.reading import HostReport

LEAST_PACKET_BYTES: Final = 512
"""The least part of a socket's buffer that a waiting packet takes: struct sk_buff (232 bytes) and skb_shared_info (320
bytes) alone are more (include/linux/skbuff.h); on x86-64 a lone event of 150 bytes takes 832."""

_SLACK_S: Final = 2.0
"""The clocks of both hosts may differ by this without consequence."""


@dataclass(frozen=True)
class PortLosses:
    """What one port lost, and where."""

    port: int
    lost_events: int
    dropped_packets: int
    dropped_events: int
    """Lost events that the socket's drops account for."""
    queued_events_max: int
    """Of the other lost events, as many as may have waited when the watch ended, or when a socket was closed."""

    @property
    def rest_events(self) -> int:
        """Lost events that the socket did not drop."""
        return self.lost_events - self.dropped_events


@dataclass(frozen=True)
class HostLosses:
    """What all ports lost, and where."""

    ports: tuple[PortLosses, ...]
    joined: bool
    """Whether a dropped packet may be up to MAX_TRAIN_EVENTS events, since the socket gets them joined."""
    covers_run: bool | None
    """Whether the watch began before the run and ended after it, by the clocks of both hosts; None: not known."""
    outside_packets: int
    """Packets dropped before the run began, or after it had ended."""
    before_socket_events_min: int | None
    """At least so many of the lost events never reached a socket; None: not known."""
    cut_events: int = 0
    """So many of the events that the ports miss arrived cut, so they are not lost; their ports are not known."""

    @property
    def lost_events(self) -> int:
        """Events lost on all ports."""
        return max(0, self.total("lost_events") - self.cut_events)

    @property
    def dropped_events(self) -> int:
        """Lost events that the sockets' drops account for."""
        return min(self.total("dropped_events"), self.lost_events)

    @property
    def rest_events(self) -> int:
        """Lost events that the sockets did not drop."""
        return self.lost_events - self.dropped_events

    @property
    def queued_events_max(self) -> int:
        """Of the events that were not dropped, as many as may have waited in a socket."""
        return min(self.total("queued_events_max"), self.rest_events)

    @property
    def saw_no_drop(self) -> bool:
        """Whether nothing is known of drops: the watch saw none, and did not cover the run."""
        return self.covers_run is False and not self.dropped_events

    def total(self, name: str) -> int:
        """The sum of a figure over the ports."""
        return sum(getattr(port, name) for port in self.ports)


def place_losses(
    lost: Mapping[int, int],
    written_events: int,
    host: HostReport,
    *,
    run: tuple[float, float] | None = None,
    joined: Collection[int] = (),
    cut_events: int = 0,
) -> HostLosses:
    """Place the events that were `lost`, by port; `written_events` came through on all ports together.

    `run` is when the run began and ended, in seconds since 1970; None: not known. The ports in `joined` are read in
    trains (UDP_GRO), which ordinary collectors do not do. `cut_events` of the lost events came through after all, on
    ports that are not known; `written_events` counts them.
    """
    lanes = {lane.port: lane for lane in host.lanes}
    ports, queue = [], 0
    for port, events in sorted(lost.items()):
        lane, missing = lanes.get(port), max(0, events)
        packets = lane.dropped_packets if lane else 0
        dropped = min(missing, packets * (MAX_TRAIN_EVENTS if port in joined else 1))
        room = (lane.waiting_bytes + lane.discarded_bytes) // LEAST_PACKET_BYTES if lane else 0
        queue += room
        ports.append(PortLosses(port, missing, packets, dropped, min(missing - dropped, room)))
    covers = covers_run(host, run)
    placed = HostLosses(tuple(ports), bool(joined), covers, _outside(host, run), None, cut_events)
    if covers is False or joined:
        return placed
    before = max(0, placed.rest_events - max(0, host.counters.udp_read + queue - written_events))
    return replace(placed, before_socket_events_min=before)


def covers_run(host: HostReport, run: tuple[float, float] | None) -> bool | None:
    """Whether a watch began before the `run` and ended after it, by the clocks of both hosts; None: not known."""
    if run is None:
        return None
    return host.start_s <= run[0] + _SLACK_S and host.start_s + host.watched_s >= run[1] - _SLACK_S


def _outside(host: HostReport, run: tuple[float, float] | None) -> int:
    """Packets dropped in intervals that lie wholly outside the run."""
    if run is None:
        return 0
    step_s, begin_s = host.drops.interval_s, host.start_s
    outside = 0
    for _, interval, dropped, _ in host.drops.rows:
        from_s = begin_s + interval * step_s
        # The drops that a look finds happened since the look before.
        if from_s - 1 > run[1] + _SLACK_S or from_s + step_s < run[0] - _SLACK_S:
            outside += dropped
    return outside
