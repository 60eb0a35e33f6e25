"""Whatever the kernel answers: nothing is skipped, waits are bounded, refusals are final."""

import errno
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import RunError
from replay.engine import delivery
from replay.engine.delivery import PATIENCE_NS, deliver


class Kernel:
    """A backend whose sends follow a script: a number is how many messages it takes, else an errno's name."""

    def __init__(self, messages: int, script: list[int | str], queued: list[tuple[int, int]] | None = None) -> None:
        self.pending = messages
        self.gso = True
        self.waits = 0
        self._script = iter(script)
        self._queued = queued or []

    def send(self) -> None:
        answer = next(self._script, self.pending)
        if isinstance(answer, str):
            code = getattr(errno, answer)
            raise OSError(code, answer)
        self.pending -= min(answer, self.pending)

    def fall_back(self) -> None:
        assert self.gso
        self.gso = False

    def next_lane(self) -> int:
        return 7

    def errors(self) -> Iterator[tuple[int, int]]:
        queued, self._queued = self._queued, []
        return iter(queued)

    def wait(self, timeout_ms: int) -> None:
        self.waits += 1
        assert 0 < timeout_ms < 100


class Counts:
    """Takes note of what is counted."""

    def __init__(self) -> None:
        self.errors: list[tuple[int, int]] = []
        self.back: list[int] = []
        self.refused: list[int] = []

    def error(self, code: int, lane: int) -> None:
        self.errors.append((code, lane))

    def came_back(self, code: int, lane: int) -> None:
        self.error(code, lane)
        self.back.append(code)

    def gso_refused(self, code: int) -> None:
        self.refused.append(code)

    def sent_partly(self, now_ns: int) -> None:
        assert now_ns > 0


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long was slept, instead of sleeping."""
    slept: list[int] = []
    monkeypatch.setattr(delivery, "sleep_ns", slept.append)
    return slept


def run(kernel: Any, *, stop_after: int = 10**9) -> Counts:
    """Send as the worker's loop does, and deliver what the kernel refuses there."""
    counts: Any = Counts()
    asked, code = iter(range(stop_after)), 0
    while kernel.pending and not code:
        try:
            kernel.send()
        except OSError as error:
            code = error.errno
    deliver(kernel, counts, lambda _: next(asked, None) is not None, code)
    return counts


transient = st.sampled_from(["EAGAIN", "ENOBUFS", "ECONNREFUSED", "EHOSTUNREACH", "ENETDOWN", "EPERM"])


@given(script=st.lists(st.one_of(st.integers(1, 20), transient), max_size=50))
def test_all_is_sent_in_the_end_and_each_failure_is_counted(script: list[int | str]) -> None:
    kernel = Kernel(100, script)

    counts = run(kernel)

    assert kernel.pending == 0
    assert counts.refused == []
    left, failed = 100, []
    for answer in script:
        if left <= 0:
            break
        if isinstance(answer, str):
            failed.append((getattr(errno, answer), 7))
        else:
            left -= answer
    assert counts.errors == failed
    assert kernel.waits == sum(code == errno.EAGAIN for code, _ in failed)


def test_errors_of_earlier_datagrams_are_counted_where_they_belong() -> None:
    kernel = Kernel(1, ["ECONNREFUSED"], queued=[(errno.ECONNREFUSED, 3), (errno.ECONNREFUSED, 4)])

    counts = run(kernel)
    assert counts.errors == [(errno.ECONNREFUSED, 3), (errno.ECONNREFUSED, 4)]
    assert counts.back == [errno.ECONNREFUSED] * 2
    assert run(Kernel(1, ["ENETUNREACH"])).back == []  # that one has not left, and is sent again


@pytest.mark.parametrize("name", ["EIO", "EINVAL", "ENOTSUP"])
def test_gso_is_given_up_once_and_then_the_same_answer_is_final(name: str) -> None:
    kernel = Kernel(10, [2, name, name, 3])
    counts = run(kernel)
    assert (counts.refused, counts.errors) == ([getattr(errno, name)], [])
    assert (kernel.pending, kernel.gso) == (0, False)

    with pytest.raises(RunError, match=name):
        run(Kernel(10, [name] * 4))


@pytest.mark.parametrize("queued", [[], [(errno.EMSGSIZE, 3)]])
@pytest.mark.parametrize("name", ["EMSGSIZE", "ENOTSUP"])
def test_what_icmp_says_of_an_earlier_datagram_refuses_nothing(name: str, queued: list[tuple[int, int]]) -> None:
    """The message that met it is sent at the next try, and GSO goes on; also where the queue had no room for it."""
    kernel = Kernel(10, [2, name, 3, name, 1, name], queued=queued)
    counts = run(kernel)
    assert (counts.refused, counts.errors) == ([], queued)
    assert (kernel.pending, kernel.gso) == (0, True)


def test_an_event_too_long_for_the_route_would_be_so_without_gso() -> None:
    kernel = Kernel(10, [2, "EMSGSIZE", "EMSGSIZE"])
    with pytest.raises(RunError, match=r"longer than the route takes by now \(EMSGSIZE\)"):
        run(kernel)
    assert (kernel.pending, kernel.gso) == (8, True)


def test_being_told_to_stop_leaves_the_rest_pending() -> None:
    kernel = Kernel(10, [4, "EAGAIN", "EAGAIN", "EAGAIN"])

    counts = run(kernel, stop_after=2)

    assert kernel.pending == 6
    assert len(counts.errors) == 3


def test_an_error_that_a_free_socket_gives_is_slept_over(naps: list[int]) -> None:
    """poll(2) says that there is room, at once, and the kernel refuses again."""
    kernel = Kernel(10, ["EPERM", "EAGAIN", "ENETUNREACH"])

    run(kernel)

    assert (naps, kernel.waits) == ([1_000_000, 1_000_000], 1)


def test_a_network_that_takes_nothing_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    instants = iter(range(0, 10 * PATIENCE_NS, PATIENCE_NS // 4))
    monkeypatch.setattr(delivery, "monotonic_ns", lambda: 1 + next(instants))

    with pytest.raises(RunError, match="took nothing for 30 s .ENOBUFS."):
        run(Kernel(10, ["ENOBUFS"] * 20))


def test_progress_renews_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    instants = iter(range(0, 40 * PATIENCE_NS, PATIENCE_NS // 2))
    monkeypatch.setattr(delivery, "monotonic_ns", lambda: 1 + next(instants))
    kernel = Kernel(100, ["ENOBUFS", 1] * 20)

    assert len(run(kernel).errors) == 20
    assert kernel.pending == 0
