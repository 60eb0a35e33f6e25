"""Which packets are asked for: by port, by host and by instant."""

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel

PORTS: Final = 1 << 16
FIRST_INSTANT_NS: Final = -(1 << 63)
LAST_INSTANT_NS: Final = (1 << 63) - 1


@dataclass(frozen=True)
class DissectorOptions:
    """What an import takes of the packets. Without options: all there is."""

    ports: Collection[int] | None = None
    """The ports to which a message goes; None: all. Streams of TCP to a port that is named hold syslog, whatever they
    begin with; others only if they begin as RFC 6587 says."""
    hosts: tuple[IPv4Network | IPv6Network, ...] = ()
    """Source or target lies in one of them; none: all."""
    from_ns: int = FIRST_INSTANT_NS
    """The first instant, since 1970 UTC."""
    to_ns: int = LAST_INSTANT_NS
    """The first instant that is too late."""
    keep_cut: bool = False
    """Whether messages are taken, too, of which a snaplen cut off the end."""
    split_trains: bool = False
    """Whether a super-packet becomes the events that it holds."""


class Filters(NamedTuple):
    """Options as kernels read them."""

    ports: NDArray[np.bool_]
    """Whether a port is asked for; shape (65536,)."""
    networks: NDArray[np.int64]
    """Family, mask and value of each network: two words each as in a key; shape (networks, 5)."""
    from_ns: int
    to_ns: int
    keep_cut: int
    """1: yes."""


def filters_of(options: DissectorOptions) -> Filters:
    """The filters that `options` ask for."""
    ports = np.zeros(PORTS, np.bool_)
    ports[list(range(PORTS)) if options.ports is None else sorted(options.ports)] = True
    networks = np.zeros((len(options.hosts), 5), np.int64)
    for row, network in zip(networks, options.hosts, strict=True):
        row[0] = network.version
        row[1:3] = np.frombuffer(network.netmask.packed.ljust(16, b"\0"), "<i8")
        row[3:5] = np.frombuffer(network.network_address.packed.ljust(16, b"\0"), "<i8")
    return Filters(ports, networks, options.from_ns, options.to_ns, int(options.keep_cut))


@kernel
def is_of_hosts(networks: NDArray[np.int64], key: NDArray[np.int64]) -> bool:
    """Whether a flow comes from, or goes to, one of `networks`; if there are none, each does."""
    family = key[0] & 0xFF
    for row in range(len(networks)):
        if networks[row, 0] != family:
            continue
        for address in range(4, 8, 2):
            low = (key[address] & networks[row, 1]) == networks[row, 3]
            if low and (key[address + 1] & networks[row, 2]) == networks[row, 4]:
                return True
    return len(networks) == 0


@kernel
def is_to_ports(ports: NDArray[np.bool_], key: NDArray[np.int64]) -> bool:
    """Whether a flow goes to one of the ports that are asked for."""
    return bool(ports[int64(key[0]) >> 48 & 0xFFFF])


@kernel
def is_from_ports(ports: NDArray[np.bool_], key: NDArray[np.int64]) -> bool:
    """Whether a flow comes from one of the ports that are asked for: it answers what goes there."""
    return bool(ports[int64(key[0]) >> 32 & 0xFFFF])
