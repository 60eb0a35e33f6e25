"""What this host's network counted on the way to its sockets: proc(5)."""

from dataclasses import dataclass
from typing import Final

import psutil

from replay.linux.growth import grown, grown_by_core, grown_by_device
from replay.linux.network.softnet import backlogs
from replay.linux.network.udp_counters import udp_counters

_UDP: Final = {
    "NoPorts": "udp_no_ports",
    "InErrors": "udp_in_errors",
    "RcvbufErrors": "udp_receive_buffer_errors",
    "InCsumErrors": "udp_checksum_errors",
    "MemErrors": "udp_memory_errors",
}
"""The counters of UDP that are read, by the kernel's names; the values are the names in a report."""


@dataclass(frozen=True)
class ReceiveCounters:
    """Packets that did not reach a socket since the machine started, by where."""

    udp: dict[str, int]
    """What UDP counted in this network namespace, for IPv4 and IPv6 together, by the names in a report."""
    backlogs: dict[int, int]
    """By core, the packets for which its queue had no room (net.core.netdev_max_backlog), of all network namespaces.

    The kernel counts them modulo 2^32.
    """
    devices: dict[str, dict[str, int]]
    """By device, the packets that were dropped or damaged; all devices of this namespace are there but loopback."""

    def since(self, before: "ReceiveCounters") -> dict[str, int]:
        """What was counted since the counters were read as `before`, by the names in a report."""
        devices = grown_by_device(before.devices, self.devices).values()
        return {
            **grown(before.udp, self.udp),
            "backlog_dropped": grown_by_core(before.backlogs, self.backlogs),
            "nic_rx_dropped": sum(device["dropped"] for device in devices),
            "nic_rx_errors": sum(device["errors"] for device in devices),
        }


def receive_counters() -> ReceiveCounters:
    """Read the counters as they are now. Raises OSError."""
    udp = udp_counters()
    devices = psutil.net_io_counters(pernic=True, nowrap=False)
    return ReceiveCounters(
        {ours: udp.get(name, 0) for name, ours in _UDP.items()},
        {core: row.dropped for core, row in backlogs().items()},
        {name: {"dropped": device.dropin, "errors": device.errin} for name, device in devices.items() if name != "lo"},
    )
