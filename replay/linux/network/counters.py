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
"""Of UDP's counters, by what a report calls them."""


@dataclass(frozen=True)
class ReceiveCounters:
    """Packets that did not reach a socket since the machine started, by where."""

    udp: dict[str, int]
    """Of this network namespace, IPv4 and IPv6 together."""
    backlogs: dict[int, int]
    """Those for which a core's queue had no room (net.core.netdev_max_backlog), of all namespaces; modulo 2^32."""
    devices: dict[str, dict[str, int]]
    """Of all devices of this namespace but loopback."""

    def since(self, before: "ReceiveCounters") -> dict[str, int]:
        """What was counted since, by the names of a report."""
        devices = grown_by_device(before.devices, self.devices).values()
        return {
            **grown(before.udp, self.udp),
            "backlog_dropped": grown_by_core(before.backlogs, self.backlogs),
            "nic_rx_dropped": sum(device["dropped"] for device in devices),
            "nic_rx_errors": sum(device["errors"] for device in devices),
        }


def receive_counters() -> ReceiveCounters:
    """As they are now. Raises OSError."""
    udp = udp_counters()
    devices = psutil.net_io_counters(pernic=True, nowrap=False)
    return ReceiveCounters(
        {ours: udp.get(name, 0) for name, ours in _UDP.items()},
        {core: row.dropped for core, row in backlogs().items()},
        {name: {"dropped": device.dropin, "errors": device.errin} for name, device in devices.items() if name != "lo"},
    )
