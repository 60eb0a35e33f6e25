"""Addresses keep their length, their prefixes and their ranges, and no two have the same token."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import takewhile

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.rework.anonymize.tokens.addresses import KEPT_RANGES, UNCHANGED, map_rows, zones_of
from captures.rework.anonymize.tokens.secret import secret_of

SECRET = secret_of(bytes(range(32)))
ZONES = {version: zones_of(KEPT_RANGES, UNCHANGED, version) for version in (4, 6)}
SPECIAL = [*KEPT_RANGES, *UNCHANGED]


def within(version):
    """Addresses, many of them of a range that is kept."""
    networks = [network for network in SPECIAL if network.version == version]
    every = st.integers(0, (1 << (32 if version == 4 else 128)) - 1)
    inside = st.sampled_from(networks).flatmap(
        lambda network: st.integers(int(network.network_address), int(network.broadcast_address))
    )
    make = IPv4Address if version == 4 else IPv6Address
    sparse = st.lists(st.sampled_from([0, 0, 1, 0x10, 0xFF, 0xDB8, 0x2001]), min_size=8, max_size=8).map(
        lambda groups: (
            sum(group << 16 * i for i, group in enumerate(groups)) & ((1 << (32 if version == 4 else 128)) - 1)
        )
    )
    return st.one_of(every, inside, sparse).map(make)


def mapped(address, zones=None):
    rows = np.frombuffer(address.packed, np.uint8)[None].copy()
    key = SECRET.addresses_4 if address.version == 4 else SECRET.addresses_6
    map_rows(rows, zones or ZONES[address.version], key)
    return ip_address(rows.tobytes())


def zone(address):
    held = [network for network in SPECIAL if network.version == address.version and address in network]
    return max(held, key=lambda network: network.prefixlen, default=None)


def units(address):
    return str(address).split(".") if address.version == 4 else [*address.packed.hex()]


def shared(one, other):
    return len([*takewhile(lambda pair: pair[0] == pair[1], zip(units(one), units(other), strict=True))])


@given(st.one_of(within(4), within(6)))
def test_a_token_is_as_long_and_in_the_same_range(address):
    token = mapped(address)
    assert [len(part) for part in str(token).split(".")] == [len(part) for part in str(address).split(".")]
    assert [len(part) for part in str(token).split(":")] == [len(part) for part in str(address).split(":")]
    assert zone(token) == zone(address)
    assert token == address if zone(address) in UNCHANGED else True


@given(st.one_of(st.tuples(within(4), within(4)), st.tuples(within(6), within(6))))
def test_two_addresses_have_two_tokens(pair):
    one, other = pair
    assert (mapped(one) == mapped(other)) == (one == other)


@given(st.data(), st.sampled_from([4, 6]))
def test_prefixes_are_preserved_where_no_range_is_kept(data, version):
    every = zones_of((), (), version)
    one = data.draw(within(version))
    bits = 32 if version == 4 else 128
    low = data.draw(st.integers(0, bits))
    other = type(one)(int(one) ^ data.draw(st.integers(0, (1 << low) - 1)))
    assert shared(mapped(one, every), mapped(other, every)) == shared(one, other)


def test_a_whole_range_is_mapped_onto_itself():
    for network in ("192.168.7.0/24", "172.16.0.0/22", "8.8.0.0/22", "192.167.252.0/22"):
        rows = np.array([[*address.packed] for address in ip_network(network)], np.uint8)
        tokens = rows.copy()
        map_rows(tokens, ZONES[4], SECRET.addresses_4)
        assert len(np.unique(tokens, axis=0)) == len(rows)


def test_another_key_gives_other_tokens():
    rows = np.frombuffer(IPv4Address("93.184.216.34").packed, np.uint8)[None].repeat(2, 0)
    one, other = rows[:1].copy(), rows[:1].copy()
    map_rows(one, ZONES[4], SECRET.addresses_4)
    map_rows(other, ZONES[4], secret_of(bytes(range(1, 33))).addresses_4)
    assert one.tolist() != other.tolist()
