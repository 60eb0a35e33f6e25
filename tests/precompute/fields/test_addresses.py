"""Fields of addresses: the hosts of a network are its hosts, and some of them are spread over it."""

import ipaddress
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.fields.addresses import spread
from tests.precompute.profiles import complaint_of_field, field


def rows(written) -> list[tuple[str, int]]:
    return [(text, weight) for (text,), weight in field(written).rows()]


@pytest.mark.parametrize(
    ("network", "hosts"),
    [
        ("10.0.0.4/30", ["10.0.0.5", "10.0.0.6"]),
        ("10.0.0.4/31", ["10.0.0.4", "10.0.0.5"]),
        ("10.0.0.4/32", ["10.0.0.4"]),
        ("10.0.0.4", ["10.0.0.4"]),
        ("2001:db8::/126", ["2001:db8::1", "2001:db8::2", "2001:db8::3"]),
        ("2001:db8::1/128", ["2001:db8::1"]),
    ],
)
def test_a_network_is_all_its_hosts(network, hosts):
    assert rows({"network": network}) == [(host, 1) for host in hosts]


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("172.16.0.0/12", (1 << 20) - 2),
        pytest.param("2001:db8::/108", (1 << 20) - 1, marks=pytest.mark.deep),  # IPv6 texts take five times as long
    ],
)
def test_the_largest_network_has_all_its_hosts(text, hosts):
    found = [value for value, _ in rows({"network": text})]
    assert len(set(found)) == len(found) == hosts
    assert all(ipaddress.ip_address(value) in ipaddress.ip_network(text) for value in found[::9999])


@pytest.mark.parametrize("text", ["10.0.0.0/8", "2001:db8::/64", "::/0", "10.0.0.0/22"])
@given(count=st.integers(1, 300))
def test_some_hosts_of_a_network_are_different_and_in_it(text, count):
    network = ipaddress.ip_network(text)
    found = [ipaddress.ip_address(value) for value, _ in rows({"network": text, "count": count})]
    assert len(set(found)) == count
    assert all(address in network for address in found)
    assert network.network_address not in found


def test_some_hosts_are_spread_over_the_network():
    """A quarter of them in each quarter of it, or one more or less or two."""
    quarters = Counter(value.split(".")[1:2][0] for value, _ in rows({"network": "10.0.0.0/14", "count": 400}))
    assert sorted(quarters) == ["0", "1", "2", "3"]
    assert all(98 <= count <= 102 for count in quarters.values())


def test_more_than_there_are_is_all_there_are():
    assert rows({"network": "10.0.0.0/29", "count": 99}) == rows({"network": "10.0.0.0/29"})


@pytest.mark.parametrize("zipf", [{}, {"zipf": 1.1}])
def test_each_of_several_networks_has_its_share(zipf):
    networks = {"10.1.0.0/24": 9, "10.2.0.0/30": 0.5, "2001:db8::/120": 2, "10.3.0.0/24": 0}
    shares = Counter[str]()
    for value, weight in rows({"network": networks, "count": 50} | zipf):
        shares[next(text for text in networks if ipaddress.ip_address(value) in ipaddress.ip_network(text))] += weight
    assert {text: share * 11.5 / shares.total() for text, share in shares.items()} == networks


def test_zipf_ranks_the_hosts_of_each_network():
    found = dict(rows({"network": {"10.1.0.0/29": 1, "10.2.0.0/29": 3}, "zipf": 1}))
    for network, share in (("10.1.0", 1), ("10.2.0", 3)):
        weights = [found[f"{network}.{host}"] for host in range(1, 7)]
        assert [weight / found["10.1.0.1"] for weight in weights] == pytest.approx([share / k for k in range(1, 7)])


@given(st.integers(1, 1 << 20), st.data())
def test_a_spread_has_different_numbers_below_its_size(size, data):
    count = data.draw(st.integers(1, min(size, 2000)))
    found = list(spread(count, size))
    assert len(set(found)) == count
    assert set(found) <= set(range(size))


@pytest.mark.parametrize("prefix", ["00", "02:AA", "00:00:5e", "00:00:5e:01", "00:00:5e:01:02"])
def test_mac_addresses_have_their_prefix_and_are_different(prefix):
    found = [value for value, _ in rows({"mac": prefix, "count": 256})]
    assert len(set(found)) == 256
    assert all(re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", value) for value in found)
    assert all(value.startswith(prefix.lower() + ":") for value in found)


@pytest.mark.parametrize(
    "written",
    [
        {"network": "10.0.0.0/29"},
        {"network": {"2001:db8::/64": 1, "10.0.0.0/29": 0.1}, "count": 3, "zipf": 2},
        {"mac": "00:00:5E", "count": 3},
    ],
)
def test_a_field_is_read_back_as_it_is(written):
    made = field(written)
    again = field(made.model_dump(mode="json"))
    assert again == made
    assert list(again.rows()) == list(made.rows())


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("{network: ten}", ".network: 'ten' does not appear to be an IPv4 or IPv6 network; write it like 10.20"),
        ("{network: 10.0.0.1/8}", ".network: 10.0.0.1/8 has host bits set; write it like 10.20.0.0/16 or 2001:db8::"),
        ("{network: 10.0.0.0/33}", ".network: '10.0.0.0/33' does not appear to be"),
        ("{network: [10.0.0.0/8]}", ".network: must be a mapping of keys"),
        ("{network: {}}", ".network: needs at least one value whose weight is above 0"),
        ("{network: {10.0.0.0/24: 0}}", ".network: needs at least one value whose weight is above 0"),
        ("{network: {10.0.0.0/24: heavy}}", ".network.10.0.0.0/24: must be a number from 0 to 1000000000000"),
        ("{network: {10.0.0.0/24: 1, 10.0.0.0/255.255.255.0: 1}}", ".network: names a network twice"),
        ("{network: 10.0.0.0/8}", ": 10.0.0.0/8 has more than 1048576 addresses; take some of them, like count: 10000"),
        ("{network: 2001:db8::/64}", ": 2001:db8::/64 has more than 1048576 addresses; take some of them, "),
        ("{network: 10.0.0.0/8, count: 0}", ".count: must be 1 or more"),
        ("{network: 10.0.0.0/8, count: 1048577}", ".count: must be 1,048,576 or less"),
        ("{network: 10.0.0.0/8, count: 1.5}", ".count: must be a whole number"),
        ("{network: {10.0.0.0/8: 1, 11.0.0.0/8: 1}, count: 1000000}", ": holds 2000000 values; a field may have "),
        ("{network: 10.0.0.0/24, zipf: -1}", ".zipf: must be a number above 0 and up to 4; write it like 1.1"),
        ('{mac: "00:00:5e"}', ".count: is missing"),
        ('{mac: "0:0", count: 1}', ".mac: '0:0' is not the start of a MAC address; write it like \"00:00:5e\""),
        ('{mac: "00-00-5e", count: 1}', ".mac: '00-00-5e' is not the start of a MAC address"),
        ('{mac: "00:00:5e:00:00:00", count: 1}', ".mac: '00:00:5e:00:00:00' is not the start of a MAC address"),
        (
            '{mac: "00:00:5e:00:00", count: 257}',
            ": there are only 256 MAC addresses that start with 00:00:5e:00:00; lower count",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path, written, line):
    assert complaint_of_field(tmp_path, written).startswith(line)
