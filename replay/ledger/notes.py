"""What else helps to understand a ledger? Lines on foreign events, counters on the way, and differing clocks. Pure."""

from collections.abc import Iterator
from typing import Final

from captures.console.units import counted
from replay.ledger.entries import Ledger
from replay.ledger.models.received import Received
from replay.ledger.models.sent import Sent
from replay.ledger.run_clock import RunClock
from replay.sink.report.tags import FURTHER, came_by_lines, unverified_line

WAY: Final = (
    ("tx_dropped", "dropped by the sender's card"),
    ("nic_rx_errors", "damaged at the receiver's cards"),
    ("nic_rx_dropped", "dropped by the receiver's cards"),
    ("backlog_dropped", "dropped by a full backlog (net.core.netdev_max_backlog)"),
    ("udp_checksum_errors", "with a bad UDP checksum"),
    ("udp_no_ports", "to ports where nobody listened"),
    ("udp_memory_errors", "dropped for want of UDP memory (net.ipv4.udp_mem)"),
    ("udp_receive_buffer_errors", "dropped by full socket buffers"),
)
"""Counters between sender and sink: name, and what it counts, in packets of all traffic. The first is the sender's."""


def counters_on_the_way(sent: Sent, received: Received | None) -> dict[str, int | None]:
    """The counters of both hosts between sender and sink, by name; None: not measured."""
    host = (received.host if received else None) or {}
    counters = {name: host.get(name) for name, _ in WAY}
    return counters | {"tx_dropped": sent.nic.tx_dropped if sent.nic else None}


def notes(ledger: Ledger, clock: RunClock | None = None, way: dict[str, int | None] | None = None) -> list[str]:
    """The lines that explain a ledger."""
    lines = []
    named_events = sum(ledger.other_runs.values())
    named = ", ".join(f"{run} ({events:,})" for run, events in ledger.other_runs.items())
    unnamed_events = max(0, (ledger.total("foreign_events") or 0) - named_events)
    for foreign, of in ((named_events, f"of other runs: {named}"), (unnamed_events, FURTHER)):
        if foreign:
            lines.append(f"{counted(foreign, 'event')} came that {'is' if foreign == 1 else 'are'} {of}")
    for name, said in (("untagged", "without a tag"), ("malformed", "with a damaged tag")):
        if ledger.run_id and (events := ledger.total(f"{name}_events")):
            lines.append(f"{counted(events, 'event')} came {said}")
    if ledger.unverified_events:
        lines.append(unverified_line(ledger.unverified_events))
    lines += came_by_lines({entry.port: entry.came_by for entry in ledger.entries})
    lines += _uncertain(ledger)
    if ledger.deaf_ports:
        ports = ", ".join(map(str, ledger.deaf_ports))
        lines.append(f"the sink did not listen at {ports}")
    if clock is not None and clock.differs:
        lines.append(_clock_line(clock))
    counts = dict(WAY)
    return lines + [f"{counted(packets, 'packet')} {counts[name]}" for name, packets in (way or {}).items() if packets]


def _clock_line(clock: RunClock) -> str:
    """A line that says by how much the clocks of sender and sink differ."""
    by = "by the stamps" if clock.by_stamps else "by the first arrival"
    way_off = "ahead of" if clock.ahead_s > 0 else "behind"
    return f"the sink's clock is {abs(clock.ahead_s):,.1f} s {way_off} the sender's ({by}); times allow for that"


def _uncertain(ledger: Ledger) -> Iterator[str]:
    """Lines on what a ledger can't say for certain."""
    if unplaced := ledger.unplaced.all_cut_events:
        yield (
            f"of {counted(unplaced, 'cut event')} the port is not known: what they may be of a port's missing events "
            "is cut or lost there"
        )
    if doubtful := ledger.doubtful_cut_events:
        yield (
            f"{doubtful:,} of the lost may be cut events: that can't be told, since events of others came too, events "
            "came twice, or too little shows to what length they were cut"
        )
    if damaged := ledger.damaged_events:
        yield f"{damaged:,} of the lost may have come with a tag that was damaged on the way"
    if perhaps := ledger.total("perhaps_lost_events"):
        believed = "the sink believed numbers that were not sent"
        yield (f"{believed}: {perhaps:,} of the verified may be such, and then as many more were lost")
