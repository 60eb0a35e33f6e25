"""What is this machine like for a run to some target? This looks at its network card and its cores.

pyroute2 takes a while to load, so it is only used where there is a card.
"""

import ipaddress
import platform
from collections.abc import Sequence

from captures.console.errors import PreflightError
from replay.linux.cores import memory_nodes, siblings
from replay.machine.core_order import Topology
from replay.machine.situation import OFFLOADS, Situation
from replay.path.target import Target


def topology_of(target: Target, interface: str | None, cpus: Sequence[int]) -> Topology:
    """The facts by which to choose among `cpus`, for a run to `target`, through `interface` if it is given."""
    nodes, threads = memory_nodes(cpus), siblings(cpus)
    if interface is None and ipaddress.ip_address(target.host).is_loopback:
        return Topology(nodes=nodes, siblings=threads)
    from replay.linux.network.links import link  # noqa: PLC0415

    try:
        card = link(interface or _device(target))
    except OSError:  # there is no way to the target, which is reported when sending is prepared
        return Topology(nodes=nodes, siblings=threads)
    return Topology(card.name, card.numa_node, card.irq_cpus, nodes, threads)


def situation(target: Target, interface: str | None) -> Situation:
    """The present situation of runs to `target`. Raises PreflightError when there is no way to the target."""
    from replay.linux.network.links import features, link  # noqa: PLC0415

    try:
        card = link(interface or _device(target))
        on = features(card.name)
    except OSError as error:
        raise PreflightError(f"--target {target.host}: {error.strerror}; check `ip route get {target.host}`") from None
    return Situation(
        interface=card.name,
        mtu=card.mtu,
        kernel=platform.release(),
        offloads=tuple(offload for offload in OFFLOADS if on.get(offload)),
    )


def _device(target: Target) -> str:
    from replay.linux.network.routes import route_to  # noqa: PLC0415

    return route_to(target.family, target.host, scope=target.scope).interface
