"""Routes as the kernel gives them, over loopback; tests/network has those over a wire."""

import errno
import socket

import pytest

from replay.linux.network.links import link
from replay.linux.network.routes import NO_MAC, Route, next_hop_mac, route_to

LOOPBACK = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


def never(*_):
    pytest.fail("waits")


@pytest.mark.parametrize(("family", "host"), LOOPBACK)
@pytest.mark.parametrize("interface", [None, "lo"])
def test_the_way_to_oneself(family, host, interface):
    found = route_to(family, host, interface=interface)
    assert found == Route("lo", 1, None, host, link("lo").mtu)
    assert next_hop_mac(found, family, host, sleep_ns=never, monotonic_ns=lambda: 0) == NO_MAC


def test_an_address_may_be_written_at_length():
    assert route_to(socket.AF_INET6, "0:0:0:0:0:0:0:1").interface == "lo"


@pytest.mark.parametrize(("family", "host"), LOOPBACK)
def test_no_such_interface(family, host):
    with pytest.raises(OSError, match=f"Errno {errno.ENODEV}]"):
        route_to(family, host, interface="nosuch")


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "::1"), (socket.AF_INET6, "127.0.0.1")])
def test_an_address_of_another_family(family, host):
    with pytest.raises(OSError, match="illegal IP address"):
        route_to(family, host)
