"""Getting a loaded batch out, whatever the kernel answers: what to wait for, what to count, when to give up."""

import errno
from collections.abc import Callable
from typing import Final

from captures.console.errors import RunError
from replay.clock import SECOND_NS, monotonic_ns, sleep_ns
from replay.engine.backends.messages import Backend
from replay.engine.counts import WorkerCounts

PATIENCE_NS: Final = 30 * SECOND_NS
"""How long the network may take nothing at all before the run is given up."""

_WAIT_NS: Final = SECOND_NS // 1000

_GSO_REFUSALS: Final = frozenset({errno.EIO, errno.EINVAL, errno.EOPNOTSUPP})
"""udp_send_skb (net/ipv4/udp.c) and the devices below it answer these to a train they can't cut. EMSGSIZE is none of
them: an event of the train is too long for the route, and would be so alone."""

_REFUSALS: Final = frozenset({errno.EMSGSIZE, errno.EINVAL, errno.EIO, errno.EOPNOTSUPP, errno.EBADF})
"""Errors that no waiting mends, where they are of the next message itself."""


def deliver(backend: Backend, counts: WorkerCounts, may_go_on: Callable[[int], bool]) -> None:
    """Send all that `backend` has loaded.

    A full buffer or queue (EAGAIN, ENOBUFS) is waited for. An error of an earlier datagram (ECONNREFUSED) is counted
    against the lane it names, and sending goes on where it stopped: nothing is skipped. When GSO is refused, twice in a
    row, `counts` is told, and the rest goes out without it. `may_go_on(now_ns)` is asked after each failure, and when
    it answers no, this returns with messages still pending. Raises RunError when the kernel refuses for good, or takes
    nothing for `PATIENCE_NS`; what is still pending then was not sent.
    """
    stuck_since_ns = doubted = 0
    while backend.pending:
        code = _attempt(backend)
        if not code:
            stuck_since_ns = doubted = 0
            continue
        earlier = _count_earlier(backend, counts)
        if code in _REFUSALS:
            # ICMP brings some of these for earlier datagrams. Such an error is told once, a refusal again.
            if code == doubted:
                _refused(backend, counts, code)
            doubted = code if code != doubted else 0
            continue
        if code not in earlier:
            counts.error(code, backend.next_lane())
        now_ns = monotonic_ns()
        if not may_go_on(now_ns):
            break
        if code in earlier:
            continue  # nothing stands in the way of the next message
        stuck_since_ns = stuck_since_ns or now_ns
        if now_ns - stuck_since_ns > PATIENCE_NS:
            raise RunError(
                f"the network took nothing for {PATIENCE_NS // SECOND_NS} s ({_name(code)}); "
                "check the link and its queue"
            )
        _wait(backend, code)


def _attempt(backend: Backend) -> int:
    """Send what one system call takes; the errno of a failure, else 0."""
    try:
        backend.send()
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _refused(backend: Backend, counts: WorkerCounts, code: int) -> None:
    """Do without GSO from now on, if that may help. Raises RunError when nothing does."""
    if not backend.gso or code not in _GSO_REFUSALS:
        counts.error(code, backend.next_lane())
        raise RunError(_refusal(code))
    counts.gso_refused(code)
    counts.sent_partly(monotonic_ns())
    backend.fall_back()


def _name(code: int) -> str:
    return errno.errorcode.get(code, str(code))


def _refusal(code: int) -> str:
    """What a refusal for good means."""
    if code == errno.EMSGSIZE:
        return (
            "an event is longer than the route takes by now (EMSGSIZE): the MTU of the device or of the path was "
            "lowered; see `ip route get`, and build shorter events"
        )
    return f"the kernel refuses to send: {_name(code)}; see sendmsg(2)"


def _wait(backend: Backend, code: int) -> None:
    """A moment, after which the kernel may take what it refused with `code`."""
    if code == errno.EAGAIN:
        backend.wait(_WAIT_NS // 1_000_000)
    else:
        sleep_ns(_WAIT_NS)  # the socket has room, and poll(2) would not wait


def _count_earlier(backend: Backend, counts: WorkerCounts) -> set[int]:
    """Count the errors that came back for earlier datagrams; returns which there were."""
    codes = set()
    for code, lane in backend.errors():
        counts.came_back(code, lane)
        codes.add(code)
    return codes
