"""What may a worker have that not every process may? A real-time priority, and memory that is never swapped out."""

import errno
import os
from dataclasses import dataclass

from captures.console.errors import PreflightError
from captures.format.capture import Capture
from replay.linux.memory import lock_memory, unlock, unlock_memory


@dataclass(frozen=True)
class Privileges:
    """The privileges of each worker."""

    realtime_priority: int | None = None
    """The priority in SCHED_FIFO (sched(7)), from 1 to 99; None: no real-time priority."""
    lock_memory: bool = False

    def check(self) -> None:
        """Take the privileges in this process, and give them back. Raises PreflightError when one is refused."""
        if self.realtime_priority is not None:
            policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
            try:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(self.realtime_priority))
            except PermissionError:
                raise PreflightError(_refusal("--realtime", "CAP_SYS_NICE")) from None
            os.sched_setscheduler(0, policy, parameters)
        if self.lock_memory:
            try:
                lock_memory()
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.ENOMEM, errno.EAGAIN):
                    raise
                raise PreflightError(_refusal("--lock-memory", "CAP_IPC_LOCK")) from None
            unlock_memory()

    def take(self, capture: Capture) -> None:
        """Take the privileges, in a worker's process. Raises OSError.

        The capture itself is not locked: it may be larger than the memory, and the page cache takes care of it.
        """
        if self.lock_memory:
            lock_memory()
            unlock(capture.payload)
            unlock(capture.trains)
        if self.realtime_priority is not None:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(self.realtime_priority))


def _refusal(flag: str, capability: str) -> str:
    name = capability.lower()
    return (
        f"{flag} needs the capability {capability}: run as root, or give it to the interpreter with "
        f"`sudo setcap {name}+ep $(readlink -f $(command -v python3))`; or leave it out"
    )
