"""Fields of addresses: the hosts of networks, and MAC addresses of one maker."""

import ipaddress
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, model_validator

from captures.notation.models import Text, Weight
from precompute.draws.shares import integer_weights
from precompute.fields.plain import MAX_VALUES, Count, Exponent, Pooled, Ranked, check_count, checked_weights, ranked

_PREFIX: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){0,4}", re.ASCII)

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def spread(count: int, size: int) -> Iterator[int]:
    """`count` different numbers below `size`, far from each other: a Weyl sequence by the golden ratio."""
    step = max(1, size * 610 // 987)
    while math.gcd(step, size) > 1:
        step += 1
    return (number * step % size for number in range(count))


def _texts_of(first: ipaddress.IPv4Address | ipaddress.IPv6Address, hosts: Iterable[int]) -> Iterator[str]:
    """The addresses at these distances from the `first`."""
    if first.version == 6:
        return (str(first + host) for host in hosts)
    base = int(first)  # makes no object for each address, which takes half the time
    return (".".join(map(str, (base + host).to_bytes(4, "big"))) for host in hosts)


def _network(text: str) -> IPNetwork:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{error}; write it like 10.20.0.0/16 or 2001:db8::/112") from None


def _hosts(network: IPNetwork) -> range:
    """The hosts of a network, counted from its first address: all but the network's own and IPv4's broadcast."""
    size = network.num_addresses
    return range(1, size - (network.version == 4)) if size > 2 else range(size)


def _size(hosts: range) -> int:
    """How many hosts there are; `len` can't say it for a network of IPv6."""
    return hosts.stop - hosts.start


def _weighted(networks: Any) -> Any:
    """A single network as a mapping to its weight. Anything else is returned unchanged, for pydantic judges it."""
    return {networks: 1} if isinstance(networks, str) else networks


def _checked_networks(networks: dict[str, float]) -> dict[str, float]:
    real = {str(_network(text)): weight for text, weight in networks.items()}
    if len(real) < len(networks):
        raise ValueError("names a network twice")
    return checked_weights(real)


class Network(Pooled):
    """`network: 10.20.0.0/16`: the addresses of its hosts; or several, `network: {10.1.0.0/16: 9, 2001:db8::/112: 1}`.

    A network's weight is that of all its hosts together. `count: 5000` takes so many of each, spread over it.
    """

    network: Annotated[
        dict[Text, Weight],
        BeforeValidator(_weighted, json_schema_input_type=str | dict[str, Weight]),
        AfterValidator(_checked_networks),
    ]
    count: Count | None = None
    zipf: Exponent | None = None

    @model_validator(mode="after")
    def _check_size(self) -> "Network":
        for text in self.network:
            if self.count is None and _size(_hosts(_network(text))) > MAX_VALUES:
                raise ValueError(f"{text} has more than {MAX_VALUES} addresses; take some of them, like count: 10000")
        check_count(self.possible)
        return self

    @property
    def possible(self) -> int:
        """How many addresses there are."""
        return sum(self._taken(text) for text in self.network)

    def _taken(self, text: str) -> int:
        """How many hosts of a network are values."""
        hosts = _size(_hosts(_network(text)))
        return hosts if self.count is None else min(self.count, hosts)

    def column_texts(self) -> list[Sequence[str]]:
        """The addresses."""
        texts: list[str] = []
        for text in self.network:
            first, hosts, taken = _network(text).network_address, _hosts(_network(text)), self._taken(text)
            chosen = hosts if taken == _size(hosts) else (hosts[place] for place in spread(taken, _size(hosts)))
            texts += _texts_of(first, chosen)
        return [texts]

    def weights(self) -> Sequence[int]:
        """The weight of each address."""
        parts = [ranked(self._taken(text), self.zipf) for text in self.network]
        shares = integer_weights(
            [Fraction(weight) / sum(part) for part, weight in zip(parts, self.network.values(), strict=True)]
        )
        return [share * rank for part, share in zip(parts, shares, strict=True) for rank in part]


def _checked_prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text.lower()):
        raise ValueError(f'{text!r} is not the start of a MAC address; write it like "00:00:5e"')
    return text.lower()


class Mac(Ranked):
    """`mac: "00:00:5e"` with `count: 500`: so many MAC addresses that start like this."""

    mac: Annotated[Text, AfterValidator(_checked_prefix)]
    count: Count

    @model_validator(mode="after")
    def _check_size(self) -> "Mac":
        if self.count > self._size:
            raise ValueError(f"there are only {self._size} MAC addresses that start with {self.mac}; lower count")
        return self

    @property
    def possible(self) -> int:
        """How many addresses there are."""
        return self.count

    @property
    def _size(self) -> int:
        return 1 << 8 * (5 - self.mac.count(":"))

    def texts(self) -> Iterator[str]:
        """Each address."""
        missing = 5 - self.mac.count(":")
        return (f"{self.mac}:{number.to_bytes(missing).hex(':')}" for number in spread(self.count, self._size))
