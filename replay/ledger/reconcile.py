"""How is a ledger made of a sender's, a sink's and an audit's reports? `replay.ledger.entries` has its terms. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from captures.console.units import counted
from captures.format.layout import MAX_TRAIN_EVENTS
from replay.ledger.entries import Ledger, LedgerEntry, Unplaced
from replay.ledger.models.collected import Collected
from replay.ledger.models.received import Received, ReceivedLane, TagLane
from replay.ledger.models.sent import Sent, SentLane

RELAY_BYTES: Final = 32
"""A relay makes an event longer by no more bytes: a time by RFC 3339 has up to 17 more than one by RFC 3164."""


def reconcile(
    sent: Sent, received: Received | None = None, collected: Collected | None = None, *, ended_by: str | None = None
) -> Ledger:
    """Make the ledger of a sender's, a sink's and an audit's report. A port that a report lacks has counts of 0 there.

    `ended_by` is why the sink ended before the run did, if it did (`replay.ledger.run_clock`). Raises ValueError when a
    report is of another run, or the sender's is of several.
    """
    sent.check_one_run()
    run = sent.run_id
    tagged = run is not None and received is not None and received.run_id is not None
    for who, report in (("sink counted", received if tagged else None), ("audit is of", collected)):
        if report is not None and (report.run_id or "").lower() != (run or "").lower():
            raise ValueError(f"the {who} run {report.run_id}, and the sender's run was {run}{_strayed(report, run)}")
    lanes = {lane.port: lane for lane in sent.lanes}
    longest = sent.capture.longest_bytes if sent.capture else None
    heard = _HeardByPort(received, lanes, tagged=tagged, ended_by=ended_by, longest_bytes=longest) if received else None
    written = {lane.port: lane for lane in collected.lanes} if collected else {}
    entries = []
    for port in sorted({*lanes, *(heard.ports if heard else ()), *written}):
        lane = lanes.get(port) or SentLane(port=port, sent_events=0)
        entry = heard.entry(lane) if heard else _unheard(lane)
        entries.append(_collected(entry, collected, port) if collected else entry)
    names = ("sent_events", "received_events", "verified_events", "surplus_events", "duplicated_events", "came_by")
    kept = [entry for entry in entries if entry.collected_events or any(getattr(entry, name) for name in names)]
    unplaced = _unplaced(kept, heard.unplaced_cut if heard else 0, _unplaced_at_collector(collected))
    doubtful, damaged = heard.explained(kept) if heard else (0, 0)
    doubtful += _doubtful_at_collector(collected)
    lost = sum(entry.all_lost_events for entry in kept) + unplaced.all_lost_events
    return Ledger(
        tuple(kept),
        run if tagged or collected is not None else None,
        unplaced,
        min(doubtful, lost),
        _lengths(received if tagged else None, collected),
        dict(received.tags.other_runs) if tagged and received and received.tags else {},
        ended_by if received else None,
        tuple(entry.port for entry in kept if heard and tagged and heard.is_deaf(entry)),
        received.unverified_events if received else 0,
        damaged_events=max(0, min(damaged, lost - doubtful)),
    )


def _strayed(report: Received | Collected, run: str | None) -> str:
    """What to say if the sink heard the sender's run too, but counted another, since that one's events came first."""
    tags = report.tags if isinstance(report, Received) else None
    foreign = tags.other_runs.get((run or "").lower(), 0) if tags else 0
    if not tags or not foreign:
        return ""
    own, came = counted(tags.verified_events or 0, "event"), counted(foreign, "event")
    return (
        f": the sink heard {own} of the run that it counted, and {came} of the sender's, which it took for foreign. A "
        "sink counts the run of most of the first tagged events; start it with --run-id, or the run with --sink"
    )


class _HeardByPort:
    """The report of a sink, put in order by the ports to which events were sent."""

    def __init__(
        self,
        received: Received,
        sent: dict[int, SentLane],
        *,
        tagged: bool,
        ended_by: str | None,
        longest_bytes: int | None,
    ) -> None:
        self._own = {lane.port: lane for lane in received.lanes}
        self._mapped = {lane.port: lane for lane in received.mapped_lanes}
        self._sent, self._tagged, self._ended_by = sent, tagged, ended_by
        self.ports = {*self._own, *self._mapped}
        self._ways = {port: self._ways_of(port) for port in {*self.ports, *sent}}
        """For each port to which events were sent, the ports of the sink at which its events came."""
        self._doubtful_cut = _doubtful(received, longest_bytes) if tagged else {}
        self._damaged = {lane.port: lane.malformed_events or 0 for lane in received.lanes} if tagged else {}
        self._cut, self.unplaced_cut = self._placed_cut() if tagged else ({}, 0)
        # Events that each socket may have dropped after the last event that the sink read from it. `_drop` takes off
        # those that a port's account has been charged with.
        self._dropped = {lane.port: (lane.drops_after_last or 0) * _each(lane) for lane in received.lanes}

    def _ways_of(self, port: int) -> set[int]:
        lane: TagLane | None = self._own.get(port) or self._mapped.get(port)
        own = {port} & set(self._own)
        return own | {int(by) for by in lane.came_by if int(by) in self._own} if lane else own

    def _placed_cut(self) -> tuple[dict[int, int], int]:
        """Cut events by the port to which they were sent, and how many cut events may be of several ports."""
        placed: dict[int, int] = {}
        unplaced = 0
        others = any(lane.foreign_events for lane in self._own.values())
        for by, lane in self._own.items():
            if not lane.cut_events:
                continue
            if others or lane.duplicated_events:
                self._doubtful_cut[by] = self._doubtful_cut.get(by, 0) + lane.cut_events
                continue
            ports = [port for port, ways in self._ways.items() if by in ways and port in self._sent]
            if len(ports) == 1:
                placed[ports[0]] = placed.get(ports[0], 0) + lane.cut_events
            else:
                unplaced += lane.cut_events
        return placed, unplaced

    def explained(self, entries: Sequence[LedgerEntry]) -> tuple[int, int]:
        """How many lost events may be doubtful cut ones, and how many more may have come with a damaged tag.

        A damaged tag may hold a number that was not sent, so surplus events may be such events as well.
        """
        cut = self._explained(entries, self._doubtful_cut)
        damaged = Counter(self._doubtful_cut) + Counter(self._damaged)
        if self._tagged:
            damaged.update({entry.port: entry.surplus_events for entry in entries})
        return cut, self._explained(entries, damaged) - cut

    def _explained(self, entries: Sequence[LedgerEntry], came: Mapping[int, int]) -> int:
        """How many lost events may be those that `came`, by port of the sink; there, no more than its ports lack."""
        explained = 0
        for by, events in came.items():
            # If nothing of a port came whole, and the sink did not listen there, its events may have come at any port.
            there = [entry for entry in entries if by in (self._ways.get(entry.port) or {by})]
            explained += min(events, sum((entry.lost_events or 0) + entry.cut_or_lost_events for entry in there))
        return explained

    def is_deaf(self, entry: LedgerEntry) -> bool:
        """Whether events were sent to the port, but the sink neither listened there nor got them at another port."""
        return bool(entry.sent_events) and entry.port not in self.ports

    def entry(self, sent: SentLane) -> LedgerEntry:
        """The account of a port."""
        own = self._own.get(sent.port)
        figures = {"port": sent.port, "sent_events": sent.sent_events, "sent_bytes": sent.sent_bytes}
        if own is not None:
            names = ("received_events", "received_bytes", "kernel_drops")
            figures |= {name: getattr(own, name) for name in names}
        if self._tagged:
            lane = own or self._mapped.get(sent.port) or TagLane(port=sent.port)
            return LedgerEntry(**figures, **self._numbers(lane, sent.sent_events), **_strange(own))  # type: ignore[arg-type]
        return LedgerEntry(**figures, **self._counts(own, sent.sent_events))  # type: ignore[arg-type]

    def _counts(self, lane: ReceivedLane | None, sent: int) -> dict[str, int | None]:
        """The figures of events without tags. A dropped packet is one event only if datagrams come singly.

        Nobody can tell when a missing event was sent. So if the sink ended before the run did, all missing events that
        the socket did not drop count as lost after the sink's end.
        """
        arrived = lane.received_events if lane else 0
        lost, ended = max(0, sent - arrived), lane is not None and self._ended_by is not None
        known = lane is not None and lane.kernel_drops is not None and lane.joined is False and sent >= arrived
        in_socket = min(lane.kernel_drops or 0, lost) if known and lane else None
        if ended and not (in_socket and arrived):  # if nothing came, the drops were of other traffic
            in_socket = 0
        return {
            "surplus_events": max(0, arrived - sent),
            "lost_in_socket_events": in_socket,
            "lost_after_end_events": lost - (in_socket or 0) if ended else None,
        }

    def _numbers(self, lane: TagLane, sent: int) -> dict[str, object]:
        """The figures of events with tags: what became of the numbers that were sent to a port."""
        reached, verified = lane.next_sequence or 0, lane.verified_events or 0
        held = sum(max(0, min(first + events, sent) - first) for first, events in lane.unconfirmed)
        surplus = sum(events for _, events in lane.unconfirmed) - held
        beyond, beyond_max = _beyond(reached, verified, sent)
        verified, surplus = min(verified - beyond + held, sent), surplus + beyond
        missing = sent - verified
        cut = min(self._cut.get(lane.port, 0), missing)
        lost = missing - cut
        # No event came after those that were lost at the end, so no gap shows them; the socket's drops tell of them.
        tail = min(max(0, sent - reached - held), lost)
        after_end = tail if self._ended_by else 0
        in_gaps = min(lane.lost_in_socket_events or 0, lost - after_end)
        in_socket = in_gaps + self._drop(lane.port, min(tail - after_end, lost - after_end - in_gaps))
        cut_or_lost = min(self.unplaced_cut, lost - in_socket)  # an event that a socket dropped did not arrive cut
        after_end = min(after_end, lost - in_socket - cut_or_lost)
        names = ("duplicated_events", "late_events")
        return {
            "verified_events": verified,
            "surplus_events": surplus,
            "perhaps_lost_events": min(beyond_max - beyond, verified),
            "cut_events": cut,
            "cut_or_lost_events": cut_or_lost,
            "lost_in_socket_events": in_socket,
            "lost_after_end_events": after_end if self._ended_by else None,
            "reordered_events": lane.reordered_events,
            "came_by": dict(lane.came_by),
            **{name: getattr(lane, name) or 0 for name in names},
        }

    def _drop(self, port: int, events: int) -> int:
        """How many of a port's `events` the sockets may have dropped at the end; a drop is used for one event only."""
        dropped = 0
        for way in sorted(self._ways.get(port, ())):
            here = min(events - dropped, self._dropped.get(way, 0))
            self._dropped[way] -= here
            dropped += here
        return dropped


