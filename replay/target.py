"""Where a run may send: a SIEM in the lab, and not somebody else's host by accident (requirement S6)."""

import ipaddress
import socket
from dataclasses import dataclass
from typing import Final

from captures.errors import InputError, PreflightError
from replay.linux.udp_send import route_mtu

_ALLOWED: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # private: RFC 1918
        *("127.0.0.0/8", "::1/128"),  # loopback: RFC 1122, RFC 4291
        *("198.18.0.0/15", "2001:2::/48"),  # benchmarks: RFC 2544, RFC 5180
        *("169.254.0.0/16", "fe80::/10"),  # link-local: RFC 3927, RFC 4291
        "fc00::/7",  # private: RFC 4193
    )
)

_HEADER_BYTES: Final = {socket.AF_INET: 20 + 8, socket.AF_INET6: 40 + 8}
"""IP and UDP header without options."""

Address = tuple[str, int] | tuple[str, int, int, int]
"""As the socket module has it: (host, port), and for IPv6 (host, port, flow label, scope)."""


@dataclass(frozen=True)
class Target:
    """The host that all lanes send to."""

    family: socket.AddressFamily
    host: str
    """The address, in numbers."""
    scope: int = 0
    """The interface of a link-local IPv6 address."""

    def address(self, port: int) -> Address:
        """The socket address of one of its ports."""
        return (self.host, port, 0, self.scope) if self.family == socket.AF_INET6 else (self.host, port)


def resolve(text: str, *, allow_public: bool) -> Target:
    """The target that a host name or an address stands for.

    Raises InputError when it can't be found, or lies outside the private, loopback, link-local and benchmark
    ranges and `allow_public` is not set; multicast and broadcast are never a target.
    """
    try:
        found = socket.getaddrinfo(text, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise InputError(f"--target {text}: can't be resolved: {getattr(error, 'strerror', error)}") from None
    family, _, _, _, place = found[0]
    host = str(place[0]).partition("%")[0]
    address = ipaddress.ip_address(host)
    if address.is_multicast or address.is_unspecified or host == "255.255.255.255":
        raise InputError(f"--target {text}: {host} is not the address of one host; name the SIEM's own address")
    if not allow_public and not any(address in network for network in _ALLOWED):
        raise InputError(
            f"--target {text}: {host} is outside the private, loopback and benchmark ranges; "
            "if that host is yours to load, say --allow-public"
        )
    return Target(family, host, place[3] if len(place) == 4 else 0)


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
    packet = longest_bytes + _HEADER_BYTES[target.family]
    if packet > mtu:
        raise PreflightError(
            f"the capture's longest event has {longest_bytes} bytes, a packet of {packet}, and the route to "
            f"{target.host} takes {mtu}: it would be fragmented; raise the MTU or build shorter events"
        )
