"""A run to its own host: what it watches by itself must not disturb it, and never end it."""

import errno
import socket
from types import SimpleNamespace

import pytest

from replay.path.target import Target
from replay.receiver_host import beside
from replay.receiver_host.beside import OwnHost, is_this_host
from tests.replay.receiver_host.looks import look, udp, whole


class Scripted:
    """Looks as told, or an error."""

    def __init__(self, *looks):
        self.looks, self.taken = list(looks), 0

    def glance(self):
        self.taken += 1
        found = self.looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    look = glance


def own_host(monkeypatch, *looks, cpu_ns=0):
    clock = iter(range(0, 10**12, cpu_ns or 1))
    monkeypatch.setattr(beside, "process_cpu_ns", lambda: next(clock))
    monkeypatch.setattr(beside, "sleep_ns", lambda _: None)
    host = OwnHost(SimpleNamespace(ports=(514,), target=Target(socket.AF_INET, "127.0.0.1")))
    host._looker = Scripted(*looks)
    return host


def test_what_a_run_sees(monkeypatch):
    steps = [whole(0, udp()), look(0, udp()), look(1, udp(drops=5)), look(2, udp(drops=5)), whole(3, udp(drops=6))]
    host = own_host(monkeypatch, *steps)
    host.begin()
    host.each_second()
    host.settle()
    assert host.figures().dropped_packets == 6
    assert host._looker.looks == []


def test_a_host_with_too_many_sockets_is_looked_at_before_and_after(monkeypatch):
    steps = [whole(0, udp()), look(0, udp()), look(9, udp(drops=5, waiting_bytes=7)), whole(9, udp(drops=6))]
    host = own_host(monkeypatch, *steps, cpu_ns=21_000_000)
    host.begin()
    for _ in range(100):
        host.each_second()
    assert host._looker.taken == 2
    host.settle()
    assert host.figures().dropped_packets == 6


def test_queues_that_are_never_read_are_not_waited_for_without_end(monkeypatch):
    full = [look(1, udp(waiting_bytes=7))] * beside._SETTLE_LOOKS
    host = own_host(monkeypatch, whole(0, udp()), look(0, udp()), *full, whole(2, udp(waiting_bytes=7)))
    host.begin()
    host.settle()
    assert host.figures().waiting_bytes == 7


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "too many"), ValueError("no pair of Udp lines")])
def test_a_look_that_fails_ends_nothing(monkeypatch, error):
    host = own_host(monkeypatch, *[error] * 50)
    host.begin()
    host.each_second()
    host.settle()
    assert host.figures() is None


@pytest.mark.parametrize(
    ("family", "address", "here"),
    [
        (socket.AF_INET, "127.0.0.1", True),
        (socket.AF_INET, "127.9.9.9", True),
        (socket.AF_INET6, "::1", True),
        (socket.AF_INET, "198.19.255.1", False),
    ],
)
def test_whose_address_it_is(family, address, here):
    assert is_this_host(Target(family, address)) is here
