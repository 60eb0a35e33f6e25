"""A sink on a host that lacks something: it does without, or says in one line what it needs."""

import errno
import gc
import multiprocessing
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import pytest

from captures.console.errors import InputError, PreflightError
from replay.clock import SECOND_NS
from replay.exchange.place import Place
from replay.sessions import sink
from replay.sink import board
from tests.network.programs import free_ports


def failing(code: int, name: str | None = None) -> Any:
    """A function that fails with an error number, as the kernel gives it."""

    def fail(*_given: object) -> NoReturn:
        raise OSError(code, os.strerror(code), name)

    return fail


def request(**more: Any) -> sink.SinkRequest:
    usual = {"ports": free_ports(1), "duration_ns": SECOND_NS // 20, "buffer_bytes": 1 << 16}
    return sink.SinkRequest(**{"address": "127.0.0.1", **usual, **more})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ports": []}, "--ports: '' is not a list of ports"),
        ({"ports": 5514}, "--ports 5514: give the numbers themselves"),
        ({"ports": [80]}, "--ports: port 80 is outside 514-65535"),
        ({"ports": [-1]}, "--ports: '-1' is not a list of ports"),
        ({"ports": [70_000]}, "--ports: port 70000 is outside"),
        ({"ports": [600, 600]}, "--ports: '600,600' has port 600 twice"),
        ({"ports": range(1000, 1101)}, "--ports: '1000-1100' has more than 100 ports"),
        ({"address": 2130706433}, "--bind 2130706433: write it like '127.0.0.1'"),
        ({"workers": 0}, "--workers 0: 1 to 64 are possible"),
        ({"workers": 65}, "--workers 65: 1 to 64 are possible"),
        ({"run_id": 0}, "--run-id 0: 1 to 4294967295 are possible"),
        ({"run_id": 1 << 32}, "--run-id 4294967296: 1 to"),
        ({"duration_ns": -1}, "--duration: -1 ns is no time"),
        ({"idle_ns": -1}, "--idle: -1 ns is no time"),
        ({"duration_ns": 1.5}, "--duration: 1.5 ns is no time"),
        ({"idle_ns": "2s"}, "--idle: '2s' ns is no time"),
        ({"workers": 1.0}, "--workers 1.0: a whole number is needed"),
        ({"workers": None}, "--workers None: a whole number is needed"),
        ({"buffer_bytes": 65536.0}, "--buffer 65536.0: a whole number is needed"),
        ({"publish": Place("127.0.0.1", 70_000)}, "--publish: port 70000: 1 to 65535 are possible"),
        ({"publish": Place("127.0.0.1", 0)}, "--publish: port 0: 1 to 65535 are possible"),
        ({"publish": "127.0.0.1:5600"}, "--publish '127.0.0.1:5600': write it like Place("),
        ({"token_path": "token"}, "--sink-token-file 'token': write it like Path("),
        ({"buffer_bytes": 0}, "--buffer 0: choose less than 1GiB"),
        ({"buffer_bytes": 1 << 30}, "--buffer 1073741824: choose less than 1GiB"),
    ],
)
def test_a_value_from_python_that_no_sink_can_have_is_the_line_of_its_flag(more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refusal:
        sink.receive(request(**more))
    assert str(refusal.value).startswith(said)
    assert "\n" not in str(refusal.value)


def test_an_address_that_is_none_is_a_line() -> None:
    with pytest.raises(InputError, match="--bind localhost: not an IP address"):
        sink.receive(sink.SinkRequest("localhost", free_ports(1)))


def test_without_proc_the_counters_of_the_host_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "receive_counters", failing(errno.ENOENT, "/proc/net/snmp"))
    report = sink.receive(request())
    assert (report.host, report.ended_by) == (None, "duration")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOENT])
def test_a_lock_that_has_no_room_is_a_line(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(multiprocessing.get_context("fork"), "Lock", failing(code))
    with pytest.raises(PreflightError, match=rf"in /dev/shm: {os.strerror(code)}; it takes [0-9.]+ KiB there"):
        sink.receive(request())


def test_a_busy_place_is_said_before_anything_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "load_kernels", lambda _: pytest.fail("compiled first"))
    with socket.create_server(("127.0.0.1", 0)) as answering, socket.socket(type=socket.SOCK_DGRAM) as receiving:
        receiving.bind(("127.0.0.1", 0))
        with pytest.raises(PreflightError, match="is in use"):
            sink.receive(request(ports=[receiving.getsockname()[1]]))
        with pytest.raises(PreflightError, match="--publish .*in use"):
            sink.receive(request(publish=Place(*answering.getsockname())))


@pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("workers", [1, 2])
def test_it_can_be_called_in_a_thread_of_a_pool(workers: int) -> None:
    """A worker is a fork of that thread, and what a pool does at the end of a program is not for the worker."""
    with ThreadPoolExecutor() as pool:
        report = pool.submit(sink.receive, request(workers=workers)).result()
    gc.collect()
    assert report.ended_by == "duration"


def test_counters_that_have_no_room_are_a_line_that_says_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "sparse_memory", failing(errno.ENOMEM))
    with pytest.raises(PreflightError, match=r"no room for .* of a sink's counters: Cannot allocate memory.*ulimit -v"):
        sink.receive(request())
