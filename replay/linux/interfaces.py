"""Whether a network device is switched on: netdevice(7), without the time that netlink's library takes to load."""

import fcntl
import socket
import struct
from typing import Final

LOOPBACK: Final = "lo"
"""The first device of every namespace (drivers/net/loopback.c)."""

SIOCGIFFLAGS: Final = 0x8913
IFF_UP: Final = 1 << 0
_IFREQ: Final = struct.Struct("16sH14x")


def is_up(name: str) -> bool:
    """Whether the device is there and switched on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            answer = fcntl.ioctl(sock, SIOCGIFFLAGS, _IFREQ.pack(name.encode(), 0))
        except OSError:
            return False
    return bool(_IFREQ.unpack(answer)[1] & IFF_UP)
