"""Which source address and port does a train come from? Pure.

All events of a train have the same source. If the capture knows no sources, a worker takes all combinations of address
and port in turn, in steps of the golden section: each combination comes once before any comes again, and two in a row
are far apart. If the capture knows its hosts, source number i is address i of the network (and port i of the range), so
each host keeps its address.
"""

import ipaddress
from dataclasses import dataclass
from math import gcd
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel

DEFAULT_PORTS: Final = range(49152, 49153)
"""The first port that is assigned to nobody (RFC 6335, section 6)."""

MOST_ADDRESSES: Final = 1 << 32
_GOLDEN: Final = (5**0.5 - 1) / 2
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


FLOWS: Final = np.dtype(
    (
        np.record,
        [
            ("flow", "<i8"),  # the number of the next combination of address and port
            ("stride", "<i8"),  # from one combination to the next
            ("flows", "<i8"),  # how many combinations there are
            ("addresses", "<i8"),
            ("ports", "<i8"),
            ("first_word", "<i8"),  # the last 32 bits of the first address
            ("first_port", "<i8"),
            ("of_capture", "<i8"),  # not 0: the sources in the capture decide
            ("word", "<i8"),  # what was picked last: the last 32 bits of the address, and the port
            ("port", "<i8"),
        ],
    )
)
"""What a worker picks its sources by, one row."""


def flows_of(sources: Sources, worker: int) -> NDArray[Any]:
    """The FLOWS row, shape (1,), of the worker of this number; each worker begins at another combination."""
    flows = sources.addresses * len(sources.ports)
    stride = max(1, round(flows * _GOLDEN))
    while gcd(stride, flows) != 1:
        stride += 1
    row = np.zeros(1, FLOWS)
    row["flow"], row["stride"], row["flows"] = worker * round(flows * _GOLDEN / 7) % flows, stride % flows, flows
    row["addresses"], row["ports"] = sources.addresses, len(sources.ports)
    row["first_word"], row["first_port"] = sources.first & 0xFFFF_FFFF, sources.ports[0]
    row["of_capture"] = sources.of_capture
    return row


@kernel
def pick(flows: NDArray[Any], source: int) -> None:
    """Pick the address and port of a train whose source in the capture is this one."""
    row = flows[0]
    if row.of_capture:
        row.word = row.first_word + source % row.addresses
        row.port = row.first_port + source % row.ports
        return
    row.word = row.first_word + row.flow % row.addresses
    row.port = row.first_port + row.flow // row.addresses
    row.flow = (row.flow + row.stride) % row.flows
