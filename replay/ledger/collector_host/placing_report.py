"""How are losses on a collector's host shown? As figures for a report, and as lines for people. Pure."""

from collections.abc import Sequence
from textwrap import fill
from typing import Final

from captures.console.units import counted
from captures.format.layout import MAX_TRAIN_EVENTS
from replay.ledger.collector_host.model import HostLossFigures, PortLossFigures
from replay.ledger.collector_host.placing import HostLosses, PortLosses
from replay.receiver_host.reading import HostReport

_WIDTH: Final = 80
_ELSEWHERE: Final = (
    ("nic_rx_dropped", "by its cards or for want of a protocol"),
    ("nic_rx_missed", "by its cards for want of room"),
    ("backlog_dropped", "by a full backlog (net.core.netdev_max_backlog)"),
    ("udp_no_ports", "to ports where nobody listened"),
    ("udp_checksum_errors", "with a bad UDP checksum"),
    ("udp_memory_errors", "for want of UDP memory (net.ipv4.udp_mem)"),
)


def owners_of(host: HostReport, port: int) -> list[str]:
    """The processes that had a port's sockets open, like `rsyslogd (pid 812)`; empty if that could not be read."""
    names = {program.pid: program.command for program in host.programs}
    pids = {pid for each in host.sockets if each.port == port for pid in each.owners or ()}
    return [f"{names.get(pid, 'process')} (pid {pid})" for pid in sorted(pids)]


def dropped_elsewhere(host: HostReport) -> dict[str, int]:
    """Packets of all traffic that the host lost on the way to its sockets, by place."""
    return {
        "nic_rx_dropped": sum(nic.rx_dropped for nic in host.nics),
        "nic_rx_missed": sum(nic.rx_missed_errors + nic.rx_fifo_errors for nic in host.nics),
        "backlog_dropped": host.counters.backlog_dropped,
        "udp_no_ports": host.counters.udp_no_ports,
        "udp_checksum_errors": host.counters.udp_checksum_errors,
        "udp_memory_errors": host.counters.udp_memory_errors,
    }


def host_losses_figures(losses: HostLosses, host: HostReport) -> HostLossFigures:
    """The losses as the report of a ledger has them."""
    before = losses.before_socket_events_min
    return HostLossFigures(
        lost_events=losses.lost_events,
        dropped_at_socket_events=None if losses.saw_no_drop else losses.dropped_events,
        queued_events_max=losses.queued_events_max,
        in_collector_events_max=losses.rest_events - (before or 0),
        before_socket_events_min=before,
        events_per_packet_max=MAX_TRAIN_EVENTS if losses.joined else 1,
        covers_run=losses.covers_run,
        dropped_outside_run_packets=losses.outside_packets,
        counters=dropped_elsewhere(host),
        lanes=[
            PortLossFigures(
                port=port.port,
                owners=owners_of(host, port.port),
                lost_events=port.lost_events,
                dropped_packets=port.dropped_packets,
                dropped_at_socket_events=port.dropped_events,
                queued_events_max=port.queued_events_max,
            )
            for port in losses.ports
        ],
    )


def host_losses_lines(losses: HostLosses, host: HostReport, reader: str = "collector") -> list[str]:
    """A line for each place in which events were lost, and notes, in 80 columns.

    The `reader` is the program that reads from the sockets: the collector, or the sink.
    """
    return [
        fill(line, _WIDTH, subsequent_indent=" " * (len(line) - len(line.lstrip()) + 2), break_on_hyphens=False)
        for line in _lines(losses, host, reader)
    ]


def _lines(losses: HostLosses, host: HostReport, reader: str) -> list[str]:
    lost = losses.lost_events
    if not lost:
        return [
            "on the collector's host nothing is missing"
            if reader == "collector"
            else "on the sink's host there is nothing to place: the sink says where its losses were"
        ]
    lines = [f"of {counted(lost, 'lost event')}, on the {reader}'s host"]
    if not losses.saw_no_drop:
        lines += _at_sockets([port for port in losses.ports if port.dropped_events], host)
    if queued := losses.queued_events_max:
        lines.append(f"  at most {queued:,} still waited in a queue, or went with a socket that was closed")
    rest, before = losses.rest_events, losses.before_socket_events_min
    if rest:
        lines.append(_rest(rest, before, reader))
        said = dict(_ELSEWHERE)
        elsewhere = {name: packets for name, packets in dropped_elsewhere(host).items() if packets}
        lines += [
            f"    the host dropped {counted(packets, 'packet')} {said[name]}" for name, packets in elsewhere.items()
        ]
    return lines + _notes(losses)


def _at_sockets(ports: Sequence[PortLosses], host: HostReport) -> list[str]:
    if not ports:
        return ["  0 dropped at its sockets"]
    events = sum(port.dropped_events for port in ports)
    owners = sorted({owner for port in ports for owner in owners_of(host, port.port)})
    whose = ", ".join(owners[:3]) + (" and others" if len(owners) > 3 else "") if owners else "an owner not readable"
    worst = max(ports, key=lambda port: port.dropped_events)
    where = f"port {worst.port}" if len(ports) == 1 else f"{len(ports)} ports, most on {worst.port}"
    most = "" if len(ports) == 1 else f" ({worst.dropped_events:,})"
    return [f"  {events:,} dropped at the sockets of {whose}: {where}{most}"]


def _rest(rest: int, before: int | None, reader: str) -> str:
    if before is None:
        return f"  {rest:,} in the {reader}, or before its sockets: not known"
    if not before:
        kept = "wrote" if reader == "collector" else "counted"
        return (
            f"  {rest:,} in the {reader}, most likely: programs on its host were given at least that many more "
            f"datagrams than the {reader} {kept}"
        )
    inside = f"; at most {rest - before:,} in the {reader}" if rest > before else ""
    return f"  at least {before:,} never reached a socket of the host{inside}"


def _notes(losses: HostLosses) -> list[str]:
    notes = []
    if losses.covers_run is False:
        notes.append("the watch did not cover the run, or the clocks differ: what it did not see is not in this")
    if losses.outside_packets:
        notes.append(f"{counted(losses.outside_packets, 'packet')} of these dropped outside the run's time")
    surplus = losses.total("dropped_packets") - losses.dropped_events
    if surplus > 0 and not losses.joined:
        notes.append(f"{counted(surplus, 'packet')} more dropped than events lost: of other senders or runs")
    each = "up to 128 events, since the sockets read them joined" if losses.joined else "one event"
    if losses.dropped_events:
        notes.append(f"a dropped packet is taken for {each}")
    return notes
