"""Where a run may send: to a SIEM in the lab, and not by accident to somebody else's host."""

import ipaddress
import socket
from dataclasses import dataclass
from typing import Final

from captures.console.errors import InputError, PreflightError
from replay.linux.sockets.udp_send import route_mtu
from replay.path.guard import check_host, check_kind, family_of, unmapped

HEADER_BYTES: Final = {socket.AF_INET: 20 + 8, socket.AF_INET6: 40 + 8}
"""The length of the IP and UDP headers together, without options."""

Address = tuple[str, int] | tuple[str, int, int, int]
"""An address as in the socket module: (host, port), and for IPv6 (host, port, flow label, scope)."""


@dataclass(frozen=True)
class Target:
    """The host that all lanes send to."""

    family: socket.AddressFamily
    host: str
    """The address of the host as text, in numbers."""
    scope: int = 0
    """The index of the interface, for a link-local IPv6 address."""

    def address(self, port: int) -> Address:
        """The socket address of a port of the host."""
        return (self.host, port, 0, self.scope) if self.family == socket.AF_INET6 else (self.host, port)


def resolve(text: str, *, allow_public: bool, family: int | None = None) -> Target:
    """The target that a host name or an address stands for: the first one found, of `family` if that is given.

    Raises InputError when the name can't be resolved, when the address belongs to no single host by its text or by
    the kernel's routes (multicast and broadcast, for example), or when it lies outside the private, loopback,
    link-local and benchmark ranges and `allow_public` is not set.
    """
    said = f"--target {text}"
    if type(text) is not str or family not in (None, socket.AF_INET, socket.AF_INET6):
        raise InputError(f"{said}: a target is a text, and of the family AF_INET or AF_INET6 if one is given")
    try:
        found = socket.getaddrinfo(text, None, family=family or socket.AF_UNSPEC, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise InputError(f"{said}: can't be resolved: {getattr(error, 'strerror', error)}") from None
    place = found[0][4]
    address = unmapped(ipaddress.ip_address(str(place[0]).partition("%")[0]))
    scope = place[3] if len(place) == 4 and address.version == 6 else 0
    check_host(said, address, allow_public=allow_public)
    if address.version == 6 and address.is_link_local and not scope:
        raise InputError(
            f"{said}: a link-local address is one of each wire; name the device as well, like {address}%eth0"
        )
    check_kind(said, family_of(address), address, scope)
    return Target(family_of(address), str(address), scope)


def check_mtu(target: Target, longest_bytes: int) -> int:
    """The MTU in bytes of the route to `target`; nothing is sent.

    Raises PreflightError where there is no route, or an event of `longest_bytes` would be fragmented.
    """
    try:
        mtu = route_mtu(target.family, target.address(1))
    except OSError as error:
        raise PreflightError(f"--target {target.host}: {error.strerror}; check `ip route get {target.host}`") from None
    check_packet(target, longest_bytes, mtu)
    return mtu


def check_packet(target: Target, longest_bytes: int, mtu: int) -> None:
    """Refuse events of `longest_bytes` where a packet has at most `mtu` bytes; raises PreflightError."""
    packet = longest_bytes + HEADER_BYTES[target.family]
    if packet > mtu:
        raise PreflightError(
            f"the capture's longest event has {longest_bytes} bytes, a packet of {packet}, and the route to "
            f"{target.host} takes {mtu}: it would be fragmented; raise the MTU or build shorter events"
        )
