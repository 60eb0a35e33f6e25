"""Sources: networks and ports as people write them, and who comes from where."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.path.sources import Sources, flows_of, parse_network, pick


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


def picked(sources: Sources, worker: int, of_trains: list[int]) -> list[tuple[int, int]]:
    """The address (its last 32 bits) and the port of each train."""
    flows, pairs = flows_of(sources, worker), []
    for source in of_trains:
        pick(flows, source)
        pairs.append((int(flows["word"][0]), int(flows["port"][0])))
    return pairs


@given(addresses=st.integers(1, 60), ports=st.integers(1, 5), worker=st.integers(0, 5), more=st.integers(0, 400))
def test_each_combination_comes_once_before_any_comes_again(addresses: int, ports: int, worker: int, more: int) -> None:
    flows = addresses * ports
    pairs = picked(Sources(1000, addresses, range(50000, 50000 + ports)), worker, [0] * (more + 2 * flows))

    for start in range(0, len(pairs) - flows, flows):
        assert len(set(pairs[start : start + flows])) == flows
    assert {address for address, _ in pairs} == set(range(1000, 1000 + addresses))
    assert {port for _, port in pairs} == set(range(50000, 50000 + ports))


@settings(max_examples=200)
@given(
    first=st.integers(0, 2**128 - 1),
    addresses=st.one_of(st.integers(1, 2**32), st.just(2**32)),
    ports=st.integers(1, 65535),
    worker=st.integers(0, 200),
)
def test_the_steps_are_those_of_plain_numbers_past_32_bits(first: int, addresses: int, ports: int, worker: int) -> None:
    """Each combination is a number below 2^48; a step of the golden section, modulo how many they are."""
    addresses = min(addresses, 2**32 - (first & 0xFFFF_FFFF))
    sources = Sources(first, addresses, range(1, 1 + ports))
    flows, row = addresses * ports, flows_of(sources, worker)[0]
    flow, stride = int(row["flow"]), int(row["stride"])
    expected = []
    for _ in range(50):
        expected.append(((first & 0xFFFF_FFFF) + flow % addresses, 1 + flow // addresses))
        flow = (flow + stride) % flows

    assert picked(sources, worker, [0] * 50) == expected
    assert all(word < 2**32 and 1 <= port <= ports for word, port in expected)


@given(source=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50))
def test_a_host_of_the_capture_keeps_its_address_and_port(source: list[int]) -> None:
    pairs = picked(Sources(1000, 300, range(50000, 50007), of_capture=True), 0, source)

    assert pairs == [(1000 + number % 300, 50000 + number % 7) for number in source]
