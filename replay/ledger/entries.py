"""What is in a ledger? It compares what was sent with what arrived, port by port and to the event. Pure.

A ledger is made from the report of a sender and from those of receivers: the sink's report, which knows its sockets,
and the report of an audit, which read what a collector wrote. A missing event was lost in one of these places:

    before the socket     on the way: in a card, a queue, a filter, a wire; counters of both hosts say more
    socket buffer         the buffer of the sink's socket had no room
    at the sink           one of the two above: without tags, or if trains come joined, the sink can't tell which
    after the sink's end  nobody received any more: the sink had ended, or one of its workers had died
    collector             the event reached the sink (or was sent, if there is no sink), and was not written

An event whose tag was cut off has arrived, but its number can't be known. So *cut* events are not lost: of the events
that are missing on a port, as many as were cut there count as arrived. If the port was cut off as well, they are
*unplaced*: no port's account holds them, and as many of a port's missing events as they may explain are *cut or lost*.
If events of other runs came too, or events came twice, it can't be known whose the cut events are: they are *doubtful*,
and the missing events that they may explain count as lost. An event with a number that was not sent is *surplus*.
"""

from dataclasses import dataclass, field
from typing import Final

from replay.sink.stopping import FAILURE, HURRIED

DIED: Final = FAILURE
"""The word by which a sink's report says that it ended because a worker died."""
UNREAD: Final = {
    DIED: "the sink's worker died",
    HURRIED: "the sink was ended by a second signal, before it had read what had arrived",
}
"""Why a sink did not read what came, by the word in its report; for other words, the sink ended before the run did."""


@dataclass(frozen=True)
class LedgerEntry:
    """One port's account. A figure that was not measured is None.

    `kernel_drops` counts packets; a joined packet holds many events.
    """

    port: int
    sent_events: int = 0
    sent_bytes: int = 0
    received_events: int | None = 0
    """Events that came at this port, whichever port they were sent to; None: there was no sink."""
    received_bytes: int | None = 0
    kernel_drops: int | None = None
    verified_events: int | None = None
    """Tagged events of this run that were sent and arrived, each number counted once."""
    surplus_events: int = 0
    """Events with numbers that were not sent; without tags, how many more events arrived than were sent."""
    perhaps_lost_events: int = 0
    """So many of the verified events may be surplus instead; then as many more events were lost."""
    duplicated_events: int | None = None
    reordered_events: int | None = None
    late_events: int | None = None
    cut_events: int = 0
    lost_in_socket_events: int | None = None
    lost_after_end_events: int | None = None
    foreign_events: int | None = None
    untagged_events: int | None = None
    malformed_events: int | None = None
    came_by: dict[str, int] = field(default_factory=dict)
    """Events of this port that came at other ports, by the port at which they came."""
    collected_events: int | None = None
    """Events that a collector wrote, each number counted once."""
    cut_at_collector_events: int = 0
    cut_or_lost_events: int = 0
    """Events missing at the sink that may be cut events whose port is not known."""
    cut_or_lost_at_collector_events: int = 0
    """Events missing at the collector that may be cut events whose port is not known."""

    @property
    def reached_events(self) -> int:
        """Events that reached the sink whole, each counted once if tagged; without a sink, all that were sent."""
        if self.verified_events is not None:
            return self.verified_events
        return self.sent_events if self.received_events is None else min(self.received_events, self.sent_events)

    @property
    def lost_events(self) -> int | None:
        """Events that were sent and did not reach the sink; None: there was no sink."""
        if self.received_events is None:
            return None
        return self.sent_events - self.reached_events - self.cut_events - self.cut_or_lost_events

    @property
    def lost_before_socket_events(self) -> int | None:
        """Lost events that were lost neither in the socket's buffer nor after the sink's end; None: not known."""
        if self.lost_events is None or self.lost_in_socket_events is None:
            return None
        return self.lost_events - self.lost_in_socket_events - (self.lost_after_end_events or 0)

    @property
    def lost_at_collector_events(self) -> int | None:
        """Events that reached the sink (or were sent, if there is no sink), and that the collector did not write."""
        if self.collected_events is None:
            return None
        cut = self.cut_at_collector_events + self.cut_or_lost_at_collector_events
        return max(0, self.reached_events - self.collected_events - cut)

    @property
    def all_lost_events(self) -> int:
        """Events that were lost for certain, at any place."""
        return (self.lost_events or 0) + (self.lost_at_collector_events or 0)

    @property
    def all_cut_events(self) -> int:
        """Events that arrived cut, at the sink or at the collector."""
        return self.cut_events + self.cut_at_collector_events

    @property
    def all_cut_or_lost_events(self) -> int:
        """Events of which it is not known whether they were cut or lost, at the sink or at the collector."""
        return self.cut_or_lost_events + self.cut_or_lost_at_collector_events

    @property
    def cut_bytes(self) -> int:
        """How many bytes fewer came at this port than were sent; 0 unless exactly the port's events came there.

        The tags of these events are whole: the tag stood at the front, or the limit that cut them lies behind the tag.
        """
        if not self.sent_events == self.verified_events == self.received_events:
            return 0
        return max(0, self.sent_bytes - (self.received_bytes or 0))

    @property
    def agrees(self) -> bool:
        """Whether exactly the sent events arrived, with all their bytes; tagged events may have become longer."""
        same_bytes = self.verified_events is not None or self.received_bytes in (None, self.sent_bytes)
        same_bytes = same_bytes and not self.cut_bytes
        missing = self.all_lost_events or self.all_cut_events or self.all_cut_or_lost_events
        return same_bytes and not (missing or self.surplus_events or self.duplicated_events)

    @property
    def odd(self) -> bool:
        """Whether a reader should look at the port: something is missing, surplus, late, foreign or damaged."""
        strange = (self.late_events, self.foreign_events, self.malformed_events)
        untagged = self.verified_events is not None and self.untagged_events
        return not self.agrees or any(strange) or bool(untagged)


