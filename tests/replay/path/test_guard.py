"""Which addresses may stand on the wire. What the kernel says of a network is tried in tests/network."""

import ipaddress
import socket
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError
from replay.path.guard import check_host, check_kind, check_known, check_next_hop, check_sources, unmapped

TARGET = ip_address("198.18.0.2")


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "255.255.255.255"),
        *("::", "ff02::1", "ff0e::1", "::ffff:10.0.0.1"),
    ],
)
def test_what_is_no_single_host_is_never_allowed(text):
    with pytest.raises(InputError, match="is not the address of one host"):
        check_host("--target x", ip_address(text), allow_public=True)


@pytest.mark.parametrize("text", ["8.8.8.8", "240.0.0.1", "2001:db8::1", "64:ff9b::1", "2002:808:808::1", "100.64.0.1"])
def test_what_is_not_of_a_lab_needs_a_knowing_word(text):
    check_host("--target x", ip_address(text), allow_public=True)
    with pytest.raises(InputError, match="say --allow-public"):
        check_host("--target x", ip_address(text), allow_public=False)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0.0.0.0/0", "0.0.0.0/8: no host's"),
        ("8.8.8.0/24", "8.8.8.0 to 8.8.8.255 are not all in the private"),
        ("192.168.0.0/15", "192.168.0.0 to 192.169.255.255 are not all"),
        ("198.18.0.0/24", "holds the target 198.18.0.2"),
        ("198.18.0.2/32", "holds the target 198.18.0.2"),
        ("224.0.0.0/24", "a multicast group"),
        ("192.0.0.0/2", "a multicast group"),
        ("255.255.255.255/32", "the broadcast address of every network"),
        ("241.0.0.0/24", "reserved"),
        ("127.0.0.0/24", "loopback"),
    ],
)
def test_sources_that_no_packet_may_come_from(text, complaint):
    network = ip_network(text, strict=False)
    allow_public = "not all" not in complaint
    with pytest.raises(InputError, match=complaint):
        check_sources(network[0], network.num_addresses, TARGET, allow_public=allow_public)


@pytest.mark.parametrize("text", ["8.8.8.0/24", "198.18.64.0/22", "2600::/64"])
def test_sources_that_are_said_knowingly(text):
    network = ip_network(text)
    check_sources(network[0], min(network.num_addresses, 1 << 32), TARGET, allow_public=True)


@given(
    first=st.integers(0, (1 << 32) - 1),
    count=st.one_of(st.integers(1, 300), st.integers(1, 1 << 32)),
    where=st.floats(0, 1),
)
def test_of_sources_that_pass_each_would_pass_alone(first, count, where):
    count = min(count, (1 << 32) - first)
    try:
        check_sources(ipaddress.IPv4Address(first), count, TARGET, allow_public=False)
    except InputError:
        return
    one = ipaddress.IPv4Address(first + int(where * (count - 1)))
    assert one != TARGET
    assert not one.is_loopback
    check_host("--target x", one, allow_public=False)


def test_sources_that_a_network_gives_to_no_single_host():
    known = [("198.18.0.255", "broadcast", "wire"), ("2001:2::", "anycast", "wire")]
    check_known(ip_address("198.18.1.0"), 300, known)
    for first, count in (("198.18.0.250", 10), ("198.18.0.255", 1), ("2001:2::", 16)):
        with pytest.raises(InputError, match="of wire, and hosts drop what comes from there"):
            check_known(ip_address(first), count, known)


@pytest.mark.parametrize("mac", ["ffffffffffff", "01005e000001", "333300000001"])
def test_a_group_of_hosts_is_no_next_hop(mac):
    with pytest.raises(InputError, match="the address of a group"):
        check_next_hop("--dst-mac", bytes.fromhex(mac))
    check_next_hop("--dst-mac", bytes.fromhex("02a000000001"))
    check_next_hop("--dst-mac", bytes(6))


def test_an_address_in_another_s_clothes():
    assert unmapped(ip_address("::ffff:224.0.0.1")) == ip_address("224.0.0.1")
    assert unmapped(ip_address("::1")) == ip_address("::1")
    assert unmapped(TARGET) == TARGET


def test_the_kernel_is_asked_for_the_kind():
    with pytest.raises(InputError, match=r"127\.255\.255\.255 is a broadcast address here"):
        check_kind("--target x", socket.AF_INET, ip_address("127.255.255.255"), 0)
    check_kind("--target x", socket.AF_INET, ip_address("127.0.0.2"), 0)
