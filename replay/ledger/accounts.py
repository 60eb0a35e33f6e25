"""The ledger: what was sent against what arrived, port by port and to the event. Pure.

It is made from the report of a sender and from those of receivers: the sink's, which knows its sockets, and an audit's
of what a collector wrote. An event that is missing was lost in one of these places:

    before the socket     on the way: a card, a queue, a filter, a wire; counters of both hosts say more
    socket buffer         the sink's had no room
    at the sink           either of them: without tags, and with trains that come joined, it can't tell
    after the sink's end  nobody received any more: the sink had ended, or one of its workers had died
    collector             it had reached the sink, or without a sink was sent, and was not written

An event of which the tag was cut off arrived, and which number it had can't be known. So *cut* events are no lost ones:
of what is missing on a port, as many as were cut there arrived cut. Where the port was cut off as well they are
*unplaced*: they are in no port's account, and what they may explain of a port's missing events is *cut or lost* there.
Where other runs came too, or events came twice, nobody knows whose the cut ones are: they are *doubtful*, and what they
may explain counts as lost. An event whose number was not sent is *surplus*.
"""

from dataclasses import dataclass, field
from typing import Final

from replay.sink.stopping import FAILURE, HURRIED

DIED: Final = FAILURE
"""By which a sink says that it ended when a worker died."""
UNREAD: Final = {
    DIED: "the sink's worker died",
    HURRIED: "the sink was ended by a second signal, before it had read what had arrived",
}
"""Why a sink did not read what came, where that is another reason than its end before that of the run."""


@dataclass(frozen=True)
class Entry:
    """One port's account. What was not measured is None.

    `kernel_drops` are packets, of which a joined one is many events.
    """

    port: int
    sent_events: int = 0
    sent_bytes: int = 0
    received_events: int | None = 0
    """By the port at which they came; None: there was no sink."""
    received_bytes: int | None = 0
    kernel_drops: int | None = None
    verified_events: int | None = None
    """Different numbers of this run that were sent: tagged events, each counted once."""
    surplus_events: int = 0
    """Numbers that were not sent; without tags, what arrived beyond what was sent."""
    perhaps_lost_events: int = 0
    """Of the verified ones, so many may be further surplus ones, and then as many more were lost."""
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
    """Events by the other ports at which they came."""
    collected_events: int | None = None
    """Different numbers that a collector wrote."""
    cut_at_collector_events: int = 0
    cut_or_lost_events: int = 0
    """Missing at the sink; they may be cut events whose port is not known."""
    cut_or_lost_at_collector_events: int = 0
    """The same of what the collector did not write."""

    @property
    def reached_events(self) -> int:
        """Events that reached the sink whole, different ones where tags tell; all that were sent without a sink."""
        if self.verified_events is not None:
            return self.verified_events
        return self.sent_events if self.received_events is None else min(self.received_events, self.sent_events)

    @property
    def lost_events(self) -> int | None:
        """Events that were sent and did not reach the sink; None: there was none."""
        if self.received_events is None:
            return None
        return self.sent_events - self.reached_events - self.cut_events - self.cut_or_lost_events

    @property
    def lost_before_socket_events(self) -> int | None:
        """Those of the lost that were lost neither by the socket nor after the sink's end."""
        if self.lost_events is None or self.lost_in_socket_events is None:
            return None
        return self.lost_events - self.lost_in_socket_events - (self.lost_after_end_events or 0)

    @property
    def lost_at_collector_events(self) -> int | None:
        """Events that reached the sink, or were sent where there was none, and that the collector did not write."""
        if self.collected_events is None:
            return None
        cut = self.cut_at_collector_events + self.cut_or_lost_at_collector_events
        return max(0, self.reached_events - self.collected_events - cut)

    @property
    def all_lost_events(self) -> int:
        """All that was lost for certain, wherever it was."""
        return (self.lost_events or 0) + (self.lost_at_collector_events or 0)

    @property
    def all_cut_events(self) -> int:
        """All that arrived cut, wherever it was."""
        return self.cut_events + self.cut_at_collector_events

    @property
    def all_cut_or_lost_events(self) -> int:
        """All of which it is not known whether it was cut or lost."""
        return self.cut_or_lost_events + self.cut_or_lost_at_collector_events

    @property
    def cut_bytes(self) -> int:
        """By how much the events are shorter that came at this port, if all of its own came there and nothing else.

        Their tags are whole: it stood at their front, or what cut them is a limit that ends behind it.
        """
        if not self.sent_events == self.verified_events == self.received_events:
            return 0
        return max(0, self.sent_bytes - (self.received_bytes or 0))

    @property
    def agrees(self) -> bool:
        """Whether exactly that arrived which was sent: in events, and in bytes; with tags, in no fewer of them."""
        same_bytes = self.verified_events is not None or self.received_bytes in (None, self.sent_bytes)
        same_bytes = same_bytes and not self.cut_bytes
        missing = self.all_lost_events or self.all_cut_events or self.all_cut_or_lost_events
        return same_bytes and not (missing or self.surplus_events or self.duplicated_events)

    @property
    def odd(self) -> bool:
        """Whether the port should be looked at."""
        strange = (self.late_events, self.foreign_events, self.malformed_events)
        untagged = self.verified_events is not None and self.untagged_events
        return not self.agrees or any(strange) or bool(untagged)


