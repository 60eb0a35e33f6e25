"""Looks at hosts that nobody here has."""

from typing import Any

from replay.linux.network.udp_sockets import UdpSocket
from replay.linux.process_stat import ProcessStat
from replay.receiver_host.accounts import Accounts, Look

SECOND_NS = 10**9
BEGIN_NS = 10**15


def udp(port: int = 514, inode: int = 1, drops: int = 0, waiting_bytes: int = 0, address: str = "0.0.0.0") -> UdpSocket:
    return UdpSocket(port, address, inode, 104, waiting_bytes, drops)


def look(second: float, *sockets: UdpSocket, **more: Any) -> Look:
    return Look(BEGIN_NS + int(second * SECOND_NS), list(sockets), **more)


def whole(second: float, *sockets: UdpSocket, **more: Any) -> Look:
    """A look at all there is to see: rsyslogd owns every socket, and takes a core."""
    seen = {
        "owners": {socket.inode: [812] for socket in sockets},
        "processes": {812: ProcessStat("rsyslogd", int(100 * second), 40 << 20, 7)},
        "counters": {
            "udp_read": 0,
            "udp_no_ports": 0,
            "udp_in_errors": 0,
            "udp_receive_buffer_errors": 0,
            "udp_checksum_errors": 0,
            "udp_memory_errors": 0,
        },
        "backlogs": {0: (0, 0)},
        "nics": {
            "eth0": {"rx_packets": 0, "rx_dropped": 0, "rx_missed_errors": 0, "rx_fifo_errors": 0, "rx_errors": 0}
        },
    }
    return look(second, *sockets, **seen | more)


def accounts(*looks: Look, ports: tuple[int, ...] = (514, 515)) -> Accounts:
    taken = Accounts(ports)
    for each in looks:
        taken.take(each)
    return taken
