"""How is the report of a collector's host shown to people? As a table and a sentence. Pure."""

from collections.abc import Iterable

from captures.console.units import counted, fitted, format_size
from replay.ranges import format_ports
from replay.receiver_host.model import WatchedHost, WatchedNic

_WORST = 5
"""So many ports with drops have a line each in a run's table."""
_OWNERS = 3
"""So many owners of ports without drops are named."""


def owner_text(host: WatchedHost, port: int) -> str:
    """The process that has a port's sockets open, or had them open: `rsyslogd (pid 812)`."""
    sockets = [each for each in host.sockets if each.port == port]
    if not sockets:
        return "nobody"
    names = {program.pid: program.command for program in host.programs}
    latest = [each for each in sockets if each.open] or sockets[-1:]
    pids = sorted({pid for each in latest for pid in each.owners or ()})
    if pids:
        more = f" and {len(pids) - 1} more" if len(pids) > 1 else ""
        return f"{names.get(pids[0], 'process')} (pid {pids[0]}){more}"
    unreadable = any(each.owners is None for each in latest)
    return f"owner not readable (uid {latest[0].uid})" if unreadable else "no process"


def summary(host: WatchedHost) -> str:
    """A sentence on the drops and queues."""
    lanes = host.lanes
    ports = counted(len(lanes), "port")
    if not host.sockets:
        return f"no socket was bound to {'the port' if len(lanes) == 1 else 'any of the ' + ports}"
    waits = f"; {counted(host.waiting_bytes, 'byte')} waiting" if host.waiting_bytes else ""
    if host.discarded_bytes:
        waits += f"; {counted(host.discarded_bytes, 'byte')} thrown away with sockets that were closed"
    heard = {each.port for each in host.sockets}
    if deaf := tuple(lane.port for lane in lanes if lane.port not in heard):
        ports = counted(len(lanes) - len(deaf), "port")
        waits += f"; no socket was bound to {format_ports(deaf)}"
    if not host.dropped_packets:
        return f"nothing was dropped at the sockets of {ports}{waits}"
    worst = max(lanes, key=lambda lane: lane.dropped_packets)
    dropping = sum(lane.dropped_packets > 0 for lane in lanes)
    where = f"port {worst.port}" if dropping == 1 else f"{dropping} of {ports}, most on {worst.port}"
    most = "" if dropping == 1 else f" ({worst.dropped_packets:,})"
    owner = owner_text(host, worst.port)
    return f"{counted(host.dropped_packets, 'packet')} dropped at the sockets of {owner}: {where}{most}{waits}"


def host_table(host: WatchedHost) -> str:
    """A row for each port with something to tell, the programs, the cards, the host's counters, then the summary."""
    lines = [f"{'port':>6}  {'owner':<34}{'dropped':>12}{'waiting, B':>12}{'at most, B':>12}"]
    told = [lane for lane in host.lanes if lane.odd]
    for lane in told:
        counts = (lane.dropped_packets, lane.waiting_bytes, lane.waiting_bytes_max)
        cells = "".join(f"{count:>12,}" for count in counts)
        lines.append(f"{lane.port:>6}  {owner_text(host, lane.port)[:33]:<34}{cells}")
        if lane.closed_sockets and lane.open_sockets:
            lines.append(f"{'':>8}its socket was closed and opened anew; closed: {lane.closed_sockets:,}")
        elif not lane.open_sockets and lane.closed_sockets:
            lines.append(f"{'':>8}its socket was closed")
    if quiet := [lane.port for lane in host.lanes if lane not in told]:
        owners = sorted({owner_text(host, port) for port in quiet})
        whose = ", ".join(owners[:_OWNERS]) + (" and others" if len(owners) > _OWNERS else "")
        lines.append(f"{counted(len(quiet), 'port')} with nothing dropped and nothing waiting: {whose}")
    lines += program_lines(host)
    lines += _nic_lines(host.nics)
    lines += _counter_lines(host.counters)
    if host.cut_looks:
        lines.append(f"{counted(host.cut_looks, 'look')} did not see all sockets: this host has too many")
    if host.failed_looks:
        lines.append(
            f"{counted(host.failed_looks, 'look')} failed: what was not seen then is in the next one's figures"
        )
    return "\n".join(fitted(line, 8) for line in [*lines, summary(host)])


def program_lines(host: WatchedHost) -> list[str]:
    """A line for each program that has one of the sockets open, with the CPU time and memory that it used."""
    lines = []
    for program in host.programs:
        cpu, most = program.cpu_percent, program.cpu_percent_max
        used = "CPU not measured" if cpu is None else f"CPU {cpu:.1f}% of a core, {most or cpu:.1f}% at most"
        memory = format_size(program.memory_bytes_max)
        ended = "" if program.running else "; ended"
        lines.append(f"{program.command} (pid {program.pid}): {used}; memory {memory} at most{ended}")
    return lines


def _nic_lines(nics: Iterable[WatchedNic]) -> list[str]:
    return [
        f"card {nic.name}: {counted(nic.rx_packets, 'packet')} came (a train that stays whole is one); "
        f"{nic.rx_dropped:,} dropped, "
        f"{nic.rx_missed_errors:,} missed, {counted(nic.rx_fifo_errors, 'fifo error')}"
        for nic in nics
        if nic.rx_packets or nic.rx_dropped or nic.rx_missed_errors
    ]


def _counter_lines(counters: dict[str, int]) -> list[str]:
    said = {
        "udp_receive_buffer_errors": ("packet", "dropped by full socket buffers, of all UDP"),
        "udp_no_ports": ("packet", "to ports where nobody listened"),
        "udp_checksum_errors": ("packet", "with a bad UDP checksum"),
        "udp_memory_errors": ("packet", "dropped for want of UDP memory (net.ipv4.udp_mem)"),
        "backlog_dropped": ("packet", "dropped by a full backlog (net.core.netdev_max_backlog)"),
        "backlog_time_squeezes": ("time", "receiving was put off (net.core.netdev_budget); nothing is lost by it"),
    }
    return [f"{counted(counters[name], one)} {text}" for name, (one, text) in said.items() if counters.get(name)]


def run_lines(host: WatchedHost) -> list[str]:
    """Lines for the table of a run whose target is its own host: the ports that dropped packets, the worst first."""
    dropping = [lane for lane in host.lanes if lane.dropped_packets]
    dropping.sort(key=lambda lane: -lane.dropped_packets)
    if not dropping:
        return [f"  receiver  {summary(host)}"] if host.sockets else []
    lines = []
    for lane in dropping[:_WORST]:
        waits = f"; {counted(lane.waiting_bytes, 'byte')} waiting" if lane.waiting_bytes else ""
        owner, dropped = owner_text(host, lane.port), counted(lane.dropped_packets, "packet", 16)
        lines.append(f"  port {lane.port:<5} {dropped} dropped at the socket of {owner}{waits}")
    if rest := dropping[_WORST:]:
        packets = sum(lane.dropped_packets for lane in rest)
        lines.append(f"  {'':10} {counted(packets, 'packet', 16)} dropped at {counted(len(rest), 'more port')}")
    return lines
