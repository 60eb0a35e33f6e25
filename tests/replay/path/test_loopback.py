"""Which settings frames over loopback need. That the kernel heeds them is seen in tests/network/test_loopback.py."""

import socket

import pytest

from replay.path.loopback import Network, lacking_settings, needed_settings, own_addresses, refusal
from replay.path.target import Target

LOCAL = Target(socket.AF_INET, "127.0.0.1")
OWN = Target(socket.AF_INET, "198.18.0.1")
BOTH = ("route_localnet", "accept_local")
FIRST = 127 << 24


@pytest.mark.parametrize(
    ("target", "sources", "needed"),
    [
        (LOCAL, None, BOTH),
        (OWN, None, ("accept_local",)),
        (LOCAL, (4, FIRST - 256, 256), ("route_localnet",)),
        (OWN, (4, FIRST - 256, 256), ()),
        (OWN, (4, FIRST - 256, 257), BOTH),
        (OWN, (4, 128 << 24, 1), ()),
        (OWN, (4, (128 << 24) - 1, 1), BOTH),
        (Target(socket.AF_INET6, "::1"), None, ()),
    ],
)
def test_what_is_needed(target: Target, sources: Network | None, needed: tuple[str, ...]) -> None:
    assert needed_settings(target, sources) == needed


@pytest.mark.parametrize(
    ("own", "needed"), [((), ()), ((99,), ()), ((100,), ("accept_local",)), ((7, 109), ("accept_local",)), ((110,), ())]
)
def test_sources_that_hold_an_address_of_this_host_need_what_its_own_need(
    own: tuple[int, ...], needed: tuple[str, ...]
) -> None:
    assert needed_settings(OWN, (4, 100, 10), own) == needed


def test_a_hosts_own_addresses_are_known() -> None:
    assert FIRST + 1 in own_addresses()


def test_no_other_device_needs_any() -> None:
    assert lacking_settings("no-such-device", LOCAL, None) == ()


def test_the_refusal_is_one_line_with_the_command() -> None:
    said = refusal("lo", ("net.ipv4.conf.lo.route_localnet=1", "net.ipv4.conf.lo.accept_local=1"))
    assert "`sudo sysctl -w net.ipv4.conf.lo.route_localnet=1 net.ipv4.conf.lo.accept_local=1`" in said
    assert "\n" not in said
