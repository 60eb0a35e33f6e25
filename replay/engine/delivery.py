"""What to do when the kernel refuses a loaded batch: when to wait, what to count, and when to give up."""

import errno
from collections.abc import Callable
from typing import Final

from captures.console.errors import RunError
from replay.board.errnos import GSO_REFUSALS, REFUSALS, errno_name, refusal
from replay.clock import SECOND_NS, monotonic_ns, sleep_ns
from replay.engine.backends.messages import Backend
from replay.engine.counts import WorkerCounts

PATIENCE_NS: Final = 30 * SECOND_NS
"""The run is given up when the network has taken nothing for this long."""

_WAIT_NS: Final = SECOND_NS // 1000


def deliver(backend: Backend, counts: WorkerCounts, may_go_on: Callable[[int], bool], code: int) -> None:
    """Send all that `backend` has loaded and not sent, since the kernel refused the first of it with errno `code`.

    When a buffer or queue is full (EAGAIN, ENOBUFS), this waits. An error of an earlier datagram (ECONNREFUSED) is
    counted for the lane that it names, and sending goes on where it stopped: nothing is skipped. When GSO is refused
    twice in a row, `counts` is told, and the rest is sent without GSO. After each failure `may_go_on(now_ns)` is asked;
    when it answers no, this returns with messages still pending. Raises RunError when the kernel refuses for good, or
    takes nothing for `PATIENCE_NS`; the messages that are still pending then were not sent.
    """
    stuck_since_ns = doubted = 0
    while backend.pending:
        if not code:
            stuck_since_ns = doubted = 0
        elif code in REFUSALS:
            # ICMP may cause the same errors for earlier datagrams. Such an error comes once, a refusal comes again.
            _count_earlier(backend, counts)
            if code == doubted:
                _refused(backend, counts, code)
            doubted = code if code != doubted else 0
        else:
            earlier = _count_earlier(backend, counts)
            if code not in earlier:
                counts.error(code, backend.next_lane())
            now_ns = monotonic_ns()
            if not may_go_on(now_ns):
                break
            if code not in earlier:  # otherwise the next message can be sent at once
                stuck_since_ns = stuck_since_ns or now_ns
                _be_patient(now_ns - stuck_since_ns, code)
                _wait(backend, code)
        code = _attempt(backend)


def _be_patient(stuck_ns: int, code: int) -> None:
    """Raise RunError when the network has taken nothing for too long."""
    if stuck_ns > PATIENCE_NS:
        raise RunError(
            f"the network took nothing for {PATIENCE_NS // SECOND_NS} s ({errno_name(code)}); "
            "check the link and its queue"
        )


def _attempt(backend: Backend) -> int:
    """Send as much as one system call takes. Returns the errno of a failure, or 0."""
    try:
        backend.send()
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _refused(backend: Backend, counts: WorkerCounts, code: int) -> None:
    """Give up GSO from now on, if that may help. Raises RunError when it can't help."""
    if not backend.gso or code not in GSO_REFUSALS:
        counts.error(code, backend.next_lane())
        raise RunError(refusal(code))
    counts.gso_refused(code)
    counts.sent_partly(monotonic_ns())
    backend.fall_back()


def _wait(backend: Backend, code: int) -> None:
    """Wait a moment, after which the kernel may accept what it refused with `code`."""
    if code == errno.EAGAIN:
        backend.wait(_WAIT_NS // 1_000_000)
    else:
        sleep_ns(_WAIT_NS)  # the socket has room, so poll(2) would return at once


def _count_earlier(backend: Backend, counts: WorkerCounts) -> set[int]:
    """Count the errors that came back for earlier datagrams. Returns their errnos."""
    codes = set()
    for code, lane in backend.errors():
        counts.came_back(code, lane)
        codes.add(code)
    return codes
