"""What this host's network counted on the way to its sockets: proc(5), net/ipv4/proc.c, net/core/net-procfs.c."""

from pathlib import Path
from typing import Final

import psutil

_UDP: Final = {
    "NoPorts": "udp_no_ports",
    "InErrors": "udp_in_errors",
    "RcvbufErrors": "udp_receive_buffer_errors",
    "InCsumErrors": "udp_checksum_errors",
    "MemErrors": "udp_memory_errors",
}
"""Of /proc/net/snmp and /proc/net/snmp6, by what a report calls them."""
_SOFTNET_DROPPED: Final = 1


def receive_counters() -> dict[str, int]:
    """Packets that did not reach a socket since the machine started, by where; all of this network namespace.

    UDP's are of IPv4 and IPv6 together. `backlog_dropped` (of all namespaces) are those for which a core's queue had no
    room (net.core.netdev_max_backlog); `nic_rx_dropped` and `nic_rx_errors` are of all devices but loopback. Raises
    OSError.
    """
    counted = dict.fromkeys(_UDP.values(), 0)
    for name, value in [*_snmp(Path("/proc/net/snmp")), *_snmp6(Path("/proc/net/snmp6"))]:
        if name in _UDP:
            counted[_UDP[name]] += value
    rows = Path("/proc/net/softnet_stat").read_text(encoding="utf-8", errors="replace").splitlines()
    counted["backlog_dropped"] = sum(int(row.split()[_SOFTNET_DROPPED], 16) for row in rows)
    devices = [device for name, device in psutil.net_io_counters(pernic=True).items() if name != "lo"]
    counted["nic_rx_dropped"] = sum(device.dropin for device in devices)
    counted["nic_rx_errors"] = sum(device.errin for device in devices)
    return counted


def _snmp(path: Path) -> list[tuple[str, int]]:
    """The `Udp:` pair of lines: names, and their values."""
    names, values = (
        line.split()[1:]
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.startswith("Udp:")
    )
    return [(name, int(value)) for name, value in zip(names, values, strict=True)]


def _snmp6(path: Path) -> list[tuple[str, int]]:
    """A name and its value a line; there is no such file on a kernel without IPv6."""
    if not path.exists():
        return []
    pairs = (
        line.split()
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.startswith("Udp6")
    )
    return [(name.removeprefix("Udp6"), int(value)) for name, value in pairs]
