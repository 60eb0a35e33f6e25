"""A process that does not outlive its parent: prctl(2), PR_SET_PDEATHSIG."""

import ctypes
import os
import signal
from typing import Final

PR_SET_PDEATHSIG: Final = 1  # include/uapi/linux/prctl.h

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process as soon as `parent` is dead, the process that forked this one.

    It does so whatever this process does: sleep, wait for a device, stand still by SIGSTOP. A parent that is merely
    slow, or stopped, is not dead. Kills this process at once where the parent has died already. Raises OSError.
    """
    if _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if os.getppid() != parent:  # it died before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)
