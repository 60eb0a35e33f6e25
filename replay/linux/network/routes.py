"""The way to a host, and the hardware address of its first hop: rtnetlink(7), arp(7).

For those who write frames themselves; the kernel's own sockets find all this out without being asked.
"""

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from pyroute2 import NetlinkError

from replay.linux.network.links import IFF_LOOPBACK, IFF_NOARP, find, rtnetlink

NO_MAC: Final = bytes(6)
"""What stands in a frame's header where nobody reads it."""

# include/uapi/linux/neighbour.h
NUD_REACHABLE: Final = 0x02
NUD_STALE: Final = 0x04
NUD_DELAY: Final = 0x08
NUD_PROBE: Final = 0x10
NUD_NOARP: Final = 0x40
NUD_PERMANENT: Final = 0x80
NUD_NONE: Final = 0x00
NTF_USE: Final = 0x01

# include/uapi/linux/rtnetlink.h
RT_TABLE_LOCAL: Final = 255
_KINDS: Final = {1: "unicast", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast"}

_USABLE: Final = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_NOARP | NUD_PERMANENT
_DISCARD_PORT: Final = 9  # RFC 863
_POLL_NS: Final = 10_000_000


@dataclass(frozen=True)
class Route:
    """How packets get to a host."""

    interface: str
    index: int
    gateway: str | None
    """The next hop, which may be of the other family (RFC 5549); None on the same wire, and on loopback."""
    source: str
    """The address that the kernel would send from."""
    mtu: int
    """The longest packet in bytes: of the path as far as known, else of the device."""


def route_to(family: int, host: str, *, scope: int = 0, interface: str | None = None) -> Route:
    """The kernel's route to a numeric address, through `interface` when it is given; sends nothing.

    `scope` is the index of the device of a link-local address (ipv6(7)). An IPv4 host to which `interface` has no
    route counts as on its wire, as for a socket bound to it. Raises OSError: ENETUNREACH and the like, ENODEV when
    there is no such interface, EADDRNOTAVAIL when there is no address to send from.
    """
    with rtnetlink() as netlink:
        index = scope if interface is None else find(netlink, ifname=interface)["index"]
        through = {"oif": index} if index else {}
        found = next(iter(netlink.route("get", family=family, dst=_normal(family, host), **through)))
        device = find(netlink, index=found.get_attr("RTA_OIF"))
    source = found.get_attr("RTA_PREFSRC")
    if source is None:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    via = found.get_attr("RTA_VIA")
    return Route(
        interface=device.get_attr("IFLA_IFNAME"),
        index=device["index"],
        gateway=via["addr"] if via else found.get_attr("RTA_GATEWAY"),
        source=source,
        mtu=found.get_nested("RTA_METRICS", "RTAX_MTU") or _device_mtu(family, device),
    )


def route_kind(family: int, host: str, *, scope: int = 0) -> str:
    """What the kernel's route to a numeric address makes of it (rtnetlink(7), rtm_type); sends nothing.

    `unicast`, `local`, `broadcast`, `multicast` or `anycast`. Raises OSError where there is no route.
    """
    through = {"oif": scope} if scope else {}
    with rtnetlink() as netlink:
        found = next(iter(netlink.route("get", family=family, dst=_normal(family, host), **through)))
    return _KINDS.get(found["type"], "unicast")


def group_addresses(family: int) -> list[tuple[str, str, str]]:
    """Single addresses that the local table holds as those of several hosts: address, kind and device of each."""
    with rtnetlink() as netlink:
        held = []
        for row in netlink.route("dump", family=family, table=RT_TABLE_LOCAL):
            kind, address = _KINDS.get(row["type"], "unicast"), row.get_attr("RTA_DST")
            if kind in ("broadcast", "anycast") and address is not None:
                device = find(netlink, index=row.get_attr("RTA_OIF")).get_attr("IFLA_IFNAME")
                held.append((address, kind, device))
        return held


def next_hop_mac(
    route: Route,
    family: int,
    host: str,
    *,
    sleep_ns: Callable[[int], None],
    monotonic_ns: Callable[[], int],
    patience_ns: int = 2_000_000_000,
) -> bytes | None:
    """The six bytes of the hardware address that frames to `host` go to by `route`; NO_MAC where none is needed.

    A neighbour that is not known is asked for, by ARP or neighbour discovery; for want of CAP_NET_ADMIN, by an empty
    datagram to the host's discard port. None when no answer comes within `patience_ns`. Raises OSError.
    """
    hop = host if route.gateway is None else route.gateway
    hop_family = socket.AF_INET6 if ":" in hop else socket.AF_INET
    hop = _normal(hop_family, hop)
    deadline_ns = monotonic_ns() + patience_ns
    with rtnetlink() as netlink:
        if find(netlink, index=route.index)["flags"] & (IFF_LOOPBACK | IFF_NOARP):
            return NO_MAC
        mac = _known(netlink, route.index, hop_family, hop)
        if mac is None and not _asked(netlink, route.index, hop_family, hop):
            _knock(route, family, host)
        while mac is None and monotonic_ns() < deadline_ns:
            sleep_ns(_POLL_NS)
            mac = _known(netlink, route.index, hop_family, hop)
    return mac


def _known(netlink: Any, index: int, family: int, hop: str) -> bytes | None:
    """What the neighbour table has to say: all of it is read, since kernels before 5.0 give no single entry."""
    for entry in netlink.get_neighbours(family):
        if (entry["ifindex"], entry.get_attr("NDA_DST")) == (index, hop) and entry["state"] & _USABLE:
            return bytes.fromhex(entry.get_attr("NDA_LLADDR").replace(":", ""))
    return None


def _asked(netlink: Any, index: int, family: int, hop: str) -> bool:
    """Have the kernel look for a neighbour; False without the right to."""
    try:
        # "replace", since an entry of an earlier attempt may still stand; with NTF_USE it changes none that is known.
        netlink.neigh("replace", family=family, dst=hop, ifindex=index, state=NUD_NONE, flags=NTF_USE)
    except NetlinkError as error:
        if error.code == errno.EPERM:
            return False
        raise
    return True


def _knock(route: Route, family: int, host: str) -> None:
    """Send an empty datagram, before which the kernel has to find the neighbour itself."""
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        with suppress(PermissionError):  # kernels before 5.7 ask for CAP_NET_RAW
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, route.interface.encode())
        where = (host, _DISCARD_PORT, 0, route.index) if family == socket.AF_INET6 else (host, _DISCARD_PORT)
        sock.sendto(b"", where)


def _device_mtu(family: int, device: Any) -> int:
    """The device's MTU in bytes; IPv6 has one of its own, which routers may lower (RFC 4861, section 4.6.4)."""
    mtu: int = device.get_attr("IFLA_MTU")
    if family == socket.AF_INET6:
        settings = device.get_nested("IFLA_AF_SPEC", "AF_INET6", "IFLA_INET6_CONF")
        return min(mtu, settings["mtu"]) if settings else mtu
    return mtu


def _normal(family: int, host: str) -> str:
    """An address as the kernel writes it; raises OSError when it is none of that family."""
    return socket.inet_ntop(family, socket.inet_pton(family, host))
