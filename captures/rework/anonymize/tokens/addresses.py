"""Which address takes the place of an address, so that its text keeps its length.

An address is a row of units: the four numbers of IPv4, or the 32 hexadecimal digits of IPv6. Each unit is permuted
among those that are written with as many digits, by a permutation that the units before it choose. So:

- two addresses that share their first units share the first units of their tokens, and no more of them: the mapping
  preserves prefixes of whole numbers (IPv4) or whole digits (IPv6);
- a number of IPv4 keeps its count of digits; a group of IPv6 keeps its count of digits without leading zeros, and a
  group of zeros stays one, so `::` stands where it stood;
- it is injective.

A range that an address may not leave (RFC 1918 and others) is a *zone*. What is in a zone keeps the units and bits that
make the zone. An address of which the token would be of another zone is mapped again until it is not ("cycle walking"):
that keeps the mapping injective, and all addresses of such a prefix share fewer units with their neighbours.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import allocating_kernel, int64, kernel
from captures.rework.anonymize.tokens.keyed import Key, keyed, permuted

Network = IPv4Network | IPv6Network
UNITS_4: Final = 4
UNITS_6: Final = 32


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


KEPT_RANGES: Final = (
    *_networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # private: RFC 1918
    *_networks("100.64.0.0/10"),  # between customers and their provider: RFC 6598
    *_networks("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),  # loopback to reserved: RFC 6890
    *_networks("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),  # documentation: RFC 5737
    *_networks("198.18.0.0/15", "2001:2::/48"),  # tests: RFC 2544, RFC 5180
    *_networks("fc00::/7", "fe80::/10", "ff00::/8"),  # unique local, link-local, multicast
    *_networks("2001:db8::/32", "3fff::/20"),  # documentation: RFC 3849, RFC 9637
    *_networks("64:ff9b::/96", "::ffff:0:0/96"),  # IPv4 in IPv6: RFC 6052, RFC 4291
)
"""Ranges whose addresses stay within them."""
UNCHANGED: Final = _networks("0.0.0.0/8", "127.0.0.1/32", "255.0.0.0/8", "::/128", "::1/128")
"""Addresses that name no host: they stay as they are. Masks like 255.255.255.0 are among them."""


class Zones(NamedTuple):
    """The zones of IPv4 or of IPv6, shorter prefixes first; row 0 is everything."""

    low: NDArray[np.int64]
    """The lowest value of each unit, shape (zones, units)."""
    high: NDArray[np.int64]
    """The highest one."""
    unchanged: NDArray[np.bool_]
    """Whether its addresses stay as they are, shape (zones,)."""


def zones_of(kept: Iterable[Network], unchanged: Iterable[Network], version: int) -> Zones:
    """The zones that these networks make; those of the other version of IP are passed over."""
    everything = ip_network("0.0.0.0/0" if version == 4 else "::/0")
    networks = {everything: False}
    for some, stays in ((kept, False), (unchanged, True)):
        networks.update((network, stays) for network in some if network.version == version)
    rows = sorted(networks, key=lambda network: network.prefixlen)
    return Zones(
        np.array([_units(int(network.network_address), version) for network in rows], np.int64),
        np.array([_units(int(network.broadcast_address), version) for network in rows], np.int64),
        np.array([networks[network] for network in rows]),
    )


def _units(address: int, version: int) -> list[int]:
    """The units of an address."""
    count, bits = (UNITS_4, 8) if version == 4 else (UNITS_6, 4)
    return [address >> bits * (count - 1 - i) & (1 << bits) - 1 for i in range(count)]


@kernel
def zone_of(units: NDArray[np.int64], zones: Zones) -> int:
    """The row of the zone of an address: of those that hold it the one with the longest prefix."""
    for zone in range(len(zones.low) - 1, 0, -1):
        inside = True
        for i in range(len(units)):
            if not zones.low[zone, i] <= units[i] <= zones.high[zone, i]:
                inside = False
                break
        if inside:
            return zone
    return 0


@kernel
def map_address(units: NDArray[np.int64], zones: Zones, key: Key) -> None:
    """Put the token of an address in its place."""
    zone = zone_of(units, zones)
    if zones.unchanged[zone]:
        return
    while True:
        if len(units) == UNITS_4:
            map_numbers(units, zones.low[zone], zones.high[zone], key)
        else:
            map_digits(units, zones.low[zone], zones.high[zone], key)
        if zone_of(units, zones) == zone:
            return


@kernel
def number_bounds(number: int) -> tuple[int, int]:
    """The lowest and the highest number of a byte with as many decimal digits."""
    if number < 10:
        return 0, 9
    return (10, 99) if number < 100 else (100, 255)


@kernel
def map_numbers(units: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64], key: Key) -> None:
    """Permute the numbers of an IPv4 address, each by a permutation that the numbers before it choose."""
    node = np.uint64(UNITS_4)
    for i in range(len(units)):
        number = units[i]
        least, most = number_bounds(number)
        units[i] = permuted(key, node, number, max(least, low[i]), min(most, high[i]))
        node = keyed(key, node, np.uint64(number))


@kernel
def map_digits(units: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64], key: Key) -> None:
    """Permute the digits of an IPv6 address, each by a permutation that the digits before it choose.

    The zeros in front of a group stay, and its first other digit does not become a zero.
    """
    node, leading = np.uint64(UNITS_6), True
    for i in range(len(units)):
        digit = units[i]
        if i % 4 == 0:
            leading = True
        if not leading or digit != 0:
            units[i] = permuted(key, node, digit, max(int64(leading), low[i]), high[i])
            leading = False
        node = keyed(key, node, np.uint64(digit))


@kernel
def forms_of(units: NDArray[np.int64], zones: Zones) -> float:
    """How many addresses the token of this one is drawn from. 1: it stays as it is."""
    zone, count, leading = zone_of(units, zones), 1.0, True
    if zones.unchanged[zone]:
        return 1.0
    for i in range(len(units)):
        low, high, digit = zones.low[zone, i], zones.high[zone, i], units[i]
        if len(units) == UNITS_4:
            least, most = number_bounds(digit)
            count *= min(most, high) - max(least, low) + 1
            continue
        if i % 4 == 0:
            leading = True
        if not leading or digit != 0:
            count *= high - max(int64(leading), low) + 1
            leading = False
    return count


@allocating_kernel
def map_rows(rows: NDArray[np.uint8], zones: Zones, key: Key) -> None:
    """Put tokens in the place of addresses as bytes: shape (addresses, 4) or (addresses, 16)."""
    bits = 8 if rows.shape[1] == 4 else 4
    units = np.empty(UNITS_4 if bits == 8 else UNITS_6, np.int64)
    for row in rows:
        for i in range(len(units)):
            units[i] = row[i] if bits == 8 else row[i >> 1] >> (4 - 4 * (i & 1)) & 15
        map_address(units, zones, key)
        for i in range(len(row)):
            row[i] = units[i] if bits == 8 else units[2 * i] << 4 | units[2 * i + 1]
