"""Sources: networks and ports as people write them, and who comes from where."""

import ipaddress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.path.sources import Picker, Sources, parse_network


@pytest.mark.parametrize(
    ("text", "version", "first", "count"),
    [
        ("198.18.64.0/22", 4, "198.18.64.1", 1022),
        ("198.18.64.0/31", 4, "198.18.64.0", 2),
        ("198.18.64.7", 4, "198.18.64.7", 1),
        ("2001:2::/120", 6, "2001:2::", 256),
        ("2001:2::/48", 6, "2001:2::", 1 << 32),
    ],
)
def test_networks(text: str, version: int, first: str, count: int) -> None:
    assert parse_network(text) == (version, int(ipaddress.ip_address(first)), count)


@pytest.mark.parametrize("text", ["", "198.18.64.1/22", "nobody", "224.0.0.0/8", "0.0.0.0", "198.18.0.0/33"])
def test_what_is_no_network_of_hosts(text: str) -> None:
    with pytest.raises(ValueError, match=r"198\.18\.64\.0/22"):
        parse_network(text)


@given(
    addresses=st.integers(1, 60), ports=st.integers(1, 5), worker=st.integers(0, 5), sizes=st.lists(st.integers(1, 40))
)
def test_each_combination_comes_once_before_any_comes_again(
    addresses: int, ports: int, worker: int, sizes: list[int]
) -> None:
    picker = Picker(Sources(1000, addresses, range(50000, 50000 + ports)), worker)
    batches = [picker.pick(np.zeros(n, int)) for n in [*sizes, 2 * addresses * ports]]
    picked = [pair for address, port in batches for pair in zip(address.tolist(), port.tolist(), strict=True)]

    flows = addresses * ports
    for start in range(0, len(picked) - flows, flows):
        assert len(set(picked[start : start + flows])) == flows
    assert {address for address, _ in picked} == set(range(1000, 1000 + addresses))
    assert {port for _, port in picked} == set(range(50000, 50000 + ports))


@given(source=st.lists(st.integers(0, 10**6), min_size=1, max_size=50))
def test_a_host_of_the_capture_keeps_its_address_and_port(source: list[int]) -> None:
    picker = Picker(Sources(1000, 300, range(50000, 50007), of_capture=True), 0)
    address, port = picker.pick(np.array(source))

    assert address.tolist() == [1000 + number % 300 for number in source]
    assert port.tolist() == [50000 + number % 7 for number in source]
