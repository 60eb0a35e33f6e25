"""What can be seen of a host now? Its sockets at some ports, the processes that have them open, and its counters."""

from collections.abc import Sequence
from typing import Final

from replay.clock import monotonic_ns
from replay.linux.network.socket_owners import socket_owners
from replay.linux.network.softnet import backlogs
from replay.linux.network.udp_counters import udp_counters
from replay.linux.network.udp_sockets import UdpTable
from replay.linux.process_stat import ProcessStat, process_stat
from replay.receiver_host.accounts import Look

UDP_COUNTERS: Final = {
    "InDatagrams": "udp_read",
    "NoPorts": "udp_no_ports",
    "InErrors": "udp_in_errors",
    "RcvbufErrors": "udp_receive_buffer_errors",
    "InCsumErrors": "udp_checksum_errors",
    "MemErrors": "udp_memory_errors",
}
"""The kernel's names of the counters, and the names in the report."""

_OWNERS_HOLD_LOOKS: Final = 30
"""After so many looks the owners are searched again: a socket may have been passed on, or its process replaced."""


class Looker:
    """Looks at this host repeatedly. It remembers which process owns which socket, since finding that takes longest."""

    def __init__(self, ports: Sequence[int]) -> None:
        """Look at sockets at these ports."""
        self._table = UdpTable(ports)
        self._owners: dict[int, list[int] | None] = {}
        self._looks = 0

    def glance(self) -> Look:
        """Look at the sockets only. It takes some hundred microseconds, or milliseconds with thousands of sockets."""
        sockets, whole = self._table.look()
        return Look(monotonic_ns(), sockets, whole)

    def look(self) -> Look:
        """Look at everything. Raises OSError."""
        from replay.linux.network.links import received_by_device  # noqa: PLC0415 - pyroute2 takes a while to load

        sockets, whole = self._table.look()
        at_ns = monotonic_ns()
        owners = self._find_owners([socket.inode for socket in sockets])
        counted = udp_counters()
        return Look(
            at_ns=at_ns,
            sockets=sockets,
            whole=whole,
            owners=owners,
            processes=_processes(owners),
            counters={ours: counted.get(name, 0) for name, ours in UDP_COUNTERS.items()},
            backlogs={core: (row.dropped, row.time_squeezes) for core, row in backlogs().items()},
            nics=received_by_device(),
        )

    def _find_owners(self, inodes: Sequence[int]) -> dict[int, list[int] | None]:
        if set(inodes) != self._owners.keys() or self._looks % _OWNERS_HOLD_LOOKS == 0:
            found, complete = socket_owners(inodes)
            # An owner that was not found may be a process that this one may not examine.
            self._owners = {inode: pids if pids or complete else None for inode, pids in found.items()}
        self._looks += 1
        return self._owners


def _processes(owners: dict[int, list[int] | None]) -> dict[int, ProcessStat]:
    pids = {pid for found in owners.values() for pid in found or ()}
    stats = {pid: process_stat(pid) for pid in sorted(pids)}
    return {pid: stat for pid, stat in stats.items() if stat is not None}
