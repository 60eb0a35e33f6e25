"""Whether a network device is on, or loopback: netdevice(7), without the time that netlink's library takes to load."""

import fcntl
import socket
import struct
from typing import Final

LOOPBACK: Final = "lo"
"""The first device of every namespace (drivers/net/loopback.c)."""

SIOCGIFFLAGS: Final = 0x8913
IFF_UP: Final = 1 << 0
IFF_LOOPBACK: Final = 1 << 3
_IFREQ: Final = struct.Struct("16sH14x")


def is_up(name: str) -> bool:
    """Whether the device is there and switched on."""
    return bool(_flags(name) & IFF_UP)


def is_loopback(name: str) -> bool:
    """Whether the device is there and brings what it sends back to this host."""
    return bool(_flags(name) & IFF_LOOPBACK)


def _flags(name: str) -> int:
    """Its flags; 0 when it is not there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            answer = fcntl.ioctl(sock, SIOCGIFFLAGS, _IFREQ.pack(name.encode(), 0))
        except OSError:
            return 0
    flags: int = _IFREQ.unpack(answer)[1]
    return flags
