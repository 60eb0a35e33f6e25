"""Which source address and port does a train come from? Pure.

All events of a train have the same source. If the capture knows no sources, a worker takes all combinations of address
and port in turn, in steps of the golden section: each combination comes once before any comes again, and two in a row
are far apart. If the capture knows its hosts, source number i is address i of the network (and port i of the range), so
each host keeps its address.
"""

import ipaddress
from dataclasses import dataclass
from math import gcd
from typing import Final

import numpy as np
from numpy.typing import NDArray

DEFAULT_PORTS: Final = range(49152, 49153)
"""The first port that is assigned to nobody (RFC 6335, section 6)."""

MOST_ADDRESSES: Final = 1 << 32
_GOLDEN: Final = (5**0.5 - 1) / 2
_AT_HAND: Final = 4096
"""How many flows are drawn at once; they are enough for many batches."""
_EXAMPLE_NETWORK: Final = "198.18.64.0/22"


@dataclass(frozen=True)
class Sources:
    """The source addresses and ports of the trains."""

    first: int
    """The first source address, as a number."""
    addresses: int
    """How many addresses in a row there are, the first included: at most MOST_ADDRESSES."""
    ports: range = DEFAULT_PORTS
    of_capture: bool = False
    """Whether the sources in the capture decide the address of each train."""


def parse_network(text: str) -> tuple[int, int, int]:
    """The IP version, first address and count of the hosts of a network like 198.18.64.0/22, or of one address.

    The network's own address, its broadcast address, and addresses beyond MOST_ADDRESSES are left out. Raises
    ValueError with a line that gives an example.
    """
    try:
        network = ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise ValueError(f"{text!r} is no network: {error}; write it like {_EXAMPLE_NETWORK}") from None
    first, count = int(network.network_address), network.num_addresses
    if network.is_multicast or network.is_unspecified or network.is_reserved:
        raise ValueError(f"{text!r} holds no addresses of hosts; write a network like {_EXAMPLE_NETWORK}")
    if network.version == 4 and count > 2:
        first, count = first + 1, count - 2
    return network.version, first, min(count, MOST_ADDRESSES - (first & 0xFFFF_FFFF))


class Picker:
    """Picks a source address and port for each train."""

    def __init__(self, sources: Sources, worker: int) -> None:
        """Pick for the worker of this number; each worker begins at another combination."""
        self._first_word = sources.first & 0xFFFF_FFFF
        self._addresses, self._ports, self._first_port = sources.addresses, len(sources.ports), sources.ports[0]
        self._of_capture = sources.of_capture
        self._flows = self._addresses * self._ports
        self._stride = max(1, round(self._flows * _GOLDEN))
        while gcd(self._stride, self._flows) != 1:
            self._stride += 1
        self._next = worker * round(self._flows * _GOLDEN / 7) % self._flows
        self._draw(0)

    def _draw(self, n: int) -> None:
        """Draw the next flows, `n` of them or more."""
        flow = (self._next + np.arange(max(n, _AT_HAND)) * self._stride) % self._flows
        self._at_hand = self._first_word + flow % self._addresses, self._first_port + flow // self._addresses
        self._taken = 0

    def pick(self, source: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The last 32 bits of the address, and the port, of trains with these sources in the capture; shape (n,)."""
        if self._of_capture:
            return self._first_word + source % self._addresses, self._first_port + source % self._ports
        first, end = self._taken, self._taken + len(source)
        addresses, ports = self._at_hand
        if end > len(ports):
            self._next = (self._next + first * self._stride) % self._flows
            self._draw(len(source))
            return self.pick(source)
        self._taken = end
        return addresses[first:end], ports[first:end]
