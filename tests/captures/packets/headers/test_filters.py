from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.format.sections import FLOW
from captures.packets.headers.filters import DissectorOptions, filters_of, is_of_hosts, is_to_ports
from captures.packets.headers.key import key_of

addresses = st.ip_addresses(v=4) | st.ip_addresses(v=6)


@st.composite
def networks_around(draw, address: IPv4Address | IPv6Address):
    return ip_network((address, draw(st.integers(0, address.max_prefixlen))), strict=False)


@given(st.data())
def test_hosts_are_those_of_the_networks(data):
    source = data.draw(addresses)
    target = data.draw(st.ip_addresses(v=source.version))
    near = st.sampled_from([source, target, ip_address("10.1.2.3"), ip_address("2001:db8::1")])
    networks = tuple(data.draw(st.lists(near.flatmap(networks_around), max_size=3)))
    flow = np.zeros(1, FLOW)
    flow["family"] = source.version
    flow["source"], flow["target"] = (np.void(address.packed.ljust(16, b"\0")) for address in (source, target))
    expected = not networks or any(address in network for network in networks for address in (source, target))
    assert is_of_hosts(filters_of(DissectorOptions(hosts=networks)).networks, key_of(flow)) == expected


@given(st.none() | st.sets(st.integers(0, 65_535), max_size=3), st.integers(0, 65_535))
def test_ports_are_those_that_are_named(ports, port):
    flow = np.zeros(1, FLOW)
    flow["target_port"] = port
    assert is_to_ports(filters_of(DissectorOptions(ports=ports)).ports, key_of(flow)) == (
        ports is None or port in ports
    )