def _beyond(reached: int, verified: int, sent: int) -> tuple[int, int]:
    """How many of the verified numbers were not sent, at the least and at the most; all are below `reached`.

    The number just below `reached` has come; the report does not say which of the lower ones have.
    """
    if reached <= sent:
        return (max(verified - sent, 0),) * 2
    most = min(reached - sent, verified)
    return min(most, max(verified - sent, 1)), most


def _doubtful(received: Received, longest_bytes: int | None) -> dict[int, int]:
    """Events that may have been cut, by the sink's port, but not events longer than those of the run can be."""
    return {
        lane.port: lane.doubtful_cut_events
        for lane in received.lanes
        if lane.doubtful_cut_events
        and not (longest_bytes and lane.cut_to_bytes and lane.cut_to_bytes.min >= longest_bytes + RELAY_BYTES)
    }


def _each(lane: ReceivedLane) -> int:
    """How many events a packet that a socket drops may hold."""
    return MAX_TRAIN_EVENTS if lane.joined else 1


def _strange(lane: ReceivedLane | None) -> dict[str, int | None]:
    names = ("foreign_events", "untagged_events", "malformed_events")
    return {name: getattr(lane, name) for name in names} if lane else {}


def _unheard(sent: SentLane) -> LedgerEntry:
    """The account of a port if there is no sink."""
    return LedgerEntry(sent.port, sent.sent_events, sent.sent_bytes, received_events=None, received_bytes=None)


