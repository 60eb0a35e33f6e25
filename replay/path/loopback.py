"""Does the kernel accept frames of our own that go over loopback, or does it silently drop them? Some settings decide.

A datagram of a socket keeps its route over loopback, but a frame does not: the kernel looks the route up again when the
frame comes in. With IPv4 it drops a frame that comes from an address of this host, or from or to 127.0.0.0/8, since no
wire would bring such a frame (RFC 1812, section 5.3.7; net/ipv4/route.c, net/ipv4/fib_frontend.c). Two settings of the
device allow these frames. With a check of the reverse path (rp_filter, RFC 3704) the kernel also drops frames from an
address to which it has no route, or, by the strict check, no route over this device. With IPv6 it accepts them.
"""

import ipaddress
import socket
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import psutil

from replay.linux.network.interfaces import is_loopback
from replay.path.target import Target

_CONF: Final = Path("/proc/sys/net/ipv4/conf")
_STRICT: Final = 1
"""The value of rp_filter for the strict check; 0 is no check, 2 the loose one
(Documentation/networking/ip-sysctl.rst)."""
_LOOPBACK: Final = ipaddress.IPv4Network("127.0.0.0/8")

Network = tuple[int, int, int]
"""The IP version, the first address as a number, and how many addresses there are."""


def needed_settings(target: Target, sources: Network | None, own: Collection[int] = ()) -> tuple[str, ...]:
    """The settings of a loopback device that must be 1 for frames from `sources` to `target`.

    Without `sources` (None) frames come from this host's address. `own` are all addresses of this host, as numbers.
    """
    if target.family == socket.AF_INET6:
        return ()
    first, last = (sources[1], sources[1] + sources[2] - 1) if sources else (0, -1)
    from_loopback = first <= int(_LOOPBACK.broadcast_address) and last >= int(_LOOPBACK.network_address)
    to_loopback = ipaddress.IPv4Address(target.host) in _LOOPBACK
    settings = []
    if to_loopback or from_loopback:
        settings.append("route_localnet")
    if sources is None or from_loopback or any(first <= address <= last for address in own):
        settings.append("accept_local")
    return tuple(settings)


def lacking_settings(interface: str, target: Target, sources: Network | None) -> tuple[str, ...]:
    """The needed settings that are off, and the checks that are on, as arguments of sysctl(8) that correct them.

    It is enough if a setting is on for the device or for `all`. Other devices than loopback lack nothing.
    """
    if not is_loopback(interface):
        return ()
    needed = needed_settings(target, sources, own_addresses())
    off = [name for name in needed if not any(_value(device, name) for device in ("all", interface))]
    lacking = [f"net.ipv4.conf.{interface}.{name}=1" for name in off]
    if target.family == socket.AF_INET and sources is not None:
        lacking += _checked_paths(interface, sources)
    return tuple(lacking)


def own_addresses() -> set[int]:
    """The IPv4 addresses of this host, as numbers."""
    told = [each for of_device in psutil.net_if_addrs().values() for each in of_device]
    return {int(ipaddress.IPv4Address(each.address)) for each in told if each.family == socket.AF_INET}


def _checked_paths(interface: str, sources: Network) -> Iterator[str]:
    """The reverse path checks by which frames from the first or last of the `sources` would be dropped, turned off."""
    modes = {device: _value(device, "rp_filter") for device in ("all", interface)}
    strictest = max(modes.values())
    ends = {sources[1], sources[1] + sources[2] - 1}
    if strictest and not all(_is_routed(ipaddress.IPv4Address(end), interface, strictest) for end in ends):
        yield from (f"net.ipv4.conf.{device}.rp_filter=0" for device, mode in modes.items() if mode)


def _is_routed(address: ipaddress.IPv4Address, interface: str, mode: int) -> bool:
    """Whether an address passes the check of the reverse path. `mode` 1 is the strict check, 2 the loose one."""
    from replay.linux.network.routes import route_kind, route_to  # noqa: PLC0415 - pyroute2 takes a while to load

    try:
        if route_kind(socket.AF_INET, str(address)) == "local":
            return True
        return mode != _STRICT or route_to(socket.AF_INET, str(address)).interface == interface
    except OSError:
        return False


def mending(lacking: tuple[str, ...]) -> str:
    """The command that corrects the `lacking` settings."""
    return f"sudo sysctl -w {' '.join(lacking)}"


def refusal(interface: str, lacking: tuple[str, ...]) -> str:
    """The message that says why frames are not sent over loopback while settings are lacking."""
    return (
        f"{interface}: the kernel drops frames of our own over loopback until `{mending(lacking)}`; use --backend udp"
    )


def _value(device: str, name: str) -> int:
    """The value of a setting of a device; 0 where it can't be read."""
    try:
        return int((_CONF / device / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