@dataclass(frozen=True)
class Unplaced:
    """Missing events that can't be ascribed to a port, so that no port's account holds them."""

    cut_events: int = 0
    """Events that came to the sink cut, and whose port is not known."""
    cut_at_collector_events: int = 0
    """Events that the collector wrote cut, and whose port is not known."""
    lost_events: int = 0
    """Events that did not reach the sink, and whose port is not known."""
    lost_at_collector_events: int = 0
    """Events that the collector did not write, and whose port is not known."""

    @property
    def all_lost_events(self) -> int:
        """Lost events at the sink and at the collector."""
        return self.lost_events + self.lost_at_collector_events

    @property
    def all_cut_events(self) -> int:
        """Cut events at the sink and at the collector."""
        return self.cut_events + self.cut_at_collector_events


@dataclass(frozen=True)
class Ledger:
    """The accounts of all ports to which events were sent, or from which events came."""

    entries: tuple[LedgerEntry, ...]
    run_id: str | None = None
    """The run whose tags were compared; None: only counts were compared."""
    unplaced: Unplaced = Unplaced()
    doubtful_cut_events: int = 0
    """So many of the lost events may be cut events instead; but those may also be of other runs, or have come twice."""
    cut_to_bytes: tuple[int, int] | None = None
    """The least and the greatest length that events were cut to."""
    other_runs: dict[str, int] = field(default_factory=dict)
    """Events of other runs that came to the sink, by run, of the runs that the sink counted by name."""
    ended_by: str | None = None
    """Why the sink ended before the run did; None: it did not end earlier."""
    deaf_ports: tuple[int, ...] = ()
    """Ports to which events were sent, at which the sink did not listen, and whose events came at no other port."""
    unverified_events: int = 0
    """Tagged events that came to the sink, but whose worker died before it verified them."""
    damaged_events: int = 0
    """So many more of the lost events may have come with a tag that was damaged on the way."""

    def total(self, name: str) -> int | None:
        """The sum of a figure over the ports; None if it was measured on no port."""
        known = [value for entry in self.entries if (value := getattr(entry, name)) is not None]
        return sum(known) + getattr(self.unplaced, name, 0) if known else None

    @property
    def sent_events(self) -> int:
        """Events sent in total."""
        return sum(entry.sent_events for entry in self.entries)

    @property
    def sent_ports(self) -> int:
        """To how many ports events were sent; events came at the other ports of the ledger only."""
        return sum(entry.sent_events > 0 for entry in self.entries)

    @property
    def lost_events(self) -> int:
        """Lost events, summed over the ports; a surplus on another port does not make up for them."""
        return self.total("all_lost_events") or 0

    @property
    def lost_events_min(self) -> int:
        """Lost events that can be neither doubtful cut events nor events with damaged tags."""
        return self.lost_events - self.doubtful_cut_events - self.damaged_events

    @property
    def lost_events_max(self) -> int:
        """The most events that may be lost: as if all verified events that may be surplus were surplus."""
        return self.lost_events + (self.total("perhaps_lost_events") or 0)

    @property
    def cut_events(self) -> int:
        """Events that arrived cut."""
        return self.total("all_cut_events") or 0

    @property
    def cut_bytes(self) -> int:
        """How many bytes fewer came than were sent, as far as bytes can be compared.

        They can be compared if all events came and nothing else did: on all ports together, or on single ports.
        """
        counts = [self.total(f"{name}_events") for name in ("sent", "verified", "received")]
        if counts[0] == counts[1] == counts[2]:
            return max(0, (self.total("sent_bytes") or 0) - (self.total("received_bytes") or 0))
        return sum(entry.cut_bytes for entry in self.entries)

    @property
    def surplus_events(self) -> int:
        """Events that arrived but were not sent, summed over the ports; duplicated events are not among them."""
        return sum(entry.surplus_events for entry in self.entries)

    @property
    def balanced(self) -> bool:
        """Whether on each port exactly that arrived which was sent, and on all ports together no byte is missing."""
        return all(entry.agrees for entry in self.entries) and not self.cut_bytes
