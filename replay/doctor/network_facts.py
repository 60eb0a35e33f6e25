"""What is on the way to a target? The route, its device, and the next hop. Nothing is sent to the target itself.

This module loads pyroute2, which takes a while, so it is only loaded where it is needed.
"""

from contextlib import suppress
from dataclasses import dataclass

from replay.clock import monotonic_ns, sleep_ns
from replay.linux.network.links import Link, features, link
from replay.linux.network.routes import Route, next_hop_mac, route_to
from replay.path.loopback import lacking_settings
from replay.path.request import PathRequest
from replay.path.target import Target


@dataclass(frozen=True)
class NetworkFacts:
    """The present way to a target."""

    target: Target
    route: Route | None
    refusal: str | None
    """The kernel's error message if there is no route."""
    device: Link | None
    """The device of the route, or the one that the user names; None: there is no such device."""
    features: dict[str, bool]
    """The features of the device; empty if it does not report them."""
    next_mac: bytes | None
    """The hardware address to which frames go; None: nobody answered, or without route or device nobody was asked."""
    lacking: tuple[str, ...] = ()
    """Settings without which the device, a loopback one, drops frames of our own: `replay.path.loopback`."""


def network_facts(target: Target, path: PathRequest) -> NetworkFacts:
    """Gather the facts of the way to `target`. An unknown address of the next hop is asked for. Raises OSError."""
    route, refusal, device = None, None, None
    try:
        route = route_to(target.family, target.host, scope=target.scope, interface=path.interface)
    except OSError as error:
        refusal = error.strerror
    name = path.interface or (route.interface if route else None)
    if name is not None:
        with suppress(OSError):
            device = link(name)
    next_mac = path.next_mac
    if next_mac is None and route and device and device.up:
        with suppress(OSError):
            next_mac = next_hop_mac(route, target.family, target.host, sleep_ns=sleep_ns, monotonic_ns=monotonic_ns)
    return NetworkFacts(
        target=target,
        route=route,
        refusal=refusal,
        device=device,
        features=features(device.name) if device else {},
        next_mac=next_mac,
        lacking=lacking_settings(device.name, target, path.network) if device else (),
    )
