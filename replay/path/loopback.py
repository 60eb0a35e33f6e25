"""Whether the kernel takes in frames of our own that go over loopback, or drops them without a word.

A datagram of a socket keeps its route over loopback, a frame does not: the kernel looks it up again when it comes in,
and by IPv4 drops what comes from an address of its own, or to or from 127.0.0.0/8, as no wire would bring it (RFC 1812,
section 5.3.7; net/ipv4/route.c, net/ipv4/fib_frontend.c). Two settings of the device allow it. IPv6 takes it in.
"""

import ipaddress
import socket
from pathlib import Path
from typing import Final

from replay.linux.network.interfaces import is_loopback
from replay.path.target import Target

_CONF: Final = Path("/proc/sys/net/ipv4/conf")
_LOOPBACK: Final = ipaddress.IPv4Network("127.0.0.0/8")

Network = tuple[int, int, int]
"""The IP version, the first address, and how many there are."""


def needed_settings(target: Target, sources: Network | None) -> tuple[str, ...]:
    """The settings of a loopback device that have to be 1 for frames from `sources` to `target`.

    None: they come from this host's address.
    """
    if target.family == socket.AF_INET6:
        return ()
    first, last = (sources[1], sources[1] + sources[2] - 1) if sources else (0, -1)
    from_loopback = first <= int(_LOOPBACK.broadcast_address) and last >= int(_LOOPBACK.network_address)
    to_loopback = ipaddress.IPv4Address(target.host) in _LOOPBACK
    settings = []
    if to_loopback or from_loopback:
        settings.append("route_localnet")
    if sources is None or from_loopback:
        settings.append("accept_local")
    return tuple(settings)


def lacking_settings(interface: str, target: Target, sources: Network | None) -> tuple[str, ...]:
    """Those of `needed_settings` that are off, as sysctl(8) sets them on; none on another device.

    Either of a device's own or `all` will do.
    """
    if not is_loopback(interface):
        return ()
    return tuple(
        f"net.ipv4.conf.{interface}.{name}=1"
        for name in needed_settings(target, sources)
        if not any(_is_on(_CONF / device / name) for device in ("all", interface))
    )


def mending(lacking: tuple[str, ...]) -> str:
    """The command that sets them on."""
    return f"sudo sysctl -w {' '.join(lacking)}"


def refusal(interface: str, lacking: tuple[str, ...]) -> str:
    """Why frames are not sent over loopback while settings are lacking."""
    return (
        f"{interface}: the kernel drops frames of our own over loopback until `{mending(lacking)}`; use --backend udp"
    )


def _is_on(setting: Path) -> bool:
    try:
        return setting.read_text(encoding="ascii").strip() != "0"
    except OSError:
        return False
