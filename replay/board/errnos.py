"""What does an errno mean for a run? Under which name it counts, and whether it is a wait, a refusal or an answer.

`replay.engine.delivery` acts on it, and `replay.report.verdict` judges by it. The names are those of errno(3).
"""

import errno
from typing import Final

import numpy as np
from numpy.typing import NDArray

ERRNO_NAMES: Final = (
    *("EAGAIN", "ENOBUFS", "ENOMEM", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN"),
    *("EMSGSIZE", "EPERM", "EACCES", "EIO", "EINVAL", "OTHER"),
)
"""The errors that are counted for each lane."""

WAITS: Final[tuple[str, ...]] = ("EAGAIN", "ENOBUFS", "ENOMEM")
"""The kernel's answers that only made a worker wait: it repeated the send, and nothing was lost."""

UNREACHABLE: Final = ("ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH")
"""The errors by which the network says that nobody is there."""

GSO_REFUSALS: Final = frozenset({errno.EIO, errno.EINVAL, errno.EOPNOTSUPP})
"""Errors of udp_send_skb (net/ipv4/udp.c), and of the devices below it, for a train that they can't cut. EMSGSIZE is
not among them: it says that a single event of the train is too long for the route."""

REFUSALS: Final = frozenset({errno.EMSGSIZE, errno.EINVAL, errno.EIO, errno.EOPNOTSUPP, errno.EBADF})
"""Errors that stay however long we wait, if they are about the next message and not about an earlier datagram."""

_ERRNO_PLACE: Final = {getattr(errno, name): i for i, name in enumerate(ERRNO_NAMES) if name != "OTHER"}


def errno_place(code: int) -> int:
    """The column of a lane's errors in which `code` counts."""
    return _ERRNO_PLACE.get(code, len(ERRNO_NAMES) - 1)


def errno_name(code: int) -> str:
    """The name of an errno, or its number where it has none."""
    return errno.errorcode.get(code, str(code))


def refusal(code: int) -> str:
    """The message for the user about a final refusal."""
    if code == errno.EMSGSIZE:
        return (
            "an event is longer than the route takes by now (EMSGSIZE): the MTU of the device or of the path was "
            "lowered; see `ip route get`, and build shorter events"
        )
    return f"the kernel refuses to send: {errno_name(code)}; see sendmsg(2)"


def errors_of(counts: NDArray[np.int64]) -> dict[str, int]:
    """The errors in `counts` (in the order of ERRNO_NAMES, shape (errnos,)) by name, without WAITS and zeros."""
    return {name: count for name, count in _named(counts).items() if name not in WAITS}


def waits_of(counts: NDArray[np.int64]) -> dict[str, int]:
    """The waits in `counts` by name, without zeros, in the order of WAITS. `counts` is as for `errors_of`."""
    found = _named(counts)
    return {name: found[name] for name in WAITS if name in found}


def _named(counts: NDArray[np.int64]) -> dict[str, int]:
    return {name: count for name, count in zip(ERRNO_NAMES, counts.tolist(), strict=True) if count}
