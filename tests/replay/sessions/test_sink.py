"""A sink on a host that lacks something: it does without, or says in one line what it needs."""

import errno
import multiprocessing
import os
from typing import Any, NoReturn

import pytest

from captures.console.errors import PreflightError
from replay.clock import SECOND_NS
from replay.sessions import sink
from replay.sink import board
from tests.network.programs import free_ports


def failing(code: int, name: str | None = None) -> Any:
    """A function that fails with an error number, as the kernel gives it."""

    def fail(*_given: object) -> NoReturn:
        raise OSError(code, os.strerror(code), name)

    return fail


def request(**more: Any) -> sink.SinkRequest:
    return sink.SinkRequest("127.0.0.1", free_ports(1), duration_ns=SECOND_NS // 20, buffer_bytes=1 << 16, **more)


def test_without_proc_the_counters_of_the_host_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "receive_counters", failing(errno.ENOENT, "/proc/net/snmp"))
    report = sink.receive(request())
    assert (report.host, report.ended_by) == (None, "duration")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOENT])
def test_locks_that_have_no_room_are_a_line(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(multiprocessing.get_context("fork"), "Lock", failing(code))
    with pytest.raises(PreflightError, match=rf"in /dev/shm: {os.strerror(code)}; they take [0-9.]+ KiB there"):
        sink.receive(request(workers=2))


def test_counters_that_have_no_room_are_a_line_that_says_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "sparse_memory", failing(errno.ENOMEM))
    with pytest.raises(PreflightError, match=r"no room for .* of a sink's counters: Cannot allocate memory.*ulimit -v"):
        sink.receive(request())
