"""Which addresses may be targets or sources? Only those of single hosts, and of one's own lab.

The text of an address is not enough to judge it: the last address of a network is a broadcast address, for example,
which only shows if one knows the network. So the kernel is asked as well: for the kind of the target's route, and for
the addresses in its tables that belong to no single host. Nothing is sent.
"""

import ipaddress
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from captures.console.errors import InputError, PreflightError
from replay.linux.network.interfaces import LOOPBACK, is_up

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LAB: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # private: RFC 1918
        *("127.0.0.0/8", "::1/128"),  # loopback: RFC 1122, RFC 4291
        *("198.18.0.0/15", "2001:2::/48"),  # benchmarks: RFC 2544, RFC 5180
        *("169.254.0.0/16", "fe80::/10"),  # link-local: RFC 3927, RFC 4291
        "fc00::/7",  # private: RFC 4193
    )
)
_NO_HOST: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ipaddress.ip_network(text), why)
    for text, why in (
        ("0.0.0.0/8", "no host's"),  # RFC 1122, section 3.2.1.3
        ("::/128", "no host's"),
        ("224.0.0.0/4", "a multicast group"),
        ("ff00::/8", "a multicast group"),
        ("255.255.255.255/32", "the broadcast address of every network"),
        ("::ffff:0:0/96", "an IPv4 address written as IPv6"),  # RFC 4291, section 2.5.5.2: never on a wire
    )
)
_NO_SOURCE: Final[tuple[tuple[Network, str], ...]] = (
    *_NO_HOST,
    *(
        (ipaddress.ip_network(text), why)
        for text, why in (
            ("127.0.0.0/8", "loopback"),
            ("::1/128", "loopback"),
            ("240.0.0.0/4", "reserved"),  # RFC 1112, section 4; hosts drop packets from there
        )
    ),
)
_NO_UNICAST: Final = {
    "broadcast": "a broadcast address",
    "multicast": "a multicast group",
    "anycast": "an anycast address",
}


def unmapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for (RFC 4291, section 2.5.5.2); any other address itself."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def check_host(said: str, address: Address, *, allow_public: bool) -> None:
    """Refuse an address of no single host, and, unless `allow_public`, one outside the lab. Raises InputError.

    `said` is the flag and its value, with which the message begins.
    """
    for network, why in _NO_HOST:
        if address in network:
            raise InputError(f"{said}: {address} is not the address of one host but {why}; name the SIEM's own address")
    if not allow_public and not any(address in network for network in _LAB):
        raise InputError(
            f"{said}: {address} is outside the private, loopback and benchmark ranges; "
            "if that host is yours to load, say --allow-public"
        )


def check_loopback(said: str) -> None:
    """Refuse to send over a loopback device that is down, as it is in a new namespace. Raises PreflightError."""
    if not is_up(LOOPBACK):
        raise PreflightError(
            f"{said}: the loopback device is down, and what is sent to this host itself is lost; "
            f"`sudo ip link set {LOOPBACK} up`"
        )


def check_kind(said: str, family: int, address: Address, scope: int) -> None:
    """Refuse an address that belongs to no single host by the kernel's routes. Raises InputError.

    For an address of this host, raises PreflightError when its loopback device is down. A missing route is reported
    elsewhere.
    """
    if address.is_loopback:
        check_loopback(said)
    if address in (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")):
        return
    from replay.linux.network.routes import route_kind  # noqa: PLC0415 - pyroute2 takes a while to load

    kind = None
    with suppress(OSError):
        kind = route_kind(family, str(address), scope=scope)
    if kind == "local":
        check_loopback(said)
    if kind in _NO_UNICAST:
        raise InputError(
            f"{said}: {address} is {_NO_UNICAST[kind]} here, by `ip route get {address}`; name the SIEM's own address"
        )


def check_sources(first: Address, count: int, target: Address, *, allow_public: bool) -> None:
    """Refuse sources that no packet may come from, or that are outside the lab. Raises InputError.

    The sources are `count` addresses in a row from `first` on. The real owner of such an address gets the answers and
    the ICMP errors. A host silently drops packets that come from a broadcast address, or from its own.
    """
    last = first + (count - 1)
    for network, why in _NO_HOST if target.is_loopback else _NO_SOURCE:
        if first in network or _holds(first, count, network[0]):
            raise InputError(f"--source-ips: it holds addresses of {network}: {why}; choose a network of hosts")
    if _holds(first, count, target) and not target.is_loopback:
        raise InputError(f"--source-ips: it holds the target {target}, which drops what claims to come from itself")
    if not allow_public and not any(first in network and last in network for network in _LAB):
        raise InputError(
            f"--source-ips: {first} to {last} are not all in the private and benchmark ranges, and who has such an "
            "address gets the target's answers; if they are yours, say --allow-public"
        )


def check_known(first: Address, count: int, known: Iterable[tuple[str, str, str]]) -> None:
    """Refuse sources that include one of `known`, addresses of no single host (address, kind, device). InputError."""
    for text, kind, device in known:
        address = ipaddress.ip_address(text)
        if _holds(first, count, address) and kind in _NO_UNICAST:
            raise InputError(
                f"--source-ips: it holds {address}, {_NO_UNICAST[kind]} of {device}, and hosts drop what comes from "
                "there; choose a network without it"
            )


def check_next_hop(said: str, mac: bytes) -> None:
    """Refuse a hardware address of a group (IEEE 802, section 8.2.2): all hosts would get every frame. InputError."""
    if mac and mac[0] & 1:
        raise InputError(f"{said}: {mac.hex(':')} is the address of a group, not of one host; name the next hop's own")


def family_of(address: Address) -> socket.AddressFamily:
    """AF_INET or AF_INET6."""
    return socket.AF_INET6 if address.version == 6 else socket.AF_INET


def _holds(first: Address, count: int, address: Address) -> bool:
    """Whether an address is one of `count` addresses in a row from `first` on."""
    return address.version == first.version and 0 <= int(address) - int(first) < count
