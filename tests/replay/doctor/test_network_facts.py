"""What is gathered of the way to loopback, which every machine has. Other ways: tests/network/test_doctor.py."""

import socket

from replay.doctor import network_facts as facts
from replay.doctor.network_facts import network_facts
from replay.linux.network.routes import NO_MAC
from replay.path.request import PathRequest
from replay.path.target import Target

HOME = Target(socket.AF_INET, "127.0.0.1")


def test_loopback():
    found = network_facts(HOME, PathRequest())
    assert found.target == HOME
    assert (found.route.interface, found.device.name, found.refusal) == ("lo", "lo", None)
    assert found.device.loopback
    assert found.features["loopback"]
    assert found.next_mac == NO_MAC


def test_a_device_that_is_not_there():
    found = network_facts(HOME, PathRequest(interface="nosuch"))
    assert (found.route, found.device, found.features, found.next_mac) == (None, None, {}, None)
    assert found.refusal == "No such device"


def test_a_given_address_is_not_asked_for(monkeypatch):
    monkeypatch.setattr(facts, "next_hop_mac", None)  # which can't be called
    mac = bytes.fromhex("020000000001")
    assert network_facts(HOME, PathRequest(next_mac=mac)).next_mac == mac


def test_a_neighbour_that_can_not_be_asked_for_is_not_known(monkeypatch):
    def refused(*_, **__):
        raise PermissionError

    monkeypatch.setattr(facts, "next_hop_mac", refused)
    assert network_facts(HOME, PathRequest()).next_mac is None
