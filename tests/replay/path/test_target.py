"""Where a run may send."""

import socket

import pytest

from captures.console.errors import InputError, PreflightError
from replay.path import target
from replay.path.target import Target, check_mtu, resolve


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.0.9", "198.18.0.2", "198.19.255.1", "::1", "fd00::7", "2001:2::5"],
)
def test_the_lab_s_own_ranges_are_targets(address: str) -> None:
    assert resolve(address, allow_public=False).host == address


@pytest.mark.parametrize("address", ["192.0.2.1", "172.32.0.1", "198.20.0.1", "2001:db8::1", "100.64.0.1"])
def test_other_addresses_need_a_knowing_word(address: str) -> None:
    with pytest.raises(InputError, match=f"{address} is outside the private.*--allow-public"):
        resolve(address, allow_public=False)
    assert resolve(address, allow_public=True).host == address


@pytest.mark.parametrize(
    "address", ["224.0.0.1", "ff02::1", "0.0.0.0", "::", "255.255.255.255", "::ffff:224.0.0.1", "::ffff:0:0"]
)
def test_what_is_no_single_host_is_never_a_target(address: str) -> None:
    with pytest.raises(InputError, match="not the address of one host"):
        resolve(address, allow_public=True)


def test_an_ipv4_address_is_one_however_it_is_written() -> None:
    assert resolve("::ffff:127.0.0.1", allow_public=False) == Target(socket.AF_INET, "127.0.0.1")
    with pytest.raises(InputError, match=r"8\.8\.8\.8 is outside"):
        resolve("::ffff:8.8.8.8", allow_public=False)


def test_a_broadcast_address_is_known_by_its_route() -> None:
    with pytest.raises(InputError, match=r"127\.255\.255\.255 is a broadcast address here"):
        resolve("127.255.255.255", allow_public=True)


def test_a_link_local_address_is_one_of_a_device() -> None:
    with pytest.raises(InputError, match="name the device as well, like fe80::1%eth0"):
        resolve("fe80::1", allow_public=False)
    assert resolve("fe80::1%lo", allow_public=False) == Target(socket.AF_INET6, "fe80::1", 1)


def test_a_name_is_resolved_and_one_that_is_not_there_is_said() -> None:
    assert resolve("localhost", allow_public=False).host in ("127.0.0.1", "::1")
    with pytest.raises(InputError, match=r"--target no such host: can't be resolved"):
        resolve("no such host", allow_public=False)
    with pytest.raises(InputError, match="can't be resolved"):
        resolve("a" * 300, allow_public=False)


def test_of_a_name_with_several_addresses_the_family_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not taken need not be allowed, and what is taken must be."""
    both = [(socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "8.8.8.8")]

    def found(_host: str, _port: object, family: int, **_hints: object) -> list[object]:
        return [(of, 0, 0, "", (text, 0)) for of, text in both if family in (0, of)]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    assert resolve("siem.lab", allow_public=False).host == "::1"
    assert resolve("siem.lab", allow_public=False, family=socket.AF_INET).host == "127.0.0.1"
    both.reverse()
    with pytest.raises(InputError, match=r"--target siem\.lab: 8\.8\.8\.8 is outside"):
        resolve("siem.lab", allow_public=False)


def test_an_address_of_the_other_family_is_no_target() -> None:
    with pytest.raises(InputError, match="can't be resolved"):
        resolve("::1", allow_public=False, family=socket.AF_INET)


def test_addresses_of_ports() -> None:
    assert Target(socket.AF_INET, "127.0.0.1").address(514) == ("127.0.0.1", 514)
    assert Target(socket.AF_INET6, "fe80::1", 3).address(514) == ("fe80::1", 514, 0, 3)


def test_loopback_takes_long_events_of_both_families() -> None:
    assert check_mtu(resolve("127.0.0.1", allow_public=False), 1000) >= 1028
    assert check_mtu(resolve("::1", allow_public=False), 1000) >= 1048


@pytest.mark.parametrize(("host", "fits"), [("127.0.0.1", 1472), ("::1", 1452)])
def test_an_event_that_would_be_fragmented_is_refused_with_its_size(
    host: str, fits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "route_mtu", lambda _family, _address: 1500)
    there = resolve(host, allow_public=False)

    assert check_mtu(there, fits) == 1500
    with pytest.raises(PreflightError, match=f"longest event has {fits + 1} bytes, a packet of 1501.*takes 1500"):
        check_mtu(there, fits + 1)


def test_no_route_is_a_matter_for_preflight(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(_family: int, _address: object) -> int:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(target, "route_mtu", unreachable)
    with pytest.raises(PreflightError, match="Network is unreachable; check `ip route get 127.0.0.1`"):
        check_mtu(Target(socket.AF_INET, "127.0.0.1"), 100)