def _collected(entry: LedgerEntry, collected: Collected, port: int) -> LedgerEntry:
    """The account, completed with what the collector wrote."""
    lane = next((lane for lane in collected.lanes if lane.port == port), None)
    surplus = (lane.surplus_events or 0) if lane else 0
    written = lane.received_events - surplus if lane else 0
    if written > entry.sent_events:
        surplus, written = surplus + written - entry.sent_events, entry.sent_events
    missing = max(0, entry.reached_events - max(0, written))
    cut = min((lane.cut_events or 0) if lane else 0, missing)
    return replace(
        entry,
        collected_events=max(0, written),
        cut_at_collector_events=cut,
        cut_or_lost_at_collector_events=min(_unplaced_at_collector(collected), missing - cut),
        surplus_events=entry.surplus_events + surplus,
    )


def _unplaced(entries: Sequence[LedgerEntry], cut_events: int, cut_at_collector_events: int) -> Unplaced:
    """The events that are cut or lost on unknown ports. No more events can be cut than the ports miss."""
    missing = sum(entry.cut_or_lost_events for entry in entries)
    missing_at_collector = sum(entry.cut_or_lost_at_collector_events for entry in entries)
    cut, cut_at_collector = min(cut_events, missing), min(cut_at_collector_events, missing_at_collector)
    return Unplaced(cut, cut_at_collector, missing - cut, missing_at_collector - cut_at_collector)


def _unplaced_at_collector(collected: Collected | None) -> int:
    """Lines of the collector that were cut before the port in their tag."""
    if collected is None:
        return 0
    return max(0, (collected.cut_events or 0) - sum(lane.cut_events or 0 for lane in collected.lanes))


def _doubtful_at_collector(collected: Collected | None) -> int:
    """Lines of the collector that were cut, but may be of other runs, or may have come twice."""
    if collected is None or collected.cut_events_max is None:
        return 0
    return max(0, collected.cut_events_max - (collected.cut_events or 0))


def _lengths(received: Received | None, collected: Collected | None) -> tuple[int, int] | None:
    known = [lane.cut_to_bytes for lane in received.lanes if lane.cut_to_bytes] if received else []
    if collected:
        known += [each for each in (collected.cut_to_bytes, *(lane.cut_to_bytes for lane in collected.lanes)) if each]
    return (min(each.min for each in known), max(each.max for each in known)) if known else None
