"""Getting a loaded batch out, whatever the kernel answers: what to wait for, what to count, when to give up."""

import errno
from collections.abc import Callable
from typing import Final

from captures.errors import RunError
from replay.backends.messages import Backend
from replay.clock import SECOND_NS, monotonic_ns, sleep_ns
from replay.tally import Tally

PATIENCE_NS: Final = 30 * SECOND_NS
"""How long the network may take nothing at all before the run is given up."""

_WAIT_NS: Final = SECOND_NS // 1000

_GSO_REFUSALS: Final = frozenset({errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.EOPNOTSUPP})
"""udp_send_skb (net/ipv4/udp.c) and the devices below it answer these to a train they can't cut."""

_HOPELESS: Final = frozenset({errno.EMSGSIZE, errno.EINVAL, errno.EIO, errno.EOPNOTSUPP, errno.EBADF})
"""Errors that no waiting mends."""


def deliver(backend: Backend, tally: Tally, may_go_on: Callable[[int], bool]) -> None:
    """Send all that `backend` has loaded.

    A full buffer or queue (EAGAIN, ENOBUFS) is waited for. An error of an earlier datagram (ECONNREFUSED)
    is counted against the lane it names, and sending goes on where it stopped: nothing is skipped. When GSO is
    refused, `tally` is told, and the rest goes out without it. `may_go_on(now_ns)` is asked after each failure,
    and when it answers no, this returns with messages still pending. Raises RunError when the kernel refuses
    for good, or takes nothing for `PATIENCE_NS`; what is still pending then was not sent.
    """
    stuck_since_ns = 0
    while backend.pending:
        try:
            backend.send()
        except OSError as error:
            code = error.errno or errno.EIO
        else:
            stuck_since_ns = 0
            continue
        if backend.gso and code in _GSO_REFUSALS:
            tally.gso_refused(code)
            tally.sent_partly(monotonic_ns())
            backend.fall_back()
            continue
        name = errno.errorcode.get(code, str(code))
        if code in _HOPELESS:
            raise RunError(f"the kernel refuses to send: {name}; see sendmsg(2), and check the route's MTU")
        of_earlier = _count(backend, code, tally)
        now_ns = monotonic_ns()
        if not may_go_on(now_ns):
            break
        if of_earlier:
            continue  # nothing stands in the way of the next message
        stuck_since_ns = stuck_since_ns or now_ns
        if now_ns - stuck_since_ns > PATIENCE_NS:
            raise RunError(
                f"the network took nothing for {PATIENCE_NS // SECOND_NS} s ({name}); check the link and its queue"
            )
        _wait(backend, code)


def _wait(backend: Backend, code: int) -> None:
    """A moment, after which the kernel may take what it refused with `code`."""
    if code == errno.EAGAIN:
        backend.wait(_WAIT_NS // 1_000_000)
    else:
        sleep_ns(_WAIT_NS)  # the socket has room, and poll(2) would not wait


def _count(backend: Backend, code: int, tally: Tally) -> bool:
    """Count the errors queued for earlier datagrams, if any; where there are none, `code` is the next message's own."""
    queued = 0
    for earlier, lane in backend.errors():
        tally.error(earlier, lane)
        queued += 1
    if not queued:
        tally.error(code, backend.next_lane())
    return queued > 0
