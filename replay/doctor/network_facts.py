"""What is so on the way to a target: the route, its device, and who is next. Nothing is sent to the target itself.

Loads pyroute2, so this module is only loaded where it is needed.
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
    """The way to a target as it is now."""

    target: Target
    route: Route | None
    refusal: str | None
    """What the kernel says in place of a route."""
    device: Link | None
    """That of the route, or the one that the user names; None: there is no such device."""
    features: dict[str, bool]
    """Of the device; empty when it does not tell."""
    next_mac: bytes | None
    """Where frames go; None: nobody answers, or nobody was asked for want of a route or a device that is up."""
    lacking: tuple[str, ...] = ()
    """Settings without which the device, a loopback one, drops frames of our own: `replay.path.loopback`."""


def network_facts(target: Target, options: PathRequest) -> NetworkFacts:
    """The way to `target`; a neighbour that nobody knows is asked for, as `next_hop_mac` says. Raises OSError."""
    route, refusal, device = None, None, None
    try:
        route = route_to(target.family, target.host, scope=target.scope, interface=options.interface)
    except OSError as error:
        refusal = error.strerror
    name = options.interface or (route.interface if route else None)
    if name is not None:
        with suppress(OSError):
            device = link(name)
    next_mac = options.next_mac
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
        lacking=lacking_settings(device.name, target, options.network) if device else (),
    )
