"""What this host's network counted on the way to its sockets: proc(5)."""

from typing import Final

import psutil

from replay.linux.network.softnet import backlogs
from replay.linux.network.udp_counters import udp_counters

_UDP: Final = {
    "NoPorts": "udp_no_ports",
    "InErrors": "udp_in_errors",
    "RcvbufErrors": "udp_receive_buffer_errors",
    "InCsumErrors": "udp_checksum_errors",
    "MemErrors": "udp_memory_errors",
}
"""Of UDP's counters, by what a report calls them."""


def receive_counters() -> dict[str, int]:
    """Packets that did not reach a socket since the machine started, by where; all of this network namespace.

    UDP's are of IPv4 and IPv6 together. `backlog_dropped` (of all namespaces) are those for which a core's queue had no
    room (net.core.netdev_max_backlog); `nic_rx_dropped` and `nic_rx_errors` are of all devices but loopback. Raises
    OSError.
    """
    udp = udp_counters()
    counted = {ours: udp.get(name, 0) for name, ours in _UDP.items()}
    counted["backlog_dropped"] = sum(core.dropped for core in backlogs().values())
    devices = [device for name, device in psutil.net_io_counters(pernic=True).items() if name != "lo"]
    counted["nic_rx_dropped"] = sum(device.dropin for device in devices)
    counted["nic_rx_errors"] = sum(device.errin for device in devices)
    return counted