@dataclass(frozen=True)
class Unplaced:
    """What the ports together miss beyond their own accounts."""

    cut_events: int = 0
    """Cut events whose port is not known, at the sink."""
    cut_at_collector_events: int = 0
    """The same at the collector."""
    lost_events: int = 0
    """Events that did not reach the sink, of ports that are not known."""
    lost_at_collector_events: int = 0
    """The same of the collector."""

    @property
    def all_lost_events(self) -> int:
        """The lost of both."""
        return self.lost_events + self.lost_at_collector_events

    @property
    def all_cut_events(self) -> int:
        """The cut of both."""
        return self.cut_events + self.cut_at_collector_events


@dataclass(frozen=True)
class Ledger:
    """The accounts of all ports that were sent to or heard from."""

    entries: tuple[Entry, ...]
    run_id: str | None = None
    """The run whose tags were compared; None: only counts were."""
    unplaced: Unplaced = Unplaced()
    doubtful_cut_events: int = 0
    """So many of the lost may be cut events; they may also be of other runs, or have come twice."""
    cut_to_bytes: tuple[int, int] | None = None
    """The least and the greatest length that events were cut to."""
    other_runs: dict[str, int] = field(default_factory=dict)
    """Events of other runs that came to the sink, of those that it could name."""
    ended_by: str | None = None
    """Why the sink ended before the run did; None: it did not."""
    deaf_ports: tuple[int, ...] = ()
    """Ports that were sent to, at which the sink did not listen, and of which nothing came by another one."""
    unverified_events: int = 0
    """Tagged events that came to the sink, and which its workers did not live to verify."""
    damaged_events: int = 0
    """So many more of the lost may have come, with a tag that was damaged on the way."""

    def total(self, name: str) -> int | None:
        """The sum of a figure over the ports; None where it was measured on none."""
        known = [value for entry in self.entries if (value := getattr(entry, name)) is not None]
        return sum(known) + getattr(self.unplaced, name, 0) if known else None

    @property
    def sent_events(self) -> int:
        """Events sent in total."""
        return sum(entry.sent_events for entry in self.entries)

    @property
    def sent_ports(self) -> int:
        """How many ports were sent to; the others are those that events came by."""
        return sum(entry.sent_events > 0 for entry in self.entries)

    @property
    def lost_events(self) -> int:
        """Events missing at the end, summed over the ports that miss some: no surplus elsewhere makes up for them."""
        return self.total("all_lost_events") or 0

    @property
    def lost_events_min(self) -> int:
        """Of these, those that nothing that came can be."""
        return self.lost_events - self.doubtful_cut_events - self.damaged_events

    @property
    def lost_events_max(self) -> int:
        """All that may be lost: with as many as stand for numbers that may not have been sent."""
        return self.lost_events + (self.total("perhaps_lost_events") or 0)

    @property
    def cut_events(self) -> int:
        """Events that arrived cut."""
        return self.total("all_cut_events") or 0

    @property
    def cut_bytes(self) -> int:
        """By how much the verified events are shorter than they were sent, as far as bytes can be compared.

        That is where all events came and nothing else: on all ports together, or on single ones.
        """
        counts = [self.total(f"{name}_events") for name in ("sent", "verified", "received")]
        if counts[0] == counts[1] == counts[2]:
            return max(0, (self.total("sent_bytes") or 0) - (self.total("received_bytes") or 0))
        return sum(entry.cut_bytes for entry in self.entries)

    @property
    def surplus_events(self) -> int:
        """Events that were not sent, summed over the ports; duplicated ones are counted apart."""
        return sum(entry.surplus_events for entry in self.entries)

    @property
    def balanced(self) -> bool:
        """Whether all ports agree, and together."""
        return all(entry.agrees for entry in self.entries) and not self.cut_bytes
