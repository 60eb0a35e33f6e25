"""When a sink ends, decided on a made-up clock; which worker gets which port; what a small buffer means."""

import pytest

from captures.console.errors import PreflightError
from replay.sink import sockets
from replay.sink.sockets import open_sockets, small_buffer_notice
from replay.sink.stopping import Watch
from replay.sink.workers import sockets_of_workers


def test_without_limits_nothing_ends_it():
    watch = Watch(start_ns=0, duration_ns=None, idle_ns=None)
    assert [watch.ended_by(now_ns, 0) for now_ns in (0, 10**18)] == [None, None]


def test_ends_when_the_time_is_over():
    watch = Watch(start_ns=100, duration_ns=50, idle_ns=None)
    assert [watch.ended_by(now_ns, now_ns) for now_ns in (100, 149, 150)] == [None, None, "duration"]


def test_silence_counts_from_the_last_arrival():
    watch = Watch(start_ns=0, duration_ns=None, idle_ns=50)
    assert [watch.ended_by(*seen) for seen in ((40, 1), (80, 2), (129, 2))] == [None, None, None]
    assert watch.ended_by(130, 2) == "idle"


def test_silence_counts_from_the_start_when_nothing_comes():
    watch = Watch(start_ns=100, duration_ns=None, idle_ns=50)
    assert [watch.ended_by(now_ns, 0) for now_ns in (149, 150)] == [None, "idle"]


def test_what_waits_at_a_socket_is_no_silence():
    watch = Watch(start_ns=0, duration_ns=1000, idle_ns=50)
    assert [watch.ended_by(now_ns, 0, waits=True) for now_ns in (40, 80, 120)] == [None, None, None]
    assert [watch.ended_by(now_ns, 0) for now_ns in (169, 170)] == [None, "idle"]
    assert watch.ended_by(1000, 0, waits=True) == "duration"


@pytest.mark.parametrize("workers", range(1, 41))
def test_every_port_has_one_worker_and_no_worker_has_two_more(workers):
    sockets, ports = sockets_of_workers(40, workers)
    assert ports == list(range(40))
    lanes = [ports[own] for own in sockets]
    assert sum(lanes, []) == list(range(40))  # noqa: RUF017 - forty numbers
    sizes = [len(lane) for lane in lanes]
    assert len(sizes) == workers
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("ports", "workers"), [(1, 2), (3, 4), (3, 7), (40, 64)])
def test_more_workers_than_ports_have_a_socket_each_at_the_ports_in_turn(ports, workers):
    sockets, port_of_socket = sockets_of_workers(ports, workers)
    assert [port_of_socket[own] for own in sockets] == [[worker % ports] for worker in range(workers)]


def test_a_small_buffer_is_explained():
    assert small_buffer_notice(1 << 20, 1 << 20) is None
    notice = small_buffer_notice(64 << 20, 4 << 20)
    assert "4.0 MiB, not 64.0 MiB" in notice
    assert "100 ms of 100,000 plain events/s" in notice
    assert "sysctl -w net.core.rmem_max=67108864" in notice


def test_a_forbidden_port_says_what_mends_it(monkeypatch):
    opened = []

    def refuse_the_second(*args, **options):
        if opened:
            raise PermissionError(13, "Permission denied")
        opened.append(real(*args, **options))
        return opened[0]

    real = sockets.open_receiver
    monkeypatch.setattr(sockets, "open_receiver", refuse_the_second)
    with pytest.raises(PreflightError, match=r"port 514: .*ip_unprivileged_port_start=514.*CAP_NET_BIND_SERVICE"):
        open_sockets("127.0.0.1", (0, 514), 4096)
    assert opened[0].fileno() == -1
