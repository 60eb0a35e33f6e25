"""The UDP sockets of this network namespace: /proc/net/udp and udp6, as net/ipv4/udp.c (udp4_format_sock) writes them.

Everybody may read them. `drops` is a counter of 32 bits (sk_drops), which begins at 0 with the socket and wraps; older
kernels write it with a sign. `rx_queue` is the memory that waiting packets take, their bookkeeping included. The
kernel walks all its sockets for each look, so what is read of a file is bounded.
"""

import re
import socket
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Final, NamedTuple

FILES: Final = (Path("/proc/net/udp"), Path("/proc/net/udp6"))
READ_LIMIT_BYTES: Final = 8 << 20
"""Of each file: 65,536 sockets. What stands behind it is not seen."""

_MODULUS: Final = 1 << 32


class UdpSocket(NamedTuple):
    """A bound socket as the kernel lists it."""

    port: int
    address: str
    """The local address in numbers: 0.0.0.0 and :: are all of this host, and :: mostly takes IPv4 as well."""
    inode: int
    """What tells it from another socket at the same place, for as long as it is open."""
    uid: int
    """The user who made it."""
    waiting_bytes: int
    drops: int
    """Packets thrown away since it was made, modulo 2^32."""


class UdpTable:
    """Looks at the sockets that are bound to some ports."""

    def __init__(self, ports: Collection[int]) -> None:
        """Choose the ports; lines of all others are passed over without being taken apart."""
        self._row = row_pattern(ports)

    def look(self) -> tuple[list[UdpSocket], bool]:
        """The sockets as they are now, and whether all lines were read. Raises OSError."""
        found: list[UdpSocket] = []
        whole = True
        for path in FILES:
            try:
                with path.open("rb") as file:
                    text = file.read(READ_LIMIT_BYTES)
                    whole &= len(text) < READ_LIMIT_BYTES
            except FileNotFoundError:  # a kernel without IPv6
                continue
            found += parse_udp(text, self._row)
        return found, whole


def row_pattern(ports: Collection[int]) -> re.Pattern[bytes]:
    """What a line of a socket at one of `ports` looks like."""
    listed = b"|".join(b"%04X" % port for port in sorted(ports)) or b"(?!)"
    return re.compile(
        rb"^ *\d{1,9}: ((?:[0-9A-F]{8}){1,4}):(" + listed + rb") [0-9A-F]{8,32}:[0-9A-F]{4} [0-9A-F]{2}"
        rb" [0-9A-F]{8}:([0-9A-F]{8}) [0-9A-F]{2}:[0-9A-F]{8} [0-9A-F]{8} +(\d{1,10}) +-?\d{1,10}"
        rb" (\d{1,20}) \d{1,10} \S{1,20} (-?\d{1,10}) *$",
        re.MULTILINE,
    )


def parse_udp(text: bytes, row: re.Pattern[bytes]) -> list[UdpSocket]:
    """The sockets of either file whose lines are like `row` (`row_pattern`); lines that are not are passed over."""
    found = []
    for match in row.finditer(text):
        address, port, waiting, uid, inode, drops = match.groups()
        if len(address) in (8, 32):
            found.append(
                UdpSocket(
                    port=int(port, 16),
                    address=_address(address),
                    inode=int(inode),
                    uid=int(uid),
                    waiting_bytes=int(waiting, 16),
                    drops=int(drops) % _MODULUS,
                )
            )
    return found


def _address(digits: bytes) -> str:
    """An address out of words of 32 bits, each as a number in the byte order of this machine."""
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words))
